"""The door for webhooks: many that come at once are stored by few statements, and none is acknowledged before its
commit."""

from __future__ import annotations

import asyncio

from circadia.errors import UpstreamDown
from circadia.storage import deliveries
from circadia.storage.batches import Batches
from circadia.storage.deliveries import Delivery
from circadia.storage.postgres import Database

_MOST_AT_ONCE = 256
_LONGEST_S = 5.0
_MOST_WAITING = 5_000


class Intake:
    """Stores what one process receives."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batches: Batches[Delivery, None] = Batches(self._store, most=_MOST_AT_ONCE)

    async def take(self, delivery: Delivery) -> None:
        """Return when it is stored. UpstreamDown when the database is away, or too far behind for the sender's
        patience (WHOOP's is about a second): it will send again."""
        if len(self._batches) >= _MOST_WAITING:
            raise UpstreamDown("more webhooks wait for the database than it can take")
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._batches.ask(delivery)
        except TimeoutError as error:
            raise UpstreamDown("the database does not answer") from error

    async def _store(self, batch: list[Delivery]) -> list[None]:
        await deliveries.store(self._db, "whoop", batch)
        return [None] * len(batch)
