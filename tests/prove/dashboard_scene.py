"""Where the dashboard is looked at: a running demo and who is signed in; and what a state of it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import expect

from tests.cli.terminal import Terminal
from tests.dashboard.chromium import Browser, Page
from tests.dashboard.stage import Stage

Json = dict[str, Any]
_PATIENCE_S = 60
_AT_ONCE = timedelta(days=90)


@dataclass
class Scene:
    """A demo and a browser. `url` is where pages are opened, and `terminal` that place's: the demo's or, for some
    states, those of a service of their own."""

    stage: Stage
    browser: Browser
    directory: Path
    url: str
    terminal: Terminal
    _stored: dict[str, Any] = field(default_factory=dict)

    def cookies(self, user_id: str | None) -> Any:
        """What the browser of a member who is signed in has stored; nothing for nobody."""
        if user_id is None:
            return None
        if user_id not in self._stored:
            self._stored[user_id] = self.signed_in(self.stage.link(user_id))
        return self._stored[user_id]

    def signed_in(self, link: str, button: str = "Sign in") -> Any:
        """What a browser has stored once it followed a one-time link."""
        context = self.browser.new_context()
        page = context.new_page()
        page.goto(link)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#room")).to_be_visible()
        stored = context.storage_state()
        context.close()
        return stored

    def until(self, user_id: str, holds: Callable[[Json], object]) -> None:
        """Wait until a member's sync status is so."""
        deadline = time.monotonic() + _PATIENCE_S
        while not holds(told := self.stage.api("GET", f"/api/v1/whoop/sync-status/{user_id}")):
            assert time.monotonic() < deadline, told
            time.sleep(0.2)

    def sync(self, user_id: str) -> None:
        """Have WHOOP asked what is new of a member, whatever comes of it."""
        self.stage.api("POST", f"/api/v1/whoop/sync/{user_id}", json={})

    def account(self, user_id: str) -> int:
        """WHOOP's number for a member."""
        told = self.stage.api("GET", f"/api/v1/whoop/connection/{user_id}")
        return int(told["whoop_user_id"])

    def day(self, user_id: str, fits: Callable[[Json], object]) -> str:
        """The newest date of a member whose document fits."""
        found = next((each for each in self._days(user_id) if fits(each)), None)
        assert found is not None, f"{user_id} has no such day"
        return str(found["date"])

    def first(self, user_id: str) -> date:
        """The UTC date on which a member's first cycle began."""
        kept = self.stage.api("GET", f"/api/v1/whoop/statistics/{user_id}")["types"]["cycle"]
        return datetime.fromisoformat(kept["first"]).date()

    def _days(self, user_id: str) -> Iterator[Json]:
        """A member's day documents, newest first."""
        to, first = datetime.now(UTC).date(), self.first(user_id)
        while to >= first:
            window = {"from": max(first, to - _AT_ONCE).isoformat(), "to": to.isoformat()}
            yield from reversed(self.stage.api("GET", f"/api/v1/whoop/days/{user_id}", params=window)["days"])
            to -= _AT_ONCE + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class State:
    """One thing that the dashboard can show. `open` brings a page there and sees that it is there.

    `who` is signed in. `during` makes the world so, also for the states after it that share it. `once` can be brought
    about a single time; `live` still changes while it is looked at; `noise` are words of what the browser's console
    says of the state itself; `wire` is answered at the wire because nothing provokes it."""

    name: str
    open: Callable[[Page, Scene], None]
    who: str | None = "demo"
    during: Callable[[Scene], AbstractContextManager[None]] | None = None
    once: bool = False
    live: bool = False
    printed: bool = False
    size: Literal["phone", "wide"] | None = None
    noise: tuple[str, ...] = ()
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A demo of so many members and days of history, and the states that are looked at there, in this order."""

    members: int
    days: int
    states: tuple[State, ...]
