"""Token renewal against the simulated WHOOP: once, whoever asks, and durable before use."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from circadia.errors import GrantLost, Misconfigured, RateLimited, UpstreamDown
from circadia.storage import members
from tests import simulated
from tests.conftest import NewStage, OpenRuntime
from tests.pairs import TOKEN, renewals, state_of, stored, usable, works
from tests.simulated import US


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


async def test_a_disconnect_during_a_renewal_leaves_no_pair_behind(stage: NewStage) -> None:
    here = await stage()
    here.clock.advance(45 * 60)
    here.fault("slow", path=TOKEN, seconds=0.3)
    renewal = asyncio.create_task(usable(here))
    while not renewals(here):
        await asyncio.sleep(0.01)
    ended = await here.runtime.connections.disconnect("alice", "keep", by=US)
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


async def test_a_grant_that_is_gone_has_nothing_to_renew(stage: NewStage) -> None:
    here = await stage()
    await here.runtime.connections.disconnect("alice", "keep", by=US)
    with pytest.raises(GrantLost):
        await usable(here)
    with pytest.raises(GrantLost):
        await here.runtime.tokens.renewed(here.grant.member_id, 1)


async def test_without_an_app_nothing_is_renewed_and_no_grant_is_given_up(
    stage: NewStage, runtime: OpenRuntime
) -> None:
    """A service that starts without WHOOP_CLIENT_ID reads and imports; WHOOP would refuse its renewals as dead ones."""
    here = await stage()
    bare = await runtime(here.simulator, settings={"WHOOP_CLIENT_ID": "", "WHOOP_CLIENT_SECRET": ""})
    here.clock.advance(3600)
    with pytest.raises(Misconfigured, match="no WHOOP app is configured"):
        await bare.tokens.usable(here.grant.member_id)
    assert renewals(here) == 0
    assert await state_of(here) == "connected"
    assert (await usable(here)).version == 2
