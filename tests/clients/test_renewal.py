"""Token renewal against the simulated WHOOP: once, durable before use, and never given up without certainty."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx2
import psycopg
import pytest

from circadia.clients.whoop.oauth import AnswerLost
from circadia.domain.members import Token
from circadia.errors import GrantLost, Misconfigured, RateLimited, UpstreamDown
from circadia.storage import members
from tests import simulated
from tests.conftest import NewStage, OpenRuntime
from tests.postgres import Server
from tests.simulated import Stage

TOKEN = "/oauth/oauth2/token"
PROBE = "/developer/v2/user/profile/basic"


def renewals(here: Stage, status: int = 200) -> int:
    """Answers of this status that the token endpoint gave to refresh tokens."""
    return here.simulator.traffic.token_calls["refresh_token", status]


async def stored(here: Stage) -> Token:
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    return token


async def usable(here: Stage) -> Token:
    return await here.runtime.tokens.usable(here.grant.member_id)


async def state_of(here: Stage) -> str:
    grant = await members.grant(here.db, here.grant.member_id)
    assert grant is not None
    return grant.state


async def works(here: Stage) -> bool:
    """Whether WHOOP takes the stored pair, both of its tokens."""
    token = await stored(here)
    if not await here.runtime.client.accepts(token):
        return False
    await here.runtime.tokens.renewed(here.grant.member_id, token.version)
    return True


async def test_a_young_token_is_used_as_it_is(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(29 * 60)
    assert await usable(here) == await stored(here)
    assert renewals(here) == 0


async def test_a_token_past_its_prime_is_renewed_before_use_and_stored(stage: NewStage) -> None:
    here = await stage()
    before = await stored(here)
    here.clock.advance(45 * 60)
    fresh = await usable(here)
    assert fresh == await stored(here)
    assert fresh.version == before.version + 1
    assert fresh.expires_at == here.clock() + timedelta(hours=1)
    assert renewals(here) == 1
    assert await works(here)


async def test_nothing_is_renewed_by_choice_around_the_full_hour(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(58 * 60)
    assert await usable(here) == await stored(here)
    assert renewals(here) == 0
    here.clock.advance(62)
    assert (await usable(here)).version == 2, "a minute before its end it is renewed whatever the minute of the hour"


async def test_whoever_waits_waits_for_the_same_renewal(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3600)
    here.fault("slow", path=TOKEN, seconds=0.1)
    found = await asyncio.gather(*(usable(here) for _ in range(20)))
    assert {each.version for each in found} == {2}
    assert renewals(here) == 1


async def test_two_processes_renew_once(stage: NewStage, runtime: OpenRuntime) -> None:
    here = await stage()
    other = await runtime(here.simulator)
    here.clock.advance(3600)
    here.fault("slow", path=TOKEN, seconds=0.3)
    held = [here.runtime.tokens, other.tokens]
    found = await asyncio.gather(*(held[each % 2].usable(here.grant.member_id) for each in range(10)))
    assert {each.version for each in found} == {2}
    assert renewals(here) == 1
    assert await works(here)


async def test_a_waiter_who_leaves_does_not_cancel_the_renewal(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3600)
    here.fault("slow", path=TOKEN, seconds=0.2)
    waiter = asyncio.create_task(usable(here))
    while not here.simulator.traffic.token_calls["refresh_token", 200]:
        await asyncio.sleep(0.01)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await here.runtime.tokens.drain()
    assert (await stored(here)).version == 2
    assert await works(here)


async def test_a_token_that_dies_early_is_renewed_once_and_the_request_sent_again(stage: NewStage) -> None:
    here = await stage(days=10)
    here.fault("early_401", path="/developer/v2/cycle")
    assert (await here.sync("cycle")).state == "succeeded"
    assert renewals(here) == 1
    assert here.simulator.traffic.count(path="/developer/v2/cycle", status=401) == 1


async def test_without_offline_there_is_nothing_to_renew(stage: NewStage) -> None:
    scopes = ["read:profile", "read:cycles"]
    here = await stage(days=10, asked={"sim_scope": "&sim_scope=".join(scopes)})
    assert (await stored(here)).refresh is None
    here.clock.advance(50 * 60)
    assert await usable(here) == await stored(here), "it is used to its end"
    here.clock.advance(3600)
    with pytest.raises(GrantLost):
        await usable(here)
    assert await state_of(here) == "needs_reconnect"


async def test_a_dead_grant_is_told_once_with_its_reason_and_the_data_stays(stage: NewStage) -> None:
    here = await stage(days=30)
    await here.backfill()
    here.clock.advance(3600)
    here.simulator.revoke(here.account)
    for _ in range(2):
        report = await here.sync("cycle")
        assert isinstance(report.errors["cycle"], GrantLost)
    grant = await members.grant(here.db, here.grant.member_id)
    assert grant is not None
    assert grant.state == "needs_reconnect"
    assert grant.reason == "WHOOP answered 400 invalid_request"
    changed = await here.db.row("SELECT changed_at FROM connections")
    assert changed == (here.clock(),)
    assert await here.db.row("SELECT count(*) > 20 FROM cycles WHERE deleted_at IS NULL") == (True,)


@pytest.mark.parametrize("error", ["invalid_grant", "token_inactive", "invalid_request"])
@pytest.mark.parametrize("status", [400, 401])
async def test_every_way_to_say_that_a_refresh_token_is_dead(stage: NewStage, error: str, status: int) -> None:
    here = await stage()
    here.simulator.switch(refresh_error=error, refresh_error_status=status)
    here.simulator.revoke(here.account)
    here.clock.advance(3600)
    with pytest.raises(GrantLost, match=f"{status} {error}"):
        await usable(here)
    assert await state_of(here) == "needs_reconnect"


@pytest.mark.parametrize("fault", [{"kind": "token_down"}, {"kind": "status", "status": 500, "path": TOKEN}])
async def test_an_endpoint_that_is_down_costs_nothing(stage: NewStage, fault: dict[str, str | int]) -> None:
    here = await stage()
    here.clock.advance(45 * 60)
    here.simulator.state.faults.add(fault | {"count": None})
    assert await usable(here) == await stored(here), "the old token is good for a while"
    here.clock.advance(3600)
    with pytest.raises(UpstreamDown):
        await usable(here)
    assert await state_of(here) == "connected"
    here.simulator.state.faults.clear()
    assert (await usable(here)).version == 2
    assert await works(here)


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
    here.wire.rewrite = lambda request, real: body.encode() if request.url.path == TOKEN else real
    with pytest.raises(GrantLost):  # the second try shows the used refresh token, which WHOOP answers for certain
        await usable(here)
    assert renewals(here) == 1


async def test_wrong_credentials_are_the_operator_s_matter_not_the_member_s(
    stage: NewStage, runtime: OpenRuntime
) -> None:
    here = await stage()
    here.clock.advance(3600)
    wrong = await runtime(here.simulator, settings={"WHOOP_CLIENT_SECRET": "another"})
    with pytest.raises(Misconfigured, match="credentials") as caught:
        await wrong.tokens.usable(here.grant.member_id)
    assert caught.value.kind == "whoop_credentials_refused"
    assert await state_of(here) == "connected"
    assert await here.db.row("SELECT spent_at, renewing_by FROM tokens") == (None, None)
    assert (await usable(here)).version == 2


async def test_a_token_endpoint_that_asks_to_wait(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(3600)
    here.fault("status", path=TOKEN, status=429)
    with pytest.raises(RateLimited) as caught:
        await usable(here)
    assert caught.value.until == here.clock() + timedelta(minutes=1)
    assert await here.db.row("SELECT spent_at, renewing_by FROM tokens") == (None, None)
    assert (await usable(here)).version == 2


async def test_a_new_pair_outlives_a_database_that_is_away_for_a_moment(
    stage: NewStage, postgres_server: Server
) -> None:
    """The refresh token is spent and the database gone: the pair is kept trying to be stored."""
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
    await asyncio.sleep(0.2)
    assert not renewal.done()
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(b"ALTER DATABASE " + name + b" ALLOW_CONNECTIONS true")
    assert (await renewal).version == 2
    here.wire.rewrite = lambda _request, body: body
    assert await works(here)


async def test_a_disconnect_during_a_renewal_leaves_no_pair_behind(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("slow", path=TOKEN, seconds=0.3)
    renewal = asyncio.create_task(usable(here))
    while not renewals(here):
        await asyncio.sleep(0.01)
    ended = await here.runtime.connections.disconnect("alice", "keep")
    assert ended["revoked_at_whoop"] is True
    await asyncio.wait([renewal])
    assert await here.db.row("SELECT count(*) FROM tokens") == (0,)
    assert here.simulator.state.grants.lineages == []


async def test_a_reconnect_during_a_renewal_keeps_the_newer_pair(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("slow", path=TOKEN, grant_type="refresh_token", seconds=0.3)
    renewal = asyncio.create_task(usable(here))
    while not renewals(here):
        await asyncio.sleep(0.01)
    await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    mine = await stored(here)
    await asyncio.wait([renewal])
    assert await stored(here) == mine
    assert await works(here)


async def test_nobody_waits_for_ever_for_another_process(stage: NewStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot is held by somebody; when its time is up it is free, whatever became of them."""
    here = await stage()
    here.clock.advance(3600)
    until = here.clock() + timedelta(seconds=75)
    await here.db.execute("UPDATE tokens SET renewing_by = gen_random_uuid(), renewing_until = %s", (until,))
    waiting = asyncio.create_task(usable(here))
    await asyncio.sleep(0.15)
    assert not waiting.done()
    here.clock.advance(76)
    assert (await waiting).version == 2
    monkeypatch.setattr("circadia.clients.whoop.auth.SLOT", timedelta(seconds=0.2))
    here.clock.advance(3600)
    until = here.clock() + timedelta(days=1)
    await here.db.execute("UPDATE tokens SET renewing_by = gen_random_uuid(), renewing_until = %s", (until,))
    with pytest.raises(UpstreamDown, match="another process"):
        await usable(here)


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


async def test_a_grant_that_is_gone_has_nothing_to_renew(stage: NewStage) -> None:
    here = await stage()
    await here.runtime.connections.disconnect("alice", "keep")
    with pytest.raises(GrantLost):
        await usable(here)
    with pytest.raises(GrantLost):
        await here.runtime.tokens.renewed(here.grant.member_id, 1)


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
    assert await here.runtime.tokens._store.claim(
        here.grant.member_id, by, here.clock() + timedelta(seconds=75), token.version
    )
    await here.db.execute("UPDATE tokens SET renewing_by = gen_random_uuid()")
    with pytest.raises(UpstreamDown, match="taken over"):
        await here.runtime.tokens._spend(here.grant.member_id, by, token)
    assert renewals(here) == 0
