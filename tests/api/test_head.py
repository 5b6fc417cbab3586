"""HEAD is GET without the body, wherever there is a GET."""

from __future__ import annotations

import asyncio

import httpx2

from tests.api.conftest import LONGEST_WAIT_S, Api, Serve
from tests.api.gateway_stage import both
from tests.api.table import OLDER, ROUTES

ITS_OWN = ("x-request-id",)
TIMED = {"/metrics", "/api/v1/whoop/runs/{run_id}/events"}


def headers(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ITS_OWN}


async def test_wherever_there_is_a_get(serve: Serve) -> None:
    """Keys, statuses, envelopes and lengths are those of the GET."""
    stage = await both(serve)
    for route in (*ROUTES, *OLDER):
        if route.method != "GET":
            continue
        for client in (stage.api.http, stage.api.anonymous):
            get, head = await client.get(route.url()), await client.head(route.url())
            assert (head.status_code, head.content) == (get.status_code, b""), route
            told, wanted = headers(head), headers(get)
            if route.path in TIMED or "total_time_ms" in get.text:
                told, wanted = set(told), set(wanted)  # type: ignore[assignment]
            assert told == wanted, route


async def test_a_stream_is_not_waited_for(alice: Api) -> None:
    """The events of a run that does not end."""
    await alice.runtime.jobs.stop_worker()
    alice.clock.advance(3600)
    run = (await alice.http.post("/api/v1/whoop/sync/alice", json={})).json()
    async with asyncio.timeout(LONGEST_WAIT_S):
        answer = await alice.http.head(run["events_url"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in answer.headers
    days = await alice.http.head("/api/v1/whoop/days/alice?from=2026-11-01&to=2026-11-20")
    assert (days.status_code, days.content) == (200, b"")


async def test_where_there_is_no_get_there_is_no_head(api: Api) -> None:
    answer = await api.http.head("/internal/auth/callback")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", "POST")
    assert (await api.http.head("/nowhere")).status_code == 404
    refused = await api.http.put("/health")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_a_bug_is_a_500_without_a_body(api: Api) -> None:
    await api.db.execute("DROP TABLE days CASCADE")
    answer = await api.http.head("/api/v1/whoop/daily-data/alice")
    assert (answer.status_code, answer.content) == (500, b"")
