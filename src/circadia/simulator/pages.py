"""Collections: the range filter, and page tokens that are offsets in disguise."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from circadia.simulator.state import Call
from circadia.simulator.switches import Switches
from circadia.simulator.timeline import Row

DEFAULT_LIMIT = 10
MAX_LIMIT = 25

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class BadRequest(Exception):
    """A parameter that WHOOP answers with 400."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a collection was asked for."""

    kind: str
    start: datetime | None
    end: datetime | None
    limit: int

    @classmethod
    def asked(cls, kind: str, call: Call, switches: Switches) -> Range:
        """Read `start`, `end` and `limit`. Raises BadRequest."""
        return cls(kind, _instant(call, "start"), _instant(call, "end"), _limit(call, switches))

    def select(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:
        """Rows (newest start first) that overlap: `row.end > start` and `row.start < end`, an open row ends now."""
        first = bisect_left(rows, -(self.end or now).timestamp(), key=_descending)
        while first < len(rows) and rows[first].start >= (self.end or now):
            first += 1
        if self.start is None:
            return rows[first:] if first else rows
        inside = max(first, bisect_left(rows, -self.start.timestamp(), key=_descending))
        begun_before = [row for row in rows[inside:] if (row.end or now) > self.start]
        return [*rows[first:inside], *begun_before]

    def token(self, offset: int, now: datetime) -> str:
        """A page token. It counts from the newest row, so a row that arrives between two pages shifts the second."""
        content = {"offset": offset, "range": self._key(), "at": int(now.timestamp())}
        return base64.b64encode(orjson.dumps(content)).decode()

    def offset(self, token: str | None, now: datetime, switches: Switches) -> int:
        """Where a page begins. Raises BadRequest for a token that is broken, stale or of another range."""
        if token is None:
            return 0
        try:
            content = orjson.loads(base64.b64decode(token, validate=True))
            offset, key, at = content["offset"], content["range"], content["at"]
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise BadRequest("nextToken is not one of ours") from None
        if switches.same_window and key != self._key():
            raise BadRequest("nextToken belongs to another request")
        stale = switches.stale_token_seconds
        if stale is not None and now.timestamp() - at > stale:
            raise BadRequest("nextToken has expired")
        return int(offset)

    def _key(self) -> str:
        return "|".join(
            [
                self.kind,
                self.start.isoformat() if self.start else "",
                self.end.isoformat() if self.end else "",
                str(self.limit),
            ]
        )


def _descending(row: Row) -> float:
    return -row.start.timestamp()


def _instant(call: Call, name: str) -> datetime | None:
    text = call.argument(name)
    if text is None:
        return None
    if not _INSTANT.fullmatch(text):
        raise BadRequest(f"{name} is not a date-time with an offset")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name} is not a date-time") from None


def _limit(call: Call, switches: Switches) -> int:
    text = call.argument("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise BadRequest("limit is not a positive number")
    if int(text) > MAX_LIMIT and switches.over_limit == "refuse":
        raise BadRequest(f"limit is above {MAX_LIMIT}")
    return min(int(text), MAX_LIMIT)
