"""A clock that can be moved forward while it runs, or stand still between moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable


@runtime_checkable
class Movable(Protocol):
    """A clock that the admin API may move."""

    def __call__(self) -> datetime: ...

    def advance(self, seconds: float) -> None: ...


class RunningClock:
    """The machine's time plus an offset that only grows."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, seconds: float) -> None:
        """Move ahead by `seconds` (>= 0, else ValueError)."""
        self.offset += _forward(seconds)


class StandingClock:
    """Time that passes only when told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        """Move ahead by `seconds` (>= 0, else ValueError)."""
        self.at += _forward(seconds)


def _forward(seconds: float) -> timedelta:
    if seconds < 0:
        raise ValueError("time moves forward only")
    return timedelta(seconds=seconds)
