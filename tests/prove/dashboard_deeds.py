"""How a state of the dashboard is brought about: addresses, presses, faults at WHOOP, and services of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Route, expect

from tests import postgres
from tests.cli.terminal import Terminal
from tests.dashboard.chromium import Page
from tests.exports_of import export_of
from tests.prove.dashboard_scene import Json, Scene

Fits = Callable[[Json], object]
Opener = Callable[[Page, Scene], None]
_SLOWLY_MS = 60_000
SCORE = re.compile(r"^Recovery: \d+%$")
MEMBER, LOST, GONE = "demo-2", "demo-3", "demo-4"
"""A member whom nothing befalls for good, one whose grant is revoked, one who disconnects and then erases."""


def at(path: str, words: str) -> Opener:
    """An address, and what can be read there."""

    def opened(page: Page, scene: Scene) -> None:
        page.goto(scene.url + path)
        reads(page, words)

    return opened


def on(user_id: str, fits: Fits, words: str) -> Opener:
    """The newest day of a member that fits."""

    def opened(page: Page, scene: Scene) -> None:
        at(f"/day/{scene.day(user_id, fits)}", words)(page, scene)

    return opened


def pressed(path: str, *buttons: str, words: str) -> Opener:
    """An address and some buttons (patterns) there."""

    def opened(page: Page, scene: Scene) -> None:
        page.goto(scene.url + path)
        for name in buttons:
            page.locator("button, summary, a").filter(has_text=re.compile(f"^{name}$")).first.click()
        reads(page, words)

    return opened


def reads(page: Page, words: str) -> None:
    """The page says something (a pattern)."""
    expect(page.locator("body")).to_contain_text(re.compile(words), use_inner_text=True)


def without_days(page: Page, scene: Scene) -> None:
    """A date of a member's some months before the first day."""
    at(f"/day/{datetime.now(UTC).date() - timedelta(days=300)}", "Nothing for .*")(page, scene)


def beside(page: Page, scene: Scene) -> None:
    """The date before the first day, so that there is a nearest one."""
    at(f"/day/{scene.first('demo') - timedelta(days=1)}", "First day after")(page, scene)


def to_come(page: Page, scene: Scene) -> None:
    """A date in the future."""
    at(f"/day/{datetime.now(UTC).date() + timedelta(days=3)}", "yet to come")(page, scene)


def pending(page: Page, scene: Scene) -> None:
    """The newest day as it is for some minutes after waking: WHOOP has not scored it yet."""
    page.route("**/daily-data/**", _unscored)
    page.route("**/trends/*/vitals?*", _unscored_vitals)
    page.goto(scene.url)
    reads(page, "WHOOP is still scoring it")


def _unscored(route: Route) -> None:
    document: Json = route.fetch().json()
    for name in ("sleep", "recovery"):
        kept = {each: value for each, value in document[name].items() if each in _OF_A_PENDING_RECORD}
        document[name] = dict.fromkeys(document[name]) | kept | {"state": "PENDING_SCORE"}
        document["missing"].append({"part": name, "reason": "pending_score", "remedy": "It comes by itself."})
    route.fulfill(json=document)


_OF_A_PENDING_RECORD = ("id", "cycle_id", "sleep_id", "source", "start_at", "end_at", "timezone_offset", "updated_at")


def _unscored_vitals(route: Route) -> None:
    answer: Json = route.fetch().json()
    for row in answer["rows"]:
        row.update(value=None, state="pending", z=None, verdict=None)
    route.fulfill(json=answer)


def unanswered(page: Page, scene: Scene) -> None:
    """Circadia falls silent behind a page that is open."""
    page.goto(scene.url)
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()
    page.route(
        "**/api/**", lambda route: route.fulfill(status=503, json=_AWAY, content_type="application/problem+json")
    )
    page.get_by_role("link", name="Trends").first.click()
    reads(page, _SILENCE.removeprefix("the "))


_SILENCE = "the database cannot be reached"
_AWAY = {
    "type": "urn:circadia:problem:database_unavailable",
    "title": "Service unavailable",
    "status": 503,
    "detail": _SILENCE,
    "remedy": "Try again in a moment; if it lasts, look at the service's log.",
}


def offline(page: Page, scene: Scene) -> None:
    """The days that a device kept, without a network."""
    page.goto(f"{scene.url}/settings")
    page.get_by_role("switch", name="Keep the last 30 days here").check()
    reads(page, "The last 30 days are on this device")
    page.goto(scene.url)
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.reload()
    reads(page, "No connection\\.")


def linked(page: Page, scene: Scene) -> None:
    """A one-time link before it is used."""
    page.goto(scene.stage.link(MEMBER))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def spent(page: Page, scene: Scene) -> None:
    """A link that was used already."""
    link = scene.stage.link(MEMBER)
    scene.signed_in(link)
    page.goto(link)
    expect(page.get_by_role("link", name="To the start page")).to_be_visible()


def invited(page: Page, scene: Scene) -> None:
    """The page that an invitation opens."""
    page.goto(scene.stage.api("POST", "/api/v1/admin/invitations", json={})["url"])
    reads(page, "You are invited")


def _consents(page: Page, profile: Json, answer: str) -> None:
    page.get_by_label("Sign in as").select_option(str(profile["user_id"]))
    page.get_by_role("button", name=answer).click()


def refused(page: Page, scene: Scene) -> None:
    """Back from WHOOP's consent page with a no."""
    invited(page, scene)
    page.get_by_role("button", name="Sign in with WHOOP").click()
    _consents(page, scene.stage.free_account(), "Deny")
    reads(page, "You did not consent at WHOOP")


def closed(page: Page, scene: Scene) -> None:
    """Somebody new where nobody new is let in."""
    page.goto(scene.url)
    page.get_by_role("button", name="Sign in with WHOOP").click()
    _consents(page, scene.stage.free_account(), "Allow")
    reads(page, "sign-up is closed")


def coached(page: Page, scene: Scene) -> None:
    """What a coach sees of somebody who shares."""
    page.goto(scene.stage.api("POST", f"/api/v1/shares/{MEMBER}", json={"name": "Coach Kim"})["url"])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()


def shared(page: Page, scene: Scene) -> None:
    """The link of a share, shown once."""
    page.goto(f"{scene.url}/settings")
    page.get_by_role("button", name="Share…").click()
    page.get_by_label("With whom?").fill("Coach Kim")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("textbox", name="Share link")).to_be_visible()


def imported(page: Page, scene: Scene) -> None:
    """An export file, read to its end."""
    truth = scene.stage.whoop("GET", f"/truth/{scene.account(MEMBER)}")
    _gives(page, scene, str(export_of(truth, scene.directory / "my_whoop_data.zip")))
    reads(page, "Everything in the file was read")


def not_taken(page: Page, scene: Scene) -> None:
    """A file that is no export."""
    path = scene.directory / "holidays.zip"
    path.write_text("no zip at all", encoding="utf-8")
    _gives(page, scene, str(path))
    reads(page, "Nothing was imported|not taken")


def _gives(page: Page, scene: Scene, path: str) -> None:
    page.goto(f"{scene.url}/data")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a file").click()
    chosen.value.set_files(path)


def arriving(page: Page, scene: Scene) -> None:
    """The first history of somebody new, on its way."""
    page.goto(scene.stage.api("POST", "/api/v1/admin/invitations", json={})["url"])
    page.get_by_role("button", name="Sign in with WHOOP").click()
    _consents(page, scene.stage.free_account(), "Allow")
    expect(page.get_by_text("Your history is arriving").first).to_be_visible()
    page.goto(f"{scene.url}/welcome")
    days = page.get_by_role("list", name="Days that are here, newest first").get_by_role("listitem")
    expect(days.first).to_be_visible(timeout=_SLOWLY_MS)


def arriving_behind(page: Page, scene: Scene) -> None:
    """The same, seen from Today."""
    members = scene.stage.api("GET", "/api/v1/admin/members")["members"]
    new = next(each for each in members if each["connection"] == "connected" and not each["user_id"].startswith("demo"))
    page.context.add_cookies(scene.cookies(new["user_id"])["cookies"])
    page.goto(scene.url)
    reads(page, "Your history is arriving")
    expect(page.locator(".dial-text").first).to_be_visible()


def throttled(page: Page, scene: Scene) -> None:
    """WHOOP asks to wait, when somebody presses Refresh."""
    scene.stage.fault("rate_limited", path="/developer", retry_after=20, count=None)
    page.goto(scene.url)
    expect(page.get_by_role("img", name=SCORE)).to_be_visible()
    page.get_by_role("button", name="Ask WHOOP for what is new").click()
    expect(page.locator(".toasts")).to_contain_text("What is stored stays")
    scene.stage.mended()


def erasing(page: Page, scene: Scene) -> None:
    """The question before everything goes."""
    page.goto(f"{scene.url}/data")
    page.get_by_role("button", name="Erase…").click()
    expect(page.get_by_role("dialog", name="Erase everything?")).to_be_visible()


def erased(page: Page, scene: Scene) -> None:
    """The report of what went, table by table."""
    erasing(page, scene)
    page.get_by_label(f"Type {GONE} to confirm").fill(GONE)
    page.get_by_role("button", name="Erase everything").last.click()
    reads(page, "Nothing is left")


@contextmanager
def whoop_down(scene: Scene) -> Iterator[None]:
    """WHOOP answers nothing but errors, and that was noticed."""
    scene.stage.fault("status", path="/developer", status=503, body="html", count=None)
    scene.sync(MEMBER)
    scene.until(MEMBER, lambda told: told["types"]["cycle"]["state"] == "failing")
    yield
    scene.stage.mended()
    scene.sync(MEMBER)
    scene.until(MEMBER, lambda told: all(each["state"] == "ok" for each in told["types"].values()))


@contextmanager
def unhurried(scene: Scene) -> Iterator[None]:
    """WHOOP answers whoever is new so slowly that one can look on."""
    account = scene.stage.free_account()["user_id"]
    scene.stage.fault("slow", path="/developer/v2", user_id=account, seconds=4, count=None)
    yield
    scene.stage.mended()


@contextmanager
def cut_off(scene: Scene) -> Iterator[None]:
    """A member ended the access at WHOOP, and that was noticed."""
    scene.stage.whoop("POST", "/revoke", json={"user_id": scene.account(LOST)})
    scene.sync(LOST)
    scene.until(LOST, lambda told: told["connection"]["state"] == "needs_reconnect")
    yield


@contextmanager
def disconnected(scene: Scene) -> Iterator[None]:
    """A member disconnected and keeps what was there."""
    scene.cookies(GONE)
    scene.stage.api("DELETE", f"/api/v1/whoop/connection/{GONE}")
    yield


@contextmanager
def other_habits(scene: Scene) -> Iterator[None]:
    """Fahrenheit and am and pm, for a while."""
    path = f"/api/v1/preferences/{MEMBER}"
    before: Any = scene.stage.api("GET", path)
    scene.stage.api("PUT", path, json=before | {"units": "imperial", "clock": "12h", "week_starts": "sunday"})
    yield
    scene.stage.api("PUT", path, json=before)


@contextmanager
def first_run(scene: Scene) -> Iterator[None]:
    """A service that nobody has set up."""
    with _served(scene, {}):
        yield


@contextmanager
def configured(scene: Scene) -> Iterator[None]:
    """A service that knows its app at WHOOP, and nobody else yet."""
    told = scene.stage.told["settings"]
    with _served(scene, {name: told[name] for name in told if name.startswith("WHOOP_")} | {"SIGNUP": "allowlist"}):
        yield


@contextmanager
def _served(scene: Scene, settings: dict[str, str]) -> Iterator[None]:
    before, place = (scene.url, scene.terminal), postgres.new_directory()
    terminal = Terminal(scene.directory, {"CIRCADIA_DATA_DIR": str(place), **settings})
    try:
        with terminal.start("serve", "--port", "0") as running:
            scene.url = running.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
            scene.terminal = terminal.with_settings(PORT=str(urlsplit(scene.url).port))
            yield
            running.stop()
    finally:
        postgres.remove_directory(place)
        scene.url, scene.terminal = before


def owned(path: str, *buttons: str, words: str) -> Opener:
    """As the owner of a service of its own, whom the terminal lets in."""

    def opened(page: Page, scene: Scene) -> None:
        page.goto(scene.terminal.run("owner-link", "--json").data["url"])
        page.get_by_role("button").first.click()
        expect(page.locator("#room")).to_be_visible()
        pressed(path, *buttons, words=words)(page, scene)

    return opened
