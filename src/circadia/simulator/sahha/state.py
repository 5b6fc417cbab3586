"""All that the simulated Sahha holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from circadia.simulator.faults import Faults
from circadia.simulator.sahha.archetypes import PERIODS, archetypes
from circadia.simulator.sahha.biomarkers import biomarkers
from circadia.simulator.sahha.items import Item
from circadia.simulator.sahha.profiles import Profile
from circadia.simulator.sahha.scores import scores
from circadia.simulator.sahha.senses import Device
from circadia.simulator.sahha.switches import Switches
from circadia.simulator.sahha.tokens import Bearer, Tokens
from circadia.simulator.traffic import Traffic
from circadia.simulator.world import World

API = "/api/v1"
TOKEN_PATH = f"{API}/oauth/account/token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account's server knows itself by."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(slots=True)
class Call:
    """One request, read as far as its answer needs."""

    method: str
    path: str
    template: str
    params: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: Mapping[str, Any]
    scheme: str
    token: str
    bearer: Bearer | None
    now: datetime

    @property
    def external_id(self) -> str | None:
        """Whom the request is about: by path, by a profile's token, or by its body."""
        if "external_id" in self.params:
            return self.params["external_id"]
        if self.bearer is not None and self.bearer.kind == "profile":
            return self.bearer.subject
        named = self.body.get("externalId")
        return named if isinstance(named, str) else None


class State:
    """World, clock, profiles, tokens, switches, faults and the record of traffic."""

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        accounts: Mapping[str, int],
        devices: Mapping[str, Device],
        credentials: Credentials,
        switches: Switches,
    ) -> None:
        self.world = world
        self.clock = clock
        self.credentials = credentials
        self.switches = switches
        self.tokens = Tokens()
        self.faults = Faults(TOKEN_PATH)
        self.traffic = Traffic()
        self.began_at = clock()
        self.profiles: dict[str, Profile] = {}
        for external_id, whoop_user_id in accounts.items():
            self.add(external_id, whoop_user_id, devices.get(external_id, "watch"))

    def add(self, external_id: str, whoop_user_id: int | None = None, device: Device = "watch") -> Profile:
        """A profile, in place of one of the same external id; without a member it has no data. KeyError."""
        member = None if whoop_user_id is None else self.world.member(whoop_user_id)
        profile = Profile(external_id, member=member, device=device, seed=self.world.seed, since=self.began_at)
        self.profiles[external_id] = profile
        return profile

    def scores(self, profile: Profile, first: date, last: date, now: datetime) -> list[Item]:
        """Scores of the days in [first, last]."""
        return [
            each for day in profile.days(first, last, now) if first <= day.date for each in scores(profile, day, now)
        ]

    def biomarkers(self, profile: Profile, first: date, last: date, now: datetime) -> list[Item]:
        """Biomarkers whose windows end in [first, last]."""
        return [
            each
            for day in profile.days(first, last, now)
            if first <= day.date
            for each in biomarkers(profile, day, self.switches, now)
        ]

    def archetypes(self, profile: Profile, first: date, last: date, now: datetime) -> list[Item]:
        """Archetypes whose periods end in [first, last]."""
        return [each for period in PERIODS for each in archetypes(profile, period, first, last, now)]


def newest_first(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The objects of a listing: newest day first, in no order within a day, the same at every call."""
    by_id = sorted(items, key=lambda item: str(item.payload["id"]))  # a UUIDv5 says nothing of what it names
    by_id.sort(key=lambda item: item.day, reverse=True)
    return [item.payload for item in by_id]
