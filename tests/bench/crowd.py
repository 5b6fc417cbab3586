"""A crowd of alike members in one time zone, connected already, with a short history on both sides.

A day brings 1.15 sleeps, a recovery, a cycle and 0.7 workouts; waking is normal around 07:00 with a spread of 60
minutes, over members and days together (50 between members, the rest between a member's days).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from circadia.clients.whoop.client import Page
from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.domain.members import Connection as Grant
from circadia.domain.members import Token
from circadia.runtime import Runtime
from circadia.simulator.people import Person
from circadia.simulator.whoop import Limits, WhoopSimulator
from circadia.simulator.world import Event, Quirks, World
from circadia.storage import members, sync_states, tokens
from circadia.storage import schedule as stored
from circadia.sync import pages
from tests.bench.clockwork import Clockwork
from tests.simulated import CLIENT

START = datetime(2026, 11, 17, 0, 0, tzinfo=UTC)
HISTORY_DAYS = 10

_CALM = replace(Quirks.none(), naps=True)
_SINGLES_EVERY = timedelta(days=30)


def whoop(clock: Clockwork, people: int, seed: int, limits: Limits, *, late_scores: bool = False) -> WhoopSimulator:
    """The crowd's WHOOP, on a clock that stands at `START`."""
    quirks = replace(_CALM, late_scores=late_scores)
    world = World(seed=seed, members=people, days=HISTORY_DAYS, epoch=START, quirks=quirks, raised=_alike)
    return WhoopSimulator(world, clock=clock, limits=limits, clients=[CLIENT])


def _alike(person: Person) -> Person:
    rng = Random(f"crowd/{person.number}")
    traits = replace(
        person.traits,
        onset_h=23.05 + rng.gauss(0, 0.75),
        onset_sd_h=0.4,
        asleep_min=428,
        asleep_sd_min=25,
        awake_min=50,
        strain=9.7,
        workouts_per_day=0.52,
        naps_per_day=0.15,
        trips_per_block=0,
    )
    return replace(person, home="UTC", traits=traits)


async def connect(runtime: Runtime, simulator: WhoopSimulator, *, pushed: bool) -> list[Grant]:
    """Every member of the world, connected and in step as of `START`, as if the days before had been like those that
    come: the last syncs were at the last events."""
    since = START - timedelta(hours=24)
    yesterday: dict[int, list[Event]] = {each: [] for each in simulator.state.world.user_ids}
    for event in simulator.state.world.events(since, START):
        yesterday[event.user_id].append(event)
    if pushed:
        await _spend(runtime, [event for events in yesterday.values() for event in events])
    grants = []
    for number, account in enumerate(simulator.state.world.user_ids):
        grants.append(await _member(runtime, simulator, number, account))
    if pushed:
        await runtime.db.execute("UPDATE connections SET pushed_at = %s", (START,))
    for grant in grants:
        await _state(runtime, grant, yesterday[grant.whoop_user_id])
    return grants


async def _member(runtime: Runtime, simulator: WhoopSimulator, number: int, account: int) -> Grant:
    truth = simulator.truth(account)
    async with runtime.db.begin() as connection:
        member_id = await members.ensure(connection, f"member-{number}", START)
        await members.bind(connection, member_id, account, frozenset(CLIENT.scopes), START)
        await tokens.store(connection, runtime.keyring, member_id, _token(simulator, account))
    grant = await members.grant(runtime.db, member_id)
    assert grant is not None
    for type_ in COLLECTIONS:
        await pages.store(runtime.db, type_, grant, Page(truth[type_.name], START, last=True))
    async with runtime.db.begin() as connection:
        await stored.learn_waking(connection, member_id, START)
    return grant


def _token(simulator: WhoopSimulator, account: int) -> Token:
    """A pair that has expired, as those of members who are asked for once a day have."""
    grants, switches, before = simulator.state.grants, simulator.state.switches, START - timedelta(hours=12)
    code = grants.consent(
        CLIENT.client_id,
        account,
        scopes=CLIENT.scopes,
        redirect_uri=CLIENT.redirect_uris[0],
        challenge=None,
        now=before,
        switches=switches,
    )
    pair = grants.redeem(
        code,
        client_id=CLIENT.client_id,
        redirect_uri=CLIENT.redirect_uris[0],
        verifier=None,
        now=before,
        switches=switches,
    )
    return Token(pair.access_token, pair.refresh_token, before, pair.access_expires_at, 1)


async def _state(runtime: Runtime, grant: Grant, yesterday: Sequence[Event]) -> None:
    rng = Random(f"state/{grant.whoop_user_id}")
    async with runtime.db.begin() as connection:
        for type_ in CATALOG:
            told = [event.at for event in yesterday if event.type.partition(".")[0] == (type_.push or "recovery")]
            last = max(told, default=START - timedelta(hours=24 + 12 * rng.random()))
            if not type_.collection:
                last = START - _SINGLES_EVERY * rng.random()
            due_at, pending = await runtime.schedule.next_due(
                connection, grant.member_id, type_, last, await runtime.schedule.stretch(), changed=False
            )
            await sync_states.succeed(
                connection,
                grant.member_id,
                type_.name,
                cursor=last if type_.collection else None,
                began_at=last,
                now=last,
                due_at=due_at,
                pending=pending,
                outcome={},
            )
        await connection.execute(
            "UPDATE sync_states SET history_done_at = %s WHERE member_id = %s",
            (START - timedelta(days=3 * rng.random()), grant.member_id),
        )


async def _spend(runtime: Runtime, events: Sequence[Event]) -> None:
    """Yesterday's webhooks have cost what today's will: a recovery its cycle as well."""
    for event in events:
        await runtime.db.execute(
            """INSERT INTO budget_usage AS u (app, bucket, at, lane, taken, refused)
               VALUES (%(app)s, 'minute', date_trunc('minute', %(at)s), 'webhook', %(cost)s, 0)
               ON CONFLICT (app, bucket, at, lane) DO UPDATE SET taken = u.taken + excluded.taken""",
            {"app": runtime.app, "at": event.at, "cost": 2 if event.type.startswith("recovery") else 1},
        )
