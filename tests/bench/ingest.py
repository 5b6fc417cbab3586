"""Two years of one member from a WHOOP that answers at once: our road to ready day documents against a minimal loop.

The minimal loop asks the four collections side by side, flattens by hand and stores each page with one statement. It
encrypts nothing, counts no budget, notes no changes and builds no documents.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
import orjson
import psycopg

from circadia.clients.http import USER_AGENT
from circadia.domain.catalog import COLLECTIONS, RecordType
from circadia.storage import tokens
from tests.bench import place

_ROUNDS = 5
_DAYS = 730


async def run() -> None:
    """Print records a second of both, and the ratio of the medians."""
    simulator = place.whoop(people=1, days=_DAYS)
    whoop_user_id = simulator.state.world.user_ids[0]
    truth = simulator.truth(whoop_user_id)
    total = sum(len(truth[each.name]) for each in COLLECTIONS)
    floor = sum(-(-len(truth[each.name]) // 25) for each in COLLECTIONS)
    ours, minimal, requests = [], [], 0
    with place.server() as url, place.listening(people=1, days=_DAYS) as base:
        for number in range(_ROUNDS):
            async with place.product(url, simulator, base) as runtime:
                grant = await place.connect(runtime, simulator, f"member-{number}", whoop_user_id)
                began = time.perf_counter()
                report = await runtime.engine.backfill(grant, "backfill")
                ours.append(total / (time.perf_counter() - began))
                requests = sum(each.requests for each in report.outcomes.values())
                assert not report.errors, report.errors
                token = await tokens.load(runtime.db, runtime.keyring, grant.member_id)
                assert token is not None
                minimal.append(total / await _minimal(url, base, token.access))
                await runtime.db.execute("DELETE FROM members")
    best, least = sorted(ours)[_ROUNDS // 2], sorted(minimal)[_ROUNDS // 2]
    print(f"{total} records; ours {best:,.0f}/s, minimal loop {least:,.0f}/s, ratio {best / least:.2f} (at least 0.2)")
    print(f"requests: {requests} for a floor of {floor}, plus at most {len(COLLECTIONS)}")


async def _minimal(url: str, base: str, access: str) -> float:
    headers = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {access}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        connections = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in COLLECTIONS]
        for connection, type_ in zip(connections, COLLECTIONS, strict=True):
            await connection.execute(f"DROP TABLE IF EXISTS minimal_{type_.name}".encode())
            await connection.execute(
                f"CREATE TABLE minimal_{type_.name} "
                "(key text PRIMARY KEY, updated_at timestamptz, flat jsonb, raw jsonb)".encode()
            )
        began = time.perf_counter()
        pairs = zip(connections, COLLECTIONS, strict=True)
        await asyncio.gather(*(_walk(http, base, connection, type_) for connection, type_ in pairs))
        taken = time.perf_counter() - began
        for connection in connections:
            await connection.close()
    return taken


async def _walk(
    http: httpx2.AsyncClient, base: str, connection: psycopg.AsyncConnection[Any], type_: RecordType
) -> None:
    statement = (
        f"INSERT INTO minimal_{type_.name} "
        "SELECT r ->> 'key', (r ->> 'updated_at')::timestamptz, r -> 'flat', r -> 'raw' "
        "FROM jsonb_array_elements(%s::jsonb) r "
        "ON CONFLICT (key) DO UPDATE SET flat = excluded.flat, raw = excluded.raw"
    ).encode()
    parameters = {"limit": "25", "end": place.EPOCH.isoformat().replace("+00:00", "Z")}
    while True:
        response = await http.get(f"{base}/developer{type_.path}", params=parameters)
        body = orjson.loads(response.content)
        page = [
            {
                "key": str(each[type_.key]),
                "updated_at": each["updated_at"],
                "flat": {
                    **{name: value for name, value in each.items() if name != "score"},
                    **(each.get("score") or {}),
                },
                "raw": each,
            }
            for each in body["records"]
        ]
        await connection.execute(statement, (orjson.dumps(page).decode(),))
        if not body.get("next_token"):
            return
        parameters["nextToken"] = body["next_token"]
