"""Who gets in at the gateway's routes, and whether their description is true while both sources are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import Api, Serve
from tests.api.gateway_stage import Both, both
from tests.api.table import OLDER
from tests.api.test_openapi import A_FEW_QUESTIONS, ask_at_random

_PREFIXES = ("/api/v1/health", "/api/v1/unified", "/api/v1/sahha", "/api/v1/whoop/connect")


@pytest.fixture
async def stage(serve: Serve) -> Both:
    return await both(serve, connected=False)


async def test_every_route_asks_for_a_key_and_its_scope(api: Api) -> None:
    reader = await api.key("read")
    writer = await api.key("write")
    for route in OLDER:
        stranger = await route.ask(api.anonymous)
        assert stranger.status_code == 401, route
        assert stranger.headers["www-authenticate"].startswith("Bearer"), route
        assert stranger.headers["content-type"] == "application/json", route
        assert "circadia keys create" in stranger.text, route
        wrong = await route.ask(api.anonymous, X_API_Key="circadia_0123456789ab_nonsense")
        assert wrong.status_code == 401, route
        with_less = await route.ask(api.anonymous, X_API_Key=reader["X-API-Key"])
        assert (with_less.status_code == 403) == (route.scope == "write"), route
        enough = await route.ask(api.anonymous, X_API_Key=writer["X-API-Key"])
        assert enough.status_code in (200, 404), (route, enough.text)


async def test_anonymous_reading_is_reading_only(serve: Serve) -> None:
    stage = await both(serve, connected=False, GATEWAY_ANONYMOUS="true")
    for route in OLDER:
        answer = await route.ask(stage.api.anonymous)
        # whoever has connected no service to Sahha has no integrations
        read = 404 if route.path.endswith("/integrations") else 200
        assert answer.status_code == (read if route.scope == "read" else 401), (route, answer.text)
    days = "/api/v1/unified/alice/days?from=2026-11-19&to=2026-11-19"
    assert (await stage.api.anonymous.get(days)).status_code == 200
    for path in ("/api/v1/whoop/daily-data/alice", "/internal/data/all/alice", "/api/v1/identities/alice"):
        assert (await stage.api.anonymous.get(path)).status_code == 401, path


@A_FEW_QUESTIONS
@given(data=st.data())
async def test_random_questions_get_described_answers(stage: Both, data: st.DataObject) -> None:
    """Valid and invalid ones: no 5xx, no status, media type or shape that the description lacks."""
    await ask_at_random(stage.api, data, _PREFIXES)
