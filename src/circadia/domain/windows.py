"""The rules of sync as arithmetic: which stretch of time to ask for, when to renew a token."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

OVERLAP = timedelta(days=14)
"""How far an incremental sync looks back. WHOOP filters by event time only, so re-scored and edited records are seen
by asking again; two weeks of any type nearly always fit on the one page that a shorter look would cost as well."""

EDGE = timedelta(days=3)
"""A record without times of its own is listed by those of another: this close to a window's older edge its absence
says nothing, so a sync looks that much further back for it."""

RECENT = timedelta(days=90)
"""How far back a reconciliation goes that does not go to the beginning."""

HELD_IN_VIEW = timedelta(days=21)
"""How far back a sync looks for the sake of deletions that are held: about as many days still fit on one page."""

QUIET_FROM, QUIET_UNTIL = 58, 5
"""Minutes of the hour in which WHOOP was seen to commit a rotation and lose the answer."""

IDLE_LIMIT = timedelta(hours=20)
"""A refresh token is used at least this often, because its life without use is undocumented."""

ON_DEMAND_DAYS = 7
STALE_AFTER = timedelta(minutes=15)
ASK_AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Window:
    """Records that overlap `[start, end)`; `start` None is the beginning of time. `end` is always pinned."""

    start: datetime | None
    end: datetime


def incremental(cursor: datetime, now: datetime, held_from: datetime | None = None) -> tuple[datetime, datetime]:
    """From `OVERLAP` before `cursor` (the instant up to which everything has arrived) to `now`, or from `held_from`,
    where deletions are held, if that is not long ago."""
    start = cursor - OVERLAP
    if held_from is not None and held_from > now - HELD_IN_VIEW:
        start = min(start, held_from)
    return start, max(cursor, now)


def history(floor: datetime | None, now: datetime) -> Window:
    """All that is older than `floor`, the start of the oldest record that has arrived; all there is without one."""
    return Window(start=None, end=floor or now)


def quiet(now: datetime) -> bool:
    """Whether `now` lies in the minutes around a full hour in which no refresh is started by choice."""
    return now.minute >= QUIET_FROM or now.minute < QUIET_UNTIL


def renewal_due(obtained_at: datetime, expires_at: datetime, now: datetime, *, jitter: float | None = None) -> bool:
    """Whether a token about to be used is renewed first: past half its life (jittered), not in the quiet minutes
    unless it has expired (a minute early, so that it does not die on the way)."""
    if now >= expires_at - timedelta(minutes=1):
        return True
    share = 0.5 + 0.2 * (random.random() if jitter is None else jitter)  # noqa: S311 - spreads load, hides nothing
    return now >= obtained_at + share * (expires_at - obtained_at) and not quiet(now)


def idle(obtained_at: datetime, now: datetime) -> bool:
    """Whether a grant has gone unused so long that it is renewed for its own sake."""
    return now - obtained_at >= IDLE_LIMIT and not quiet(now)


def answers_today(day: date, now: datetime) -> bool:
    """Whether `day` is recent enough that reading it may ask WHOOP (local dates run up to 14 h ahead of UTC)."""
    today = now.date()
    return today - timedelta(days=ON_DEMAND_DAYS) <= day <= today + timedelta(days=1)


def needs_asking(day: date, began_at: datetime | None, now: datetime) -> bool:
    """Whether what is stored for a recent `day` is missing or stale.

    `began_at` is the start of the last successful sync of the day's types. The day is complete when that sync began
    after the date had ended everywhere on Earth (12 h behind UTC); otherwise it is stale after fifteen minutes.
    """
    if not answers_today(day, now):
        return False
    if began_at is None:
        return True
    ended_at = datetime.combine(day + timedelta(days=1), datetime.min.time(), now.tzinfo) + timedelta(hours=12)
    return began_at < ended_at and now - began_at > STALE_AFTER
