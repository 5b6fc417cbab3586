"""Who is in a demo, and which sources each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from circadia.simulator.sahha.senses import Device


@dataclass(frozen=True, slots=True)
class Cast:
    """The demo's users in order; `whoop` and `sahha` say whose data of the simulated world each has there."""

    users: tuple[str, ...]
    whoop: Mapping[str, int]
    sahha: Mapping[str, int]
    devices: Mapping[str, Device]

    def sources(self, user_id: str) -> str:
        """A user's sources in words."""
        if user_id not in self.whoop:
            return "Sahha only"
        return "WHOOP and Sahha" if user_id in self.sahha else "WHOOP only"


def names(count: int) -> tuple[str, ...]:
    """What the users of a demo are called."""
    return tuple("demo" if number == 1 else f"demo-{number}" for number in range(1, count + 1))


def cast(people: Sequence[int]) -> Cast:
    """Users for all people of a world, at least two: the last has Sahha only, of several others their last WHOOP only,
    and everybody else both. To the second of those Sahha hands on what WHOOP measured, as it may for real."""
    users = names(len(people))
    everybody = dict(zip(users, people, strict=True))
    *members, stranger = users
    both = members[:-1] or members
    return Cast(
        users=users,
        whoop={user_id: everybody[user_id] for user_id in members},
        sahha={user_id: everybody[user_id] for user_id in (*both, stranger)},
        devices=dict.fromkeys(both[1:2], "whoop"),
    )
