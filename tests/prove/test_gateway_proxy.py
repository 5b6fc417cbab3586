"""What the proof's proxy does to a service is what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.prove.gateway_proxy import Fault, Proxy, answering, without
from tests.prove.stage import serving


@dataclass
class Echo:
    """A service that tells what it was told."""

    @property
    def app(self) -> Starlette:
        async def tell(request: Request) -> Response:
            told = {"headers": dict(request.headers), "body": (await request.body()).decode()}
            return Response(orjson.dumps(told), media_type="application/json")

        return Starlette(routes=[Route("/", tell, methods=["GET", "POST"])])


@asynccontextmanager
async def way() -> AsyncIterator[tuple[Proxy, httpx2.AsyncClient]]:
    async with (
        serving(Echo()) as url,
        Proxy(int(url.rpartition(":")[2])) as proxy,
        httpx2.AsyncClient(base_url=proxy.url, timeout=5.0, trust_env=False) as http,
    ):
        yield proxy, http


async def told(http: httpx2.AsyncClient, **details: Any) -> dict[str, Any]:
    answer = await http.post("/", **details)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_without_a_fault_it_carries_everything() -> None:
    async with way() as (proxy, http):
        for size in (0, 5, 200_000):
            assert (await told(http, content="x" * size))["body"] == "x" * size
        assert await asyncio.gather(*(told(http) for _ in range(8)))
        assert proxy.seen == 11


async def test_it_waits_and_answers_when_it_is_told_to() -> None:
    async with way() as (proxy, http):
        proxy.fault = Fault(delay_s=5)
        with pytest.raises(httpx2.ReadTimeout):
            await http.get("/", timeout=0.1)
        proxy.fault = answering(500, b'{"error": ')
        answer = await http.get("/")
        assert (answer.status_code, answer.content) == (500, b'{"error": ')
        proxy.fault = None
        assert (await http.get("/")).status_code == 200


async def test_secrets_and_tokens_are_mangled_and_nothing_else() -> None:
    async with way() as (proxy, http):
        proxy.fault = without("s3cret.")
        said = await told(
            http,
            headers={"X-API-Key": "s3cret.", "Authorization": "account ey.J", "X-Other": "s3cretX"},
            json={"clientSecret": "s3cret.", "clientId": "me"},
        )
        assert said["headers"]["x-api-key"] == "xxxxxxx"
        assert said["headers"]["authorization"] == "account xxxx"
        assert said["headers"]["x-other"] == "s3cretX"
        assert orjson.loads(said["body"]) == {"clientSecret": "xxxxxxx", "clientId": "me"}


async def test_cut_it_refuses_and_mended_it_is_where_it_was() -> None:
    async with way() as (proxy, http):
        proxy.fault = Fault(delay_s=5)
        asking = asyncio.create_task(http.get("/"))
        while not proxy.seen:
            await asyncio.sleep(0.01)
        await proxy.cut()
        with pytest.raises(httpx2.TransportError):
            await asking
        with pytest.raises(httpx2.ConnectError):
            await http.get("/")
        proxy.fault = None
        await proxy.mend()
        assert (await http.get("/")).status_code == 200
