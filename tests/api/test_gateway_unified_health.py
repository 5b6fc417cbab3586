"""The unified-health routes and their error envelope, over both sources at the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from circadia.gateway.breaker import THRESHOLD
from tests.api.conftest import Serve
from tests.api.gateway_stage import Both, both
from tests.api.test_openapi import missing_in
from tests.gateway.goldens import golden

OVERVIEW = "/api/v1/unified-health/overview"
_SCORES = ("readiness_score", "activity_score", "sleep_score", "mental_wellbeing_score", "wellbeing_score")


def enveloped(answer: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """The envelope of an error, checked for what all of them have."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"error", "type", "timestamp", "request_id"}
    assert body["type"] == kind
    assert len(body["error"].split()) > 2
    assert datetime.fromisoformat(body["timestamp"]).utcoffset() == datetime.now(UTC).utcoffset()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


async def test_the_overview_has_sahhas_scores_and_whoops_figures(serve: Serve) -> None:
    stage = await both(serve)
    body = await stage.ask(f"{OVERVIEW}/alice", period="yesterday")
    assert set(body) == set(golden("overview"))
    assert missing_in({**golden("overview"), "errors": []}, body) == []
    assert (body["period"], body["date"], body["data_sources"]) == ("yesterday", "2026-11-19", ["sahha", "whoop"])
    told = {
        f"{each['type']}_score": round(each["score"] * 100)
        for each in stage.sahha.truth("alice")["scores"]
        if each["scoreDateTime"].startswith("2026-11-19")
    }
    assert {name: body[name] for name in _SCORES} == told
    (row,) = (await stage.ask("/internal/data/recovery/alice", date="2026-11-19"))["data"]
    assert body["whoop_summary"]["recovery_score"] == row["recovery_score"]
    assert body["enhanced_with_whoop"]
    assert all(each >= 0 for each in body["processing_stats"].values())


async def test_periods(serve: Serve) -> None:
    stage = await both(serve, connected=False)

    async def scores(period: str) -> tuple[str, ...]:
        body = await stage.ask(f"{OVERVIEW}/bob", period=period)
        assert body["period"] == period
        return (body["date"], *(body[name] for name in _SCORES))

    assert await scores("yesterday") == await scores("2026-11-19") == await scores("11/19/2026")
    assert await scores("today") == await scores("2026-11-20")
    slips = ("2026-11-31", "2026-1-1", "11-19-2026", "0001-01-01")
    for bad in ("tomorrow", "19/11/2026", "", "2026-11-22", "\u0662", *slips):
        enveloped(
            await stage.api.http.get(f"{OVERVIEW}/bob", params={"period": bad}),
            400,
            "validation_error",
        )


async def test_without_whoop_it_is_as_if_there_were_none(serve: Serve) -> None:
    stage = await both(serve)
    whole = await stage.ask(f"{OVERVIEW}/alice", period="yesterday")
    alone = await stage.ask(f"{OVERVIEW}/alice", period="yesterday", include_whoop="false")
    assert (alone["whoop_data"], alone["whoop_summary"], alone["enhanced_with_whoop"]) == (None, None, False)
    assert alone["data_sources"] == ["sahha"]
    assert {name: alone[name] for name in _SCORES} == {name: whole[name] for name in _SCORES}


async def test_bad_input_is_400_and_strangers_are_401(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    http = stage.api.http
    for path in (
        f"{OVERVIEW}/sources",
        f"{OVERVIEW}/bob?include_whoop=perhaps",
        "/api/v1/unified-health/sources/detailed",
    ):
        enveloped(await http.get(path), 400, "validation_error")
    for path in (f"{OVERVIEW}/bob", "/api/v1/health/detailed", "/api/v1/unified-health/health/whoop"):
        enveloped(await stage.api.anonymous.get(path), 401, "no_key")
    enveloped(await http.get("/api/v1/unified-health/nothing/here/at/all"), 404, "no_such_route")
    enveloped(await http.post(f"{OVERVIEW}/bob"), 405, "method_not_allowed")
    enveloped(
        await http.post("/api/v1/unified-health/connect/whoop/bob", params={"redirect_url": "https://evil.example"}),
        400,
        "validation_error",
    )


async def test_a_user_whom_no_source_knows_is_404(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    enveloped(await stage.api.http.get(f"{OVERVIEW}/nobody"), 404, "user_not_connected")


async def test_sahha_down_with_nothing_stored_and_no_whoop_is_503(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    stage.sahha_is_down()
    answer = await stage.api.http.get(f"{OVERVIEW}/bob")
    enveloped(answer, 503, "sahha_service_error")
    assert answer.headers["retry-after"] == "2"
    for n in range(THRESHOLD):
        await stage.api.http.get(f"{OVERVIEW}/bob", params={"period": f"2026-11-{10 + n}"})
    answer = await stage.api.http.get(f"{OVERVIEW}/bob")
    enveloped(answer, 503, "sahha_service_error")
    assert answer.headers["retry-after"] == "30"
    detailed = await stage.ask("/api/v1/health/detailed")
    assert detailed["status"] == "degraded"
    assert detailed["sahha_integration"]["circuit_open"]
    assert detailed["sahha_integration"]["failure_count"] >= THRESHOLD


async def test_what_is_stored_is_told_while_sahha_is_down(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    before = await stage.ask(f"{OVERVIEW}/bob", period="yesterday")
    stage.sahha_is_down()
    stage.api.clock.advance(3 * 3600)
    after = await stage.ask(f"{OVERVIEW}/bob", period="yesterday")
    assert {name: after[name] for name in _SCORES} == {name: before[name] for name in _SCORES}
    assert after["sources"]["sahha"]["status"] == "unavailable"
    assert after["errors"][0].startswith("Sahha: ")


async def test_sahha_down_leaves_whoops_part(serve: Serve) -> None:
    stage = await both(serve)
    stage.sahha_is_down()
    body = await stage.ask(f"{OVERVIEW}/alice", period="yesterday")
    assert body["data_sources"] == ["whoop"]
    assert body["whoop_summary"]["recovery_score"] is not None
    assert [body[name] for name in _SCORES] == [None] * 5


async def test_sources_and_connecting(serve: Serve) -> None:
    stage = await both(serve)
    body = await stage.ask("/api/v1/unified-health/sources/alice")
    assert body["whoop"]["status"] == body["sahha"]["status"] == "connected"
    assert body["whoop"]["connection_date"]
    alone = await stage.ask("/api/v1/unified-health/sources/bob")
    assert alone["whoop"] == {"available": False, "status": "not_connected", "connection_date": None}
    answer = await stage.api.http.post("/api/v1/unified-health/connect/whoop/bob")
    assert answer.status_code == 200
    assert set(answer.json()) == {"authorization_url", "instructions", "expires_in"}
    assert answer.json()["expires_in"] == 600


async def test_how_the_sources_do(serve: Serve) -> None:
    stage = await both(serve)
    await stage.ask(f"{OVERVIEW}/alice")
    whoop = await stage.ask("/api/v1/unified-health/health/whoop")
    assert missing_in(golden("whoop_health"), whoop) == []
    assert (whoop["whoop_service"], whoop["circuit_breaker_status"]) == ("available", "closed")
    assert whoop["last_successful_request"]
    detailed = await stage.ask("/api/v1/health/detailed")
    assert missing_in(golden("detailed"), detailed) == []
    assert detailed["status"] == "healthy"
    assert detailed["whoop_integration"]["service_reachable"] is True


class _Elsewhere:
    """A WHOOP service of its own behind the wire, that answers with a status."""

    def __init__(self, status: int, body: Any = None) -> None:
        self.status, self.body = status, body

    def __call__(self, _request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self.status, json=self.body or {})


@pytest.fixture
async def elsewhere(serve: Serve) -> Both:
    """A gateway whose WHOOP service is another process that only fails."""
    stage = await both(
        serve,
        connected=False,
        WHOOP_SERVICE_URL="http://whoop-service.example",
        WHOOP_SERVICE_API_KEY="key-of-the-whoop-service",
    )
    stage.api.wire.others["whoop-service.example"] = httpx2.MockTransport(_Elsewhere(500))
    return stage


async def test_connecting_while_the_whoop_service_is_down_is_503(elsewhere: Both) -> None:
    http = elsewhere.api.http
    path = "/api/v1/unified-health/connect/whoop/bob"
    for _ in range(THRESHOLD):
        enveloped(await http.post(path), 503, "whoop_service_error")
    answer = await http.post(path)
    enveloped(answer, 503, "service_unavailable")
    assert answer.headers["retry-after"] == "30"
    older = await http.post("/api/v1/whoop/connect/bob", params={"redirect_url": "x"})
    assert (older.status_code, older.json()["detail"]) == (400, "Unable to initiate Whoop connection")
    assert older.headers["retry-after"] == "30"
    assert (await elsewhere.ask("/api/v1/unified-health/health/whoop"))["circuit_breaker_status"] == "open"
    assert (await elsewhere.ask("/api/v1/health/sources/bob"))["recommendations"] == []
    unknown = await elsewhere.ask(f"{OVERVIEW}/nobody")
    assert {name: each["status"] for name, each in unknown["sources"].items()} == {
        "sahha": "not_connected",
        "whoop": "circuit_open",
    }
    assert unknown["completeness"] is None
    sources = await elsewhere.ask("/api/v1/unified-health/sources/bob")
    assert (sources["whoop"]["status"], sources["whoop"]["available"]) == ("circuit_open", False)


async def test_a_bug_is_in_the_envelope_too(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    await stage.api.db.execute("DROP TABLE identities CASCADE")
    body = enveloped(await stage.api.http.get(f"{OVERVIEW}/bob"), 500, "data_merge_error")
    assert "identities" not in body["error"]
