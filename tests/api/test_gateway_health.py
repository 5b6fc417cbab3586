"""The combined health routes, over both sources at the wire."""

from __future__ import annotations

from tests.api.conftest import Serve
from tests.api.gateway_stage import both
from tests.api.test_openapi import missing_in
from tests.gateway.goldens import golden


async def test_both_sources_in_one_answer(serve: Serve) -> None:
    stage = await both(serve)
    body = await stage.ask("/api/v1/health/alice", days=3)
    assert missing_in(golden("health") | {"data": golden("health")["data"] | {"errors": []}}, body) == []
    data = body["data"]
    assert (body["success"], data["days"], data["from"], data["to"]) == (True, 3, "2026-11-18", "2026-11-20")
    assert data["sources"]["sahha"]["available"]
    assert {each["id"] for each in data["sources"]["sahha"]["scores"]} <= {
        each["id"] for each in stage.sahha.truth("alice")["scores"]
    }
    told = (await stage.ask("/internal/data/all/alice", **{"from": data["from"], "to": data["to"]}))["recovery"]
    assert data["sources"]["whoop"]["recovery"]["data"] == told["data"]
    assert data["combined"]["recovery_readiness"] == told["latest"]["recovery_score"]
    assert all(0 <= data["combined"][name] <= 100 for name in data["combined"])
    assert data["errors"] == []


async def test_a_user_of_one_source(serve: Serve) -> None:
    stage = await both(serve)
    data = (await stage.ask("/api/v1/health/bob"))["data"]
    assert data["days"] == 7
    assert data["sources"]["whoop"] == {"available": False, "reason": "not_connected"}
    assert data["sources"]["sahha"]["available"]
    assert data["combined"]["data_completeness"] == 75
    nobody = (await stage.ask("/api/v1/health/nobody"))["data"]
    assert nobody["sources"]["sahha"] == {"available": False, "reason": "not_connected"}
    assert nobody["combined"]["overall_score"] is None
    assert nobody["errors"] == []


async def test_sahha_down_is_told_and_hides_nothing(serve: Serve) -> None:
    stage = await both(serve)
    stage.sahha_is_down()
    data = (await stage.ask("/api/v1/health/alice"))["data"]
    assert data["sources"]["sahha"]["available"] is False
    assert data["sources"]["sahha"]["state"] == "unavailable"
    assert data["sources"]["whoop"]["recovery"] is not None
    assert [each.partition(":")[0] for each in data["errors"]] == ["Sahha"]


async def test_without_the_integration_the_answer_is_that_of_a_user_without_whoop(serve: Serve) -> None:
    stage = await both(serve, connected=False, ENABLE_WHOOP_INTEGRATION="false")
    off = await stage.ask("/api/v1/health/bob")
    sources = await stage.ask("/api/v1/health/sources/bob")
    on = await both(serve, connected=False)
    assert await on.ask("/api/v1/health/bob") == off
    assert await on.ask("/api/v1/health/sources/bob") == sources


async def test_sources_at_both_addresses(serve: Serve) -> None:
    stage = await both(serve)
    body = await stage.ask("/api/v1/health/sources/alice")
    assert body == await stage.ask("/api/v1/health/alice/sources")
    assert body["available_sources"] == {"sahha": True, "whoop": True}
    alone = await stage.ask("/api/v1/health/sources/bob")
    assert alone["available_sources"] == {"sahha": True, "whoop": False}
    assert len(alone["recommendations"]) == 2


async def test_connecting(serve: Serve) -> None:
    stage = await both(serve, connected=False, REDIRECT_URLS="https://app.example/done")
    answer = await stage.api.http.post("/api/v1/whoop/connect/bob", params={"redirect_url": "https://app.example/done"})
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"success", "user_id", "authorization_url", "expires_in"}
    assert (body["success"], body["user_id"], body["expires_in"]) == (True, "bob", 600)
    assert "redirect_uri=" in body["authorization_url"]

    refused = await stage.api.http.post("/api/v1/whoop/connect/bob", params={"redirect_url": "https://evil.example"})
    assert refused.status_code == 400
    assert refused.json()["detail"] == "Unable to initiate Whoop connection"
    assert "Where the WHOOP service runs, add it to REDIRECT_URLS" in refused.json()["reason"]
    assert "retry-after" not in refused.headers


async def test_errors_are_details(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    for days in ("0", "31", "x"):
        body = await stage.ask("/api/v1/health/alice", 422, days=days)
        (found,) = body["detail"]
        assert found["loc"] == ["query", "days"]
        assert set(found) == {"loc", "msg", "type"}
    missing = await stage.api.http.post("/api/v1/whoop/connect/alice")
    assert (missing.status_code, missing.json()["detail"][0]["loc"]) == (422, ["query", "redirect_url"])
    for path in ("/api/v1/health/sources", "/api/v1/health/detailed/sources", "/api/v1/health/-x"):
        assert isinstance((await stage.ask(path, 422))["detail"], str), path
    assert set(await stage.ask("/api/v1/health/alice/nothing/here", 404)) == {"detail"}
    for path in ("/api/v1/health/alice", "/api/v1/health/sources/alice"):
        stranger = await stage.api.anonymous.get(path)
        assert stranger.status_code == 401
        assert "circadia keys create" in stranger.json()["detail"]
        assert stranger.headers["www-authenticate"]


async def test_a_bug_has_the_documented_sentence(serve: Serve) -> None:
    stage = await both(serve, connected=False)
    await stage.api.db.execute("DROP TABLE identities CASCADE")
    assert await stage.ask("/api/v1/health/alice", 500) == {"detail": "Error retrieving health data"}
    assert await stage.ask("/api/v1/health/alice/sources", 500) == {"detail": "Error checking data sources"}
    assert await stage.ask("/api/v1/health/sources/alice", 500) == {"detail": "Error checking data sources"}
    answer = await stage.api.http.post("/api/v1/whoop/connect/alice", params={"redirect_url": "x"})
    assert (answer.status_code, answer.json()) == (500, {"detail": "Error initiating Whoop connection"})


async def test_an_end_is_seen_at_once_and_an_erase_leaves_nothing(serve: Serve) -> None:
    stage = await both(serve)
    assert (await stage.ask("/api/v1/health/alice"))["data"]["sources"]["whoop"]["available"]
    ended = await stage.api.http.delete("/api/v1/whoop/connect/alice")
    assert (ended.status_code, ended.json()["connected"]) == (200, False)
    assert (await stage.ask("/api/v1/health/sources/alice"))["states"]["whoop"] == "not_connected"
    for user in ("alice", "bob"):
        await stage.ask(f"/api/v1/health/{user}")
        erased = await stage.api.http.delete(f"/api/v1/whoop/connect/{user}", params={"data": "erase"})
        assert (erased.status_code, erased.json()["data"]) == (200, "erase")
    for table in ("members", "sahha_profiles", "sahha_scores", "sahha_biomarkers", "sahha_fetches", "days"):
        assert await stage.api.db.rows(f"SELECT 1 FROM {table}") == [], table
    again = await stage.api.http.delete("/api/v1/whoop/connect/bob", params={"data": "erase"})
    assert (again.status_code, "detail" in again.json()) == (404, True)
