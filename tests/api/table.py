"""The routes that others rely on, and what each asks of its caller. Written down here, not read from the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

import httpx2

Scope = Literal["read", "write", "admin"]
_RUN = "8e2f6a52-6f0e-4f8e-9f10-0d5f3f2f8b10"
_EXAMPLES = {"user_id": "alice", "type": "sleep", "analysis": "load", "run_id": _RUN}
_EXAMPLES |= {"token": "t" * 43, "share_id": _RUN, "session_id": _RUN, "key_id": "0d9f3a1b22c4", "delivery_id": "7"}


@dataclass(frozen=True)
class Route:
    """`scope` None is open to everybody."""

    method: str
    path: str
    scope: Scope | None
    query: str = ""
    json: Any = None
    content: bytes | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, user_id: str = "alice") -> str:
        """A URL of it that works."""
        return self.path.format(**_EXAMPLES | {"user_id": user_id}) + self.query

    async def ask(self, client: httpx2.AsyncClient, user_id: str = "alice", **headers: str) -> httpx2.Response:
        """Ask it."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(
            self.method, self.url(user_id), json=self.json, content=self.content, headers=headers
        )


ROUTES = (
    Route("GET", "/", None),
    Route("GET", "/health", None),
    Route("GET", "/health/live", None),
    Route("GET", "/health/ready", None),
    Route("GET", "/health/whoop-api", None),
    Route("GET", "/metrics", "admin"),
    Route("GET", "/api/v1/instance", None),
    Route("POST", "/auth/signin", None, json={}),
    Route("GET", "/auth/link/{token}", None),
    Route("POST", "/auth/link", None),
    Route("GET", "/api/v1/preferences/{user_id}", "read"),
    Route("PUT", "/api/v1/preferences/{user_id}", "write", json={}),
    Route("GET", "/api/v1/shares/{user_id}", "write"),
    Route("POST", "/api/v1/shares/{user_id}", "write", json={"name": "Coach"}),
    Route("DELETE", "/api/v1/shares/{user_id}/{share_id}", "write"),
    Route("GET", "/api/v1/audit/{user_id}", "admin"),
    Route("GET", "/api/v1/audit", "admin"),
    Route("GET", "/api/v1/admin/members", "admin"),
    Route("POST", "/api/v1/admin/signin-links", "admin", json={"user_id": "alice"}),
    Route("POST", "/api/v1/admin/invitations", "admin", json={}),
    Route("GET", "/api/v1/admin/allowlist", "admin"),
    Route("PUT", "/api/v1/admin/allowlist", "admin", json={"emails": []}),
    Route("GET", "/api/v1/admin/keys", "admin"),
    Route("POST", "/api/v1/admin/keys", "admin", json={"name": "laptop", "scope": "read"}),
    Route("DELETE", "/api/v1/admin/keys/{key_id}", "admin"),
    Route("GET", "/api/v1/admin/deliveries", "admin"),
    Route("POST", "/api/v1/admin/deliveries/{delivery_id}/replay", "admin"),
    Route("POST", "/api/v1/admin/self-test", "admin"),
    Route("GET", "/api/v1/whoop/daily-data/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/days/{user_id}", "read", "?from=2026-11-01&to=2026-11-03"),
    Route("GET", "/api/v1/whoop/records/{user_id}/{type}", "read"),
    Route("GET", "/api/v1/whoop/statistics/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/metrics", "read"),
    Route("GET", "/api/v1/whoop/trends/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/trends/{user_id}/{analysis}", "read"),
    Route("GET", "/api/v1/whoop/export/{user_id}", "write"),
    Route("GET", "/api/v1/whoop/connection/{user_id}", "read"),
    Route("DELETE", "/api/v1/whoop/connection/{user_id}", "write"),
    Route("POST", "/api/v1/whoop/erase/{user_id}", "admin", json={"confirm": "alice"}),
    Route("POST", "/api/v1/whoop/sync/{user_id}", "write", json={}),
    Route("POST", "/api/v1/whoop/reconcile/{user_id}", "write", json={"full": True}),
    Route("POST", "/api/v1/whoop/backfill/{user_id}", "write", json={"action": "pause"}),
    Route("GET", "/api/v1/whoop/runs/{run_id}", "read"),
    Route("GET", "/api/v1/whoop/runs/{run_id}/events", "read"),
    Route("GET", "/api/v1/whoop/sync-status/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/coverage/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/doctor/{user_id}", "read"),
    Route("GET", "/api/v1/whoop/status", "admin"),
    Route("POST", "/api/v1/whoop/import/{user_id}", "write", content=b"not an export"),
    Route("GET", "/internal/data/recovery/{user_id}", "read"),
    Route("GET", "/internal/data/sleep/{user_id}", "read"),
    Route("GET", "/internal/data/workouts/{user_id}", "read"),
    Route("GET", "/internal/data/cycles/{user_id}", "read"),
    Route("GET", "/internal/data/profile/{user_id}", "read"),
    Route("GET", "/internal/data/all/{user_id}", "read"),
    Route("POST", "/internal/auth/connect/{user_id}", "write", json={}),
    Route("POST", "/internal/auth/callback", "write", json={"code": "c", "state": "s" * 32, "user_id": "alice"}),
    Route("GET", "/internal/auth/status/{user_id}", "read"),
    Route("DELETE", "/internal/auth/connection/{user_id}", "write"),
    Route("GET", "/api/v1/unified/{user_id}/days", "read", "?from=2026-11-01&to=2026-11-03"),
    Route("GET", "/api/v1/unified/{user_id}/policy", "read"),
    Route("PUT", "/api/v1/unified/{user_id}/policy", "write", json={"overrides": {}}),
    Route("DELETE", "/api/v1/unified/{user_id}/policy", "write"),
    Route("GET", "/api/v1/identities", "read"),
    Route("GET", "/api/v1/identities/{user_id}", "read"),
    Route("PUT", "/api/v1/identities/{user_id}", "write", json={"sahha_id": None, "whoop_id": None}),
    Route("DELETE", "/api/v1/identities/{user_id}", "write"),
    Route("GET", "/auth/callback", None),
    Route("POST", "/auth/confirm", None),
    Route("POST", "/webhooks/whoop", None, json={}),
    Route("POST", "/webhooks/sahha", None, json={}),
)
OLDER = (
    Route("GET", "/api/v1/health/detailed", "read"),
    Route("GET", "/api/v1/health/sources/{user_id}", "read"),
    Route("GET", "/api/v1/health/{user_id}/sources", "read"),
    Route("GET", "/api/v1/health/{user_id}", "read"),
    Route("POST", "/api/v1/whoop/connect/{user_id}", "write", "?redirect_url=http://127.0.0.1:8000/"),
    Route("DELETE", "/api/v1/whoop/connect/{user_id}", "write"),
    Route("GET", "/api/v1/unified-health/overview/{user_id}", "read"),
    Route("GET", "/api/v1/unified-health/sources/{user_id}", "read"),
    Route("POST", "/api/v1/unified-health/connect/whoop/{user_id}", "write"),
    Route("GET", "/api/v1/unified-health/health/whoop", "read"),
    *(
        Route("GET", f"/api/v1/health-metrics/{name}", "read", "?profile_id=alice&period=yesterday")
        for name in ("overview", "activity", "sleep", "recovery", "scores", "biomarkers")
    ),
    *(
        Route("GET", f"/api/v1/sahha/{name}", "read", "?user_id=alice")
        for name in ("scores", "biomarkers", "archetypes", "trends", "comparisons", "integrations")
    ),
)
"""Routes whose errors are not problem documents."""
SIGNED_IN = (
    Route("GET", "/api/v1/me", None),
    Route("GET", "/api/v1/me/sessions", None),
    Route("DELETE", "/api/v1/me/sessions/{session_id}", None),
    Route("POST", "/auth/connect", None),
    Route("POST", "/auth/signout", None),
)
"""Routes for somebody who is signed in, whom no key stands for."""
CLOSED = [each for each in ROUTES if each.scope is not None]
OF_A_USER = [each for each in CLOSED if "{user_id}" in each.path]
WEAKER: dict[str, tuple[Scope, ...]] = {"read": (), "write": ("read",), "admin": ("read", "write")}


def problem(answer: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer, checked for what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:circadia:problem:{kind}"
    assert found["status"] == status
    assert found["title"]
    assert len(found["detail"].split()) > 2
    assert unquote(found["instance"]) == unquote(answer.request.url.raw_path.partition(b"?")[0].decode())
    assert found["instance"].isascii()
    assert found["instance"].isprintable()
    assert found["request_id"] == answer.headers["x-request-id"]
    return found
