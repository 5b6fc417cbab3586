"""The life of a member as a browser shows it: invited, connected, at home in every room, offline, cut off, gone."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, expect

from tests.dashboard.axe import shut_out
from tests.dashboard.chromium import PHONE, Browser, Page, Watched, browsing
from tests.dashboard.stage import Stage
from tests.exports_of import QUESTIONS, export_of

pytestmark = pytest.mark.xdist_group("dashboard-life")

DAY = timedelta(days=1)
IN_THE_BAR = ("Today", "Trends", "Sleep", "Strain")
SCORE = re.compile(r"^Recovery: \d+%$")
HISTORY = "History fetched"


@dataclass
class Member:
    """Somebody with a phone and a WHOOP account."""

    stage: Stage
    watched: Watched
    page: Page
    account: dict[str, Any]

    @property
    def whoop_user_id(self) -> int:
        """WHOOP's number for them."""
        return int(self.account["user_id"])

    @property
    def name(self) -> str:
        """What they are called."""
        return f"{self.account['first_name']} {self.account['last_name']}"

    def untroubled(self) -> None:
        """Nothing went wrong behind the page, and it shuts nobody out."""
        assert shut_out(self.page, self.watched) == []
        assert self.watched.clean(), self.watched

    def enters(self, room: str) -> None:
        """Open a room by the bar at the bottom, or by what is behind its last button."""
        bar = self.page.get_by_role("navigation", name="Rooms, short")
        if room not in IN_THE_BAR:
            bar.get_by_role("button", name="More").click()
            bar = self.page.get_by_role("dialog", name="More")
        bar.get_by_role("link", name=room).click()
        if room != "Today":
            expect(self.page.get_by_role("heading", name=room, level=1)).to_be_visible()

    def day(self) -> date:
        """The day that is shown."""
        return date.fromisoformat(self.page.locator("input[type=date]").input_value())

    def sees_day(self, wanted: date, user_id: str) -> None:
        """The day is shown with WHOOP's recovery of it."""
        expect(self.page.get_by_role("heading", name=_named(wanted), level=1)).to_be_visible()
        told = self.stage.api("GET", f"/api/v1/whoop/daily-data/{user_id}", params={"date": wanted.isoformat()})
        score = (told["recovery"] or {}).get("score")
        name = re.compile(rf"^Recovery: {'[A-Z]' if score is None else f'{score}%$'}")
        expect(self.page.get_by_role("img", name=name)).to_be_visible()


def _named(day: date) -> str:
    """A day as a phone has room for it."""
    here = datetime.now(UTC).year == day.year
    return f"{day:%a, %b} {day.day}" if here else f"{day:%b} {day.day}, {day.year}"


def test_the_life_of_a_member(stage: Stage, browser: Browser, tmp_path: Path) -> None:
    watched = stage.watched()
    with browsing(browser, watched, scheme="dark") as owner, browsing(browser, watched, size=PHONE) as page:
        friend = Member(stage, watched, page, stage.free_account())
        _follows(owner, stage.told["signin_url"], "Sign in")
        expect(owner.get_by_role("img", name=SCORE)).to_be_visible()
        _joins(friend, _invited(owner, watched))
        user_id = _watches_the_history(friend)
        _walks_through_days(friend, user_id)
        _looks_at_trends(friend)
        _enters_the_other_rooms(friend)
        _imports(friend, tmp_path)
        _goes_offline(friend, user_id)
        _is_cut_off_and_reconnects(friend)
        _takes_everything_along(friend, user_id, tmp_path)
        _disconnects(friend)
        _erases(friend, user_id)
        _reads_the_log(owner, user_id)
        assert shut_out(owner, watched) == []
        assert watched.clean(), watched
    assert stage.free_account()["user_id"] == friend.whoop_user_id


def test_who_says_no_or_is_not_let_in(stage: Stage, browser: Browser) -> None:
    watched, somebody = stage.watched(), stage.free_account()
    invitation = stage.api("POST", "/api/v1/admin/invitations", json={})["url"]
    with browsing(browser, watched, size=PHONE) as page:
        page.goto(invitation)
        page.get_by_role("button", name="Sign in with WHOOP").click()
        _consents(page, somebody, "Deny")
        expect(page.get_by_text("You did not consent at WHOOP.")).to_be_visible()
        expect(page.get_by_text("You are invited")).to_be_visible()
        assert shut_out(page, watched) == []
        page.get_by_role("button", name="Sign in with WHOOP").click()
        expect(page.get_by_role("heading", name="Simulated WHOOP")).to_be_visible()
        assert watched.clean(), watched

        page.goto(stage.url)
        page.get_by_role("button", name="Sign in with WHOOP").click()
        _consents(page, somebody)
        expect(page.get_by_text("sign-up is closed")).to_be_visible()
        assert shut_out(page, watched) == []
        assert [each.split("?")[0] for each in watched.refused] == [f"403 {stage.url}/auth/callback"]
        page.get_by_role("link", name="To the start page").click()
        expect(page.get_by_role("button", name="Sign in with WHOOP")).to_be_visible()
        assert (stage.free_account()["user_id"], stage.free_account()["consents"]) == (somebody["user_id"], [])


def test_an_owner_without_a_whoop_app_is_led_to_set_one_up(stage: Stage, browser: Browser) -> None:
    watched = stage.watched()
    with browsing(browser, watched, size=PHONE) as page:
        _follows(page, stage.link(), "Sign in")
        expect(page.get_by_role("img", name=SCORE)).to_be_visible()
        _answered_with(page, "/api/v1/instance", whoop_configured=False)
        _answered_with(page, "/api/v1/me", has_data=False)
        page.goto(stage.url)
        expect(page.get_by_role("heading", name="Set up Circadia")).to_be_visible()
        page.goto(f"{stage.url}/?member=demo-2")
        expect(page.get_by_role("img", name=SCORE)).to_be_visible()
        assert watched.clean(), watched


def test_a_day_that_another_source_alone_tells_of(stage: Stage, browser: Browser) -> None:
    watched = stage.watched()
    day = (datetime.now(UTC).date() - 2 * DAY).isoformat()
    offered = stage.api("GET", "/api/v1/unified/demo-3/days", params={"from": day, "to": day})["days"][0]["metrics"]
    with browsing(browser, watched, size=PHONE) as page:
        _follows(page, stage.link(), "Sign in")
        expect(page.get_by_role("img", name=SCORE)).to_be_visible()
        page.goto(f"{stage.url}/day/{day}?member=demo-3")
        card = page.get_by_role("region", name="Sahha")
        card.get_by_text(re.compile(r"^\d+ more$")).click()
        expect(card.get_by_role("rowheader")).to_have_count(len(offered))
        expect(page.get_by_text(re.compile("^Nothing for "))).to_have_count(0)
        assert shut_out(page, watched) == []
        assert watched.clean(), watched


def test_what_is_read_adds_up(stage: Stage, browser: Browser) -> None:
    watched = stage.watched()
    with browsing(browser, watched) as page:
        _follows(page, stage.link(), "Sign in")
        expect(page.get_by_role("img", name=SCORE)).to_be_visible()
        day = date.fromisoformat(page.locator("input[type=date]").input_value())
        for back in range(1, 7):
            page.goto(f"{stage.url}/day/{day - back * DAY}")
            expect(page.get_by_text("Got against needed")).to_be_visible()
            page.wait_for_load_state("networkidle")
            got, needed = map(_minutes, page.locator(".need-figure").all_inner_texts())
            parts = [_minutes(each) for each in page.locator(".need-parts span").all_inner_texts()]
            said = page.locator(".need-parts strong").inner_text()
            assert sum(parts) == needed
            assert _minutes(said) * (1 if said.endswith("short") else -1) == needed - got
            for signal in page.locator(".signal").filter(has_text=re.compile("(above|below) your")).all():
                figure = _numbers(signal.locator(".signal-value").inner_text())[0]
                apart, _days, mean = _numbers(signal.locator(".signal-compared").inner_text())[:3]
                assert apart == pytest.approx(abs(figure - mean)), signal.inner_text()
        assert watched.clean(), watched


def _numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"\d+(?:\.\d+)?", text)]


def _minutes(text: str) -> int:
    """A time as a page writes it: `1h 05m`, `−20m`."""
    found = re.search(r"(\u2212?)(?:(\d+)h\s)?(\d+)m", text)
    assert found, text
    return (int(found[2] or 0) * 60 + int(found[3])) * (-1 if found[1] else 1)


def _answered_with(page: Page, path: str, **changed: bool) -> None:
    """Have an answer of the service arrive with some of it changed."""
    page.route(f"**{path}", lambda route: route.fulfill(json={**route.fetch().json(), **changed}))


def test_a_coach_sees_what_is_shared_until_it_ends(stage: Stage, browser: Browser) -> None:
    watched = stage.watched()
    members = stage.api("GET", "/api/v1/admin/members")["members"]
    sharer = next(each["name"] for each in members if each["user_id"] == "demo-2")
    with browsing(browser, watched) as page, browsing(browser, watched, size=PHONE, scheme="dark") as coach:
        _follows(page, stage.link("demo-2"), "Sign in")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("button", name="Share…").click()
        page.get_by_label("With whom?").fill("Coach Kim")
        page.get_by_role("button", name="Make the link").click()
        link = page.get_by_role("textbox", name="Share link").inner_text()
        assert shut_out(page, watched) == []
        page.get_by_role("button", name="Done").click()

        coach.goto(link)
        assert shut_out(coach, watched) == []
        coach.get_by_role("button", name="Continue").click()
        expect(coach.get_by_role("img", name=SCORE)).to_be_visible()
        expect(coach.get_by_text(re.compile(rf"^{re.escape(sharer)}’s? days$"))).to_be_visible()
        expect(coach.get_by_text("their 30-day mean").first).to_be_visible()
        expect(coach.get_by_text(re.compile(r"\byour?\b"))).to_have_count(0)
        bar = coach.get_by_role("navigation", name="Rooms, short")
        bar.get_by_role("link", name="Trends").click()
        expect(coach.get_by_role("heading", name="Trends", level=1)).to_be_visible()
        expect(coach.get_by_text(re.compile(rf"^{re.escape(sharer)}’s? days$"))).to_be_visible()
        bar.get_by_role("button", name="More").click()
        expect(coach.get_by_role("dialog").get_by_text("Signed in as a coach")).to_be_visible()
        expect(coach.get_by_role("dialog").get_by_role("link", name="Admin")).to_have_count(0)
        coach.get_by_role("dialog").get_by_role("link", name="Data").click()
        expect(coach.get_by_role("region", name="Connection")).to_be_visible()
        expect(coach.get_by_role("heading", name="Why is data missing?")).to_be_visible()
        for deed in ("Sync now", "Choose a file", "Disconnect…", "Erase…", "Connect again"):
            expect(coach.get_by_role("button", name=deed)).to_have_count(0)
        assert shut_out(coach, watched) == []

        page.reload()
        expect(page.get_by_text("sees your data since")).to_be_visible()
        page.get_by_role("button", name="End the share with Coach Kim").click()
        expect(page.get_by_text("Nobody but you")).to_be_visible()
        coach.goto(stage.url)
        expect(coach.get_by_text("Nobody shares their data with you at the moment.")).to_be_visible()
        expect(coach.get_by_role("img", name=SCORE)).to_have_count(0)
        assert watched.clean(), watched


def _follows(page: Page, link: str, button: str) -> None:
    page.goto(link)
    page.get_by_role("button", name=button).click()


def _consents(page: Page, profile: dict[str, Any], answer: str = "Allow") -> None:
    expect(page.get_by_role("heading", name="Simulated WHOOP")).to_be_visible()
    page.get_by_label("Sign in as").select_option(str(profile["user_id"]))
    page.get_by_role("button", name=answer).click()


def _invited(owner: Page, watched: Watched) -> str:
    rooms = owner.get_by_role("navigation", name="Rooms", exact=True)
    rooms.get_by_role("link", name="Admin").click()
    expect(owner.get_by_text("Requests of the last 24 hours")).to_be_visible()
    assert shut_out(owner, watched) == []
    owner.get_by_role("link", name="Who may join").click()
    owner.get_by_label("For whom?").fill("A friend")
    owner.get_by_role("button", name="Make an invitation").click()
    return owner.get_by_role("textbox", name="Invitation").inner_text()


def _joins(friend: Member, invitation: str) -> None:
    page = friend.page
    page.goto(invitation)
    expect(page.get_by_text("You are invited")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    friend.untroubled()
    # slow enough for a person to see it come
    friend.stage.fault("slow", path="/developer/v2", user_id=friend.whoop_user_id, seconds=0.4, count=None)
    page.get_by_role("button", name="Sign in with WHOOP").click()
    _consents(page, friend.account)


def _watches_the_history(friend: Member) -> str:
    page = friend.page
    expect(page.get_by_role("heading", name=f"Welcome, {friend.account['first_name']}")).to_be_visible()
    expect(page.get_by_role("heading", name="Your history is arriving")).to_be_visible()
    days = page.get_by_role("list", name="Days that are here, newest first").get_by_role("listitem")
    expect(days.first).to_contain_text(re.compile(r"recovery \d+ %"))
    expect(page.get_by_role("progressbar", name=HISTORY)).to_be_visible()
    friend.stage.mended()
    expect(page.get_by_role("img", name=SCORE)).to_be_visible(timeout=20_000)
    expect(page.get_by_role("progressbar", name=HISTORY)).to_have_count(0)
    friend.untroubled()
    page.get_by_role("button", name="More").click()
    page.get_by_role("dialog", name="More").get_by_role("link", name="Data").click()
    expect(page.get_by_text("The whole history is here")).to_be_visible()
    members = friend.stage.api("GET", "/api/v1/admin/members")["members"]
    return next(str(each["user_id"]) for each in members if each["name"] == friend.name)


def _walks_through_days(friend: Member, user_id: str) -> None:
    page = friend.page
    friend.enters("Today")
    newest = friend.day()
    friend.sees_day(newest, user_id)
    page.keyboard.press("ArrowLeft")
    friend.sees_day(newest - DAY, user_id)
    _swipe(page, 200)
    friend.sees_day(newest - 2 * DAY, user_id)
    _swipe(page, -200)
    friend.sees_day(newest - DAY, user_id)
    page.get_by_role("button", name="The day before").click()
    page.get_by_role("button", name="The day before").click()
    friend.sees_day(newest - 3 * DAY, user_id)
    page.keyboard.press("ArrowRight")
    friend.sees_day(newest - 2 * DAY, user_id)
    # the browser's own calendar is beyond the page: what it would write is written
    page.locator("input[type=date]").fill((newest - 30 * DAY).isoformat())
    friend.sees_day(newest - 30 * DAY, user_id)
    assert page.title() == f"{newest - 30 * DAY:%A, %B} {(newest - 30 * DAY).day} · Circadia"
    page.locator("input[type=date]").fill((newest - 300 * DAY).isoformat())
    expect(page.get_by_text(re.compile("^Nothing for "))).to_be_visible()
    page.get_by_role("button", name=re.compile("^First day after: ")).click()
    expect(page.get_by_role("img", name=re.compile("^Recovery: "))).to_be_visible()
    assert newest - 70 * DAY < friend.day() < newest - 50 * DAY
    friend.untroubled()
    for address, told in {"/day/2026-13-45": "date", "/nowhere": "page"}.items():
        page.goto(friend.stage.url + address)
        expect(page.get_by_text(f"There is no such {told}")).to_be_visible()
        page.get_by_role("link", name="Go to the newest day").click()
        friend.sees_day(newest, user_id)
    page.goto(f"{friend.stage.url}/day/{datetime.now(UTC).date() + 30 * DAY}")
    expect(page.get_by_text("This day is yet to come")).to_be_visible()
    page.get_by_role("link", name="Go to the newest day").click()
    friend.sees_day(newest, user_id)
    assert {each.split()[0] for each in friend.watched.refused} == {"404"}
    friend.watched.forget()


def _swipe(page: Page, distance: int) -> None:
    """One finger sideways, as the screen reports it."""
    touch = page.context.new_cdp_session(page)
    x, y = (120 if distance > 0 else 300), 420
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + distance, "y": y}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.detach()


def _looks_at_trends(friend: Member) -> None:
    page = friend.page
    friend.enters("Trends")
    page.get_by_label("Metric", exact=True).select_option("hrv_rmssd_ms")
    card = page.get_by_role("region", name=re.compile("^HRV")).first
    expect(card.get_by_text("Mean of the days")).to_be_visible()
    page.get_by_role("radio", name="4 weeks").check()
    expect(page).to_have_url(re.compile("range=28"))
    expect(card.get_by_text(re.compile(r"of 28 days count"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    for about in page.get_by_role("button", name=re.compile("^About ")).all():
        about.click()
        place = page.locator(".info-text:not([hidden])").bounding_box()
        assert place
        assert 0 <= place["x"] <= PHONE[0] - place["width"], about.get_attribute("aria-label")
        page.keyboard.press("Escape")
    friend.untroubled()


def _enters_the_other_rooms(friend: Member) -> None:
    page = friend.page
    for room, card in {
        "Sleep": "Stages",
        "Strain": "Workouts",
        "Insights": "Streaks",
        "Settings": "This device",
    }.items():
        friend.enters(room)
        expect(page.get_by_role("heading", name=card).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        friend.untroubled()


def _imports(friend: Member, directory: Path) -> None:
    page = friend.page
    export = export_of(friend.stage.whoop("GET", f"/truth/{friend.whoop_user_id}"), directory / "my_whoop_data.zip")
    friend.enters("Data")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a file").click()
    chosen.value.set_files(export)
    expect(page.get_by_text("Everything in the file was read.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Journal answers"))).to_be_visible()
    friend.untroubled()
    friend.enters("Today")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(QUESTIONS[0])).to_be_visible()


def _goes_offline(friend: Member, user_id: str) -> None:
    page = friend.page
    friend.enters("Settings")
    page.get_by_role("switch", name="Keep the last 30 days here").check()
    expect(page.get_by_text("The last 30 days are on this device")).to_be_visible()
    friend.enters("Today")
    newest = friend.day()
    friend.sees_day(newest, user_id)
    assert friend.watched.clean(), friend.watched
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("No connection.")).to_be_visible()
    expect(page.get_by_text(re.compile("· Kept here"))).to_be_visible()
    page.keyboard.press("ArrowLeft")
    friend.sees_day(newest - DAY, user_id)
    week = page.get_by_role("navigation", name="Days around").get_by_role("button")
    expect(week.filter(has_text=re.compile(r"recovery \d+ %")).first).to_be_attached()
    expect(week.filter(has_text=re.compile("no recovery|not loaded"))).to_have_count(0)
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_text("No connection.")).to_have_count(0)
    assert all("ERR_INTERNET_DISCONNECTED" in each for each in friend.watched.errors), friend.watched
    friend.watched.forget()


def _is_cut_off_and_reconnects(friend: Member) -> None:
    page = friend.page
    friend.enters("Today")
    friend.stage.whoop("POST", "/revoke", json={"user_id": friend.whoop_user_id})
    page.get_by_role("button", name="Ask WHOOP for what is new").click()
    expect(page.get_by_text("WHOOP has to be connected again.")).to_be_visible()
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()
    friend.untroubled()
    page.get_by_role("button", name="Reconnect").click()
    _consents(page, friend.account, "Deny")
    expect(page.get_by_text("You did not consent at WHOOP.")).to_be_visible()
    friend.untroubled()
    page.get_by_role("button", name="Connect again").click()
    _consents(page, friend.account)
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()
    expect(page.get_by_text("WHOOP has to be connected again.")).to_have_count(0)


def _takes_everything_along(friend: Member, user_id: str, directory: Path) -> None:
    friend.enters("Data")
    document = json.loads(_downloaded(friend.page, "Export as JSON", directory).read_text(encoding="utf-8"))
    assert user_id in json.dumps(document)
    with zipfile.ZipFile(_downloaded(friend.page, "Export as CSV", directory)) as tables:
        assert {"cycles.csv", "sleeps.csv", "journal_entries.csv"} <= set(tables.namelist())


def _downloaded(page: Page, link: str, directory: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    found: Download = download.value
    path = directory / found.suggested_filename
    found.save_as(path)
    return path


def _disconnects(friend: Member) -> None:
    page = friend.page
    page.get_by_role("button", name="Disconnect…").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect", exact=True).click()
    expect(page.get_by_role("region", name="Connection").get_by_text("Not connected")).to_be_visible()
    expect(page.get_by_text("Was connected since")).to_be_visible()
    friend.untroubled()
    friend.enters("Today")
    expect(page.get_by_text("WHOOP is not connected.")).to_be_visible()
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()


def _erases(friend: Member, user_id: str) -> None:
    page = friend.page
    friend.enters("Data")
    page.get_by_role("button", name="Erase…").click()
    question = page.get_by_role("dialog", name="Erase everything?")
    expect(question.get_by_role("link", name="Export as JSON")).to_be_visible()
    expect(question.get_by_role("button", name="Erase everything")).to_be_disabled()
    question.get_by_label(f"Type {user_id} to confirm").fill(user_id)
    friend.untroubled()
    question.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_text("Nothing is left")).to_be_visible()
    for row in page.get_by_role("region", name="What was erased, table by table").get_by_role("row").all()[1:]:
        assert row.get_by_role("cell").last.inner_text() == "0"
    friend.untroubled()
    page.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("button", name="Sign in with WHOOP")).to_be_visible()


def _reads_the_log(owner: Page, user_id: str) -> None:
    owner.get_by_role("link", name="Log").click()
    log = owner.get_by_role("region", name="Log").get_by_role("listitem")
    for deed in ("signed in with WHOOP", "exported the data JSON", "disconnected WHOOP", "erased the data"):
        expect(log.filter(has_text=user_id).filter(has_text=deed).first).to_be_visible()
