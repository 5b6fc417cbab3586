"""Whatever goes wrong is a problem document with the request's id, and every answer carries that id."""

from __future__ import annotations

import pytest

from tests.api.conftest import BOOTSTRAP, Api, Serve
from tests.api.doors import FROM_US, claimed
from tests.api.table import ROUTES, problem

GIVEN = "app-7f3a.request_id-0001"


async def test_every_answer_carries_the_request_id(api: Api) -> None:
    for route in ROUTES:
        answer = await route.ask(api.http, X_Request_ID=GIVEN)
        assert answer.headers.get_list("x-request-id") == [GIVEN], route


async def test_one_is_made_where_none_came(api: Api) -> None:
    made = {(await api.anonymous.get("/health")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert all(len(each) >= 16 for each in made)


async def test_an_odd_one_is_replaced(api: Api) -> None:
    for odd in ["short", "with space 12345", "x" * 129, "semi;colon-12345", 'quote"12345678', "\u00e9" * 12]:
        answer = await api.anonymous.get("/health", headers={b"X-Request-ID": odd.encode("latin-1")})
        assert answer.headers["x-request-id"] not in ("", odd)


async def test_errors_of_routing_and_validation(api: Api) -> None:
    for method, path, status, kind in [
        ("GET", "/nowhere", 404, "no_such_route"),
        ("GET", "/api/v1/whoop/daily-data/", 404, "no_such_route"),
        ("GET", "/docs", 404, "no_such_route"),
        ("GET", "/openapi.json", 404, "no_such_route"),
        ("PUT", "/api/v1/whoop/daily-data/alice", 405, "method_not_allowed"),
        ("GET", "/internal/auth/callback", 405, "method_not_allowed"),
        ("GET", "/api/v1/whoop/days/alice", 422, "invalid_request"),
        ("GET", "/api/v1/whoop/runs/not-a-uuid", 422, "invalid_request"),
        ("GET", "/api/v1/whoop/records/alice/profile", 422, "invalid_request"),
        ("GET", "/api/v1/whoop/records/alice/nonsense", 422, "invalid_request"),
        ("GET", "/api/v1/whoop/runs/8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10", 404, "unknown_run"),
        ("GET", "/api/v1/whoop/runs/8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10/events", 404, "unknown_run"),
        ("DELETE", "/internal/auth/connection/alice?data=burn", 422, "invalid_request"),
    ]:
        answer = await api.http.request(method, path, headers={"X-Request-ID": GIVEN})
        found = problem(answer, status, kind)
        assert found["request_id"] == GIVEN


async def test_a_slash_too_many_leads_nowhere(api: Api) -> None:
    """Nobody is sent on to a URL of the Host header's making."""
    for path in [
        "/api/v1/health/demo/",
        "/api/v1/health/..%2f",
        "/api/v1/health-metrics/overview/?profile_id=demo",
        "/api/v1/sahha/scores/?user_id=demo",
        "/api/v1/unified-health/overview/demo/",
        "/api/v1/whoop/daily-data/demo/",
        "/api/v1/unified/demo/days/",
        "/health/",
    ]:
        answer = await api.http.get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, "location" in answer.headers) == (404, False), path
        shape = set(answer.json())
        if path.startswith("/api/v1/unified-health/"):
            assert shape == {"error", "type", "timestamp", "request_id"}
        elif path.startswith(("/api/v1/health", "/api/v1/sahha")):
            assert shape == {"detail"}
        else:
            problem(answer, 404, "no_such_route")


async def test_a_body_that_is_not_what_was_asked_for(api: Api) -> None:
    for body in [
        b"{",
        b"[]",
        b'"x"',
        b'{"types": 7}',
        b'{"typos": []}',
        b"\xff\xfe",
        b'{"types": [1]}',
        b"\xff",
        b"[" * 10_000,
    ]:
        headers = {"Content-Type": "application/json"}
        answer = await api.http.post("/api/v1/whoop/sync/alice", content=body, headers=headers)
        found = problem(answer, 422, "invalid_request")
        assert found["errors"][0]["where"].startswith("body")


async def test_a_bug_is_a_problem_too_and_tells_nothing(api: Api) -> None:
    """A table that is gone stands for any bug: a 500 with the id under which the log has the trace."""
    await api.db.execute("DROP TABLE days CASCADE")
    answer = await api.http.get("/api/v1/whoop/daily-data/alice", headers={"X-Request-ID": GIVEN})
    found = problem(answer, 500, "internal")
    assert found["request_id"] == GIVEN
    assert "days" not in found["detail"]
    assert answer.headers["cache-control"] == "no-store"


async def test_without_a_whoop_app_connecting_says_what_is_missing(serve: Serve) -> None:
    api = await serve(worker=False, WHOOP_CLIENT_ID="", WHOOP_CLIENT_SECRET="")
    found = problem(await api.http.post("/internal/auth/connect/alice"), 503, "whoop_not_configured")
    assert "WHOOP_CLIENT_ID" in found["remedy"]
    body = {"code": "c", "state": "s", "user_id": "alice"}
    problem(await api.http.post("/internal/auth/callback", json=body), 503, "whoop_not_configured")
    problem(await api.anonymous.post("/webhooks/whoop", json={}), 503, "whoop_not_configured")
    assert (await api.day("alice"))["connection"] == "not_connected"


async def test_answers_are_kept_by_nobody_and_framed_by_nobody(api: Api) -> None:
    answer = await api.http.get("/api/v1/whoop/sync-status/alice")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await api.http.get("/api/v1/whoop/daily-data/alice")).headers["cache-control"] == "private, no-cache"


async def test_cors_is_off_by_default_and_for_listed_origins_only(serve: Serve) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    closed = await serve(worker=False)
    answer = await closed.http.get("/api/v1/whoop/sync-status/alice", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
    api = await serve(simulator=closed.simulator, worker=False, CORS_ORIGINS="https://app.example, https://b.example")
    path = "/api/v1/whoop/sync-status/alice"
    preflight = await api.anonymous.options(path, headers=asked | {"Access-Control-Request-Headers": "x-api-key"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "x-request-id" in preflight.headers
    answer = await api.http.get(path, headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    other = await api.http.get(path, headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_development_shows_the_documentation(serve: Serve) -> None:
    api = await serve(worker=False, ENVIRONMENT="development")
    assert (await api.anonymous.get("/docs")).status_code == 200
    document = (await api.anonymous.get("/openapi.json")).json()
    assert document["info"]["title"] == "Circadia"
    assert BOOTSTRAP not in str(document)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/signin", {"email": "a\0@example.org"}),
        ("POST", "/api/v1/shares/alice", {"name": "Coach\0Kim"}),
        ("POST", "/api/v1/admin/keys", {"name": "for\0an app", "scope": "read"}),
        ("POST", "/api/v1/admin/invitations", {"note": "for\0Grace"}),
        ("GET", "/api/v1/admin/members?after=%00", None),
        ("DELETE", "/api/v1/admin/keys/a%00b", None),
        ("GET", f"/api/v1/audit?before={2**63}", None),
    ],
)
async def test_what_the_database_cannot_hold(serve: Serve, method: str, path: str, body: dict[str, str] | None) -> None:
    api = await serve(worker=False, SIGNUP="allowlist" if path.endswith("signin") else "invite")
    await claimed(api, "alice")
    answer = await api.http.request(method, path, json=body, headers=FROM_US)
    problem(answer, 422, "invalid_request")
