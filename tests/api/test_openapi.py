"""The API's description: complete, with examples, and true under random questions."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import ORIGIN, Api, Json, Serve
from tests.api.table import OLDER, ROUTES, SIGNED_IN


@pytest.fixture
async def described(serve: Serve) -> Api:
    return await serve(worker=False, SAHHA_WEBHOOK_SECRET="secret-of-the-webhook")


async def test_every_route_is_described_and_no_other(described: Api) -> None:
    document = described.app.openapi()
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert told == {(each.method, each.path) for each in (*ROUTES, *OLDER, *SIGNED_IN)}
    for route in SIGNED_IN:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["security"] == [{"Session": []}], route
        assert "401" in operation["responses"], route
    for route in (*ROUTES, *OLDER):
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"], route
        assert operation["tags"], route
        assert (operation.get("security") == []) == (route.scope is None), route
        if route.scope is not None:
            assert {"401", "403"} <= set(operation["responses"]), route
            content = operation["responses"]["401"]["content"]
            assert list(content) == ["application/json" if route in OLDER else "application/problem+json"], route
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer", "Session"}


async def test_what_is_told_as_400_is_not_described_as_422(described: Api) -> None:
    paths = described.app.openapi()["paths"]
    told = {path: set(each["responses"]) for path, item in paths.items() for each in item.values()}
    typed = {path for path in told if path.startswith("/api/v1/unified-health/")}
    assert len(typed) == 4
    assert [path for path in typed if "422" in told[path]] == []
    assert "400" in told["/api/v1/unified-health/overview/{user_id}"]
    assert "422" in told["/api/v1/health/{user_id}"]


async def test_data_comes_with_an_example(described: Api) -> None:
    document = described.app.openapi()
    for path, item in document["paths"].items():
        if not path.startswith(("/api/v1/whoop/", "/internal/data/", "/internal/auth/status")) or "events" in path:
            continue
        for method, operation in item.items():
            answer = operation["responses"].get("200") or operation["responses"]["202"]
            content = answer["content"]["application/json"]
            shown = content.get("example") or _example_of(document, content.get("schema", {}))
            assert shown, f"{method} {path} has no example"


def _example_of(document: Json, schema: Json) -> Any:
    name = schema.get("$ref", "").rpartition("/")[2]
    model = document["components"]["schemas"].get(name, {})
    return model.get("examples") or model.get("example")


async def test_the_examples_have_the_real_shape(serve: Serve) -> None:
    """Every name in an example is one that the route really answers."""
    api = await serve()
    await api.connected()
    document = api.app.openapi()
    for path in (
        "/internal/data/profile/{user_id}",
        "/internal/data/all/{user_id}",
        "/api/v1/whoop/daily-data/{user_id}",
        "/api/v1/whoop/days/{user_id}",
        "/api/v1/whoop/statistics/{user_id}",
        "/api/v1/whoop/sync-status/{user_id}",
        "/internal/auth/status/{user_id}",
        "/internal/data/recovery/{user_id}",
        "/internal/data/sleep/{user_id}",
        "/internal/data/workouts/{user_id}",
        "/internal/data/cycles/{user_id}",
    ):
        example = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
        query = {"from": "2026-11-18", "to": "2026-11-18"} if "/days/" in path else {}
        real = await api.get(path.replace("{user_id}", "alice"), **query)
        assert missing_in(example, real) == [], path


def missing_in(example: Any, real: Any, where: str = "") -> list[str]:
    """Names of an example that a real answer lacks."""
    if isinstance(example, dict) and isinstance(real, dict):
        return [
            each
            for name, value in example.items()
            if not where.endswith(".states")
            for each in ([f"{where}.{name}"] if name not in real else missing_in(value, real[name], f"{where}.{name}"))
        ]
    if isinstance(example, list) and isinstance(real, list) and example and real:
        return missing_in(example[0], real[0], f"{where}[]")
    return []


NOTHING_TO_GET_WRONG = {"/", "/health", "/health/live", "/health/ready", "/health/whoop-api", "/metrics"}
OURS = {"x-api-key", "cookie"}
CHECKED = [status_code_conformance, content_type_conformance, response_schema_conformance]
A_FEW_QUESTIONS = settings(
    derandomize=True,
    database=None,
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@A_FEW_QUESTIONS
@given(data=st.data())
async def test_random_questions_get_described_answers(described: Api, data: st.DataObject) -> None:
    """Valid and invalid ones at every route: no 5xx, no status, media type or shape that the description lacks."""
    await ask_at_random(described, data)


async def ask_at_random(described: Api, data: st.DataObject, prefixes: tuple[str, ...] = ("",)) -> None:
    """Ask every route below these prefixes one question, and hold the answers against the description."""
    document = described.app.openapi()
    document = document | {
        "paths": {path: each for path, each in document["paths"].items() if path.startswith(prefixes)}
    }
    mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.path in NOTHING_TO_GET_WRONG:
            continue
        case = data.draw(operation.as_strategy(generation_mode=mode))
        asked = requests.Request(**case.as_transport_kwargs(base_url=ORIGIN)).prepare()
        assert asked.method
        assert asked.url
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body
        assert body is None or isinstance(body, bytes)
        headers = {name: str(value) for name, value in asked.headers.items() if name.lower() not in OURS}
        answer = await described.http.request(asked.method, asked.url, content=body, headers=headers)
        assert answer.status_code < 500 or operation.path == "/health/ready", (asked.url, answer.text)
        case.validate_response(answer, checks=CHECKED)
