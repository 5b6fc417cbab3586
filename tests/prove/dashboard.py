"""The dashboard in every state that it has: on a phone and a wide screen, dark and light, each with a picture.

The states come from the product and the simulated WHOOP: members, faults, revoked grants, a service without
credentials, ten years of days. The few that cannot be provoked are answered at the wire, and say so. It holds when each
shows what it has to, and none has an error in the console, asks another host, breaks the policy for scripts and styles,
is wider than its screen, or has a serious fault for axe-core.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.dashboard.axe import shut_out
from tests.dashboard.chromium import PHONE, WIDE, Browser, Error, Page, Scheme, Watched, browsing, launched, still
from tests.dashboard.stage import staged
from tests.postgres import Server
from tests.prove.dashboard_scene import Place, Scene, State
from tests.prove.dashboard_states import PLACES

SIZES = {"phone": PHONE, "wide": WIDE}
SCHEMES: tuple[Scheme, ...] = ("dark", "light")
_SLICE = ("signed out", "today", "no data for the date", "trends", "sleep", "data")
_PATIENCE_MS = 15_000
_UNREADY = ".skeleton, .waiting, [aria-busy=true]"
_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True, slots=True)
class Look:
    """Which states are looked at, in which sizes and schemes, and where the pictures go."""

    directory: Path
    words: str = ""
    names: tuple[str, ...] = ()
    sizes: tuple[str, ...] = tuple(SIZES)
    schemes: tuple[Scheme, ...] = SCHEMES

    def of(self, states: Iterable[State]) -> list[State]:
        """Those that are asked for, by their names or by words in them."""
        return [each for each in states if self.words in each.name and (not self.names or each.name in self.names)]


@dataclass
class Figures:
    """What came of it."""

    seed: int
    states: int = 0
    pictures: int = 0
    problems: list[str] = field(default_factory=list)

    def tell(self, state: State, taken: int, problems: Sequence[str], took_s: float) -> None:
        """Count one state and say how it was."""
        self.states += 1
        self.pictures += taken
        self.problems += problems
        verdict = "PROBLEM" if problems else "ok"
        print(
            f"{verdict:<8}{state.name:<40}{taken} pictures, {took_s:4.1f} s{', answered at the wire' * state.wire}",
            *(f"        {each}" for each in problems),
            sep="\n",
            flush=True,
        )

    def __str__(self) -> str:
        broken = f", {len(self.problems)} PROBLEMS" if self.problems else ""
        return f"dashboard, seed {self.seed}: {self.states} states, {self.pictures} pictures{broken}"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--to", type=Path, metavar="DIR", help="where the pictures go; default: a new temporary place")
    parser.add_argument("--only", metavar="WORDS", default="", help="only states that have these words in their name")
    parser.add_argument("--seed", type=int, default=1)


async def run(_server: Server, options: argparse.Namespace) -> bool:
    """All states; with `--only` some."""
    directory = options.to or Path(tempfile.mkdtemp(prefix="circadia-dashboard-"))
    directory.mkdir(parents=True, exist_ok=True)
    print(f"pictures: {directory}", flush=True)
    return await asyncio.to_thread(_prove, PLACES, Look(directory, options.only), options.seed)


async def slice_(_server: Server, seed: int) -> bool:
    """A handful of states, in one size and scheme."""
    size, scheme = tuple(SIZES)[seed % 2], SCHEMES[seed // 2 % 2]
    with tempfile.TemporaryDirectory() as directory:
        look = Look(Path(directory), names=_SLICE, sizes=(size,), schemes=(scheme,))
        household = Place(2, 30, next(each.states for each in PLACES if each.members > 1))
        return await asyncio.to_thread(_prove, (household,), look, seed)


def _prove(places: Sequence[Place], look: Look, seed: int) -> bool:
    figures = Figures(seed)
    with launched() as browser:
        for place in places:
            if states := look.of(place.states):
                _visit(place, states, browser, look, figures)
    print(figures, flush=True)
    return not figures.problems


def _visit(place: Place, states: Sequence[State], browser: Browser, look: Look, figures: Figures) -> None:
    """A demo of its own for some states."""
    with (
        tempfile.TemporaryDirectory() as directory,
        staged(Path(directory), members=place.members, days=place.days, seed=figures.seed) as stage,
    ):
        scene = Scene(stage, browser, Path(directory), stage.url, stage.terminal)
        for during, several in itertools.groupby(states, lambda each: each.during):
            with during(scene) if during else nullcontext():
                for state in several:
                    _look_at(state, scene, look, figures)


def _look_at(state: State, scene: Scene, look: Look, figures: Figures) -> None:
    """One state in every size and scheme. What can be shown only once is shown in one page of changing size."""
    began, taken, problems = time.monotonic(), 0, []
    sizes = [each for each in look.sizes if state.size in (None, each)]
    for together in [sizes] if state.once else [[each] for each in sizes]:
        watched = Watched(frozenset(urlsplit(each).netloc for each in (scene.url, scene.stage.simulator)))
        stored = scene.cookies(state.who)
        with browsing(
            scene.browser, watched, size=SIZES[together[0]], storage_state=stored, reduced_motion="reduce"
        ) as page:
            picture = look.directory / f"{_slug(state.name)}-{together[0]}-failed.png"
            page.set_default_timeout(_PATIENCE_MS)
            try:
                state.open(page, scene)
                for size, scheme in itertools.product(together, look.schemes):
                    picture = look.directory / f"{_slug(state.name)}-{size}-{scheme}.png"
                    problems += _photographed(page, state, SIZES[size], scheme, watched, picture)
                    taken += 1
            except (AssertionError, Error) as error:
                page.screenshot(path=picture)
                problems.append(f"{picture.stem}: {_short(error)}")
            problems += [f"{together[0]}: {each}" for each in _misdeeds(watched, state)]
    figures.tell(state, taken, problems, time.monotonic() - began)


def _photographed(
    page: Page, state: State, size: tuple[int, int], scheme: Scheme, watched: Watched, picture: Path
) -> list[str]:
    """Take the picture; what is wrong with what it shows."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme, media="print" if state.printed else "screen")
    if not state.live:
        expect(page.locator(_UNREADY)).to_have_count(0)
        page.wait_for_load_state("networkidle")
    still(page)
    page.screenshot(path=picture, full_page=True)
    problems = [] if state.printed else shut_out(page, watched)
    if (beyond := page.evaluate(_TOO_WIDE)) > 0:
        problems.append(f"{beyond} px wider than the screen")
    return [f"{picture.stem}: {each}" for each in problems]


def _misdeeds(watched: Watched, state: State) -> list[str]:
    """What pages did that they must not; the browser's word about an answer that belongs to the state is none."""
    own = [each for each in watched.errors if not any(words in each for words in state.noise)]
    return [*own, *(f"asked {each}" for each in watched.foreign)]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def _short(error: Exception) -> str:
    return " | ".join(str(error).strip().splitlines()[:6])
