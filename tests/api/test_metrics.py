"""What a monitor reads over HTTP: the installation as its database has it, and nobody's name."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from circadia.domain.lanes import LANES
from circadia.scrape import Scrape
from circadia.storage import budget, tokens
from circadia.storage.postgres import Database
from tests.api.conftest import LONGEST_WAIT_S, Api, Serve
from tests.postgres import Server

Samples = dict[tuple[str, ...], float]
"""Values by the sample's name and the values of its labels, in the order of the labels' names."""


async def seen(api: Api) -> Samples:
    """A look that nobody has had before."""
    text = (await Scrape(api.runtime, "all", kept_s=0).text()).decode()
    return read(text)


def read(text: str) -> Samples:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}


@pytest.fixture
async def planned(serve: Serve) -> Api:
    """`alice` on a plan, her copy just fetched, and nobody who goes on with it."""
    api = await serve(SYNC_PLAN="four-a-day")
    await api.connected()
    await api.runtime.jobs.stop_worker()
    return api


async def test_a_member_who_is_well(planned: Api) -> None:
    found = await seen(planned)
    assert found["circadia_database_up",] == found["circadia_schema_current",] == 1
    assert [found["circadia_connections", each] for each in ("connected", "needs_reconnect", "not_connected")] == [
        1,
        0,
        0,
    ]
    assert found["circadia_copy_age_seconds_gcount",] == found["circadia_copy_age_seconds_bucket", "300.0"] == 1
    assert not [each for each in found if each[0] in ("circadia_members_failing", "circadia_rejects")]
    used = found["circadia_budget_used", "day"]
    assert used == sum(found["circadia_budget_taken", lane, "day"] for lane in LANES) > 0
    assert found["circadia_budget_limit", "minute"] == 6000
    assert found["circadia_budget_paused_seconds",] == 0
    assert found["circadia_runs_total", "succeeded", "backfill"] >= 1
    assert found["circadia_database_pool_connections", "idle"] >= 1


async def test_the_age_of_the_last_backup_is_told_once_there_is_one(planned: Api) -> None:
    assert ("circadia_backup_age_seconds",) not in await seen(planned)
    for hours in (49, 2):
        made = planned.clock() - timedelta(hours=hours)
        await planned.db.execute("INSERT INTO backups (made_at, rows, size) VALUES (%s, 10, 1000)", (made,))
    assert (await seen(planned))["circadia_backup_age_seconds",] == 7200
    told = (await planned.get("/api/v1/whoop/status"))["backup"]
    assert told == {"made_at": (planned.clock() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")} | {
        "rows": 10,
        "size": 1000,
    }


async def test_copies_grow_old_one_bucket_after_the_other(planned: Api) -> None:
    planned.clock.advance(7200.5)
    found = await seen(planned)
    assert [found["circadia_copy_age_seconds_bucket", each] for each in ("7200.0", "14400.0", "604800.0")] == [0, 1, 1]
    assert found["circadia_copy_age_seconds_gsum",] == pytest.approx(7200.5, abs=60)
    planned.clock.advance(86_400)
    found = await seen(planned)
    assert found["circadia_due_types",] > 0
    assert 0 < found["circadia_due_oldest_seconds",] < 93_600


async def test_where_nothing_is_asked_for_by_itself_nothing_is_stale(alice: Api) -> None:
    alice.clock.advance(90_000)
    assert not [each for each in await seen(alice) if each[0].startswith(("circadia_copy_age", "circadia_due"))]


async def test_who_wants_to_be_asked_for_is_not_stale(planned: Api) -> None:
    await planned.db.execute(
        "INSERT INTO preferences (user_id, settings, changed_at) VALUES ('alice', '{\"sync\": \"on_request\"}', now())"
    )
    planned.clock.advance(90_000)
    found = await seen(planned)
    assert found["circadia_copy_age_seconds_gcount",] == found["circadia_due_types",] == 0


async def test_what_fails_and_what_needs_somebody(alice: Api) -> None:
    assert (await seen(alice))["circadia_worker_alive",] == 1
    alice.simulator.fault("status", path="/developer", status=503, count=None)
    await alice.sync(types=["sleep", "cycle"])
    assert (await seen(alice))["circadia_members_failing", "upstream_down"] == 1
    (member_id, version), *_ = await alice.db.rows("SELECT member_id, version FROM tokens")
    await tokens.lose(alice.db, member_id, version, "test", alice.clock())
    found = await seen(alice)
    assert found["circadia_connections", "needs_reconnect"] == 1
    assert ("circadia_members_failing", "upstream_down") not in found


async def test_a_pause_and_what_waits(api: Api) -> None:
    await budget.pause(api.db, api.runtime.app, 90, api.clock())
    now = api.clock()
    await api.db.execute("INSERT INTO members (user_id, created_at) VALUES ('bob', %s)", (now,))
    await api.db.execute(
        """INSERT INTO runs (id, member_id, kind, lane, types, state, created_at)
           SELECT gen_random_uuid(), id, 'sync', 'person', '{sleep}', 'queued', %s FROM members""",
        (now - timedelta(minutes=5),),
    )
    await api.db.execute(
        """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state)
           SELECT 'whoop', s, 'sleep.updated', 'x', 1, %s, s FROM unnest('{waiting,parked}'::text[]) AS s""",
        (now - timedelta(minutes=3),),
    )
    found = await seen(api)
    assert found["circadia_budget_paused_seconds",] == 90
    assert found["circadia_runs_open", "sync", "queued"] == 1
    assert found["circadia_run_oldest_seconds", "sync"] == 300
    assert [found["circadia_deliveries", each] for each in ("waiting", "parked", "unknown")] == [1, 1, 0]
    assert found["circadia_delivery_oldest_seconds",] == found["circadia_webhook_age_seconds",] == 180


async def test_a_look_is_good_for_a_moment(api: Api, db: Database) -> None:
    scrape = Scrape(api.runtime, "all", kept_s=60)
    before = await scrape.text()
    await db.execute("INSERT INTO members (user_id, created_at) VALUES ('bob', now())")
    await db.execute(
        """INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at)
           SELECT id, 1, 'connected', '{}', now(), now() FROM members"""
    )
    line = b'circadia_connections{state="connected"} '
    assert line + b"0.0" in before
    assert line + b"0.0" in await scrape.text()
    assert line + b"1.0" in await Scrape(api.runtime, "all").text()


async def test_a_database_that_is_away_is_told_and_nothing_old_with_it(
    serve: Serve, postgres_server: Server, database_url: str
) -> None:
    api = await serve(worker=False)
    with postgres_server.away(database_url):
        found = read((await api.http.get("/metrics")).text)
        assert found["circadia_database_up",] == 0
        assert not [each for each in found if each[0] in ("circadia_schema_current", "circadia_connections")]
    async with asyncio.timeout(LONGEST_WAIT_S):
        while (await seen(api))["circadia_database_up",] == 0:
            await asyncio.sleep(0.1)


async def test_another_schema_is_not_read(api: Api) -> None:
    await api.db.execute("UPDATE alembic_version SET version_num = '0000'")
    found = await seen(api)
    assert (found["circadia_database_up",], found["circadia_schema_current",]) == (1, 0)
    assert not [each for each in found if each[0] == "circadia_connections"]


async def test_a_newer_schema_is_read_as_it_is_worked_on(planned: Api) -> None:
    made = planned.clock() - timedelta(hours=2)
    await planned.db.execute("INSERT INTO backups (made_at, rows, size) VALUES (%s, 10, 1000)", (made,))
    await planned.db.execute("UPDATE alembic_version SET version_num = '9999'")
    found = await seen(planned)
    assert (found["circadia_schema_current",], found["circadia_backup_age_seconds",]) == (0, 7200)
    assert found["circadia_connections", "connected"] == 1


async def test_a_database_without_a_schema_is_told(serve: Serve) -> None:
    """As before the first `circadia db upgrade`, where the start does none."""
    api = await serve(worker=False)
    await api.db.execute("DROP TABLE alembic_version")
    found = read((await api.http.get("/metrics")).text)
    assert (found["circadia_database_up",], found["circadia_schema_current",]) == (1, 0)
    assert not [each for each in found if each[0] == "circadia_connections"]


async def test_nobody_listens_any_more_after_an_error(api: Api) -> None:
    scrape = Scrape(api.runtime, "all")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(RuntimeError):
        async with scrape.served("127.0.0.1", port):
            raise RuntimeError
    async with scrape.served("127.0.0.1", port), httpx2.AsyncClient() as http:
        assert "circadia_database_up 1.0" in (await http.get(f"http://127.0.0.1:{port}/metrics")).text


async def test_a_method_that_nobody_knows_has_no_label_of_its_own(api: Api) -> None:
    await api.http.request("BREW", "/health")
    found = await seen(api)
    counted = {each[1] for each in found if each[0] == "circadia_http_request_seconds_count"}
    assert "other" in counted
    assert "BREW" not in counted
