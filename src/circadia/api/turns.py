"""What a user has done one at a time in this process: disk and database are not one person's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from circadia.errors import Conflict


@contextmanager
def turn(request: Request, user_id: str, refusal: Conflict) -> Iterator[None]:
    """A user's turn at what the kind of the refusal names; raises it while that turn is taken."""
    taken: set[tuple[str, str]] = request.app.state.turns
    mine = (refusal.kind, user_id)
    if mine in taken:
        raise refusal
    taken.add(mine)
    try:
        yield
    finally:
        taken.discard(mine)
