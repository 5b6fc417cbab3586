"""Reads the query parameters of Sahha's clients, in every form that is seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, tzinfo

Pairs = Sequence[tuple[str, str]]


def words(query: Pairs, name: str) -> set[str]:
    """A list parameter: repeated keys, a comma list, `name[0]` or `name[]`."""
    key = re.compile(rf"{re.escape(name)}(\[\d*\])?")
    return {word.strip() for found, value in query if key.fullmatch(found) for word in value.split(",") if word.strip()}


def word(query: Pairs, name: str) -> str | None:
    """The first value of a parameter, None if absent or empty."""
    return next((value for key, value in query if key == name and value), None)


def day(query: Pairs, name: str, zone: tzinfo) -> date | None:
    """The local date that a date or instant names; ValueError if it is neither."""
    value = word(query, name)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"The value '{value}' is not valid.") from error
    return instant.date() if instant.tzinfo is None else instant.astimezone(zone).date()
