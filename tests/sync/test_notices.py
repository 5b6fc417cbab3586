"""Somebody is told: what is wrong is raised once, told once, and over when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType

import pytest

from circadia.clients import notify
from circadia.clients.http import open_client
from circadia.domain.notices import MOST_SINGLE
from circadia.errors import GrantLost
from circadia.runtime import channels
from circadia.storage import budget, deliveries, holds, members, notices
from circadia.storage.deliveries import Delivery
from circadia.storage.postgres import Database
from circadia.sync.notices import Notices
from tests import simulated
from tests.conftest import NewStage
from tests.receivers import Receiver, mailing, receiving
from tests.simulated import US, Stage

SLEEP = "/developer/v2/activity/sleep"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@asynccontextmanager
async def watching(
    here: Stage, settings: Mapping[str, str] = MappingProxyType({}), db: Database | None = None
) -> AsyncIterator[Notices]:
    """What the leader of a process has in hand, on a way to the world of its own."""
    made = simulated.settings_for(here.db.url, **settings)
    async with open_client() as http:
        yield Notices(
            db or here.db, channels(made, http), here.clock, here.runtime.app, here.runtime.settings.rate_limit_per_day
        )


async def lose_grant(here: Stage) -> None:
    """WHOOP ends the grant, and a sync finds out."""
    here.simulator.revoke(here.account)
    here.clock.advance(3600)
    report = await here.sync("cycle")
    assert isinstance(report.errors["cycle"], GrantLost)


async def reconnect(here: Stage) -> None:
    here.grant = (await simulated.connect(here.runtime, here.simulator, here.user_id, here.account)).grant


async def watched(watch: Notices, times: int = 3) -> None:
    for _ in range(times):
        await watch.watch()


async def standing(here: Stage) -> list[str]:
    return [each.kind for each in await notices.open_ones(here.db)]


async def test_a_lost_grant_is_told_once_with_its_reason_and_once_when_it_is_over(
    stage: NewStage, receiver: Receiver
) -> None:
    here = await stage(days=10)
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
        assert receiver.requests == []
        await lose_grant(here)
        await watched(watch)
        (told,) = receiver.told
        assert (told["kind"], told["user_id"], told["over_at"]) == ("needs_reconnect", "alice", None)
        assert told["message"] == "alice has to connect WHOOP again: WHOOP answered 400 invalid_request"
        assert "circadia connect alice" in told["remedy"]
        assert await standing(here) == ["needs_reconnect"]

        here.clock.advance(60)
        await reconnect(here)
        await watched(watch)
        assert await standing(here) == []
        assert len(receiver.told) == 2
        assert receiver.told[1] == told | {"over_at": here.clock().isoformat().replace("+00:00", "Z")}

        await lose_grant(here)
        await watched(watch)
        assert len(receiver.told) == 3
        assert receiver.told[2]["id"] != told["id"]


async def test_held_deletions_stand_until_they_are_decided(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=60)
    await here.backfill()
    await here.sync()
    here.clock.advance(600)
    here.simulator.state.hidden.add(here.account)
    await here.sync("sleep")
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
        (told,) = receiver.told
        (held,) = await holds.all_of(here.db)
        assert told["kind"] == "deletions_held"
        assert told["message"].startswith(f"{held.missing} of {held.live} stored sleep records of alice")
        here.simulator.state.hidden.clear()
        here.clock.advance(600)
        await here.sync("sleep")
        assert await holds.all_of(here.db) == []
        await watched(watch)
        assert [each["over_at"] is None for each in receiver.told] == [True, False]


async def test_a_member_who_is_behind_for_a_day(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=20)
    await here.backfill()
    await here.sync()
    here.fault("status", path=SLEEP, status=500, count=None)
    async with watching(here, receiver.settings) as watch:
        for hours in (12, 11.9):
            here.clock.advance(hours * 3600)
            await here.sync()
            await watched(watch)
            assert receiver.requests == []
        here.clock.advance(3600)
        await watched(watch)
        (told,) = receiver.told
        assert (told["kind"], told["user_id"]) == ("not_fresh", "alice")
        assert told["message"].startswith("sleep of alice could not be brought up to date")
        here.simulator.state.faults.clear()
        await here.sync()
        await watched(watch)
        assert [each["over_at"] is None for each in receiver.told] == [True, False]


async def test_nobody_is_behind_while_a_sync_waits_to_run_but_not_for_ever(stage: NewStage) -> None:
    """The machine was off for two days: what is due is being fetched."""
    here = await stage(days=20)
    await here.backfill()
    await here.sync()
    here.clock.advance(2 * 86_400)
    await here.runtime.jobs.request(here.grant.member_id, "sync", "scheduled")
    async with watching(here) as watch:
        await watch.look()
        assert await standing(here) == []
        here.clock.advance(3601)
        await watch.look()
        assert await standing(here) == ["not_fresh"]
        here.simulator.revoke(here.account)
        await here.sync("cycle")
        await watch.look()
        assert await standing(here) == ["not_fresh", "needs_reconnect"], "the grant is lost: nothing is fresher for it"


async def test_a_manual_plan_is_behind_nothing(stage: NewStage) -> None:
    here = await stage(days=20, settings={"SYNC_PLAN": "manual"})
    await here.backfill()
    await here.sync()
    here.clock.advance(30 * 86_400)
    async with watching(here) as watch:
        await watch.look()
    assert await standing(here) == []


async def test_parked_webhooks(stage: NewStage, receiver: Receiver) -> None:
    here = await stage()
    batch = [Delivery(f"t{n}", "sleep.updated", "x", here.account, here.clock()) for n in range(2)]
    await deliveries.store(here.db, "whoop", batch)
    ids = [each.id for each in await deliveries.newest(here.db)]
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
        for each in ids:
            await deliveries.park(here.db, each, 20, "WHOOP answered 500")
        await watched(watch)
        (told,) = receiver.told
        assert told["message"] == "2 webhooks about alice could not be acted on"
        for each in ids:
            async with here.db.begin() as connection:
                await deliveries.replay(connection, each, here.clock())
        await watched(watch)
        assert len(receiver.told) == 2


async def busy(here: Stage) -> int:
    """A member whose cycles are asked for again and again; the requests of the day."""
    await here.backfill()
    for _ in range(60):
        await here.sync("cycle")
    return (await budget.usage(here.db, here.runtime.app, here.clock())).day


@pytest.mark.parametrize(
    ("share", "kinds"), [(0.79, []), (0.92, []), (0.99, ["budget_exhausted"]), (1.0, ["budget_exhausted"])]
)
async def test_the_day_s_budget(stage: NewStage, receiver: Receiver, share: float, kinds: list[str]) -> None:
    """Raised when scheduled syncs have to wait; backfills may fill what they may."""
    here = await stage(days=3)
    used = await busy(here)
    assert used > 60
    async with watching(here, receiver.settings) as watch:
        limited = Notices(here.db, watch.channels, here.clock, watch.app, round(used / share))
        await watched(limited)
        assert await standing(here) == kinds
        here.clock.advance(86_400 + 900)
        await here.sync()
        await watched(limited)
    assert "budget_exhausted" not in await standing(here)
    assert [each["kind"] for each in receiver.told] == 2 * kinds


async def test_a_budget_that_eases_a_little_stays_tight(stage: NewStage) -> None:
    here = await stage(days=3)
    used = await busy(here)
    async with watching(here) as watch:
        for share, kinds in ((0.99, ["budget_exhausted"]), (0.82, ["budget_exhausted"]), (0.75, [])):
            await Notices(here.db, (), here.clock, watch.app, round(used / share)).look()
            assert await standing(here) == kinds


async def test_a_long_pause_that_whoop_imposed(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=10)
    async with watching(here, receiver.settings) as watch:
        for seconds, count in ((60, 0), (3600, 1)):
            here.fault("rate_limited", path="/developer/v2/cycle", retry_after=seconds, headers=False)
            await here.sync("cycle")
            await watched(watch)
            assert len(receiver.told) == count
            here.clock.advance(seconds - 30)
            await watched(watch)
            assert len(receiver.told) == count
            here.clock.advance(40)
        await watched(watch)
        assert [each["kind"] for each in receiver.told] == 2 * ["budget_exhausted"]
        assert "before 2026-11-20 13:01 UTC" in receiver.told[0]["message"]


async def crowd(here: Stage, count: int) -> list[int]:
    """So many more members whose grants are lost; their ids."""
    accounts = here.simulator.state.world.user_ids[1:]
    ids = []
    for number in range(count):
        account = accounts[number]
        done = await simulated.connect(here.runtime, here.simulator, f"user-{number}", account)
        ids.append(done.grant.member_id)
        here.simulator.revoke(account)
    here.clock.advance(3600)
    for each in ids:
        with pytest.raises(GrantLost):
            await here.runtime.tokens.usable(each)
    return ids


async def test_a_flood_is_one_message_with_counts(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2, members=MOST_SINGLE + 4)
    ids = await crowd(here, MOST_SINGLE + 1)
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
        (told,) = receiver.told
        assert (told["kind"], told["user_id"]) == ("needs_reconnect", None)
        assert told["message"] == (
            f"{MOST_SINGLE + 1} members have to connect WHOOP again ({MOST_SINGLE + 1} x WHOOP answered 400 "
            "invalid_request)"
        )
        assert len(await standing(here)) == MOST_SINGLE + 2, "each is listed, and the summary"

        here.clock.advance(60)
        await lose_grant(here)
        await watched(watch)
        assert [each["user_id"] for each in receiver.told] == [None, "alice"], "one more is told by itself"

        async with here.db.begin() as connection:
            for each in [*ids, here.grant.member_id]:
                await members.mark(connection, each, "not_connected", None, here.clock())
        await watched(watch)
        assert await standing(here) == []
        over = [each["user_id"] for each in receiver.told if each["over_at"]]
        assert sorted(over, key=str) == [None, "alice"], "who was told is told again, and nobody else"


async def test_a_trickle_is_not_told_one_by_one_for_ever(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    async with watching(here, receiver.settings) as watch:
        for number in range(MOST_SINGLE + 12):
            async with here.db.begin() as connection:
                member_id = await members.ensure(connection, f"user-{number}", here.clock())
                await members.bind(connection, member_id, 10_000 + number, frozenset(), here.clock())
                await members.mark(connection, member_id, "needs_reconnect", "gone", here.clock())
            here.clock.advance(60)
            await watch.watch()
        told = [each["user_id"] for each in receiver.told]
        assert told == [*(f"user-{number}" for number in range(MOST_SINGLE)), None]
        assert receiver.told[-1]["message"].startswith("1 members")
        here.clock.advance(3600)
        await watched(watch)
        assert [each["user_id"] for each in receiver.told[11:]] == [None], "the rest, an hour later"
        assert receiver.told[-1]["message"].startswith("11 members")


async def test_a_receiver_that_fails_is_tried_again_with_the_same_id(
    stage: NewStage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_TIMEOUT_S", 0.3)
    here = await stage(days=2)
    await lose_grant(here)
    receiver.answers = [500, 204, 200]
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
        assert len(receiver.requests) == 1, "not again before a minute has passed"
        receiver.hold.clear()
        here.clock.advance(60)
        await watched(watch)
        receiver.hold.set()
        assert len(receiver.requests) == 2
        here.clock.advance(119)
        await watched(watch)
        assert len(receiver.requests) == 2
        (failed,) = await sendings(here)
        assert failed.error in (
            "the receiver did not answer within ten seconds",
            "the receiver cannot be reached (ReadTimeout)",
        )
        here.clock.advance(1)
        await watched(watch)
        assert len(receiver.requests) == 3
    assert len({each["webhook-id"] for each in receiver.requests}) == 1
    assert len({each["webhook-timestamp"] for each in receiver.requests}) == 3
    (sent,) = await sendings(here)
    assert (sent.error, sent.next_try_at, sent.given_up) == (None, None, False)
    assert sent.sent_at == here.clock()


async def sendings(here: Stage) -> list[notices.Sending]:
    return await notices.sendings(here.db, [each.id for each in await notices.newest(here.db, 100)])


async def test_after_three_days_it_is_given_up_for_all_to_see(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    began_at = here.clock()
    receiver.answers = [500] * 1000
    async with watching(here, receiver.settings) as watch:
        await watch.watch()
        while (await sendings(here))[0].next_try_at is not None:
            here.clock.advance(30 * 60)
            await watch.watch()
        tries = len(receiver.requests)
        here.clock.advance(7 * 86_400)
        await watched(watch)
    assert timedelta(days=3) <= here.clock() - timedelta(days=7) - began_at < timedelta(days=4)
    assert len(receiver.requests) == tries < 30
    (given_up,) = await sendings(here)
    assert (given_up.given_up, given_up.error) == (True, "the receiver answered 500")


async def test_what_ended_before_it_could_be_told_is_told_as_ended_and_once(
    stage: NewStage, receiver: Receiver
) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    receiver.answers = [500]
    async with watching(here, receiver.settings) as watch:
        await watch.watch()
        await reconnect(here)
        here.clock.advance(60)
        await watched(watch)
    (told,) = receiver.told
    assert told["over_at"] is not None


async def test_what_ends_while_it_is_being_told_is_told_again(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    async with watching(here, receiver.settings) as watch:
        await watch.look()
        receiver.hold.clear()
        telling = asyncio.create_task(watch.tell())
        await asyncio.to_thread(receiver.arrived.wait)
        await reconnect(here)
        await watch.look()
        receiver.hold.set()
        await telling
        await watched(watch)
    assert [each["over_at"] is None for each in receiver.told] == [True, False]


async def test_two_processes_tell_once(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    other = Database(here.db.url, size=4)
    await other.open()
    try:
        async with watching(here, receiver.settings) as one, watching(here, receiver.settings, other) as two:
            for turn in (lose_grant, reconnect):
                await turn(here)
                await asyncio.gather(*(each.look() for each in (one, two)))
                await asyncio.gather(*(each.tell() for each in (one, two) * 8))
    finally:
        await other.close()
    assert [each["over_at"] is None for each in receiver.told] == [True, False]
    assert len(receiver.requests) == 2


async def test_a_process_that_dies_while_it_tells_leaves_it_to_another(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    async with watching(here, receiver.settings) as watch:
        await watch.look()
        receiver.hold.clear()
        telling = asyncio.create_task(watch.tell())
        await asyncio.to_thread(receiver.arrived.wait)
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling
        receiver.hold.set()
    async with watching(here, receiver.settings) as another:
        here.clock.advance(59)
        await watched(another)
        assert len(receiver.requests) == 1
        here.clock.advance(1)
        await watched(another)
    assert len({each["webhook-id"] for each in receiver.requests}) == 1
    assert len(receiver.requests) == 2


async def test_each_channel_goes_its_own_way(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    receiver.answers = [503]
    with mailing() as box:
        mail = {
            "ALERT_EMAIL_TO": "owner@example.org",
            "ALERT_EMAIL_FROM": "circadia@example.org",
            "SMTP_URL": f"smtp://127.0.0.1:{box.port}",
        }
        async with watching(here, receiver.settings | mail) as watch:
            await watched(watch)
            assert [each["Subject"] for each in box.mails] == ["Circadia: needs_reconnect: alice"]
            assert receiver.told == []
            here.clock.advance(60)
            await watched(watch)
        assert len(box.mails) == len(receiver.told) == 1


async def test_without_a_channel_it_is_listed_and_told_when_there_is_one(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    async with watching(here) as watch:
        await watched(watch)
    assert await standing(here) == ["needs_reconnect"]
    assert await sendings(here) == []
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
    assert len(receiver.told) == 1


async def test_neither_messages_nor_rows_hold_tokens_or_health_data(stage: NewStage, receiver: Receiver) -> None:
    here = await stage(days=60)
    await here.backfill()
    await here.sync()
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    await lose_grant(here)
    async with watching(here, receiver.settings) as watch:
        await watched(watch)
    (told,) = receiver.told
    assert set(told) == {"id", "kind", "user_id", "message", "remedy", "raised_at", "over_at"}
    assert token.access not in str(told)
    assert str(token.refresh) not in str(told)


async def test_what_is_over_is_forgotten_after_a_month_and_an_erased_member_s_at_once(stage: NewStage) -> None:
    here = await stage(days=2)
    await lose_grant(here)
    async with watching(here) as watch:
        await watch.look()
        await reconnect(here)
        here.clock.advance(60)
        await watch.look()
        here.clock.advance(29 * 86_400)
        await watch.look()
        assert "needs_reconnect" in [each.kind for each in await notices.newest(here.db, 10)]
        here.clock.advance(86_400 + 1)
        await watch.look()
        assert "needs_reconnect" not in [each.kind for each in await notices.newest(here.db, 10)]
        await lose_grant(here)
        await watch.look()
        await here.runtime.connections.disconnect("alice", "erase", by=US)
    assert await notices.newest(here.db, 10) == []
