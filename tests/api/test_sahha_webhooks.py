"""Sahha's webhooks: who may send one, what is kept of it, and that copies and their order do not matter."""

from __future__ import annotations

import json
from datetime import date
from itertools import permutations
from typing import Any

import httpx2
import orjson
import pytest

from circadia.clients.sahha.webhooks import LARGEST, sign
from circadia.storage import sahha, sahha_rows
from tests.api.conftest import Api, Serve
from tests.api.table import problem
from tests.clients.sahha.sahha import read
from tests.gateway.sahha_wire import biomarker, score

HOOK = "/webhooks/sahha"
SECRET = "demo-webhook-secret"
DAY = date(2026, 11, 20)
SCORE, BIOMARKER, LOG = (f"{each}IntegrationEvent" for each in ("ScoreCreated", "BiomarkerCreated", "DataLogReceived"))

Headers = dict[str, str] | list[tuple[str, str]]


@pytest.fixture
async def api(serve: Serve) -> Api:
    """The application with a webhook's secret, and nobody to ask."""
    return await serve(worker=False, SAHHA_WEBHOOK_SECRET=SECRET)


def signed(body: bytes, event: str = BIOMARKER, person: str = "ana", secret: str = SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json", "X-Signature": sign(secret, body), "X-Event-Type": event,
        "X-External-Id": person,
    }  # fmt: skip


async def send(api: Api, told: Any, event: str = BIOMARKER, person: str = "ana") -> httpx2.Response:
    body = orjson.dumps(told)
    return await api.anonymous.post(HOOK, content=body, headers=signed(body, event, person))


async def steps(api: Api, person: str = "ana") -> list[str]:
    standing = await sahha.standing(api.db, person, ("biomarker",), DAY, DAY, api.clock())
    found = await sahha_rows.read(api.db, standing.id, "biomarker", DAY, DAY) if standing else []
    return [each.raw["value"] for each in found]


async def count(api: Api, table: str) -> int:
    found = await api.db.row(f"SELECT count(*) FROM sahha_{table}")
    return int(found[0]) if found else 0


async def test_sahha_s_own_examples(api: Api) -> None:
    for example in read("webhooks.json"):
        body = example["raw_body"].encode()
        for _ in range(2):
            answer = await api.anonymous.post(HOOK, content=body, headers=example["headers"])
            assert (answer.status_code, answer.content) == (204, b"")
    assert [await count(api, each) for each in ("profiles", "scores", "biomarkers", "archetypes")] == [1, 1, 1, 1]
    assert [await count(api, each) for each in ("deliveries", "rejects")] == [len(read("webhooks.json")), 0]


async def test_anything_else_is_refused_and_not_kept(api: Api) -> None:
    body = orjson.dumps(biomarker(DAY, "steps", "1"))
    good = signed(body)
    bare = {name: value for name, value in good.items() if name != "X-Signature"}
    refused: list[tuple[bytes, Headers]] = [
        (body + b" ", good),
        (body, bare),
        (body, bare | {"X-Signature": ""}),
        (body, bare | {"X-Signature": good["X-Signature"].upper()}),
        (body, bare | {"X-Signature": good["X-Signature"][:-1]}),
        (body, signed(body, secret="another")),
        (body, [*good.items(), ("X-Signature", good["X-Signature"])]),
    ]
    for content, given in refused:
        problem(await api.anonymous.post(HOOK, content=content, headers=given), 401, "invalid_signature")
    large = b'"' + b"x" * LARGEST + b'"'
    problem(await api.anonymous.post(HOOK, content=large, headers=signed(large)), 413, "body_too_large")
    problem(await send(api, biomarker(DAY, "steps", "1"), "SomethingElseIntegrationEvent"), 422, "unknown_webhook")
    doubled = [*good.items(), ("X-Event-Type", SCORE)]
    problem(await api.anonymous.post(HOOK, content=body, headers=doubled), 422, "unknown_webhook")
    for unreadable in (b"", b"{", b"7", b"[7]", b"[]"):
        given = signed(unreadable)
        problem(await api.anonymous.post(HOOK, content=unreadable, headers=given), 422, "invalid_request")
    problem(await send(api, biomarker(DAY, "steps", "1"), person=""), 422, "invalid_request")
    assert [await count(api, each) for each in ("profiles", "deliveries", "biomarkers")] == [0, 0, 0]


async def test_without_a_secret_nothing_can_be_verified(serve: Serve) -> None:
    api = await serve(worker=False)
    problem(await send(api, biomarker(DAY, "steps", "1")), 503, "sahha_not_configured")


async def test_copies_and_their_order_do_not_matter(api: Api) -> None:
    copies = [
        biomarker(DAY, "steps", "100", createdAtUtc="2026-11-20T09:00:00Z", periodicity="intraday"),
        biomarker(DAY, "steps", "200", createdAtUtc="2026-11-20T10:00:00Z", periodicity="intraday"),
        biomarker(DAY, "steps", "300", createdAtUtc="2026-11-20T11:00:00Z"),
    ]
    for person, order in enumerate(permutations(copies)):
        for told in (*order, *order[:2]):
            api.clock.advance(1)
            assert (await send(api, told, person=str(person))).status_code == 204
        assert await steps(api, str(person)) == ["300"], order
    assert await count(api, "deliveries") == 3 * 6


async def test_a_list_is_read_element_by_element_and_what_cannot_be_read_waits_for_an_upgrade(api: Api) -> None:
    odd = biomarker(DAY, "floors_climbed", "7") | {"startDateTime": "once upon a time"}
    assert (await send(api, [biomarker(DAY, "steps", "1"), odd])).status_code == 204
    assert (await steps(api), await count(api, "rejects")) == (["1"], 1)
    assert await api.runtime.sahha.retry_rejects() == 0

    # an older version may have refused what this one can read
    readable = json.dumps(odd | {"startDateTime": "2026-11-20T00:00:00+00:00"})
    await api.db.execute("UPDATE sahha_rejects SET version = '0', raw = %s", (readable,))
    assert (await send(api, odd | {"value": "8"})).status_code == 204
    await api.db.execute("UPDATE sahha_rejects SET version = '0'")
    assert await api.runtime.sahha.retry_rejects() == 1
    assert await api.runtime.sahha.retry_rejects() == 0
    assert (sorted(await steps(api)), await count(api, "rejects")) == (["1", "7"], 1)


async def test_values_are_heard_of_and_raw_data_make_today_stale(api: Api) -> None:
    async def standing() -> sahha.Standing:
        found = await sahha.standing(api.db, "ana", ("score",), DAY, DAY, api.clock())
        assert found is not None
        return found

    assert (await send(api, score(DAY, 0), SCORE)).status_code == 204
    heard = api.clock()
    assert ((await standing()).heard_at, (await standing()).as_of) == (heard, heard)
    async with api.db.begin() as connection:
        await sahha.fetched(connection, (await standing()).id, "score", DAY, DAY, heard, records=True)
    api.clock.advance(60)
    assert (await standing()).asked["score"].stale(DAY, DAY, api.clock()) == []
    assert (await send(api, {"logType": "activity", "dataLogs": []}, LOG)).status_code == 204
    assert (await standing()).asked["score"].stale(DAY, DAY, api.clock()) == [DAY]
    assert (await standing()).heard_at == heard
