"""Who users are and how theirs is merged, asked of our own database each time, and remembered for when it is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from circadia.domain.identities import Identity
from circadia.domain.metrics import Policy
from circadia.errors import UpstreamDown

_MOST = 10_000

KEPT_S = 3600.0
"""For so long an identity is believed while the database is away: another process may have changed it."""

Known = tuple[Identity, Mapping[str, Policy]]


class Remembered:
    """A user's identity and overrides. An identity is never guessed: it could be somebody else's."""

    def __init__(
        self,
        identities: Callable[[str], Awaitable[Identity]],
        overrides: Callable[[str], Awaitable[Mapping[str, Policy]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identities = identities
        self._overrides = overrides
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Known]] = OrderedDict()
        self._asking: set[asyncio.Task[Known]] = set()
        self._drops = 0

    async def of(self, user_id: str, wait_s: float) -> Known:
        """As the database has it, or as it was within the hour when the database does not answer within `wait_s`
        seconds. UpstreamDown when the user was not heard of."""
        # not cancelled at the end of the wait: a server that hangs would take seconds to hear of it
        asking = asyncio.create_task(self._ask(user_id))
        self._asking.add(asking)
        asking.add_done_callback(self._done)
        await asyncio.wait([asking], timeout=wait_s)
        if asking.done() and not isinstance(error := asking.exception(), UpstreamDown):
            if error is not None:
                raise error
            return asking.result()
        at, known = self._known.get(user_id, (float("-inf"), None))
        if known is None or self._clock() - at > KEPT_S:
            raise UpstreamDown("the gateway's database does not answer", remedy="Ask again in a moment.")
        return known

    def drop(self, user_id: str) -> None:
        """Forget a user, of whom something else was said."""
        self._known.pop(user_id, None)
        self._drops += 1

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _ask(self, user_id: str) -> Known:
        drops = self._drops
        found = await asyncio.gather(self._identities(user_id), self._overrides(user_id))
        if drops != self._drops:  # it may be what was said before
            return found
        self._known[user_id] = self._clock(), found
        self._known.move_to_end(user_id)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    def _done(self, task: asyncio.Task[Known]) -> None:
        self._asking.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody may wait any more
