"""Arguments that several commands share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer

from circadia.cli.output import JsonOption
from circadia.domain.members import check_user_id
from circadia.errors import Invalid

_SPAN = re.compile(r"(\d{1,4})([hdw])")
_SPAN_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@contextmanager
def usage() -> Iterator[None]:
    """What is Invalid meanwhile is wrong usage."""
    try:
        yield
    except Invalid as error:
        raise typer.BadParameter(error.message) from error


def user_id(text: str) -> str:
    """A user id; wrong usage if it could not be one."""
    with usage():
        return check_user_id(text)


def span(text: str) -> timedelta:
    """A span written `12h`, `90d` or `8w`."""
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter("write a number and a unit: 12h, 90d or 8w")
    return int(found[1]) * _SPAN_UNITS[found[2]]


User = Annotated[str, typer.Argument(metavar="USER", parser=user_id, help="The user's id, as your app calls them.")]
SomeUser = Annotated[
    str | None, typer.Argument(metavar="USER", parser=user_id, help="Whose data; without it everybody's.")
]
Json = Annotated[bool, JsonOption]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end and show it.")]
