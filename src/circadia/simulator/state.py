"""All that the simulated service holds, and how it outlives its process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response

from circadia.simulator.clock import RunningClock
from circadia.simulator.faults import Faults
from circadia.simulator.grants import Grants, Lineage
from circadia.simulator.limits import Limits, RateWindows
from circadia.simulator.outbox import Outbox
from circadia.simulator.switches import Switches, presented
from circadia.simulator.timeline import Event, Kind
from circadia.simulator.traffic import Traffic
from circadia.simulator.world import World

KINDS: tuple[Kind, ...] = ("cycle", "sleep", "recovery", "workout")
SCOPES = (
    "offline",
    "read:recovery",
    "read:cycles",
    "read:workout",
    "read:sleep",
    "read:profile",
    "read:body_measurement",
)


@dataclass(frozen=True)
class Client:
    """An app as registered in WHOOP's developer dashboard."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = SCOPES
    webhook_url: str | None = None


@dataclass(slots=True)
class Call:
    """One request, read as far as its answer needs."""

    method: str
    path: str
    template: str
    params: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    form: Mapping[str, str]
    form_problem: bool
    lineage: Lineage | None
    user_id: int | None
    now: datetime

    def argument(self, name: str) -> str | None:
        """The first query parameter of this name."""
        return next((value for key, value in self.query if key == name), None)


class State:
    """World, clock, registered apps, grants, windows, switches, faults and records of traffic."""

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        limits: Limits,
        clients: Sequence[Client],
        switches: Switches,
        file: Path | None,
    ) -> None:
        self.world = world
        self.clock = clock
        self.limits = limits
        self.clients = {client.client_id: client for client in clients}
        self.switches = switches
        self.grants = Grants()
        self.windows: dict[str, RateWindows] = {}
        self.traffic = Traffic()
        self.faults = Faults()
        self.hidden: set[int] = set()
        """Members whose listings come back empty, as in an outage or after a membership lapsed."""
        self.outbox = Outbox(clock())
        self._file = file
        if file is not None and file.exists():
            self._restore(orjson.loads(file.read_bytes()))

    def windows_of(self, client_id: str) -> RateWindows:
        """The rate windows of an app."""
        if client_id not in self.windows:
            self.windows[client_id] = RateWindows(self.limits)
        return self.windows[client_id]

    def set_limits(self, limits: Limits) -> None:
        """Change what every app may spend from now on."""
        self.limits = limits
        for windows in self.windows.values():
            windows.limits = limits

    def body(self, user_id: int) -> dict[str, Any] | None:
        """A member's body measurement, if WHOOP has one."""
        return None if self.switches.body_missing else self.world.member(user_id).body()

    def truth(self, user_id: int) -> dict[str, Any]:
        """Every record as WHOOP would return it now, newest first, with profile and body. KeyError."""
        member, now = self.world.member(user_id), self.clock()
        records: dict[str, Any] = {
            kind: [presented(kind, row.payload, self.switches) for row in member.rows(kind, now)] for kind in KINDS
        }
        return records | {"profile": member.profile(), "body": self.body(user_id)}

    def mutate(self, user_id: int, action: str, target: str | None = None) -> list[Event]:
        """Change a member's records now, as `Member.mutate` does, and keep it. KeyError, ValueError."""
        events = self.world.member(user_id).mutate(action, self.clock(), target=target)
        self.save()
        return events

    def save(self) -> None:
        """Write grants, mutations and webhooks to the state file; atomic, so a kill leaves the old or the new."""
        if self._file is None:
            return
        content = {
            "world": self.world.dump(),
            "grants": self.grants.dump(),
            "outbox": self.outbox.dump(),
            "hidden": sorted(self.hidden),
            "clock_offset_seconds": (self.clock.offset.total_seconds() if isinstance(self.clock, RunningClock) else 0),
        }
        temporary = self._file.with_name(self._file.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(content))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._file)

    def _restore(self, content: dict[str, Any]) -> None:
        if isinstance(self.clock, RunningClock):
            self.clock.advance(content["clock_offset_seconds"])
        self.world.restore(content["world"])
        self.grants.restore(content["grants"])
        self.outbox.restore(content["outbox"])
        self.hidden = set(content["hidden"])


Answer = Callable[[State, Call], Response]
