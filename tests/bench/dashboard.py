"""What the pages cost: first paints of Today, a change of day, page weight, scripting time of ten years of trends."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any

from tests.dashboard.chromium import PHONE, Browser, Page, launched, settle
from tests.dashboard.stage import Stage, staged

_PAINTS = """() => new Promise(resolve => {
  const seen = {};
  new PerformanceObserver(list => {
    for (const each of list.getEntries()) seen.largest = each.startTime;
  }).observe({type: 'largest-contentful-paint', buffered: true});
  setTimeout(() => {
    seen.first = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    resolve(seen);
  }, 300);
})"""
_DAY = ".rings [role=img]"
_CHANGE = """key => new Promise(resolve => {
  const shown = () => document.querySelector('input[type=date]').value;
  const waits = () => document.querySelector('main [aria-busy=true]');
  const before = shown();
  const began = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  const look = () => shown() !== before && !waits()
    ? resolve(performance.now() - began)
    : requestAnimationFrame(look);
  requestAnimationFrame(look);
})"""


@dataclass
class Weight:
    """Compressed bytes that came over the wire, by what they are."""

    by_url: dict[str, float] = field(default_factory=dict)

    @property
    def total_kb(self) -> float:
        """All of it."""
        return sum(self.by_url.values()) / 1024

    def of(self, *words: str) -> float:
        """What has one of the words in its address, in KB."""
        return sum(size for url, size in self.by_url.items() if any(word in url for word in words)) / 1024


async def run(words: Sequence[str] = ()) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="script/bench dashboard", description=__doc__)
    parser.add_argument("--days", type=int, default=3650, help="days of history")
    parser.add_argument("--times", type=int, default=7, help="how often each is measured")
    options = parser.parse_args(words)
    await asyncio.to_thread(_measure, options.days, options.times)


def _measure(days: int, times: int) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        staged(Path(directory), members=1, days=days) as stage,
        launched() as browser,
        _signed_in(browser, stage) as state,
    ):
        _wait_for_the_history(stage)
        _paints(browser, stage, state, times)
        _days(browser, stage, state, times)
        _trends(browser, stage, state, days)


def _wait_for_the_history(stage: Stage) -> None:
    while stage.api("GET", "/api/v1/whoop/sync-status/demo")["backfill"]["state"] in ("queued", "running"):
        sleep(1)


@contextmanager
def _signed_in(browser: Browser, stage: Stage) -> Iterator[Any]:
    """The cookies of somebody who is signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(stage.told["signin_url"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(_DAY)
    yield context.storage_state()
    context.close()


@contextmanager
def _fresh(browser: Browser, stage: Stage, state: Any) -> Iterator[tuple[Page, Weight]]:
    """A phone that has the cookie and nothing else."""
    width, height = PHONE
    context = browser.new_context(storage_state=state, viewport={"width": width, "height": height})
    watched = stage.watched()
    watched.watch(context)
    page = context.new_page()
    weight, names = Weight(), dict[str, str]()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.responseReceived", lambda each: names.update({each["requestId"]: each["response"]["url"]}))

    def finished(each: dict[str, Any]) -> None:
        url = names.get(each["requestId"], "")
        weight.by_url[url] = weight.by_url.get(url, 0) + each["encodedDataLength"]

    wire.on("Network.loadingFinished", finished)
    yield page, weight
    context.close()
    assert watched.clean(), watched


def _paints(browser: Browser, stage: Stage, state: Any, times: int) -> None:
    cold, warm, weights = [], [], []
    for _ in range(times):
        with _fresh(browser, stage, state) as (page, weight):
            page.goto(stage.url)
            page.wait_for_selector(_DAY)
            cold.append(page.evaluate(_PAINTS))
            settle(page)
            weights.append(weight.total_kb)
            page.goto(stage.url)
            page.wait_for_selector(_DAY)
            warm.append(page.evaluate(_PAINTS))
    for name, seen in (("cold", cold), ("warm", warm)):
        first, largest = (median(each[which] for each in seen) for which in ("first", "largest"))
        print(f"Today, {name}: first contentful paint {first:.0f} ms, largest {largest:.0f} ms (median of {times})")
    print(f"Today weighs {median(weights):.0f} KB compressed, its data included; it has no charts")


def _days(browser: Browser, stage: Stage, state: Any, times: int) -> None:
    with _fresh(browser, stage, state) as (page, _weight):
        page.goto(stage.url)
        page.wait_for_selector(_DAY)
        taken = []
        for _ in range(2 * times):
            settle(page)
            taken.append(page.evaluate(_CHANGE, "ArrowLeft"))
        slowest = max(taken)
        print(f"A change of day from cache: {median(taken):.0f} ms (median of {len(taken)}, slowest {slowest:.0f} ms)")


def _trends(browser: Browser, stage: Stage, state: Any, days: int) -> None:
    with _fresh(browser, stage, state) as (page, weight):
        wire = page.context.new_cdp_session(page)
        wire.send("Performance.enable")

        def spent() -> tuple[float, float]:
            told = {each["name"]: each["value"] for each in wire.send("Performance.getMetrics")["metrics"]}
            return 1000 * told["ScriptDuration"], 1000 * told["TaskDuration"]

        page.goto(f"{stage.url}/trends?span=all")
        page.wait_for_selector("canvas")
        settle(page)
        script, task = spent()
        charts = weight.of("/echarts")
        print(
            f"{days} days of trends: {script:.0f} ms of scripting, {task:.0f} ms of tasks in all, "
            f"{weight.total_kb:.0f} KB compressed, of which the charts' library {charts:.0f} KB"
        )
