"""Who users are and how theirs is merged, asked of our own database each time, and remembered for when it is away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from circadia.domain.identities import Identity
from circadia.domain.metrics import Policy
from circadia.errors import UpstreamDown

_MOST = 10_000

Known = tuple[Identity, Mapping[str, Policy]]


class Remembered:
    """A user's identity and overrides. An identity is never guessed: it could be somebody else's."""

    def __init__(
        self,
        identities: Callable[[str], Awaitable[Identity]],
        overrides: Callable[[str], Awaitable[Mapping[str, Policy]]],
    ) -> None:
        self._identities = identities
        self._overrides = overrides
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def of(self, user_id: str, wait_s: float) -> Known:
        """As the database has it, or as it was when the database does not answer within `wait_s` seconds. UpstreamDown
        when the user was not heard of before."""
        try:
            async with asyncio.timeout(wait_s):
                found = await asyncio.gather(self._identities(user_id), self._overrides(user_id))
        except (UpstreamDown, TimeoutError) as error:
            known = self._known.get(user_id)
            if known is None:
                raise UpstreamDown("the gateway's database does not answer", remedy="Ask again in a moment.") from error
            return known
        self._known[user_id] = found
        self._known.move_to_end(user_id)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found
