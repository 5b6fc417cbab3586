"""A seeded world of WHOOP members that lives in time.

Nothing here reads a clock: every question carries its `now`. The same seed and arguments give the
same world for ever; changes made on purpose (`Member.mutate`) are logged, and a log replayed on a
fresh world (`dump`, `restore`) gives the same answers again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from heapq import merge
from operator import attrgetter
from random import Random
from typing import Any

from circadia.simulator import mutations
from circadia.simulator.diary import Diary
from circadia.simulator.issue import Publication
from circadia.simulator.people import Person, user_ids
from circadia.simulator.quirks import Quirks
from circadia.simulator.timeline import Event, Kind, Payload, Row, Timeline

__all__ = ["Event", "Kind", "Member", "Quirks", "Row", "World"]

ALL_ON = Quirks()
_by_waking = attrgetter("wake")
HORIZON = timedelta(days=4)
"""How far ahead of the clock records are written: a running cycle must know its end."""


class Member:
    """One WHOOP member: what WHOOP would answer about them at any moment."""

    def __init__(self, person: Person, *, seed: int, epoch: datetime, days: int, quirks: Quirks) -> None:
        self.user_id = person.user_id
        self._seed = seed
        self.person = person
        self.first_day = (epoch - timedelta(days=days)).date()
        self._timeline = Timeline(person.user_id)
        self._diary = Diary(person, self._timeline, seed=seed, first=epoch - timedelta(days=days), quirks=quirks)
        self._mutations: list[dict[str, Any]] = []

    def profile(self) -> Payload:
        return self.person.profile()

    def body(self) -> Payload | None:
        """Height in m, weight in kg, maximum heart rate in bpm; None where WHOOP has no measurement."""
        return self.person.body()

    def rows(self, kind: Kind, now: datetime) -> Sequence[Row]:
        """Everything of `kind` that WHOOP would return at `now`, newest start first."""
        return self._grown(now).rows(kind, now)

    def row(self, kind: Kind, key: str, now: datetime) -> Row | None:
        """One record: `key` is a cycle's id as text (cycle, recovery) or a UUID (sleep, workout)."""
        return self._grown(now).row(kind, key, now)

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Webhook events in (after, until], by time."""
        return self._grown(until).events(after, until)

    def lived(self, after: datetime, until: datetime, now: datetime) -> Sequence[Publication]:
        """What happened, whatever WHOOP shows of it: cycles with a waking in (after, until], in order.

        Written down to some days after `now`, like everything here.
        """
        self._grown(now)
        lived = self._diary.lived
        first = bisect_right(lived, after, key=_by_waking)
        return lived[first : bisect_right(lived, until, key=_by_waking)]

    def mutate(self, action: str, now: datetime, *, target: str | None = None) -> list[Event]:
        """Change a record at `now` as a member, or WHOOP itself, would; returns the webhook events.

        `action` is a key of `mutations.ACTIONS`; `target` a record's key, None for a seeded choice.
        The events also turn up in `World.events`. ValueError if the action is unknown, comes before
        an earlier mutation of this member, or finds nothing to work on.
        """
        if action not in mutations.ACTIONS:
            message = f"unknown mutation {action!r}; known: {', '.join(sorted(mutations.ACTIONS))}"
            raise ValueError(message)
        if self._mutations and now < datetime.fromisoformat(self._mutations[-1]["at"]):
            message = f"this member's last change was at {self._mutations[-1]['at']}: the clock may not go back"
            raise ValueError(message)
        rng = Random(f"{self._seed}/{self.user_id}/mutation/{len(self._mutations)}")
        scene = mutations.Scene(self._grown(now), now, rng)
        events = mutations.ACTIONS[action](scene, target)
        self._mutations.append({"user_id": self.user_id, "action": action, "at": now.isoformat(), "target": target})
        return events

    def mutations(self) -> list[dict[str, Any]]:
        """The log of mutations, oldest first, JSON-safe."""
        return list(self._mutations)

    def _grown(self, now: datetime) -> Timeline:
        self._diary.write(now + HORIZON)
        return self._timeline


class World:
    """`members` people with `days` of history before `epoch`, going on for as long as one asks.

    `raised` makes of each person that is born the one who lives; `restore` needs the same.
    """

    def __init__(
        self,
        *,
        seed: int,
        members: int,
        days: int,
        epoch: datetime,
        quirks: Quirks = ALL_ON,
        raised: Callable[[Person], Person] = lambda person: person,
    ) -> None:
        self._identity: dict[str, Any] = {
            "seed": seed,
            "members": members,
            "days": days,
            "epoch": epoch.astimezone(UTC).isoformat(),
            "quirks": asdict(quirks),
        }
        self.seed = str(seed)
        self._epoch = epoch.astimezone(UTC)
        self._quirks = quirks
        self._raised = raised
        self.user_ids = user_ids(seed, members)
        self._members = self._populate()

    def _populate(self) -> dict[int, Member]:
        seed, days = self._identity["seed"], self._identity["days"]
        return {
            user_id: Member(
                self._raised(Person.born(seed, number, user_id, self._quirks)),
                seed=seed,
                epoch=self._epoch,
                days=days,
                quirks=self._quirks,
            )
            for number, user_id in enumerate(self.user_ids)
        }

    def member(self, user_id: int) -> Member:
        """The member with this WHOOP id; KeyError if there is none."""
        return self._members[user_id]

    def events(self, after: datetime, until: datetime) -> list[Event]:
        """Webhook events of all members in (after, until], by time."""
        streams = [member.events(after, until) for member in self._members.values()]
        return list(merge(*streams, key=lambda event: event.at))

    def dump(self) -> dict[str, Any]:
        """A JSON-safe log from which `restore` rebuilds this world's present state."""
        return {**self._identity, "mutations": [m for v in self._members.values() for m in v.mutations()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Forget all mutations and replay those of `state`; ValueError if it is another world's.

        Members may have joined since: who was there before is not changed by them.
        """
        for name, value in self._identity.items():
            if state[name] != value and not (name == "members" and state[name] < value):
                message = f"the saved state has {name} {state[name]!r}, this world has {value!r}"
                raise ValueError(message)
        self._members = self._populate()
        for entry in state["mutations"]:
            self.member(entry["user_id"]).mutate(
                entry["action"], datetime.fromisoformat(entry["at"]), target=entry["target"]
            )
