"""What the log says of a request that is tried again: one line, quiet, that names the upstream."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator

import httpx2
import orjson
import pytest
import stamina.instrumentation
import structlog

from circadia import logs
from circadia.clients.http import open_client
from circadia.clients.whoop_service import WhoopService
from circadia.errors import UpstreamDown
from circadia.simulator.clock import StandingClock
from tests.clients import test_client
from tests.clients.sahha.sahha import Sahha, client
from tests.simulated import EPOCH

TODAY = EPOCH.date()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    stamina.instrumentation.set_on_retry_hooks(None)


def refused(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


async def ask_the_service(_clock: StandingClock) -> None:
    http = open_client(httpx2.MockTransport(refused))
    await WhoopService(http, "http://whoop.example", "a-key-that-is-secret", 5.0).status("ana")


async def ask_sahha(clock: StandingClock) -> None:
    await client(Sahha(httpx2.ConnectError("refused")), clock).scores("ana", TODAY, TODAY)


async def ask_whoop(clock: StandingClock) -> None:
    await test_client.walked(test_client.client(lambda _request: httpx2.Response(503), clock))


@pytest.mark.parametrize(
    ("ask", "upstream", "kind", "tries"),
    [
        (ask_the_service, "the WHOOP service", "ConnectError", 3),
        (ask_sahha, "Sahha", "upstream_down", 3),
        (ask_whoop, "WHOOP", "upstream_down", 4),
    ],
)
async def test_a_retry_is_one_debug_line(
    clock: StandingClock,
    capsys: pytest.CaptureFixture[str],
    ask: Callable[[StandingClock], Awaitable[None]],
    upstream: str,
    kind: str,
    tries: int,
) -> None:
    for level in ("INFO", "DEBUG"):
        logs.configure(level, "json")
        with pytest.raises(UpstreamDown):
            await ask(clock)
        told = [orjson.loads(each) for each in capsys.readouterr().err.splitlines()]
        retries = [each for each in told if "retr" in each["event"]]
        assert len(retries) == (0 if level == "INFO" else tries - 1)
        for each in retries:
            assert each.pop("timestamp")
            assert each == {
                "event": "upstream.retried", "level": "debug", "upstream": upstream, "kind": kind, "wait_s": 0.0,
            }  # fmt: skip
