"""From WHOOP's JSON to rows: one page, one transaction."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from circadia import __version__
from circadia.clients.whoop.client import Page
from circadia.domain.catalog import BY_NAME, RecordType
from circadia.domain.members import Connection as Grant
from circadia.domain.storable import unstorable
from circadia.storage import deliveries, exports, records, rejects
from circadia.storage.coverage import Arrival
from circadia.storage.postgres import Connection, Database
from circadia.storage.records import Key, Received, Written


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that did not parse, as ASCII JSON text, and why (without its values)."""

    raw: str
    error: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a page left behind. `oldest_at` is the earliest start of its readable records, of their creation where they
    have none of their own; `oldest_start` and `arrivals` only where somebody asked to be told inside the
    transaction."""

    keys: list[Key]
    fetched: int
    written: Written
    rejected: int
    oldest_at: datetime | None = None
    oldest_start: datetime | None = None
    arrivals: tuple[Arrival, ...] = ()


def parse(type_: RecordType, raw: Any, whoop_user_id: int | None) -> Received | Unreadable:
    """One record. It is unreadable when the model does not accept it, when it is another person's, or when it holds
    what JSON allows and the database does not (NUL characters, lone surrogates)."""
    error = unstorable(raw)
    if error is None and isinstance(raw, dict) and raw.get("user_id", whoop_user_id) != whoop_user_id:
        error = "user_id: it belongs to another WHOOP account"
    if error is None:
        try:
            return Received(type_.model.model_validate(raw), raw)
        except ValidationError as failure:
            error = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'record'}: {each['msg']}" for each in failure.errors()
            )
    return Unreadable(json.dumps(raw), error)


After = Callable[[Connection, Stored], Awaitable[None]]


async def store(db: Database, type_: RecordType, grant: Grant, page: Page, after: After | None = None) -> Stored:
    """Store a page in one transaction under the member's lock; `after` runs inside it. Pages of one member share the
    lock, unless imported rows may have to yield to what they bring, or a webhook has told of a deletion among it since
    the page was fetched: even of a record that never was here, a late page brings a tombstone."""
    parsed = [parse(type_, each, grant.whoop_user_id) for each in page.records]
    async with db.begin() as connection:
        has_export = await records.lock(connection, grant.member_id, shared=True)
        if not has_export and not await _deleted_since(connection, type_, grant, page, parsed):
            return await _store(connection, type_, grant, page, parsed, after, has_export=False)
    async with db.begin() as connection:
        has_export = await records.lock(connection, grant.member_id)
        stored = await _store(connection, type_, grant, page, parsed, after, has_export=has_export)
        for key, at in await _deleted_since(connection, type_, grant, page, parsed):
            await records.bury(connection, type_, grant.member_id, [key], learned_at=at)
        return stored


async def _deleted_since(
    connection: Connection, type_: RecordType, grant: Grant, page: Page, parsed: list[Received | Unreadable]
) -> list[tuple[Key, datetime]]:
    """Which of a page's records webhooks have called deleted after it was fetched, by themselves or with the record
    they die with, and when."""
    named = [(type_.push, type_.pushed_as)]
    if type_.dies_with is not None:
        named.append((BY_NAME[type_.dies_with.type].push, type_.dies_with.column))
    nouns = [f"{push}.deleted" for push, _ in named if push]
    told = await deliveries.told(connection, grant.whoop_user_id, nouns, page.fetched_at) if nouns else []
    good = [each.record for each in parsed if isinstance(each, Received)] if told else []
    columns = {column for _, column in named}
    return [
        (getattr(record, type_.key), at)
        for record in good
        for name, at in told
        if name in {str(getattr(record, column)) for column in columns}
    ]


async def _store(
    connection: Connection,
    type_: RecordType,
    grant: Grant,
    page: Page,
    parsed: list[Received | Unreadable],
    after: After | None,
    *,
    has_export: bool,
) -> Stored:
    good = [each for each in parsed if isinstance(each, Received)]
    bad = [each for each in parsed if isinstance(each, Unreadable)]
    keys: list[Key] = [getattr(each.record, type_.key) for each in good]
    written = Written(0, 0, 0)
    if good:
        written = await records.upsert(connection, type_, grant.member_id, good, fetched_at=page.fetched_at)
    for each in bad:
        await _reject(connection, type_, grant.member_id, each, page.fetched_at)
    if has_export and (written.inserted or written.updated):
        await exports.give_way_to(connection, type_, grant.member_id, keys)
    oldest_at = min((_instant_of(type_, each) for each in good), default=None)
    stored = Stored(keys, len(parsed), written, len(bad), oldest_at)
    if after is not None:
        oldest = await records.oldest_start(connection, type_, grant.member_id, keys) if keys else None
        arrivals = tuple(_arrival(type_, each, page.fetched_at) for each in parsed)
        stored = replace(stored, oldest_start=oldest, arrivals=arrivals)
        await after(connection, stored)
    return stored


def _arrival(type_: RecordType, parsed: Received | Unreadable, fetched_at: datetime) -> Arrival:
    """A record as the coverage remembers it, in the month of its start where it tells one."""
    if isinstance(parsed, Unreadable):
        return Arrival(rejects.digest(parsed.raw).hex(), _month(_told_start(parsed.raw) or fetched_at), rejected=True)
    return Arrival(str(getattr(parsed.record, type_.key)), _month(_instant_of(type_, parsed)), rejected=False)


def _instant_of(type_: RecordType, received: Received) -> datetime:
    """A record's start, or its creation, which is later than the start that WHOOP lists it by."""
    at: datetime = getattr(received.record, "start" if type_.timed else "created_at")
    return at


def _told_start(raw: str) -> datetime | None:
    """When an unreadable record began, as far as it can be told."""
    told = json.loads(raw)
    text = (told.get("start") or told.get("created_at")) if isinstance(told, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _month(at: datetime) -> date:
    return at.date().replace(day=1)


async def store_document(
    db: Database, type_: RecordType, grant: Grant, raw: Any, fetched_at: datetime
) -> tuple[Written, int]:
    """Store a singleton's document; returns what changed and whether it was unreadable (1) or not (0)."""
    parsed = parse(type_, raw, grant.whoop_user_id)
    async with db.begin() as connection:
        if isinstance(parsed, Unreadable):
            await _reject(connection, type_, grant.member_id, parsed, fetched_at)
            return Written(0, 0, 0), 1
        changed = await records.observe(connection, type_, grant.member_id, parsed, fetched_at=fetched_at)
    return Written(int(changed), 0, int(not changed)), 0


async def retry_rejects(db: Database, account_of: Callable[[int], Awaitable[int | None]]) -> int:
    """Read again what another version of Circadia could not; returns how many records are readable now."""
    readable = 0
    for reject in await rejects.from_other_versions(db, __version__):
        type_ = BY_NAME[reject.type]
        parsed = parse(type_, json.loads(reject.raw), await account_of(reject.member_id))
        async with db.begin() as connection:
            if isinstance(parsed, Unreadable):
                await rejects.stamp(connection, reject.id, __version__, parsed.error)
                continue
            has_export = await records.lock(connection, reject.member_id)
            if type_.collection:
                at = reject.fetched_at
                await records.upsert(connection, type_, reject.member_id, [parsed], fetched_at=at)
                if has_export:
                    key: Key = getattr(parsed.record, type_.key)
                    await exports.give_way_to(connection, type_, reject.member_id, [key])
            else:
                await records.observe(connection, type_, reject.member_id, parsed, fetched_at=reject.fetched_at)
            await rejects.remove(connection, reject.id)
            readable += 1
    return readable


async def _reject(
    connection: Connection, type_: RecordType, member_id: int, bad: Unreadable, fetched_at: datetime
) -> None:
    await rejects.keep(connection, member_id, type_.name, bad.raw, bad.error, __version__, fetched_at)
