"""Random histories: what happens to WHOOP, to the network and to our processes, drawn from a seed alone.

Nothing here looks at the product, so a seed is always the same history; only how the product's own tasks interleave
with it may differ from run to run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from circadia.domain.catalog import COLLECTIONS
from circadia.simulator.faults import TOKEN_PATH
from circadia.simulator.mutations import ACTIONS

_DATA = "/developer"
_PATHS = (_DATA, _DATA, *(f"{_DATA}{each.path}" for each in COLLECTIONS), f"{_DATA}/v2/activity", f"{_DATA}/v2/user")
_WITHIN_WALK = ("delete_sleep", "delete_workout", "edit_sleep", "merge_cycles", "restore_workout", "undelete_sleep")
_BROKEN_ANSWERS = ("disconnect", "truncate", "invalid_json", "html_200", "lose_response")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One event. `at` counts from the history's beginning; `patient` waits until the product has nothing to do before
    the next comes. `deed` names a method of `tests.prove.history.History`, `details` are its arguments."""

    at: timedelta
    deed: str
    details: dict[str, Any]
    patient: bool

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.at.total_seconds() / 3600:7.2f} h  {self.deed}({details}){'' if self.patient else ' …'}"


@dataclass(frozen=True, slots=True)
class Plot:
    """A whole history. `tight` lets WHOOP allow few requests a minute; with `processes` the product works in a process
    of its own, which may be killed, on a server that may crash."""

    seed: int
    members: int
    days: int
    tight: bool
    processes: bool
    steps: tuple[Step, ...] = field(repr=False)


def drawn(seed: int, *, processes: bool) -> Plot:
    """The history of a seed."""
    rng = Random(f"converge/{seed}")
    members = rng.choice((1, 1, 2, 2, 3))
    length = timedelta(days=rng.uniform(2, 5) if processes else rng.uniform(2, 7))
    deeds = _DEEDS | (_PROCESS_DEEDS if processes else _INSIDE_DEEDS)
    names, weights = list(deeds), [weight for weight, _ in deeds.values()]
    found: list[tuple[timedelta, str, dict[str, Any]]] = []
    for member in range(members):
        at = timedelta() if member == 0 else rng.random() * length / 3
        found.append((at, "connect", {"member": member}))
        if rng.random() < 0.5:  # something is wrong while the history comes
            found.append((max(at - _HOUR / 60, timedelta()), "fault", _fault(rng, members)))
        if rng.random() < 0.4:
            found.append((max(at - _HOUR / 60, timedelta()), "ambush", _ambush(rng, members)))
    for _ in range(rng.randint(8, 14) if processes else rng.randint(12, 26)):
        name = rng.choices(names, weights)[0]
        found.append((rng.random() * length, name, deeds[name][1](rng, members)))
    found.sort(key=lambda each: each[0])
    steps = tuple(Step(at, name, details, rng.random() < 0.6) for at, name, details in found)
    return Plot(seed, members, rng.randint(40, 120), rng.random() < 0.1, processes, steps)


def _member(rng: Random, members: int) -> int:
    return rng.randrange(members)


def _change(rng: Random, members: int) -> dict[str, Any]:
    return {
        "member": _member(rng, members),
        "action": rng.choice(sorted(ACTIONS)),
        "old": rng.random() < 0.25,
        "seed": rng.randrange(1000),
    }


def _ambush(rng: Random, members: int) -> dict[str, Any]:
    return {
        "member": _member(rng, members),
        "action": rng.choice(_WITHIN_WALK),
        "after_pages": rng.randint(0, 6),
        "seed": rng.randrange(1000),
    }


def _fault(rng: Random, members: int) -> dict[str, Any]:
    kind = rng.choice(
        (*_BROKEN_ANSWERS, "status", "status", "rate_limited", "slow", "hang", "early_401", "repeat_page")
    )
    details: dict[str, Any] = {"kind": kind, "path": rng.choice(_PATHS), "count": rng.randint(1, 6), **_how_often(rng)}
    match kind:
        case "status":
            details |= {"status": rng.choice((500, 502, 503, 504)), "body": rng.choice(("html", "json", "text"))}
        case "rate_limited":
            details |= {"headers": rng.random() < 0.5, "retry_after": rng.choice((None, 1, 20, 90))}
        case "slow" | "hang":
            details["seconds"] = 0.03
        case _:
            pass
    return details


def _token_fault(rng: Random, members: int) -> dict[str, Any]:
    kind = rng.choice((*_BROKEN_ANSWERS, "token_down", "slow", "hang", "rate_limited"))
    details: dict[str, Any] = {"kind": kind, "path": TOKEN_PATH, "grant_type": "refresh_token", **_how_often(rng)}
    details["count"] = rng.randint(1, 3)
    return details | ({"seconds": 0.03} if kind in ("slow", "hang") else {})


def _webhook_fault(rng: Random, members: int) -> dict[str, Any]:
    kind = rng.choice(("webhook_drop", "webhook_duplicate", "webhook_reorder", "webhook_delay", "webhook_forge"))
    details: dict[str, Any] = {"kind": kind, "type": rng.choice(("", "", "sleep", "recovery", "workout"))}
    details |= {"count": rng.randint(1, 6), "probability": rng.choice((1.0, 0.5)), "seed": rng.randrange(1000)}
    return details | ({"seconds": rng.choice((5.0, 600.0, 7200.0))} if kind == "webhook_delay" else {})


def _how_often(rng: Random) -> dict[str, Any]:
    return {"after": rng.randint(0, 4), "probability": rng.choice((1.0, 1.0, 0.5)), "seed": rng.randrange(1000)}


def _of_member(rng: Random, members: int) -> dict[str, Any]:
    return {"member": _member(rng, members)}


def _nothing(rng: Random, members: int) -> dict[str, Any]:
    return {}


def _deafness(rng: Random, members: int) -> dict[str, Any]:
    return {"hours": round(rng.uniform(0.05, 3.0), 2)}


Draw = Callable[[Random, int], dict[str, Any]]
_DEEDS: dict[str, tuple[float, Draw]] = {
    "change": (9, _change),
    "fault": (6, _fault),
    "token_fault": (2, _token_fault),
    "webhook_fault": (4, _webhook_fault),
    "ambush": (1, _ambush),
    "revoke": (0.5, _of_member),
    "consent_again": (1.5, _nothing),
    "ask": (2, _of_member),
    "deafen": (1, _deafness),
    "cut_connections": (0.7, _nothing),
}
"""What may happen anywhere: how often beside the others, and its details."""
_INSIDE_DEEDS: dict[str, tuple[float, Draw]] = {"restart": (1, _nothing)}
_PROCESS_DEEDS: dict[str, tuple[float, Draw]] = {"kill": (7, _nothing), "crash_database": (2, _nothing)}
