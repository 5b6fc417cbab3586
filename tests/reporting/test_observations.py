"""Sahha's figures in the long list of observations are those that the gateway makes of the same records."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx2

from circadia.clients.http import open_client
from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.parsing import MODELS, listing
from circadia.clients.sahha.tokens import Credentials
from circadia.domain.analyses.insights import OTHERS
from circadia.domain.identities import identity_of
from circadia.domain.metrics import BY_NAME, METRICS
from circadia.domain.readings import Observation
from circadia.domain.sahha import Biomarker, Kind, Score
from circadia.domain.sahha_readings import observations
from circadia.gateway.breaker import Breaker
from circadia.gateway.sahha import SahhaSource
from circadia.simulator.clock import StandingClock
from circadia.simulator.sahha import SahhaSimulator
from circadia.simulator.world import Quirks, World
from circadia.storage import identities, sahha, sahha_rows
from circadia.storage.postgres import Database

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 9, 1), date(2026, 11, 20)
UNITS = (
    "second", "minute", "hour", "count", "bpm", "ms", "kcal", "kg", "m", "kg/m2", "degC", "mL/kg/min", "mg/dL", "mmHg",
    "percentage", "parsec",
)  # fmt: skip
PLACES = [place.split("/") for metric in METRICS for place in metric.sahha.split()]
SCORES = [type_ for kind, type_, *_ in PLACES if kind == "score"]
Figures = dict[tuple[date, str], float]


async def member(db: Database, user_id: str) -> None:
    await db.execute("INSERT INTO members (user_id, created_at) VALUES (%s, %s)", (user_id, AT))


async def stores(db: Database, external_id: str, kind: Kind, records: Iterable[dict[str, Any]], at: datetime) -> int:
    found = listing(MODELS[kind], records, at)
    assert not found.rejects
    async with db.begin() as connection:
        profile = await sahha.profile_id(connection, external_id, AT)
        await sahha_rows.write(connection, profile, kind, found.items, (), at)
    return profile


def settled(told: Iterable[Observation]) -> Figures:
    """What is final and a number, by date and metric."""
    return {
        (each.day, each.metric): float(each.value)
        for each in told
        if each.unsettled is None and isinstance(each.value, int | float)
    }


async def of_the_gateway(db: Database, profile: int) -> Figures:
    scores, biomarkers = [
        [
            (MODELS[kind].model_validate(each.raw), each.received_at)
            for each in await sahha_rows.read(db, profile, kind, FIRST, LAST)
        ]
        for kind in ("score", "biomarker")
    ]
    return settled(
        observations(
            [(each, at) for each, at in scores if isinstance(each, Score)],
            [(each, at) for each, at in biomarkers if isinstance(each, Biomarker)],
        )
    )


async def of_the_database(db: Database, user_id: str) -> Figures:
    rows = await db.rows(
        "SELECT day, metric, value FROM reporting.observations WHERE user_id = %s AND source = 'sahha'", (user_id,)
    )
    return {(day, metric): value for day, metric, value in rows}


def biomarker(day: date, category: str, type_: str, value: str, dice: random.Random, **told: Any) -> dict[str, Any]:
    """A record whose window is a night's for what is asleep, else the local day's, two hours ahead of UTC."""
    asleep = category == "sleep" or type_.endswith("_sleep")
    begins, ends = (f"{day - timedelta(1)}T18:00", f"{day}T17:59") if asleep else (f"{day}T00:00", f"{day}T23:59")
    return {
        "id": dice.randbytes(16).hex(), "category": category, "type": type_, "periodicity": "daily",
        "value": value, "valueType": "double", "startDateTime": f"{begins}:00+02:00", "endDateTime": f"{ends}:59+02:00",
    } | told  # fmt: skip


async def test_every_figure_in_every_unit(db: Database) -> None:
    await member(db, "alice")
    dice = random.Random(1)
    records = [
        biomarker(FIRST + timedelta(2 * at + half), category, type_, value, dice, unit=unit,
                  **({"periodicity": "weekly"} if span else {}))
        for category, type_, *span in PLACES if category != "score"
        for at, unit in enumerate(UNITS)
        for half, value in enumerate(("0.625", "41.37"))
    ]  # fmt: skip
    await stores(db, "alice", "biomarker", records, AT)
    score = {"state": "high", "score": 0.7231, "scoreDateTime": "2026-10-20T00:00:00+02:00"}
    scores = [score | {"id": dice.randbytes(16).hex(), "type": type_} for type_ in SCORES]
    profile = await stores(db, "alice", "score", scores, AT)
    found = await of_the_database(db, "alice")
    assert found == await of_the_gateway(db, profile)
    assert {metric for _, metric in found} == {each.name for each in METRICS if each.sahha and each.numeric}
    assert {metric for _, metric in found} <= {*OTHERS, *BY_NAME}


async def test_records_of_every_sort(db: Database) -> None:
    """Several of one thing, not final, of nights that end early, late, never, twice on a date or in other words."""
    await member(db, "alice")
    dice = random.Random(4)
    profile = 0
    for _ in range(90):
        day = FIRST + timedelta(dice.randrange(12))
        midnight = datetime.combine(day, time(), UTC)
        at = midnight + timedelta(hours=dice.randrange(6, 90), seconds=dice.randrange(3600))
        waking = f"{midnight + timedelta(hours=dice.choice([-10, -3, -1, 6, 7, 20, 22, 26, 31])):%Y-%m-%dT%H:%M:%S}"
        ends = dice.choice([f"{waking}+02:00", waking, f"{waking}Z", "soon", "2026-02-30T07:00"])
        steps = dice.choice(["8000", "many", "1e3", "NaN", "-1", "1e99"])
        final, sort = dice.choice(["daily", "intraday"]), dice.choice(["daily", "intraday", "monthly"])
        rates = [str(dice.randrange(9, 20)) for _ in range(2)]
        records = [
            biomarker(day, "sleep", "sleep_end_time", ends, dice, valueType="datetime"),
            biomarker(day, "sleep", "sleep_duration", f"{at.second + 300}", dice, unit="minute", periodicity=final),
            biomarker(day, "vitals", "respiratory_rate_sleep", rates[0], dice, unit="bpm"),
            biomarker(day, "vitals", "respiratory_rate", rates[1], dice, unit="bpm"),
            biomarker(day, "activity", "steps", steps, dice, unit="count", periodicity=sort),
        ]
        await stores(db, "alice", "biomarker", dice.sample(records, 4), at)
        score = {"state": "high", "score": dice.random(), "scoreDateTime": f"{day}T00:00:00+02:00"}
        scores = [
            score | {"id": dice.randbytes(16).hex(), "type": type_} for type_ in ("sleep", "activity", "readiness")
        ]
        profile = await stores(db, "alice", "score", dice.sample(scores, 2), at)
    found = await of_the_database(db, "alice")
    assert found == await of_the_gateway(db, profile)
    assert len(found) > 50


async def test_what_a_simulated_sahha_tells(db: Database, clock: StandingClock) -> None:
    world = World(seed=5, members=1, days=30, epoch=clock(), quirks=Quirks.all_on())
    simulator = SahhaSimulator(
        world, clock=clock, accounts={"ana": world.user_ids[0]}, client_id="client-id", client_secret="client-secret"
    )
    async with open_client(httpx2.ASGITransport(app=simulator.app)) as http:
        client = SahhaClient(http, Credentials("client-id", "client-secret"), "https://sahha.example", clock)
        source = SahhaSource(db, client, Breaker("Sahha"), clock)
        since = clock().date() - timedelta(24)
        told = await source.read("ana", since, since + timedelta(25), 30)
        await source.close()
    await member(db, "alice")
    await identities.put(db, identity_of("somebody", "ana", "alice"), AT)
    found = await of_the_database(db, "alice")
    assert {key: value for key, value in found.items() if key[0] >= since} == settled(told.observations)
    assert len({day for day, _ in found}) >= 20


async def test_whose_profile_it_is(db: Database) -> None:
    dice = random.Random(2)
    record = biomarker(FIRST, "activity", "steps", "9000", dice, unit="count")
    await stores(db, "alice", "biomarker", [record], AT)
    for user_id in ("alice", "bob"):
        await member(db, user_id)
    assert await of_the_database(db, "alice") == {(FIRST, "steps"): 9000}
    assert await of_the_database(db, "bob") == {}
    await identities.put(db, identity_of("bob", "alice", "bob"), AT)
    assert await of_the_database(db, "alice") == {}
    assert await of_the_database(db, "bob") == {(FIRST, "steps"): 9000}


async def test_what_only_sahha_tells_is_compared_too(db: Database) -> None:
    await member(db, "alice")
    dice = random.Random(3)
    recovery = [dice.randrange(30, 90) for _ in range(40)]
    records = [
        biomarker(FIRST + timedelta(at), "activity", type_, f"{9000 - 50 * recovery[at + 1]}", dice, unit=unit)
        for at in range(39)
        for type_, unit in (("steps", "count"), ("active_energy_burned", "kcal"), ("active_duration", "minute"))
    ]
    await stores(db, "alice", "biomarker", records, AT)
    await db.execute(
        """INSERT INTO day_values (member_id, day, state, calibrating, open, recovery_score, steps)
           SELECT m.id, %s::date + (n - 1)::int, 'complete', false, false, r, 100 * n
           FROM members m, unnest(%s::float8[]) WITH ORDINALITY told (r, n)""",
        (FIRST, recovery),
    )
    asked = ("alice", "recovery_score", FIRST + timedelta(5), LAST, 1)
    rows = await db.rows('SELECT "with", source, n, verdict FROM reporting.correlations(%s, %s, %s, %s, %s)', asked)
    told = {name: tuple(rest) for name, *rest in rows}
    assert told["active_energy_kcal"] == told["active_duration_s"] == ("sahha", 35, "against")
    assert told["steps"][:2] == ("whoop", 35)
    points = await db.rows(
        "SELECT day, x, y FROM reporting.correlation(%s, %s, 'active_energy_kcal', %s, %s, %s)", asked
    )
    assert points == [(FIRST + timedelta(at), 9000 - 50 * recovery[at], recovery[at]) for at in range(5, 40)]
