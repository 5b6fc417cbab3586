"""The seeded world: the same for ever, coherent at every moment, and with every quirk to be seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args
from uuid import UUID

import pytest

from circadia.simulator.issue import STEPS_SINCE
from circadia.simulator.sports import EXTRA_SLUGS, RECOVERY_ACTIVITIES, SPORT_IDS
from circadia.simulator.world import Event, Kind, Member, Quirks, Row, World

EPOCH = datetime(2026, 10, 15, 12, tzinfo=UTC)
KINDS: tuple[Kind, ...] = get_args(Kind)
DAY = timedelta(days=1)


def make(*, quirks: Quirks | None = None, members: int = 6, days: int = 200, seed: int = 3) -> World:
    return World(seed=seed, members=members, days=days, epoch=EPOCH, quirks=quirks or Quirks.all_on())


@pytest.fixture(scope="module")
def world() -> World:
    return make()


def everything(world: World, now: datetime) -> dict[int, dict[Kind, list[Row]]]:
    return {
        user_id: {kind: list(world.member(user_id).rows(kind, now)) for kind in KINDS} for user_id in world.user_ids
    }


def rows(world: World, kind: Kind, now: datetime = EPOCH) -> list[Row]:
    return [row for user_id in world.user_ids for row in world.member(user_id).rows(kind, now)]


def key_of(kind: Kind, row: Row) -> str:
    return str(row.payload["cycle_id" if kind == "recovery" else "id"])


def keys(member: Member, kind: Kind, now: datetime) -> set[str]:
    return {key_of(kind, row) for row in member.rows(kind, now)}


def moments(start: datetime, end: datetime, step: timedelta) -> Iterable[datetime]:
    while start < end:
        yield start
        start += step


def test_the_same_seed_gives_the_same_world_whatever_was_asked_before() -> None:
    first, second = make(members=3, days=60), make(members=3, days=60)
    for now in moments(EPOCH - 40 * DAY, EPOCH, timedelta(hours=31)):
        second.events(now - DAY, now)
        rows(second, "cycle", now)
    assert everything(first, EPOCH) == everything(second, EPOCH)
    assert first.events(EPOCH - 9 * DAY, EPOCH) == second.events(EPOCH - 9 * DAY, EPOCH)
    assert [first.member(user).profile() for user in first.user_ids] == [
        second.member(user).profile() for user in second.user_ids
    ]


def test_another_seed_gives_another_world() -> None:
    one, other = make(members=2, days=20, seed=1), make(members=2, days=20, seed=2)
    assert set(one.user_ids).isdisjoint(other.user_ids)
    assert not {row.payload["id"] for row in rows(one, "sleep")} & {row.payload["id"] for row in rows(other, "sleep")}


def test_members_may_join_a_kept_world_and_not_leave_it() -> None:
    world = make(members=2, days=40)
    world.member(world.user_ids[0]).mutate("edit_sleep", EPOCH)
    grown = make(members=3, days=40)
    grown.restore(world.dump())
    for user_id in world.user_ids:
        assert grown.member(user_id).rows("sleep", EPOCH) == world.member(user_id).rows("sleep", EPOCH)
    with pytest.raises(ValueError, match="members"):
        make(members=1, days=40).restore(world.dump())


def test_a_restored_world_answers_the_same_now_and_later() -> None:
    world = make(members=3, days=60)
    actions = ("edit_sleep", "delete_sleep", "merge_cycles", "retype_workout", "rescore", "delete_workout")
    for number, action in enumerate(actions):
        for user_id in world.user_ids:
            world.member(user_id).mutate(action, EPOCH + timedelta(hours=5 * number))
    member = world.member(world.user_ids[0])
    chosen = member.rows("workout", EPOCH)[9].payload["id"]
    member.mutate("delete_workout", EPOCH + 2 * DAY, target=chosen)
    state = json.loads(json.dumps(world.dump()))
    again = make(members=3, days=60)
    again.restore(state)
    for now in (EPOCH, EPOCH + 2 * DAY, EPOCH + 9 * DAY):
        assert everything(again, now) == everything(world, now)
    assert again.events(EPOCH - DAY, EPOCH + 9 * DAY) == world.events(EPOCH - DAY, EPOCH + 9 * DAY)
    assert again.dump() == world.dump()


def test_restoring_forgets_what_happened_since_the_dump() -> None:
    world = make(members=1, days=40)
    state, before = world.dump(), everything(world, EPOCH + DAY)
    world.member(world.user_ids[0]).mutate("delete_sleep", EPOCH)
    world.restore(state)
    assert everything(world, EPOCH + DAY) == before


def test_another_worlds_state_is_refused() -> None:
    with pytest.raises(ValueError, match="the saved state has days 40, this world has 41"):
        make(members=1, days=41).restore(make(members=1, days=40).dump())


def test_unknown_member_is_a_key_error(world: World) -> None:
    with pytest.raises(KeyError):
        world.member(1)


def test_ids_have_whoops_shape_and_are_unique(world: World) -> None:
    cycles = [row.payload["id"] for row in rows(world, "cycle")]
    assert len(set(cycles)) == len(cycles)
    assert all(1_000_000_000 <= number <= 9_999_999_999 for number in cycles)
    for user_id in world.user_ids:
        own = [row.payload["id"] for row in world.member(user_id).rows("cycle", EPOCH)]
        assert own == sorted(own, reverse=True)
    uuids = [row.payload["id"] for kind in ("sleep", "workout") for row in rows(world, kind)]
    assert len(set(uuids)) == len(uuids)
    assert all(UUID(text).version == 4 and str(UUID(text)) == text for text in uuids)
    assert all(len(str(user_id)) == 8 for user_id in world.user_ids)


def test_listings_are_newest_first_and_rows_are_found_by_key(world: World) -> None:
    for user_id in world.user_ids:
        member = world.member(user_id)
        for kind in KINDS:
            listed = member.rows(kind, EPOCH)
            starts = [row.start for row in listed]
            assert starts == sorted(starts, reverse=True)
            for row in listed[:30]:
                assert member.row(kind, key_of(kind, row), EPOCH) == row
                assert member.row(kind, key_of(kind, row), row.start - DAY) is None
            assert member.row(kind, "0", EPOCH) is None


def test_row_intervals_are_those_of_the_payload(world: World) -> None:
    for kind in ("cycle", "sleep", "workout"):
        for row in rows(world, kind):
            assert datetime.fromisoformat(row.payload["start"]) == row.start
            end = row.payload["end"]
            assert (None if end is None else datetime.fromisoformat(end)) == row.end
            assert row.payload["start"].endswith("Z")
            assert len(row.payload["start"]) == len("2022-04-24T11:25:44.774Z")
    sleeps = {row.payload["id"]: row for row in rows(world, "sleep")}
    for row in rows(world, "recovery"):
        sleep = sleeps[row.payload["sleep_id"]]
        assert (row.start, row.end) == (sleep.start, sleep.end)
        assert not {"start", "end", "timezone_offset"} & row.payload.keys()


def test_cycles_follow_each_other_and_begin_with_a_sleep(world: World) -> None:
    for user_id in world.user_ids:
        cycles = list(reversed(world.member(user_id).rows("cycle", EPOCH)))
        assert [row.end for row in cycles].count(None) == 1
        assert cycles[-1].end is None
        gaps = [later.start - earlier.end_at for earlier, later in pairwise(cycles)]
        assert all(gap >= timedelta(0) for gap in gaps)
        assert sum(gap > timedelta(0) for gap in gaps) <= 5
        onsets = {row.start for row in world.member(user_id).rows("sleep", EPOCH) if not row.payload["nap"]}
        bare = sum(row.start not in onsets for row in cycles)
        assert bare <= 4


def test_sleeps_and_workouts_lie_in_their_cycle_and_do_not_overlap(world: World) -> None:
    cycles = {row.payload["id"]: row for row in rows(world, "cycle")}
    for user_id in world.user_ids:
        member = world.member(user_id)
        busy = sorted([*member.rows("sleep", EPOCH), *member.rows("workout", EPOCH)], key=lambda row: row.start)
        assert all(earlier.end_at < later.start for earlier, later in pairwise(busy))
        for sleep in member.rows("sleep", EPOCH):
            cycle = cycles[sleep.payload["cycle_id"]]
            assert cycle.start <= sleep.start
            assert sleep.end_at <= (cycle.end or EPOCH)


def test_scored_payloads_are_coherent(world: World) -> None:
    for kind in KINDS:
        for row in rows(world, kind):
            payload = row.payload
            assert payload["score_state"] in {"SCORED", "PENDING_SCORE", "UNSCORABLE"}
            assert (payload["score"] is not None) == (payload["score_state"] == "SCORED")
            assert payload["created_at"] <= payload["updated_at"] <= EPOCH.isoformat()
            if payload["score"]:
                COHERENT[kind](row, payload["score"])


def coherent_cycle(row: Row, score: dict[str, Any]) -> None:
    assert 0 <= score["strain"] <= 21
    assert 40 <= score["average_heart_rate"] < score["max_heart_rate"] <= 215
    hours = ((row.end or EPOCH) - row.start) / timedelta(hours=1)
    assert 20 * hours < score["kilojoule"] / 4.184 < 260 * hours


def coherent_sleep(row: Row, score: dict[str, Any]) -> None:
    stages, need = score["stage_summary"], score["sleep_needed"]
    assert all(value >= 0 for value in stages.values())
    in_bed = stages["total_in_bed_time_milli"]
    assert in_bed == (row.end_at - row.start) // timedelta(milliseconds=1)
    parts = ("awake", "no_data", "light_sleep", "slow_wave_sleep", "rem_sleep")
    assert in_bed == sum(stages[f"total_{part}_time_milli"] for part in parts)
    assert need["need_from_recent_nap_milli"] <= 0 <= need["need_from_sleep_debt_milli"]
    asleep = in_bed - stages["total_awake_time_milli"] - stages["total_no_data_time_milli"]
    assert score["sleep_efficiency_percentage"] == pytest.approx(100 * asleep / in_bed, abs=0.01)
    performance = score["sleep_performance_percentage"]
    if performance is not None:
        assert performance == pytest.approx(min(100, 100 * asleep / sum(need.values())), abs=1)


def coherent_recovery(row: Row, score: dict[str, Any]) -> None:
    assert 1 <= score["recovery_score"] <= 99
    assert float(score["recovery_score"]).is_integer()
    assert float(score["resting_heart_rate"]).is_integer()
    assert 5 < score["hrv_rmssd_milli"] < 350
    assert row.end is not None
    assert datetime.fromisoformat(row.payload["created_at"]) > row.end


def coherent_workout(row: Row, score: dict[str, Any]) -> None:
    recorded = (row.end_at - row.start) / timedelta(milliseconds=1) * score["percent_recorded"] / 100
    assert sum(score["zone_durations"].values()) == pytest.approx(recorded, abs=6)
    assert all(value >= 0 for value in score["zone_durations"].values())
    assert 0 < score["strain"] <= 21
    assert score["average_heart_rate"] < score["max_heart_rate"]
    assert "cycle_id" not in row.payload


COHERENT: dict[Kind, Callable[[Row, dict[str, Any]], None]] = {
    "cycle": coherent_cycle,
    "sleep": coherent_sleep,
    "recovery": coherent_recovery,
    "workout": coherent_workout,
}


def test_a_day_is_at_least_as_hard_as_its_hardest_workout(world: World) -> None:
    for user_id in world.user_ids:
        cycles = [row for row in world.member(user_id).rows("cycle", EPOCH) if row.end and row.payload["score"]]
        for workout in world.member(user_id).rows("workout", EPOCH):
            if not workout.payload["score"]:
                continue
            for cycle in cycles:
                if cycle.start <= workout.start < cycle.end_at:
                    day, own = cycle.payload["score"], workout.payload["score"]
                    assert day["strain"] > own["strain"] * 0.98
                    assert day["max_heart_rate"] >= own["max_heart_rate"]
                    assert day["kilojoule"] > own["kilojoule"]


def test_nothing_disappears_without_a_deletion_and_finished_nights_only_get_new_scores(world: World) -> None:
    member = world.member(world.user_ids[1])
    seen: dict[Kind, set[str]] = {kind: set() for kind in KINDS}
    for now in moments(EPOCH - 20 * DAY, EPOCH, timedelta(hours=5, minutes=7)):
        for kind in KINDS:
            current = keys(member, kind, now)
            assert seen[kind] <= current
            seen[kind] = current


def test_every_change_of_a_sleep_recovery_or_workout_has_an_event(world: World) -> None:
    member = world.member(world.user_ids[0])
    steps = list(moments(EPOCH - 12 * DAY, EPOCH, timedelta(minutes=53)))
    for before, now in pairwise(steps):
        events = {(event.type, event.id) for event in member.events(before, now)}
        changed = set()
        for kind in ("sleep", "recovery", "workout"):
            old = {key_of(kind, row): row for row in member.rows(kind, before)}
            for row in member.rows(kind, now):
                if old.get(key_of(kind, row)) != row:
                    name = row.payload["sleep_id"] if kind == "recovery" else row.payload["id"]
                    changed.add((f"{kind}.updated", name))
        assert changed == events


def test_events_are_ordered_and_half_open(world: World) -> None:
    events = world.events(EPOCH - 5 * DAY, EPOCH)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert {event.user_id for event in events} == set(world.user_ids)
    assert {event.type for event in events} == {"sleep.updated", "recovery.updated", "workout.updated"}
    middle = events[len(events) // 2].at
    split = world.events(EPOCH - 5 * DAY, middle) + world.events(middle, EPOCH)
    assert split == events
    assert any(isinstance(event, Event) and event.at == middle for event in world.events(EPOCH - 5 * DAY, middle))


def test_the_running_cycle_grows_in_steps_and_meets_its_final_score(world: World) -> None:
    member = world.member(world.user_ids[2])
    running = member.rows("cycle", EPOCH)[0]
    key = str(running.payload["id"])
    strain, updates, last = 0.0, set(), running
    for now in moments(EPOCH, EPOCH + 2 * DAY, timedelta(minutes=5)):
        row = member.row("cycle", key, now)
        assert row is not None
        if row.end is not None:
            break
        if row.payload["score"]:
            assert row.payload["score"]["strain"] >= strain
            strain = row.payload["score"]["strain"]
            updates.add(row.payload["updated_at"])
            assert row.payload["updated_at"] <= now.isoformat()
            assert row.payload["end"] is None
        last = row
    closed = member.row("cycle", key, EPOCH + 2 * DAY)
    assert closed is not None
    assert closed.end is not None
    assert len(updates) > 30
    assert closed.payload["score"]["strain"] == last.payload["score"]["strain"]
    assert closed.payload["updated_at"] > last.payload["updated_at"]


def test_a_later_look_shows_the_same_past_but_for_late_scores(world: World) -> None:
    for user_id in world.user_ids:
        member = world.member(user_id)
        for kind in KINDS:
            later = {key_of(kind, row): row for row in member.rows(kind, EPOCH + 10 * DAY)}
            changed = 0
            for row in member.rows(kind, EPOCH):
                after = later[key_of(kind, row)]
                assert after.start == row.start
                if after != row:
                    changed += 1
                    assert after.payload["updated_at"] > row.payload["updated_at"]
            assert changed <= 8
            assert len(later) > len(member.rows(kind, EPOCH))


def test_a_flight_east_still_leaves_a_day_between_two_nights() -> None:
    world = make(members=24, days=400, quirks=replace(Quirks.none(), travel=True))
    shortest = min(
        (later.start - earlier.end_at) / timedelta(hours=1)
        for user_id in world.user_ids
        for later, earlier in pairwise(world.member(user_id).rows("sleep", EPOCH))
    )
    assert shortest == pytest.approx(6, abs=0.01)


def test_history_has_the_length_asked_for(world: World) -> None:
    for user_id in world.user_ids:
        oldest = world.member(user_id).rows("cycle", EPOCH)[-1].start
        assert timedelta(0) <= oldest - (EPOCH - 200 * DAY) < 2 * DAY


def test_a_repeated_question_is_answered_from_the_same_list(world: World) -> None:
    member = world.member(world.user_ids[0])
    first = member.rows("workout", EPOCH)
    assert member.rows("workout", EPOCH) is first
    assert member.rows("workout", EPOCH + timedelta(milliseconds=1)) is first


# --- quirks -----------------------------------------------------------------------------------

LONG = 480
"""Days that reach back to when v1 ids were still given out."""


def states(world: World) -> Counter[str]:
    seen: Counter[str] = Counter()
    for kind in KINDS:
        seen.update(row.payload["score_state"] for row in rows(world, kind))
    return seen


def some_pending(world: World) -> bool:
    for now in moments(EPOCH - 30 * DAY, EPOCH, timedelta(hours=1)):
        sleeps = (world.member(user_id).rows("sleep", now)[0] for user_id in world.user_ids)
        if any(row.payload["score_state"] == "PENDING_SCORE" for row in sleeps):
            return True
    return False


def offsets(world: World, user_id: int) -> set[str]:
    return {row.payload["timezone_offset"] for row in world.member(user_id).rows("cycle", EPOCH)}


def all_offsets(world: World) -> set[str]:
    return set().union(*(offsets(world, user_id) for user_id in world.user_ids))


def has_nulls(world: World) -> bool:
    return any(None in (row.payload["score"] or {}).values() for row in rows(world, "sleep") if "score" in row.payload)


def has_gap_or_bare_cycle(world: World) -> bool:
    for user_id in world.user_ids:
        member = world.member(user_id)
        with_sleep = {row.payload["cycle_id"] for row in member.rows("sleep", EPOCH)}
        cycles = list(reversed(member.rows("cycle", EPOCH)))
        if any(row.payload["id"] not in with_sleep for row in cycles):
            return True
        if any(later.start > earlier.end_at for earlier, later in pairwise(cycles)):
            return True
    return False


def has_split_night(world: World) -> bool:
    per_cycle = Counter(row.payload["cycle_id"] for row in rows(world, "sleep") if not row.payload["nap"])
    short = any(row.end and row.end - row.start < timedelta(hours=9) for row in rows(world, "cycle"))
    return short or max(per_cycle.values()) > 1


def has_missing_recovery(world: World) -> bool:
    recovered = {row.payload["sleep_id"] for row in rows(world, "recovery")}
    scored = [row for row in rows(world, "sleep") if not row.payload["nap"]]
    return any(row.payload["id"] not in recovered for row in scored)


def sport_keys(world: World, name: str) -> set[Any]:
    return {row.payload.get(name, "absent") for row in rows(world, "workout")}


def scores(world: World, kind: Kind) -> list[dict[str, Any]]:
    return [row.payload["score"] for row in rows(world, kind) if row.payload.get("score")]


def dst_home(world: World) -> bool:
    """Whether the first member (New York) changes between -05:00 and -04:00."""
    return {"-05:00", "-04:00"} <= offsets(world, world.user_ids[0])


SHOWS: dict[str, Callable[[World], bool]] = {
    "explicit_nulls": has_nulls,
    "step_count": lambda world: any("step_count" in row.payload for row in rows(world, "cycle")),
    "v1_ids": lambda world: any(isinstance(row.payload.get("v1_id"), int) for row in rows(world, "sleep")),
    "sport_ids": lambda world: sport_keys(world, "sport_id") != {"absent"},
    "odd_sports": lambda world: bool(
        {0, -1} & sport_keys(world, "sport_id") or EXTRA_SLUGS.keys() & sport_keys(world, "sport_name")
    ),
    "late_scores": some_pending,
    "unscorable": lambda world: states(world)["UNSCORABLE"] > 0,
    "missing_values": lambda world: any(
        score.get("spo2_percentage") is None and score.get("skin_temp_celsius") is not None
        for score in scores(world, "recovery")
    ),
    "missed_nights": has_gap_or_bare_cycle,
    "missing_recoveries": has_missing_recovery,
    "split_nights": has_split_night,
    "naps": lambda world: any(row.payload["nap"] for row in rows(world, "sleep")),
    "dst": dst_home,
    "travel": lambda world: len(offsets(world, world.user_ids[5])) > 1,
    "half_hour_offsets": lambda world: any(":30" in offset for offset in all_offsets(world)),
    "utc_as_z": lambda world: "Z" in all_offsets(world),
    "calibrating": lambda world: any(score["user_calibrating"] for score in scores(world, "recovery")),
    "no_40_strap": lambda world: any(
        all(row.payload["score"]["spo2_percentage"] is None for row in member_scored(world, user_id))
        for user_id in world.user_ids
    ),
    "no_body": lambda world: any(world.member(user_id).body() is None for user_id in world.user_ids),
    "recovery_activities": lambda world: bool(set(RECOVERY_ACTIVITIES) & sport_keys(world, "sport_name")),
}


def member_scored(world: World, user_id: int) -> list[Row]:
    return [row for row in world.member(user_id).rows("recovery", EPOCH) if row.payload["score"]]


def only(name: str) -> Quirks:
    """All quirks off but `name` (and nulls and ids, where the quirk could not be seen without)."""
    seen_by = {"odd_sports": "sport_ids", "no_40_strap": "explicit_nulls", "missing_values": "explicit_nulls"}
    switches = {name: True} | ({seen_by[name]: True} if name in seen_by else {})
    if name == "explicit_nulls":
        switches["calibrating"] = True
    return replace(Quirks.none(), **switches)


def test_every_quirk_has_its_check() -> None:
    assert SHOWS.keys() == {field.name for field in fields(Quirks)}


@pytest.mark.parametrize("name", SHOWS)
def test_a_quirk_shows_when_it_is_on_alone(name: str) -> None:
    assert SHOWS[name](make(quirks=only(name), days=LONG))


@pytest.fixture(scope="module")
def plain() -> World:
    return make(quirks=Quirks.none(), days=LONG)


@pytest.mark.parametrize("name", [name for name in SHOWS if name not in {"no_40_strap", "missing_values"}])
def test_a_quirk_is_absent_when_all_are_off(plain: World, name: str) -> None:
    assert not SHOWS[name](plain)


def test_without_quirks_every_recovery_is_complete(plain: World) -> None:
    for score in scores(plain, "recovery"):
        assert score.keys() >= {"spo2_percentage", "skin_temp_celsius"}
        assert None not in score.values()


def test_all_quirks_off_is_one_sleep_and_one_recovery_a_cycle(plain: World) -> None:
    assert states(plain).keys() == {"SCORED"}
    for user_id in plain.user_ids:
        member = plain.member(user_id)
        cycles = member.rows("cycle", EPOCH)
        assert len(cycles) == len(member.rows("sleep", EPOCH)) == len(member.rows("recovery", EPOCH))
        assert all(later.start == earlier.end for later, earlier in pairwise(cycles))


def test_absent_values_have_no_key_without_explicit_nulls() -> None:
    world = make(quirks=replace(Quirks.all_on(), explicit_nulls=False))
    for kind in KINDS:
        for row in rows(world, kind):
            assert None not in row.payload.values()
            assert None not in (row.payload.get("score") or {}).values()


def test_step_count_begins_on_the_day_of_the_changelog(world: World) -> None:
    for row in rows(world, "cycle"):
        assert ("step_count" in row.payload) == (row.start >= STEPS_SINCE)


def test_most_sports_are_in_the_documented_table(world: World) -> None:
    slugs = Counter(row.payload["sport_name"] for row in rows(world, "workout"))
    assert slugs.keys() <= SPORT_IDS.keys() | EXTRA_SLUGS.keys()
    assert {"running", "weightlifting_msk"} <= slugs.keys()


def test_naps_have_no_recovery_and_share_their_cycle(world: World) -> None:
    recovered = {row.payload["sleep_id"] for row in rows(world, "recovery")}
    naps = [row for row in rows(world, "sleep") if row.payload["nap"]]
    assert naps
    assert not recovered & {row.payload["id"] for row in naps}
    assert all(row.payload["score"]["sleep_performance_percentage"] is None for row in naps if row.payload["score"])


def test_calibration_is_only_at_the_beginning(world: World) -> None:
    for user_id in world.user_ids:
        recoveries = [row.payload["score"] for row in reversed(member_scored(world, user_id))]
        flags = [score["user_calibrating"] for score in recoveries]
        assert any(flags[:4])
        assert not any(flags[4:])
