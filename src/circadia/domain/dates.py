"""Which dates may be asked for."""

from __future__ import annotations

from datetime import date

FIRST_YEAR, LAST_YEAR = 1970, 2199
YEARS = f"in the years {FIRST_YEAR} to {LAST_YEAR}"
"""The bounds in the words of a refusal."""


def in_bounds(day: date) -> bool:
    """Whether it is no slip of the pen, and far enough from the ends of the calendar to be reckoned with."""
    return FIRST_YEAR <= day.year <= LAST_YEAR
