"""The account token: asked for once, renewed in time, replaced when refused."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import httpx2
import pytest

from circadia.clients.sahha.tokens import AccountToken, Credentials
from circadia.clients.sahha.wire import Wire
from circadia.errors import Misconfigured, RateLimited, UnexpectedReply, UpstreamDown
from circadia.simulator.clock import StandingClock
from tests.clients.sahha.sahha import CREDENTIALS, SECRET, TOKEN_PATH, Sahha, client

DAY = date(2026, 11, 20)


class Slow(Sahha):
    """Lets everybody come before it answers about a token."""

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        for _ in range(20):
            await asyncio.sleep(0)
        return await super().__call__(request)


async def test_the_first_request_asks_for_a_token_and_the_next_keep_it(clock: StandingClock) -> None:
    sahha = Sahha()
    held = client(sahha, clock)
    for _ in range(3):
        await held.scores("ana", DAY, DAY)
    (asked,) = sahha.token_requests
    assert (asked.method, str(asked.url)) == ("POST", f"https://sahha.example{TOKEN_PATH}")
    assert asked.headers["content-type"] == "application/json"
    assert "authorization" not in asked.headers
    assert json.loads(asked.content) == {"clientId": "client-id", "clientSecret": SECRET}
    assert sahha.tokens_sent() == ["issued-1"] * 3


async def test_fifty_at_once_ask_for_one_token(clock: StandingClock) -> None:
    sahha = Slow()
    held = client(sahha, clock)
    await asyncio.gather(*(held.scores(f"user-{number}", DAY, DAY) for number in range(50)))
    assert len(sahha.token_requests) == 1
    assert sahha.tokens_sent() == ["issued-1"] * 50


async def test_fifty_at_once_share_a_refusal(clock: StandingClock) -> None:
    sahha = Slow(token_answers=[httpx2.Response(401)])
    held = client(sahha, clock)
    every = [held.scores(f"user-{number}", DAY, DAY) for number in range(50)]
    answers = await asyncio.gather(*every, return_exceptions=True)
    assert {type(each) for each in answers} == {Misconfigured}
    assert len(sahha.token_requests) == 1
    assert sahha.requests == []
    assert (await held.scores("ana", DAY, DAY)).items == (), "a refusal is not for ever"


async def test_fifty_whose_token_is_refused_replace_it_once(clock: StandingClock) -> None:
    sahha = Slow()
    held = client(sahha, clock)
    await held.scores("ana", DAY, DAY)
    sahha.issued = 7
    await asyncio.gather(*(held.scores(f"user-{number}", DAY, DAY) for number in range(50)))
    assert len(sahha.token_requests) == 2
    assert set(sahha.tokens_sent()) == {"issued-1", "issued-8"}


@pytest.mark.parametrize(
    ("life_s", "fresh_s"),
    [(86400, 86100), (600, 300), (60, 30), (3.5, 1.75), (None, 3300), ("86400", 3300), (-1, 3300), (0, 3300)],
)
async def test_a_token_is_renewed_five_minutes_before_its_end(
    clock: StandingClock, life_s: Any, fresh_s: float
) -> None:
    """One that lives shorter, at half its life; without a life told, an hour is taken for granted."""
    sahha = Sahha(life_s=life_s)
    held = client(sahha, clock)
    await held.scores("ana", DAY, DAY)
    clock.advance(fresh_s - 0.001)
    await held.scores("ana", DAY, DAY)
    assert len(sahha.token_requests) == 1
    clock.advance(0.001)
    await held.scores("ana", DAY, DAY)
    assert sahha.tokens_sent() == ["issued-1", "issued-1", "issued-2"]


async def test_a_refused_token_is_replaced_once(clock: StandingClock) -> None:
    sahha = Sahha(httpx2.Response(401), httpx2.Response(200, json=[]))
    found = await client(sahha, clock).scores("ana", DAY, DAY)
    assert found.items == ()
    assert sahha.tokens_sent() == ["issued-1", "issued-2"]


async def test_every_token_refused(clock: StandingClock) -> None:
    sahha = Sahha(httpx2.Response(401))
    held = client(sahha, clock)
    with pytest.raises(Misconfigured, match="a moment ago") as caught:
        await held.scores("ana", DAY, DAY)
    assert caught.value.kind == "sahha_credentials"
    assert caught.value.remedy is not None
    assert "SAHHA_CLIENT_SECRET" in caught.value.remedy
    assert sahha.tokens_sent() == ["issued-1", "issued-2"]


async def test_a_late_refusal_of_an_old_token_leaves_the_new_one(clock: StandingClock) -> None:
    sahha = Sahha()
    wire = httpx2.AsyncClient(transport=httpx2.MockTransport(sahha))
    token = AccountToken(Wire(wire, "https://sahha.example", clock), CREDENTIALS)
    old = await token.usable()
    token.drop(old)
    assert await token.usable() == "issued-2"
    token.drop(old)
    assert await token.usable() == "issued-2"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_credentials_that_sahha_refuses(clock: StandingClock, status: int) -> None:
    sahha = Sahha(token_answers=[httpx2.Response(status, text="Bad Request")])
    with pytest.raises(Misconfigured, match=str(status)) as caught:
        await client(sahha, clock).scores("ana", DAY, DAY)
    assert caught.value.kind == "sahha_credentials"
    assert len(sahha.token_requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, json={}),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"accountToken": None}),
        httpx2.Response(200, json={"accountToken": ""}),
        httpx2.Response(200, json={"accountToken": "two\nlines"}),
        httpx2.Response(200, json={"accountToken": "é"}),
        httpx2.Response(200, text="<html>"),
        httpx2.Response(204),
        httpx2.Response(302, headers={"Location": "https://elsewhere.example"}),
    ],
    ids=lambda each: f"{each.status_code} {each.text[:30]!r}",
)
async def test_an_answer_without_a_token(clock: StandingClock, answer: httpx2.Response) -> None:
    sahha = Sahha(token_answers=[answer])
    with pytest.raises(UnexpectedReply):
        await client(sahha, clock).scores("ana", DAY, DAY)
    assert len(sahha.token_requests) == 1
    assert sahha.requests == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.Response(503), UpstreamDown),
        (httpx2.ConnectError("no"), UpstreamDown),
        (httpx2.Response(429, headers={"Retry-After": "0"}), RateLimited),
    ],
)
async def test_a_token_that_cannot_be_had_now(clock: StandingClock, answer: Any, error: type[Exception]) -> None:
    sahha = Sahha(token_answers=[answer] * 3)
    held = client(sahha, clock)
    with pytest.raises(error):
        await held.scores("ana", DAY, DAY)
    assert len(sahha.token_requests) == 3
    clock.advance(2)
    assert (await held.scores("ana", DAY, DAY)).items == ()


async def test_who_stops_waiting_does_not_end_the_renewal(clock: StandingClock) -> None:
    sahha = Slow()
    held = client(sahha, clock)
    impatient = asyncio.create_task(held.scores("ana", DAY, DAY))
    patient = asyncio.create_task(held.scores("ben", DAY, DAY))
    for _ in range(5):
        await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert impatient.cancelled()
    assert len(sahha.token_requests) == 1


async def test_a_renewal_ends_with_its_client(clock: StandingClock) -> None:
    async def hang(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    held = client(hang, clock)
    before = asyncio.all_tasks()
    asking = asyncio.create_task(held.scores("ana", DAY, DAY))
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks() - before) == 2
    for _ in range(2):
        await held.close()
        assert asyncio.all_tasks() - before <= {asking}
    await asyncio.wait([asking])
    assert asking.cancelled()


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(Credentials("client-id", SECRET))
