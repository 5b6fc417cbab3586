"""Connecting: a state is good once, for ten minutes, for whom it was made; an account belongs to one member."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from circadia.connections import Started
from circadia.domain.catalog import SCOPES
from circadia.errors import CircadiaError, Conflict, Invalid, Misconfigured, ScopeMissing
from circadia.storage import deliveries, runs, tokens
from circadia.storage.authorizations import fingerprint
from circadia.storage.deliveries import Delivery
from tests import simulated
from tests.conftest import NewSimulator, NewStage, OpenRuntime
from tests.pairs import stored
from tests.simulated import US, Stage


async def consented(
    here: Stage, user_id: str, account: int | None = None, **asked: str
) -> tuple[Started, dict[str, str]]:
    """A consent that has come back to the app and waits to be finished."""
    started = await here.runtime.connections.begin(user_id)
    back = await simulated.consent(here.wire, started, account or here.account, **asked)
    assert back["state"] == started.state
    return started, back


async def refused(here: Stage, back: dict[str, str], kind: str, **who: Any) -> None:
    """Finishing is refused with this kind, and nobody is connected by it."""
    before = await here.db.rows("SELECT * FROM connections ORDER BY member_id")
    with pytest.raises(CircadiaError) as caught:
        await here.runtime.connections.finish(back["code"], back["state"], **who)
    assert caught.value.kind == kind
    assert await here.db.rows("SELECT * FROM connections ORDER BY member_id") == before


async def test_the_round_trip(stage: NewStage) -> None:
    here = await stage(members=2)
    account = here.simulator.state.world.user_ids[1]
    finished = await simulated.connect(here.runtime, here.simulator, "bob", account)
    grant = finished.grant
    assert (grant.user_id, grant.whoop_user_id, grant.state) == ("bob", account, "connected")
    assert grant.scopes == frozenset(SCOPES)
    assert grant.connected_at == here.clock()
    waiting = await runs.newest(here.db, grant.member_id, "backfill")
    assert waiting is not None
    assert (waiting.state, waiting.lane) == ("queued", "webhook")
    status = await here.runtime.connections.status("bob")
    assert status["connected"] is True
    assert status["state"] == "connected"
    assert status["whoop_user_id"] == account
    assert status["scopes"] == sorted(SCOPES)
    assert status["token_expires_at"] > here.clock()


async def test_an_unknown_user_is_not_connected(stage: NewStage) -> None:
    here = await stage()
    status = await here.runtime.connections.status("nobody")
    assert (status["connected"], status["state"], status["whoop_user_id"]) == (False, "not_connected", None)


async def test_the_state_is_random_and_known_by_its_hash_only(stage: NewStage) -> None:
    here = await stage()
    first, second = [await here.runtime.connections.begin("alice") for _ in range(2)]
    assert first.state != second.state
    assert len(first.state) >= 32
    stored = await here.db.rows("SELECT state_hash, code_verifier, browser_hash FROM authorizations")
    assert {bytes(each[0]) for each in stored} == {fingerprint(first.state), fingerprint(second.state)}
    assert all(each[1].startswith("v1.") for each in stored)
    assert not any(first.state in str(each) or first.browser in str(each) for each in stored)


async def test_the_url_carries_pkce_and_every_scope(stage: NewStage) -> None:
    here = await stage()
    started = await here.runtime.connections.begin("alice")
    for part in ("code_challenge_method=S256", "code_challenge=", "offline", "read%3Abody_measurement"):
        assert part in started.authorization_url


async def test_a_state_is_good_once(stage: NewStage) -> None:
    here = await stage()
    _, back = await consented(here, "alice")
    await here.runtime.connections.finish(back["code"], back["state"], user_id="alice")
    await refused(here, back, "state_unknown", user_id="alice")


async def test_a_state_is_good_for_ten_minutes(stage: NewStage) -> None:
    here = await stage()
    here.simulator.switch(code_seconds=3600)
    _, back = await consented(here, "alice")
    here.clock.advance(599)
    await here.runtime.connections.finish(back["code"], back["state"], user_id="alice")
    _, back = await consented(here, "alice")
    here.clock.advance(600)
    await refused(here, back, "state_unknown", user_id="alice")
    await here.runtime.connections.begin("alice")
    assert await here.db.row("SELECT count(*) FROM authorizations") == (1,), "what ran out is forgotten"


async def test_a_state_of_another_user_attaches_nothing(stage: NewStage) -> None:
    here = await stage(members=2)
    _, back = await consented(here, "mallory", here.simulator.state.world.user_ids[1])
    await refused(here, back, "state_of_another_user", user_id="victim")
    await refused(here, back, "state_of_another_user")
    await refused(here, back, "state_of_another_user", browser="of somebody else")
    finished = await here.runtime.connections.finish(back["code"], back["state"], user_id="mallory")
    assert finished.grant.user_id == "mallory", "the one it belongs to is not hurt by the tries"


async def test_a_browser_finishes_with_its_cookie(stage: NewStage) -> None:
    here = await stage(members=2)
    started, back = await consented(here, "bob", here.simulator.state.world.user_ids[1])
    finished = await here.runtime.connections.finish(back["code"], back["state"], browser=started.browser)
    assert finished.grant.user_id == "bob"


async def test_a_browser_without_the_cookie_is_asked_first(stage: NewStage) -> None:
    here = await stage(members=2)
    started, back = await consented(here, "bob", here.simulator.state.world.user_ids[1])
    pending, bound = await here.runtime.connections.awaited(back["state"], None)
    assert (pending.user_id, bound) == ("bob", False)
    confirmed = await here.runtime.connections.ask_confirmation(back["state"])
    await refused(here, back, "state_of_another_user", browser=started.browser)
    finished = await here.runtime.connections.finish(back["code"], back["state"], browser=confirmed)
    assert finished.grant.user_id == "bob"


async def test_an_unknown_state(stage: NewStage) -> None:
    here = await stage()
    await refused(here, {"code": "c", "state": "s" * 43}, "state_unknown", user_id="alice")
    with pytest.raises(Invalid):
        await here.runtime.connections.awaited("s" * 43, None)


async def test_a_denied_consent_uses_the_state_up(stage: NewStage) -> None:
    here = await stage()
    started = await here.runtime.connections.begin("alice")
    back = await simulated.consent(here.wire, started, here.account, sim_consent="deny")
    assert back["error"] == "access_denied"
    await here.runtime.connections.refuse(back["state"])
    await refused(here, {"code": "c", "state": back["state"]}, "state_unknown", user_id="alice")


async def test_a_code_that_whoop_does_not_take(stage: NewStage) -> None:
    here = await stage()
    _, back = await consented(here, "alice")
    await refused(here, back | {"code": "ory_ac_forged"}, "code_refused", user_id="alice")
    await refused(here, back, "state_unknown", user_id="alice")


async def test_an_account_belongs_to_one_member(stage: NewStage) -> None:
    here = await stage()
    _, back = await consented(here, "bob")
    with pytest.raises(Conflict) as caught:
        await here.runtime.connections.finish(back["code"], back["state"], user_id="bob")
    assert caught.value.kind == "whoop_account_taken"
    assert await here.db.rows("SELECT user_id FROM members") == [("alice",)]
    assert await here.db.row("SELECT count(*) FROM tokens") == (1,)
    here.clock.advance(3600)
    assert (await here.sync("cycle")).state == "succeeded", "the first member's grant still works"


async def test_a_member_has_one_account(stage: NewStage) -> None:
    here = await stage(members=2)
    _, back = await consented(here, "alice", here.simulator.state.world.user_ids[1])
    await refused(here, back, "whoop_account_differs", user_id="alice")
    left = {each.user_id for each in here.simulator.state.grants.lineages}
    assert left == {here.account}, "what nobody here uses was given back"
    assert (await here.sync("cycle")).state == "succeeded"


async def test_a_consent_without_the_profile_says_what_to_do(stage: NewStage) -> None:
    here = await stage(members=2)
    kept = "&sim_scope=".join(each for each in SCOPES if each != "read:profile")
    _, back = await consented(here, "bob", here.simulator.state.world.user_ids[1], sim_scope=kept)
    with pytest.raises(ScopeMissing) as caught:
        await here.runtime.connections.finish(back["code"], back["state"], user_id="bob")
    assert "read:profile" in str(caught.value.remedy)


async def test_a_reconnect_goes_on_where_it_was_and_shows_new_scopes(stage: NewStage) -> None:
    kept = "&sim_scope=".join(each for each in SCOPES if each != "read:sleep")
    here = await stage(days=40, asked={"sim_scope": kept})
    await here.backfill()
    await here.sync()
    here.simulator.revoke(here.account)
    here.clock.advance(3600)
    await here.sync("cycle")
    assert (await here.runtime.connections.status("alice"))["state"] == "needs_reconnect"
    finished = await simulated.connect(here.runtime, here.simulator, "alice", here.account)
    assert finished.grant.member_id == here.grant.member_id
    assert finished.grant.reason is None
    here.grant = finished.grant
    before = here.asked("cycle")
    await here.backfill()
    assert here.asked("cycle") == before, "what is here is not walked again"
    await here.sync()
    assert await here.differences() == []


@pytest.mark.parametrize("user_id", ["", "a b", "-a", "a" * 129, "ä", "a\n", "../x"])
async def test_ids_that_no_user_can_have(stage: NewStage, user_id: str) -> None:
    here = await stage()
    with pytest.raises(Invalid):
        await here.runtime.connections.begin(user_id)


async def test_redirects_only_where_allowed(stage: NewStage) -> None:
    here = await stage(settings={"REDIRECT_URLS": "https://app.example/done"})
    begin = here.runtime.connections.begin
    for allowed in ("https://app.example/done", "http://127.0.0.1:8000/anything", None):
        await begin("alice", allowed)
    for forbidden in (
        "https://app.example/done/",
        "https://app.example/done?x=1",
        "https://evil.example",
        "//evil.example",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000\\@evil.example",
        "javascript:alert(1)",
    ):
        with pytest.raises(Invalid) as caught:
            await begin("alice", forbidden)
        assert caught.value.kind == "redirect_not_allowed"


async def test_without_a_whoop_app_nobody_can_connect(simulator: NewSimulator, runtime: OpenRuntime) -> None:
    product = await runtime(simulator(), settings={"WHOOP_CLIENT_ID": "", "WHOOP_CLIENT_SECRET": ""})
    with pytest.raises(Misconfigured) as caught:
        await product.connections.begin("alice")
    assert caught.value.kind == "whoop_not_configured"
    assert (await product.connections.status("alice"))["state"] == "not_connected"


async def locked_by_nobody_else(here: Stage, first: str, deed: Callable[[], Awaitable[Any]], then: str) -> None:
    """While a deed waits for the rows of `first`, it does not hold those of `then`."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with here.db.begin() as connection:
        await connection.execute(first)
        doing = asyncio.ensure_future(deed())
        async with asyncio.timeout(20):
            while await here.db.row(waits) is None:
                await asyncio.sleep(0.01)
        await connection.execute(then)
    await doing


CONNECTION = "SELECT 1 FROM connections FOR UPDATE NOWAIT"
PAIR = "SELECT 1 FROM tokens FOR UPDATE NOWAIT"
DELIVERY = "SELECT 1 FROM deliveries FOR UPDATE NOWAIT"


@pytest.mark.parametrize("data", ["keep", "erase", None])
async def test_deliveries_connection_and_pair_are_locked_in_one_order(
    stage: NewStage, data: Literal["keep", "erase"] | None
) -> None:
    """A consent, a disconnect, a lost grant and the claim of webhooks may meet, and none is a deadlock's victim."""
    here = await stage()
    member_id, version = here.grant.member_id, (await stored(here)).version
    event = Delivery("one", "sleep.updated", "x", here.account, here.clock())
    await deliveries.store(here.db, "whoop", [event])

    async def lose() -> None:
        await tokens.lose(here.db, member_id, version, "gone", here.clock())

    async def deed() -> None:
        if data is None:
            await simulated.connect(here.runtime, here.simulator, "alice", here.account)
        else:
            await here.runtime.connections.disconnect("alice", data, by=US)

    await locked_by_nobody_else(here, CONNECTION, lose, PAIR)
    if data != "keep":
        await locked_by_nobody_else(here, DELIVERY, deed, CONNECTION)
    else:
        await locked_by_nobody_else(here, CONNECTION, deed, PAIR)
