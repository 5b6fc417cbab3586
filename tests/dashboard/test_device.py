"""What a device keeps is its person's: nothing of it is left for whoever comes after, however the person went."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from tests.dashboard.chromium import Browser, Page, browsing
from tests.dashboard.stage import Stage

pytestmark = pytest.mark.xdist_group("dashboard-life")

_TRIES = """async ([source, paths]) => {
  const keep = new Function(`${source}; return keep`)();
  const cache = await caches.open("tried");
  const kept = [];
  for (const path of paths) kept.push(await keep(cache, path).then(() => true, () => false));
  return [...kept, (await cache.keys()).map((each) => new URL(each.url).pathname)];
}"""
_KEPT = """() => new Promise((done, failed) => {
  const asked = indexedDB.open("circadia", 1);
  asked.onerror = () => failed(asked.error);
  asked.onupgradeneeded = () => asked.result.createObjectStore("answers");
  asked.onsuccess = () => {
    const counted = asked.result.transaction("answers").objectStore("answers").count();
    counted.onsuccess = () => { asked.result.close(); done(counted.result); };
  };
})"""


def _enters(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def _keeps_days(page: Page, stage: Stage) -> None:
    _enters(page, stage.link("demo-2"))
    page.goto(f"{stage.url}/settings")
    page.get_by_role("switch", name="Keep the last 30 days here").check()
    expect(page.get_by_text("The last 30 days are on this device")).to_be_visible()
    assert page.evaluate(_KEPT) > 20


def _keeps_nothing(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate(_KEPT) == 0
    assert page.evaluate("() => localStorage.length") == 0


def test_who_signs_out_late_or_without_a_network_leaves_nothing(stage: Stage, browser: Browser) -> None:
    with browsing(browser, stage.watched()) as page:
        signing_out = page.get_by_role("region", name="Signed in").get_by_role("button", name="Sign out", exact=True)
        _keeps_days(page, stage)
        page.context.set_offline(True)
        signing_out.click()
        expect(page.get_by_text("Circadia did not answer.").first).to_be_visible()
        _keeps_nothing(page)
        page.context.set_offline(False)
        _keeps_days(page, stage)
        page.context.clear_cookies()
        signing_out.click()
        expect(page.get_by_role("button", name="Sign in with WHOOP")).to_be_visible()
        _keeps_nothing(page)


def test_a_session_that_ended_elsewhere_and_another_person_leave_nothing(stage: Stage, browser: Browser) -> None:
    with browsing(browser, stage.watched()) as page:
        _keeps_days(page, stage)
        page.context.clear_cookies()
        page.reload()
        expect(page.get_by_role("button", name="Sign in with WHOOP")).to_be_visible()
        _keeps_nothing(page)
        _keeps_days(page, stage)
        _enters(page, stage.link("demo"))
        _keeps_nothing(page)


def test_a_room_that_fails_leaves_the_others_alone(stage: Stage, browser: Browser) -> None:
    for spoilt in ("throw new Error('spoilt')", "export default () => { throw new Error('spoilt'); }"):
        watched = stage.watched()
        with browsing(browser, watched) as page:
            _enters(page, stage.link("demo"))
            body = spoilt
            page.route("**/rooms/sleep.js", lambda route: route.fulfill(content_type="text/javascript", body=body))  # noqa: B023
            page.get_by_role("link", name="Sleep").first.click()
            expect(page.get_by_text("This room could not be opened.")).to_be_visible()
            assert any("spoilt" in each for each in watched.errors), "it is told in the console"
            page.get_by_role("link", name="Trends").first.click()
            expect(page.get_by_role("heading", level=1, name="Trends")).to_be_visible()
            page.get_by_role("link", name="Today").first.click()
            expect(page.get_by_role("img", name="Recovery").first).to_be_visible()


def test_a_file_of_an_older_process_is_not_kept(stage: Stage, browser: Browser) -> None:
    """While a release rolls, another version answers under the new one's addresses, and does not call it immutable."""
    worker = httpx2.get(f"{stage.url}/sw.js").text
    keep = worker[worker.index("async function keep(") : worker.index("self.addEventListener")]
    caching = {"/new.css": "public, max-age=31536000, immutable", "/old.css": "no-cache"}
    with browsing(browser, stage.watched()) as page:
        page.route(
            "http://localhost/*.css",
            lambda route: route.fulfill(body="", headers={"Cache-Control": caching[urlsplit(route.request.url).path]}),
        )
        page.route("http://localhost/", lambda route: route.fulfill(body=""))
        page.goto("http://localhost/")
        assert page.evaluate(_TRIES, [keep, [*caching]]) == [True, False, ["/new.css"]]
