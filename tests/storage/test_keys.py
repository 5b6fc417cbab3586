"""Service keys: shown once, found by id, good until they end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from circadia.storage import keys
from circadia.storage.envelope import Keyring, new_key
from circadia.storage.postgres import Database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYRING = Keyring.parse(new_key("k1"))
Change = Callable[[str], str]


async def made(db: Database, expires_at: datetime | None = None) -> tuple[str, str]:
    key, text = await keys.create(db, KEYRING, "grafana", frozenset({"read"}), NOW, expires_at)
    return key.id, text


async def test_a_key_is_good_and_kept_as_a_hash_only(db: Database) -> None:
    key_id, text = await made(db)
    found = await keys.check(db, KEYRING, text, NOW)
    assert found is not None
    assert (found.id, found.name, found.scopes) == (key_id, "grafana", frozenset({"read"}))
    secret = text.split("_", 2)[2]
    row = await db.row("SELECT to_jsonb(k)::text FROM api_keys k")
    assert row is not None
    assert secret not in row[0]


@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: text + "x", lambda _text: "",
                                    lambda text: text.replace("circadia", "other"), lambda text: text.split("_")[1],
                                    lambda _text: "circadia_ffffffffffff_secret"])  # fmt: skip
async def test_what_is_not_the_key_is_not_good(db: Database, change: Change) -> None:
    _, text = await made(db)
    assert await keys.check(db, KEYRING, change(text), NOW) is None


async def test_a_key_ends_at_its_time(db: Database) -> None:
    _, text = await made(db, NOW + timedelta(days=1))
    assert await keys.check(db, KEYRING, text, NOW + timedelta(hours=23)) is not None
    assert await keys.check(db, KEYRING, text, NOW + timedelta(days=1)) is None


async def test_a_revoked_key_is_not_good_and_stays_listed(db: Database) -> None:
    key_id, text = await made(db)
    async with db.begin() as connection:
        assert await keys.revoke(connection, key_id, NOW)
        assert not await keys.revoke(connection, key_id, NOW)
    assert await keys.check(db, KEYRING, text, NOW) is None
    assert [each.revoked_at for each in await keys.every(db)] == [NOW]


async def test_the_last_use_is_written_once_a_minute(db: Database) -> None:
    _, text = await made(db)
    uses = []
    for seconds in (0, 59, 60, 61):
        now = NOW + timedelta(seconds=seconds)
        key = await keys.check(db, KEYRING, text, now)
        assert key is not None
        await keys.touch(db, key, now)
        found = await db.row("SELECT last_used_at FROM api_keys")
        assert found is not None
        uses.append((found[0] - NOW).seconds)
    assert uses == [0, 0, 60, 60]


async def test_a_key_survives_a_rotation_and_not_the_loss_of_its_pepper(db: Database) -> None:
    rotated = Keyring({"k2": b"2" * 32} | {"k1": b"1" * 32})
    key, old = await keys.create(db, Keyring({"k1": b"1" * 32}), "n", frozenset({"read"}), NOW, None)
    assert await keys.check(db, rotated, old, NOW) == key
    assert await keys.check(db, Keyring({"k2": b"2" * 32}), old, NOW) is None
