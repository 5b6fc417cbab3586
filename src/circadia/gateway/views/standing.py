"""How a source stands, in the words of each body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from circadia.gateway.told import FAILED, Told


def instant(moment: datetime | None) -> datetime | None:
    """An instant in UTC."""
    return None if moment is None else moment.astimezone(UTC)


def share(part: float | None) -> float | None:
    """A share of one, to three decimals."""
    return None if part is None else round(part, 3)


def answered(told: Told) -> bool:
    """Whether it told what it has, be that nothing, or left something that can be shown."""
    return told.state == "ok" or told.available


def why_not(told: Told) -> dict[str, str]:
    """How things stand as a `reason`, somebody's trouble as an `error` and the state by name; nothing of a source that
    is fine."""
    if told.state in FAILED:
        return {"error": sentence(told), "state": told.state}
    return {} if told.state == "ok" else {"reason": told.state}


def sentence(told: Told) -> str:
    """A source's trouble for people."""
    return told.error or told.state.replace("_", " ")


def standing(told: Told) -> dict[str, Any]:
    """The whole of it. `connected` None: nobody knows. `as_of` is up to when its words are known to be true."""
    return {
        "state": told.state,
        "connected": told.connected,
        "connected_at": instant(told.connected_at),
        "as_of": instant(told.as_of),
        "late": told.late,
        "error": told.error,
    }
