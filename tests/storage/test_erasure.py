"""What goes with a user who is erased: also what was kept under their own id before they were somebody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from circadia.domain.identities import Identity
from circadia.storage import erasure, identities, sahha
from circadia.storage.postgres import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("claimed_by", "left"),
    [(None, {"carol"}), (Identity("dave", "bob", "bob"), {"bob", "carol"})],
    ids=["nobody else's", "another user's"],
)
async def test_an_erase_takes_what_was_kept_before_the_user_was_mapped(
    db: Database, claimed_by: Identity | None, left: set[str]
) -> None:
    for each in ("alice", "bob", "carol"):
        await db.execute("INSERT INTO whoop_links (whoop_id, linked, heard_at) VALUES (%s, true, %s)", (each, NOW))
        async with db.begin() as connection:
            profile = await sahha.profile_id(connection, each, NOW)
            await sahha.hear(connection, profile, NOW, values=True, logs=False)
    await identities.put(db, Identity("bob", "alice", "alice"), NOW)
    if claimed_by is not None:
        await identities.put(db, claimed_by, NOW)
    assert await erasure.erase_user(db, await identities.resolve(db, "bob"))
    assert {each for (each,) in await db.rows("SELECT external_id FROM sahha_profiles")} == left
    assert {each for (each,) in await db.rows("SELECT whoop_id FROM whoop_links")} == left
