"""What webhooks of both services share: the state of one on its way, the faults it meets, and the way there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import httpx2

from circadia.simulator.faults import Fault


@dataclass(slots=True, kw_only=True)
class Posting:
    """One webhook with its attempts."""

    due_at: datetime
    state: Literal["pending", "delivered", "lost", "dropped"] = "pending"
    attempts: int = 0
    last_status: int | None = None
    faulted: bool = False
    forged: bool = False
    """Whether a forged one goes before the next attempt."""

    def failed(self, now: datetime, status: int | None, delays: Sequence[timedelta]) -> None:
        """Plan the next attempt, or give up after the last."""
        self.last_status = status
        if self.attempts > len(delays):
            self.state = "lost"
        else:
            self.due_at = now + delays[self.attempts - 1]


PostingT = TypeVar("PostingT", bound=Posting)


def struck(due: Sequence[PostingT], fault_of: Callable[[PostingT], Fault | None], now: datetime) -> list[PostingT]:
    """The batch after webhook faults: each posting meets them once, before its first attempt."""
    batch: list[PostingT] = []
    last: list[PostingT] = []
    for posting in due:
        fault = None if posting.faulted else fault_of(posting)
        posting.faulted = True
        match fault.kind if fault else None:
            case "webhook_drop":
                posting.state = "dropped"
            case "webhook_duplicate":
                batch += [posting, posting]
            case "webhook_reorder":
                last.append(posting)
            case "webhook_forge":
                posting.forged = True
                batch.append(posting)
            case "webhook_delay":
                assert fault is not None
                posting.due_at = now + timedelta(seconds=fault.seconds)
            case _:
                batch.append(posting)
    return batch + last[::-1]


async def post(
    http: httpx2.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> int | None:
    """Send one; the status of the answer, None if there was none within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return (await http.post(url, content=body, headers=headers)).status_code
    except (httpx2.HTTPError, TimeoutError):
        return None
