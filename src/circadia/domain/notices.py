"""Notices: what the owner has to be told, in which words, and how often the telling is tried.

A trouble is what is wrong now; a notice is a trouble that was raised once and lasts until it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from circadia.domain.members import Connection

Kind = Literal["needs_reconnect", "deletions_held", "delivery_parked", "not_fresh", "budget_exhausted"]

FRESH_FOR = timedelta(days=1)
"""How long a type may go without a sync that came through, where one was wanted."""

MOST_SINGLE = 10
"""Most notices of a kind that are told one by one within SUMMARY_EVERY; beyond it one message lists counts."""

SUMMARY_EVERY = timedelta(hours=1)

LONG_PAUSE = timedelta(minutes=15)
"""A pause that WHOOP imposed and that reaches further than its window of a minute explains."""

_FIRST_RETRY, _LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=6)
_TRIED_FOR = timedelta(days=3)

_SUMMARIES: dict[Kind, str] = {
    "needs_reconnect": "{n} members have to connect WHOOP again",
    "deletions_held": "deletions are held back at {n} places",
    "delivery_parked": "webhooks about {n} members are parked",
    "not_fresh": "{n} members could not be brought up to date for more than a day",
}
SUMMARISED: tuple[Kind, ...] = tuple(_SUMMARIES)
"""The kinds that members have; of the others there is one notice at most."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong now. `cause` is what a summary counts by; one that has not `begun` is too small to be raised, but
    keeps a notice from being over."""

    kind: Kind
    message: str
    remedy: str
    member_id: int | None = None
    type: str | None = None
    cause: str | None = None
    begun: bool = True


def needs_reconnect(grant: Connection) -> Trouble:
    """A grant that is dead at WHOOP."""
    return Trouble(
        "needs_reconnect",
        f"{grant.user_id} has to connect WHOOP again: {grant.reason or 'the connection was lost'}",
        f"Have them consent again, in your app or with `circadia connect {grant.user_id}`. What is stored stays.",
        grant.member_id,
        cause=grant.reason,
    )


def deletions_held(user_id: str, member_id: int, type_name: str, missing: int, live: int) -> Trouble:
    """So much of a type is missing at WHOOP that its owner has to say it is so."""
    return Trouble(
        "deletions_held",
        f"{missing} of {live} stored {type_name} records of {user_id} were not found at WHOOP; they are kept until "
        "you decide",
        f"If they are gone for good: `circadia reconcile {user_id} --allow-deletes`.",
        member_id,
        type_name,
        cause=type_name,
    )


def delivery_parked(user_id: str, member_id: int, count: int) -> Trouble:
    """Webhooks that could not be acted on, however often it was tried."""
    return Trouble(
        "delivery_parked",
        f"{count} {'webhook' if count == 1 else 'webhooks'} about {user_id} could not be acted on",
        "`circadia deliveries list` says why, `circadia deliveries replay ID` tries one again.",
        member_id,
    )


def not_fresh(user_id: str, member_id: int, types: Sequence[str], since: datetime | None, *, begun: bool) -> Trouble:
    """Types of a member that are behind the plan for more than a day; not begun while a sync is under way."""
    last = f"the last time was {since:%Y-%m-%d %H:%M} UTC" if since else "it never came through"
    return Trouble(
        "not_fresh",
        f"{_listed(types)} of {user_id} could not be brought up to date for more than a day: {last}",
        f"`circadia doctor {user_id}` says what holds them up.",
        member_id,
        begun=begun,
    )


def budget_exhausted(used: int, limit: int, *, begun: bool) -> Trouble:
    """So much of the day's requests is used that scheduled syncs wait."""
    return Trouble(
        "budget_exhausted",
        f"{used} of {limit} requests to WHOOP were used in the last 24 hours: scheduled syncs wait",
        "They go on as the window moves. `circadia status` shows who used them; a calmer SYNC_PLAN or a higher limit, "
        "which WHOOP grants on request, helps for good.",
        begun=begun,
    )


def budget_paused(until: datetime, *, begun: bool) -> Trouble:
    """WHOOP told everyone to wait for long."""
    return Trouble(
        "budget_exhausted",
        f"WHOOP has asked for no requests before {until:%Y-%m-%d %H:%M} UTC",
        "Syncs go on by themselves then. If it happens again, lower RATE_LIMIT_PER_MINUTE or RATE_LIMIT_PER_DAY.",
        begun=begun,
    )


def summary(kind: Kind, causes: Iterable[str | None]) -> Trouble:
    """One message for many notices of a kind, with how many there are of each cause."""
    counted = Counter(causes)
    listed = ", ".join(f"{count} x {cause}" for cause, count in counted.most_common() if cause)
    message = _SUMMARIES[kind].format(n=counted.total())
    return Trouble(kind, f"{message} ({listed})" if listed else message, "`circadia notices list` names them.")


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed tries: doubled from a minute up to six hours; None after three days."""
    if sum((_wait(each) for each in range(1, attempts)), timedelta(0)) >= _TRIED_FOR:
        return None
    return _wait(attempts)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _wait(attempts: int) -> timedelta:
    return min(_FIRST_RETRY * (1 << min(attempts - 1, 10)), _LONGEST_RETRY)
