"""The days of which something is missing, and why: what the day documents say, and what only the store knows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from circadia.domain.catalog import BY_NAME, CATALOG, RecordType
from circadia.domain.findings import Finding, Severity, named, ranges
from circadia.domain.records import offset_of
from circadia.storage import checkup, days
from circadia.storage.checkup import Rejected
from circadia.storage.postgres import Database

_NO_RECORD = "no_record"
_TOLD_ELSEWHERE = {"needs_reconnect", "not_connected", "scope_missing"}
_ALIKE = {"not_recorded": _NO_RECORD, "no_data": _NO_RECORD}
_LATE_SCORE = timedelta(hours=72)

_SAID: dict[str, tuple[Severity, str, str]] = {
    "pending_score": (
        "info",
        "WHOOP has not scored {part} yet: {days}",
        "Nothing to do: it is asked again by itself until the score is there.",
    ),
    "unscorable": (
        "info",
        "WHOOP could not score {part}: {days}",
        "Nothing to do. Usually the strap was not worn, or had too little data.",
    ),
    _NO_RECORD: (
        "info",
        "WHOOP has no {part}: {days}",
        "If the strap was worn, open the WHOOP app so that it uploads, then `circadia sync {user}`.",
    ),
    "history_arriving": (
        "info",
        "{part} has not arrived yet: {days}",
        "Nothing to do: the history comes by itself, newest days first.",
    ),
    "rejected": (
        "warning",
        "{part} came in a form that could not be read: {days}",
        "It is kept whole and read again by the next version: update Circadia, and report it if that does not help.",
    ),
    "deleted": (
        "info",
        "{part} was deleted at WHOOP: {days}",
        "Nothing to do. What is found again at WHOOP comes back by itself.",
    ),
}


async def gaps(
    db: Database, member_id: int, user_id: str, today: date, length: int, rejected: Iterable[Rejected], *, whole: bool
) -> tuple[list[Finding], dict[str, Any]]:
    """What the last `length` dates up to `today` lack, as findings, and how many were looked at and lack nothing.
    `whole` says that the history has arrived: dates before its beginning are no gaps then."""
    first = today - timedelta(days=length - 1)
    beginning = await checkup.first_day(db, member_id)
    if whole and beginning is not None:
        first = max(first, beginning)
    why: dict[tuple[str, str], list[date]] = defaultdict(list)
    lacking: set[date] = set()
    known = await _known(db, member_id, first, rejected)
    async for text in days.documents(db, user_id, first, today):
        document = orjson.loads(text)
        day = date.fromisoformat(document["date"])
        for missing in document["missing"]:
            part, reason = missing["part"], _ALIKE.get(missing["reason"], missing["reason"])
            if reason == _NO_RECORD:
                reason = known.get((part, day), reason)
            if reason in _TOLD_ELSEWHERE or (reason == _NO_RECORD and day == today):
                continue
            why[part, reason].append(day)
            lacking.add(day)
    told = [_finding(user_id, part, reason, dates, today) for (part, reason), dates in why.items()]
    looked = max((today - first).days + 1, 0)
    return told, {"from": first, "to": today, "days": looked, "complete": looked - len(lacking)}


async def _known(
    db: Database, member_id: int, first: date, rejected: Iterable[Rejected]
) -> dict[tuple[str, date], str]:
    """Why a type has nothing on a date, where the store knows it."""
    found: dict[tuple[str, date], str] = {}
    since = datetime.combine(first, time.min, UTC) - timedelta(days=2)
    async with db.connection() as connection:
        for type_ in CATALOG:
            if type_.daily:
                for day in await checkup.deleted_days(connection, type_, member_id, since):
                    found[type_.name, day] = "deleted"
    for each in rejected:
        if (day_of := _day(BY_NAME[each.type], each.raw)) is not None:
            found[each.type, day_of] = "rejected"
    return found


def _day(type_: RecordType, raw: str) -> date | None:
    """The date an unreadable record would most likely be shown on, as far as it tells."""
    told = json.loads(raw)
    column, later = type_.own_day or ("created_at", timedelta(0))
    try:
        offset = offset_of(told["timezone_offset"]) if type_.timed else timedelta(0)
        at = datetime.fromisoformat(told[column])
        return ((at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)) + later + offset).date()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _finding(user_id: str, part: str, reason: str, dates: list[date], today: date) -> Finding:
    severity, message, remedy = _SAID[reason]
    if reason == "pending_score" and today - min(dates) > _LATE_SCORE:
        severity = "warning"
    stretches = ranges(dates)
    return Finding(
        reason,
        severity,
        f"{message.format(part=part, days=named(stretches))} ({len(dates)} {'day' if len(dates) == 1 else 'days'})",
        remedy.format(user=user_id),
        part,
        stretches,
    )
