"""Disconnecting: WHOOP's end too, with the data kept or nothing left in any table."""

from __future__ import annotations

import pytest

from circadia.domain.catalog import CATALOG
from circadia.errors import NotFound
from circadia.storage import deliveries, members
from circadia.storage.deliveries import Delivery
from tests import simulated
from tests.conftest import NewStage
from tests.simulated import US, Stage


async def filled(stage: NewStage) -> Stage:
    """Two members with a row in every table that can hold one."""
    here = await stage(members=2, days=30)
    other = await simulated.connect(here.runtime, here.simulator, "bob", here.simulator.state.world.user_ids[1])
    for grant in (here.grant, other.grant):
        await here.runtime.engine.backfill(grant, "backfill")
        await here.runtime.engine.sync(grant, CATALOG, "person")
        await here.runtime.connections.begin(grant.user_id)
        event = Delivery(f"trace-{grant.user_id}", "sleep.updated", "x", grant.whoop_user_id, here.clock())
        await deliveries.store(here.db, "whoop", [event])
        async with here.db.begin() as connection:
            await members.note_everything(connection, grant.member_id)
        await here.db.execute(
            "INSERT INTO journal_entries (member_id, cycle_start, question, timezone_offset, answered_yes, raw, "
            "fetched_at) VALUES (%s, now(), 'q', 'Z', true, '{}', now())",
            (grant.member_id,),
        )
        await here.db.execute(
            "INSERT INTO rejects (member_id, type, digest, raw, error, version, fetched_at, first_seen_at, "
            "last_seen_at) VALUES (%s, 'sleep', '\\x00', '{}', 'e', '0', now(), now(), now())",
            (grant.member_id,),
        )
    return here


async def rows_of(here: Stage, member_id: int, account: int, user_id: str) -> dict[str, int]:
    """Rows about a member by table, for every table that names members, WHOOP accounts or users; what was done stays
    written down."""
    found = {}
    for column, value in (("member_id", member_id), ("whoop_user_id", account), ("user_id", user_id)):
        tables = await here.db.rows(
            "SELECT table_name FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, "
            "table_name) WHERE column_name = %s AND table_schema = 'public' AND table_type = 'BASE TABLE' "
            "AND table_name <> 'audit'",
            (column,),
        )
        for (table,) in tables:
            count = await here.db.row(f"SELECT count(*) FROM {table} WHERE {column}::text = %s", (str(value),))
            assert count is not None
            found[f"{table}.{column}"] = count[0]
    return found


async def test_erase_leaves_nothing_in_any_table(stage: NewStage) -> None:
    here = await filled(stage)
    member_id, account = here.grant.member_id, here.account
    before = await rows_of(here, member_id, account, "alice")
    assert {
        "members.user_id", "connections.member_id", "tokens.member_id", "cycles.member_id", "days.member_id",
        "rejects.member_id", "sync_states.member_id", "runs.member_id", "deliveries.whoop_user_id",
        "journal_entries.member_id", "authorizations.user_id", "day_changes.member_id",
    } <= {table for table, count in before.items() if count}  # fmt: skip
    other = await members.grant_of_user(here.db, "bob")
    assert other is not None
    others = await rows_of(here, other.member_id, other.whoop_user_id, "bob")
    ended = await here.runtime.connections.disconnect("alice", "erase", by=US)
    assert ended == {"user_id": "alice", "connected": False, "revoked_at_whoop": True, "data": "erase"}
    assert set((await rows_of(here, member_id, account, "alice")).values()) == {0}
    assert await rows_of(here, other.member_id, other.whoop_user_id, "bob") == others
    assert [each.user_id for each in here.simulator.state.grants.lineages] == [other.whoop_user_id]


async def test_the_account_is_free_for_another_member_after_an_erase(stage: NewStage) -> None:
    here = await stage()
    await here.runtime.connections.disconnect("alice", "erase", by=US)
    finished = await simulated.connect(here.runtime, here.simulator, "bob", here.account)
    assert finished.grant.user_id == "bob"


async def test_keep_keeps_the_data_and_ends_the_grant(stage: NewStage) -> None:
    here = await stage(days=30)
    await here.backfill()
    cycles = await here.db.row("SELECT count(*) FROM cycles WHERE member_id = %s", (here.grant.member_id,))
    ended = await here.runtime.connections.disconnect("alice", "keep", by=US)
    assert ended["revoked_at_whoop"] is True
    status = await here.runtime.connections.status("alice")
    assert (status["connected"], status["state"]) == (False, "not_connected")
    assert status["token_expires_at"] is None
    assert await here.db.row("SELECT count(*) FROM tokens WHERE member_id = %s", (here.grant.member_id,)) == (0,)
    assert await here.db.row("SELECT count(*) FROM cycles WHERE member_id = %s", (here.grant.member_id,)) == cycles
    finished = await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    here.grant = finished.grant
    here.clock.advance(60)
    await here.sync()
    assert await here.differences() == []


@pytest.mark.parametrize("data", ["keep", "erase"])
async def test_whoop_being_away_does_not_hold_up_the_local_end(stage: NewStage, data: str) -> None:
    here = await stage()
    here.fault("status", path="/developer/v2/user/access", method="DELETE", count=None, status=503)
    ended = await here.runtime.connections.disconnect("alice", data, by=US)  # type: ignore[arg-type]
    assert ended["revoked_at_whoop"] is False
    assert (await here.runtime.connections.status("alice"))["connected"] is False
    assert await here.db.row("SELECT count(*) FROM tokens") == (0,)


async def test_an_answer_to_the_revocation_that_is_not_documented(stage: NewStage) -> None:
    here = await stage()
    here.fault("status", path="/developer/v2/user/access", method="DELETE", status=418)
    assert (await here.runtime.connections.disconnect("alice", "keep", by=US))["revoked_at_whoop"] is False


@pytest.mark.parametrize("data", ["keep", "erase"])
async def test_nobody_to_disconnect(stage: NewStage, data: str) -> None:
    here = await stage()
    with pytest.raises(NotFound):
        await here.runtime.connections.disconnect("nobody", data, by=US)  # type: ignore[arg-type]


async def test_erasing_after_a_disconnect(stage: NewStage) -> None:
    here = await filled(stage)
    await here.runtime.connections.disconnect("alice", "keep", by=US)
    ended = await here.runtime.connections.disconnect("alice", "erase", by=US)
    assert ended["revoked_at_whoop"] is False
    assert set((await rows_of(here, here.grant.member_id, here.account, "alice")).values()) == {0}
