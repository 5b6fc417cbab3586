"""The one source of `now`, handed down by the composition root.

Rules take `now` as an argument; whatever has to ask for it asks a `Clock`. Tests hand down a clock they move.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC datetime."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many of the clock's seconds."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
