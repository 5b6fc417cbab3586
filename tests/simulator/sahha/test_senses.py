"""Two sensors on one body: what Sahha tells of a person agrees with what WHOOP tells, and stays what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import correlation, fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from circadia.simulator.clock import StandingClock
from circadia.simulator.sahha import SahhaSimulator
from circadia.simulator.sahha.windows import sleep_day, sleep_window
from circadia.simulator.world import Quirks, World

from .conftest import EPOCH, Server, connected_to, made

DAYS = 110
HOUR = 3600.0
STAGES = {f"sleep_{stage}_duration" for stage in ("deep", "rem", "light", "awake")}


def by_date(truth: dict[str, Any], *types: str) -> dict[date, dict[str, str]]:
    """Biomarkers by the local date of their window's end, then by type."""
    found: dict[date, dict[str, str]] = {}
    for each in truth["biomarkers"]:
        if not types or each["type"] in types:
            found.setdefault(datetime.fromisoformat(each["endDateTime"]).date(), {})[each["type"]] = each["value"]
    return found


def whoop_nights(world: World, user_id: int, now: datetime) -> Iterator[tuple[date, dict[str, Any], dict[str, Any]]]:
    """Scored main sleeps and their recoveries by the local date of waking, where a date has one only."""
    member = world.member(user_id)
    recoveries = {row.payload["sleep_id"]: row.payload for row in member.rows("recovery", now)}
    found: dict[date, list[dict[str, Any]]] = {}
    for row in member.rows("sleep", now):
        sleep = row.payload
        if not sleep["nap"] and sleep["score"]:
            found.setdefault(woke(sleep).date(), []).append(sleep)
    for day, sleeps in found.items():
        if len(sleeps) == 1 and recoveries.get(sleeps[0]["id"], {}).get("score"):
            yield day, sleeps[0], recoveries[sleeps[0]["id"]]


def woke(sleep: dict[str, Any]) -> datetime:
    """When a WHOOP sleep ended, in local time without an offset."""
    offset = sleep["timezone_offset"].replace("Z", "+00:00")
    return datetime.fromisoformat(sleep["end"]).astimezone(datetime.fromisoformat(f"2026-01-01T00:00{offset}").tzinfo)


def minutes(sleep: dict[str, Any], *stages: str) -> float:
    spent: dict[str, int] = sleep["score"]["stage_summary"]
    return sum(spent[f"total_{stage}_time_milli"] for stage in stages) / 60_000


ASLEEP = ("light_sleep", "slow_wave_sleep", "rem_sleep")


def test_the_same_seed_gives_the_same_answers(world: World) -> None:
    again = World(seed=7, members=4, days=120, epoch=EPOCH)
    other = World(seed=8, members=4, days=120, epoch=EPOCH)
    for name in ("anna", "bert", "carl"):
        assert made(world).truth(name, 30) == made(again).truth(name, 30)
        assert made(world).truth(name, 30) != made(other).truth(name, 30)


def test_a_world_of_more_people_tells_the_same_of_the_first(world: World) -> None:
    more = World(seed=7, members=6, days=120, epoch=EPOCH)
    assert made(more).truth("anna") == made(world).truth("anna")


@pytest.mark.parametrize("name", ["anna", "carl"])
def test_nights_and_vitals_agree_with_whoop(name: str) -> None:
    world = World(seed=7, members=3, days=120, epoch=EPOCH, quirks=replace(Quirks(), split_nights=False))
    sim = made(world)
    told = by_date(sim.truth(name, DAYS))
    member = sim.state.profiles[name].member
    assert member is not None
    exactly = name == "carl"
    pairs: list[tuple[float, float]] = []
    seen = 0
    for day, sleep, recovery in whoop_nights(world, member.user_id, EPOCH):
        if day not in told or woke(sleep).hour >= 18:
            continue
        mine = told[day]
        seen += 1
        allowed = 1.0 if exactly else 12.0
        assert abs(float(mine["sleep_duration"]) - minutes(sleep, *ASLEEP)) <= allowed
        assert abs(float(mine["sleep_in_bed_duration"]) - minutes(sleep, *ASLEEP, "awake", "no_data")) <= 2 * allowed
        apart = datetime.fromisoformat(mine["sleep_end_time"]) - datetime.fromisoformat(sleep["end"])
        assert abs(apart) <= timedelta(minutes=allowed)
        assert datetime.fromisoformat(mine["sleep_end_time"]).date() == day
        score = recovery["score"]
        assert abs(float(mine["heart_rate_resting"]) - score["resting_heart_rate"]) <= (0 if exactly else 2.5)
        assert abs(float(mine["respiratory_rate_sleep"]) - sleep["score"]["respiratory_rate"]) <= 0.6
        pairs.append((float(mine["heart_rate_variability_rmssd"]), score["hrv_rmssd_milli"]))
        assert sum(float(mine[stage]) for stage in STAGES) == float(mine["sleep_in_bed_duration"])
    assert seen > 85
    assert correlation(*zip(*pairs, strict=True)) > 0.95
    assert fmean(abs(mine / theirs - 1) for mine, theirs in pairs) < (0.005 if exactly else 0.08)


def test_a_night_in_two_parts_is_one_night(world: World) -> None:
    sim = made(world)
    profile = sim.state.profiles["carl"]
    assert profile.member is not None
    split = [
        cycle for cycle in profile.member.lived(EPOCH - timedelta(days=DAYS), EPOCH, EPOCH) if len(cycle.sleeps) > 1
    ]
    told = by_date(sim.truth("carl", DAYS))
    assert split
    for cycle in split:
        asleep = sum(night.asleep for _, _, night in cycle.sleeps)
        mine = told[cycle.wake.astimezone(cycle.zone).date()]
        assert float(mine["sleep_duration"]) == round(asleep)
        assert datetime.fromisoformat(mine["sleep_start_time"]) <= cycle.start


def test_steps_are_of_the_same_walk_and_never_twice(world: World) -> None:
    user_id = world.user_ids[0]
    steps = by_date(made(world).truth("anna", 8), "steps")
    cycles = {}
    for row in world.member(user_id).rows("cycle", EPOCH):
        if row.end is not None and row.payload.get("step_count"):
            offset = row.payload["timezone_offset"]
            local = row.end_at.astimezone(datetime.fromisoformat(f"2026-01-01T00:00{offset}").tzinfo)
            cycles[(local - timedelta(hours=10)).date()] = row.payload["step_count"]
    both = cycles.keys() & (steps.keys() - {date(2026, 10, 1)})
    assert len(both) >= 5
    for day in both:
        assert 0.85 < float(steps[day]["steps"]) / cycles[day] < 1.15


def test_sahha_knows_nights_that_whoop_has_not(world: World) -> None:
    own = World(seed=7, members=4, days=120, epoch=EPOCH)
    sim = made(own)
    before = sim.truth("anna", 30)
    events = own.member(own.user_ids[0]).mutate("delete_sleep", EPOCH)
    assert events
    assert sim.truth("anna", 30) == before == made(world).truth("anna", 30)


def test_a_phone_counts_and_sees_no_stages_and_no_vitals(world: World) -> None:
    types = Counter(each["type"] for each in made(world).truth("bert", 30)["biomarkers"])
    assert types["steps"] > 25 < types["sleep_duration"] + 3
    assert not STAGES & types.keys()
    assert not any("heart_rate" in name or name == "weight" for name in types)
    sleep = next(each for each in made(world).truth("bert", 30)["scores"] if each["type"] == "sleep")
    assert {each["name"] for each in sleep["factors"]} == {
        "sleep_duration", "sleep_regularity", "sleep_debt", "circadian_alignment",
    }  # fmt: skip
    assert sleep["dataSources"] == ["sleep"]


def test_scores_and_biomarkers_of_a_date_are_tied(world: World) -> None:
    truth = made(world).truth("anna", 30)
    values = by_date(truth)
    tied = 0
    for score in truth["scores"]:
        if score["type"] != "sleep":
            continue
        day = values[datetime.fromisoformat(score["scoreDateTime"]).date()]
        factors = {each["name"]: each["value"] for each in score["factors"]}
        assert factors["sleep_duration"] == float(day["sleep_duration"])
        assert factors["sleep_regularity"] == pytest.approx(float(day["sleep_regularity"]), abs=1e-6)
        assert factors["sleep_debt"] == pytest.approx(float(day["sleep_debt"]), abs=1e-6)
        assert (score["state"] == "high") == (score["score"] >= 0.8)
        tied += 1
    assert tied > 25


async def periodicity(server: Server, name: str, type_: str) -> dict[str, tuple[str, str, str]]:
    """Periodicity, value and id by the date of the window's end."""
    told = await server.biomarkers(name, "2026-09-28", "2026-10-02", "sleep,activity")
    return {
        each["endDateTime"][:10]: (each["periodicity"], each["value"], each["id"])
        for each in told
        if each["type"] == type_
    }


async def test_the_day_grows_and_settles_some_hours_after_its_end(world: World) -> None:
    noon = datetime(2026, 9, 30, 16, tzinfo=UTC)  # at New York, where anna lives
    server = connected_to(made(world, clock=StandingClock(noon)))
    await server.sign_in()
    grown = []
    for _ in range(5):
        steps = await periodicity(server, "anna", "steps")
        assert [steps[day][0] for day in ("2026-09-28", "2026-09-29", "2026-09-30")] == ["daily", "daily", "intraday"]
        grown.append(int(steps["2026-09-30"][1]))
        server.clock.advance(2 * HOUR)
    assert grown == sorted(grown)
    assert 0 < grown[0] < grown[-1]
    server.clock.advance(6 * HOUR)  # 04:00: the night before's day is still open
    steps = await periodicity(server, "anna", "steps")
    assert ("2026-10-01" in steps, steps["2026-09-30"][0]) == (False, "intraday")
    server.clock.advance(4 * HOUR)  # 08:00
    settled = await periodicity(server, "anna", "steps")
    assert settled["2026-09-30"][0] == "daily"
    assert settled["2026-09-30"][2] == steps["2026-09-30"][2]
    server.sim.switch(settled_ids="fresh")
    fresh = await periodicity(server, "anna", "steps")
    assert fresh["2026-09-30"][2] != steps["2026-09-30"][2]
    server.clock.advance(100 * HOUR)
    await server.sign_in()
    assert (await periodicity(server, "anna", "steps"))["2026-09-30"] == fresh["2026-09-30"]


async def test_a_night_is_told_some_minutes_after_waking(world: World) -> None:
    woken = world.member(world.user_ids[0]).lived(EPOCH - timedelta(days=1), EPOCH, EPOCH)[-1].wake
    server = connected_to(made(world, clock=StandingClock(woken + timedelta(minutes=4))))
    await server.sign_in()
    assert "2026-09-30" not in await periodicity(server, "anna", "sleep_duration")
    server.clock.advance(HOUR)
    assert (await periodicity(server, "anna", "sleep_duration"))["2026-09-30"][0] == "intraday"


@pytest.mark.parametrize(
    ("local", "day"),
    [("2026-03-01T06:30", "2026-03-01"), ("2026-03-01T17:59", "2026-03-01"), ("2026-03-01T18:00", "2026-03-02")],
)
def test_a_sleep_day_ends_at_six_in_the_evening(local: str, day: str) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    woke_at = datetime.fromisoformat(local).replace(tzinfo=zone)
    assert str(sleep_day(woke_at.astimezone(UTC), zone)) == day
    start, end = sleep_window(date.fromisoformat(day), zone)
    assert start <= woke_at < end + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("efficiency", "low", "high"), [("fraction", 0.5, 1.0), ("percent", 50.0, 100.0)], ids=["fraction", "percent"]
)
def test_the_scale_of_efficiency_can_be_chosen(world: World, efficiency: str, low: float, high: float) -> None:
    sim = made(world)
    sim.switch(efficiency=efficiency)
    values = [float(day["sleep_efficiency"]) for day in by_date(sim.truth("anna", 20), "sleep_efficiency").values()]
    assert all(low < value <= high for value in values)
    assert len(values) > 15


def test_a_traveller_s_days_begin_at_the_midnight_of_where_they_are() -> None:
    world = World(seed=3, members=3, days=300, epoch=EPOCH, quirks=Quirks())
    sim = made(world)
    offsets = set()
    for each in sim.truth("carl", 290)["biomarkers"]:
        if each["type"] == "steps":
            start = datetime.fromisoformat(each["startDateTime"])
            assert (start.hour, start.minute) == (0, 0)
            offsets.add(start.utcoffset())
    assert len(offsets) > 1


def test_two_days_cost_no_more_than_two_days_of_answers(world: World) -> None:
    sim = made(world)
    asked: list[tuple[datetime, datetime]] = []
    profile = sim.state.profiles["anna"]
    assert profile.member is not None
    lived = profile.member.lived

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.member(world.user_ids[0]), name)

        def lived(self, after: datetime, until: datetime, now: datetime) -> Any:
            found = lived(after, until, now)
            asked.append((found[0].wake, found[-1].wake))
            return found

    profile.member = Watched()  # type: ignore[assignment]
    sim.state.biomarkers(profile, date(2026, 7, 1), date(2026, 7, 2), EPOCH)
    assert all(last - first < timedelta(days=14) for first, last in asked)


def test_nobody_is_behind_an_unknown_member(world: World) -> None:
    with pytest.raises(KeyError):
        SahhaSimulator(world, clock=StandingClock(EPOCH), accounts={"x": 1}, client_id="a", client_secret="b")
