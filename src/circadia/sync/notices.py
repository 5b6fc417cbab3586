"""Somebody is told: each minute what is wrong is compared with the notices that stand.

A trouble is raised once and over once. Few of a kind are told one by one; many become one message with counts. That no
worker runs cannot be noticed here, because the worker is who looks: a monitor outside asks `/health/ready`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from circadia.clients.notify import Channel, Message
from circadia.clock import Clock
from circadia.domain.catalog import COLLECTIONS
from circadia.domain.lanes import LANES
from circadia.domain.notices import (
    FRESH_FOR,
    LONG_PAUSE,
    MOST_SINGLE,
    SUMMARISED,
    SUMMARY_EVERY,
    Kind,
    Trouble,
    budget_exhausted,
    budget_paused,
    deletions_held,
    delivery_parked,
    needs_reconnect,
    not_fresh,
    summary,
)
from circadia.errors import UpstreamDown
from circadia.storage import budget, deliveries, holds, members, notices, sync_states
from circadia.storage.notices import Notice
from circadia.storage.postgres import Connection, Database

log = structlog.get_logger()

_OVERDUE = timedelta(hours=1)
_KEPT = timedelta(days=30)
_MOST_AT_ONCE = 50
_BLUR = 0.005
"""What the governor's window, which moves by minutes, may hold more than the last 24 hours do."""

_Key = tuple[Kind, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Notices:
    """What watches and tells. `app` and `per_day` say which budget is watched and how large it is."""

    db: Database
    channels: Sequence[Channel]
    clock: Clock
    app: str
    per_day: int

    async def watch(self) -> None:
        """Look once and tell what is due; to be called each minute, by one process at a time. UpstreamDown when the
        database does not answer."""
        await self.look()
        await self.tell()

    async def look(self) -> None:
        """Raise what is new, end what is over, and have it told."""
        now = self.clock()
        found = {_key(each): each for each in await self._troubles(now)}
        async with self.db.begin() as connection:
            await notices.lock(connection)
            standing = {_key(each): each for each in await notices.standing(connection) if not each.summary}
            gone = [each for key, each in standing.items() if key not in found]
            await notices.end(connection, [each.id for each in gone], now)
            for each in gone:
                log.info("notice.over", kind=each.kind, user=each.user_id)
            for key, trouble in found.items():
                if trouble.begun and key not in standing:
                    await notices.raise_(connection, trouble, now)
                    log.warning("notice.raised", kind=trouble.kind, reason=trouble.message)
            await self._end_summaries(connection, now)
            if self.channels:
                await self._address(connection, found, now)
            await notices.forget_before(connection, now - _KEPT)

    async def tell(self) -> None:
        """Send what is due, on all channels side by side."""
        await asyncio.gather(*(self._tell_on(each) for each in self.channels))

    async def _troubles(self, now: datetime) -> list[Trouble]:
        """All that is wrong now."""
        return [
            *(needs_reconnect(each) for each in await members.grants(self.db, state="needs_reconnect")),
            *(
                deletions_held(each.user_id, each.member_id, each.type, each.missing, each.live)
                for each in await holds.all_of(self.db)
            ),
            *(delivery_parked(*each) for each in await deliveries.parked(self.db)),
            *(
                not_fresh(each.user_id, each.member_id, each.types, each.last_success_at, begun=not each.attended)
                for each in await sync_states.behind(self.db, COLLECTIONS, now - FRESH_FOR, now - _OVERDUE)
            ),
            *await self._of_the_budget(now),
        ]

    async def _of_the_budget(self, now: datetime) -> list[Trouble]:
        """Raised where scheduled syncs have to wait, over where the lowest lane has room again."""
        usage = await budget.usage(self.db, self.app, now)
        if usage.paused_until is not None:
            return [budget_paused(usage.paused_until, begun=usage.paused_until - now > LONG_PAUSE)]
        limit = min(self.per_day, usage.per_day or self.per_day)
        if usage.day <= limit * LANES["backfill"].day_share:
            return []
        return [budget_exhausted(usage.day, limit, begun=usage.day >= limit * (LANES["scheduled"].day_share - _BLUR))]

    async def _end_summaries(self, connection: Connection, now: datetime) -> None:
        """A summary is over when nothing of its kind stands any more."""
        standing = await notices.standing(connection)
        kinds = {each.kind for each in standing if not each.summary}
        await notices.end(connection, [each.id for each in standing if each.summary and each.kind not in kinds], now)

    async def _address(self, connection: Connection, found: dict[_Key, Trouble], now: datetime) -> None:
        """Have told what no channel knows of yet: one by one while they are few, else as one message."""
        channels = [each.name for each in self.channels]
        waiting: dict[Kind, list[Notice]] = {}
        for each in await notices.untold(connection):
            waiting.setdefault(each.kind, []).append(each)
        for kind, them in waiting.items():
            told, summarised = await notices.told_since(connection, kind, now - SUMMARY_EVERY)
            ids = [each.id for each in them]
            if kind in SUMMARISED and told + len(them) > MOST_SINGLE:
                if summarised:
                    continue  # the next summary has them
                await notices.supersede(connection, kind, now)
                causes = (found[_key(each)].cause for each in them)
                ids = [await notices.raise_(connection, summary(kind, causes), now)]
            await notices.address(connection, ids, channels, now)

    async def _tell_on(self, channel: Channel) -> None:
        """What is due on a channel, until it fails: then the rest waits for the next look."""
        for _ in range(_MOST_AT_ONCE):
            now = self.clock()
            claimed = await notices.claim(self.db, channel.name, now)
            if claimed is None:
                return
            notice, sending = claimed
            try:
                await channel.send(message_of(notice), now)
            except UpstreamDown as error:
                await notices.fail(self.db, sending, error.message)
                what = "notice.given_up" if sending.next_try_at is None else "notice.not_sent"
                log.warning(what, channel=channel.name, notice=notice.id, reason=error.message)
                return
            await notices.succeed(self.db, notice, channel.name, self.clock())
            log.info("notice.sent", channel=channel.name, notice=notice.id, kind=notice.kind)


def message_of(notice: Notice) -> Message:
    """A notice as it is told."""
    return Message(
        f"notice_{notice.id}_{int(notice.raised_at.timestamp())}",
        notice.kind,
        notice.user_id,
        notice.message,
        notice.remedy,
        notice.raised_at,
        notice.over_at,
    )


def _key(each: Trouble | Notice) -> _Key:
    return each.kind, each.member_id, each.type
