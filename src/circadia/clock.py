"""The one source of `now`, handed down by the composition root.

Rules take `now` as an argument; whatever has to ask for it asks a `Clock`. Tests hand down a clock they move.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware UTC datetime."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)
