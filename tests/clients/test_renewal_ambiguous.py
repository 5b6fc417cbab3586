"""Renewals of which nobody knows whether WHOOP carried them out: found out without giving up a grant or a pair."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx2
import psycopg
import pytest

from circadia.clients.whoop import auth
from circadia.clients.whoop.oauth import AnswerLost
from circadia.errors import GrantLost, UpstreamDown
from tests.conftest import NewStage
from tests.pairs import PROBE, TOKEN, renewals, state_of, stored, usable, works
from tests.postgres import Server


async def test_a_lost_answer_that_changed_nothing_is_found_out_by_the_old_token(stage: NewStage) -> None:
    """The call never reached the rotation: WHOOP still takes the old access token."""
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("status", path=TOKEN, status=502, body="html")
    assert await usable(here) == await stored(here)
    assert here.simulator.traffic.count(path=PROBE, status=200) == 1
    assert await usable(here) == await stored(here), "looked at once more, in case the answer was only late"
    assert here.simulator.traffic.count(path=PROBE, status=200) == 2
    assert (await usable(here)).version == 2
    assert await state_of(here) == "connected"


async def test_an_answer_lost_after_the_rotation_ends_the_grant_for_certain(stage: NewStage) -> None:
    """The rotation was carried out: the old access token is dead, and the old refresh token tells it for certain."""
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("lose_response", path=TOKEN)
    with pytest.raises(GrantLost):
        await usable(here)
    assert here.simulator.traffic.count(path=PROBE, status=401) == 1
    assert await state_of(here) == "needs_reconnect"


async def test_a_lost_answer_with_an_expired_token_is_tried_once_more(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3601)
    here.fault("status", path=TOKEN, status=504, body="empty")
    assert (await usable(here)).version == 2
    assert here.simulator.traffic.count(path=PROBE) == 0, "an expired token tells nothing"
    assert await works(here)


async def test_two_lost_answers_end_the_try_and_not_the_grant(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3601)
    here.fault("status", path=TOKEN, status=504, body="empty", count=2)
    with pytest.raises(AnswerLost):
        await usable(here)
    spent = await here.db.row("SELECT spent_at, renewing_by FROM tokens")
    assert spent == (here.clock(), None)
    assert await state_of(here) == "connected"
    here.clock.advance(60)
    assert (await usable(here)).version == 2


@pytest.mark.parametrize(
    "body", ['"a text"', "{}", '{"access_token": 7}', "<html>no token here</html>", '{"access_token": null}']
)
async def test_a_200_without_a_token_is_a_lost_answer(stage: NewStage, body: str) -> None:
    here = await stage()
    here.clock.advance(3601)
    here.wire.rewrite = lambda _request, real: body.encode() if b"access_token" in real else real
    with pytest.raises(GrantLost):  # the second try shows the used refresh token, which WHOOP answers for certain
        await usable(here)
    assert renewals(here) == 1


@pytest.mark.parametrize("slots_long", [0, 2])
async def test_a_new_pair_outlives_a_database_that_is_away(
    stage: NewStage, postgres_server: Server, monkeypatch: pytest.MonkeyPatch, slots_long: int
) -> None:
    """The refresh token is spent and the database gone: the pair is kept trying to be stored, also when the slot has
    run out meanwhile, because whoever could have claimed it needs the database as well."""
    monkeypatch.setattr(auth, "SLOT", timedelta(seconds=0.5))
    here = await stage()
    here.clock.advance(3600)
    name = here.db.url.rsplit("/", 1)[1].encode()
    answered = asyncio.Event()

    def cut(request: httpx2.Request, body: bytes) -> bytes:
        if request.url.path == TOKEN:
            with psycopg.connect(postgres_server.url, autocommit=True) as admin:
                admin.execute(b"ALTER DATABASE " + name + b" ALLOW_CONNECTIONS false")
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name.decode(),)
                )
            answered.set()
        return body

    here.wire.rewrite = cut
    renewal = asyncio.create_task(usable(here))
    await answered.wait()
    await asyncio.sleep(0.2 + slots_long * 0.5)
    here.clock.advance(slots_long * 0.5)
    assert not renewal.done()
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(b"ALTER DATABASE " + name + b" ALLOW_CONNECTIONS true")
    assert (await renewal).version == 2
    here.wire.rewrite = lambda _request, body: body
    assert await works(here)


@pytest.mark.parametrize("rotated", [False, True])
async def test_a_process_that_died_between_spending_and_storing(stage: NewStage, rotated: bool) -> None:
    """`spent_at` tells the next one that nobody knows; the old access token, or WHOOP, does."""
    here = await stage()
    here.clock.advance(45 * 60)
    token = await stored(here)
    if rotated:
        assert token.refresh is not None
        here.simulator.state.grants.rotate(
            token.refresh, client_id="app-one", now=here.clock(), switches=here.simulator.state.switches
        )
    ago, until = here.clock() - timedelta(seconds=90), here.clock() - timedelta(seconds=15)
    await here.db.execute(
        "UPDATE tokens SET spent_at = %s, renewing_by = gen_random_uuid(), renewing_until = %s", (ago, until)
    )
    if rotated:
        with pytest.raises(GrantLost):
            await usable(here)
        assert await state_of(here) == "needs_reconnect"
    else:
        assert await usable(here) == token
        assert renewals(here) == 0
        assert (await usable(here)).version == 2, "and from then on nothing is ambiguous"
        assert await works(here)


async def test_a_budget_too_small_to_look_into_a_lost_answer_leaves_it_open(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("status", path=TOKEN, status=502, body="html")
    here.fault("rate_limited", path=PROBE)
    assert await usable(here) == await stored(here)
    assert await here.db.row("SELECT spent_at FROM tokens") == (here.clock(),)


@pytest.mark.parametrize(
    ("error", "ambiguous"),
    [
        (httpx2.ConnectError, False),
        (httpx2.ConnectTimeout, False),
        (httpx2.ReadTimeout, True),
        (httpx2.RemoteProtocolError, True),
        (httpx2.WriteError, True),
    ],
)
async def test_a_wire_that_breaks_before_or_after_the_token_was_sent(
    stage: NewStage, error: type[httpx2.TransportError], ambiguous: bool
) -> None:
    """Before it was sent nothing is spent; after it nobody knows until WHOOP is asked."""
    here = await stage()
    here.clock.advance(3601)

    def broken(request: httpx2.Request) -> None:
        if request.url.path == TOKEN:
            raise error("broken")

    here.wire.before = broken
    with pytest.raises(UpstreamDown) as caught:
        await usable(here)
    assert isinstance(caught.value, AnswerLost) is ambiguous
    spent = await here.db.row("SELECT spent_at IS NOT NULL, renewing_by FROM tokens")
    assert spent == (ambiguous, None)
    here.wire.before = lambda _request: None
    assert (await usable(here)).version == 2


async def test_a_slot_that_was_taken_over_is_not_spent_from(stage: NewStage) -> None:
    """Between claiming and spending the slot ran out and another process took it."""
    here = await stage()
    here.clock.advance(3601)
    await here.db.execute("UPDATE tokens SET spent_at = %s", (here.clock() - timedelta(hours=1),))
    token = await stored(here)
    by = UUID(int=7)
    assert await here.runtime.tokens._store.claim(here.grant.member_id, by, timedelta(seconds=75), token.version)
    await here.db.execute("UPDATE tokens SET renewing_by = gen_random_uuid()")
    with pytest.raises(UpstreamDown, match="taken over"):
        await here.runtime.tokens._spend(here.grant.member_id, by, token)
    assert renewals(here) == 0


async def test_a_new_pair_outlives_a_database_that_turned_read_only(stage: NewStage, postgres_server: Server) -> None:
    """A failover, or a provider whose disk is full, while WHOOP's answer is on its way."""
    here = await stage()
    here.clock.advance(3600)
    name = here.db.url.rsplit("/", 1)[1].encode()
    answered = asyncio.Event()

    def turn(request: httpx2.Request, body: bytes) -> bytes:
        if request.url.path == TOKEN:
            with psycopg.connect(postgres_server.url, autocommit=True) as admin:
                admin.execute(b"ALTER DATABASE " + name + b" SET default_transaction_read_only = on")
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name.decode(),)
                )
            answered.set()
        return body

    here.wire.rewrite = turn
    renewal = asyncio.create_task(usable(here))
    await answered.wait()
    await asyncio.sleep(0.7)
    assert not renewal.done()
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(b"ALTER DATABASE " + name + b" RESET default_transaction_read_only")
    assert (await renewal).version == 2
    here.wire.rewrite = lambda _request, body: body
    assert await works(here)
