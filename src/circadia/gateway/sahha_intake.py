"""What Sahha sends by itself: webhooks into rows, and what could not be read tried again after an upgrade."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from circadia.clients.sahha.parsing import MODELS, listing
from circadia.clients.sahha.webhooks import Event
from circadia.domain.sahha import Kind
from circadia.storage import sahha, sahha_rejects, sahha_rows
from circadia.storage.postgres import Database


async def take(db: Database, event: Event, body: bytes, now: datetime) -> None:
    """Store what a webhook says, in one transaction. A second copy changes nothing, nor does the order in which several
    come; what cannot be read is kept as a reject. Raw data are not stored: they tell that values will follow."""
    said = b"\0".join((event.external_id.encode(), event.name.encode(), body))
    page: dict[Kind, list[Any]] = {}
    logs = False
    for kind, raw in event.items:
        if kind == "log":
            logs = True
        else:
            page.setdefault(kind, []).append(raw)
    async with db.begin() as connection:
        if not await sahha.take_delivery(connection, hashlib.sha256(said).digest(), event.name, now):
            return
        profile = await sahha.profile_id(connection, event.external_id, now)
        for kind, raws in sorted(page.items()):
            found = listing(MODELS[kind], raws, now)
            await sahha_rows.write(connection, profile, kind, found.items, found.rejects, now)
        await sahha.hear(connection, profile, now, values=bool(page), logs=logs)


async def retry_rejects(db: Database) -> int:
    """Read again what another version of Circadia could not; returns how many records are readable now."""
    readable = 0
    for reject in await sahha_rejects.from_other_versions(db):
        found = listing(MODELS[reject.kind], [reject.raw], reject.received_at)
        async with db.begin() as connection:
            if found.items:
                await sahha_rejects.remove(connection, reject.id)
            written = await sahha_rows.write(
                connection, reject.profile_id, reject.kind, found.items, found.rejects, reject.received_at
            )
        readable += 1 - written.rejected
    return readable
