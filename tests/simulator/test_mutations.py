"""Changes on purpose: each action does what it says, tells the right webhooks, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import get_args

import pytest

from circadia.simulator.mutations import ACTIONS, SILENT
from circadia.simulator.world import Event, Kind, Member, Quirks, Row, World

EPOCH = datetime(2026, 10, 15, 12, tzinfo=UTC)
NOW = EPOCH + timedelta(hours=3)
KINDS: tuple[Kind, ...] = get_args(Kind)
Snapshot = dict[Kind, dict[str, Row]]


def make(*, quirks: Quirks | None = None, days: int = 90, seed: int = 5) -> Member:
    world = World(seed=seed, members=1, days=days, epoch=EPOCH, quirks=quirks or Quirks.all_on())
    return world.member(world.user_ids[0])


@pytest.fixture
def member() -> Member:
    return make()


def snapshot(member: Member, now: datetime) -> Snapshot:
    return {
        kind: {str(row.payload["cycle_id" if kind == "recovery" else "id"]): row for row in member.rows(kind, now)}
        for kind in KINDS
    }


def differences(before: Snapshot, after: Snapshot) -> dict[Kind, set[str]]:
    return {
        kind: {key for key in before[kind].keys() | after[kind].keys() if before[kind].get(key) != after[kind].get(key)}
        for kind in KINDS
    }


def types(events: Sequence[Event]) -> list[str]:
    return sorted(event.type for event in events)


def act(member: Member, action: str, target: str | None = None) -> tuple[list[Event], Snapshot, Snapshot]:
    before = snapshot(member, NOW)
    events = member.mutate(action, NOW, target=target)
    assert all(event.at == NOW and event.user_id == member.user_id for event in events)
    assert [event for event in member.events(NOW - timedelta(milliseconds=1), NOW) if event in events] == sorted(
        events, key=lambda event: (event.type, event.id)
    )
    return events, before, snapshot(member, NOW)


def night(member: Member, age: int = 2) -> Row:
    """A main sleep with a scored recovery, `age` nights back."""
    recovered = {row.payload["sleep_id"] for row in member.rows("recovery", NOW) if row.payload["score"]}
    mains = [row for row in member.rows("sleep", NOW) if row.payload["id"] in recovered and row.payload["score"]]
    return mains[age]


@pytest.mark.parametrize("age", [0, 3])
def test_edit_sleep(member: Member, age: int) -> None:
    sleep = night(member, age)
    key, cycle = sleep.payload["id"], str(sleep.payload["cycle_id"])
    events, before, after = act(member, "edit_sleep", key)
    assert types(events) == ["recovery.updated", "sleep.updated"]
    assert {event.id for event in events} == {key}
    changed = differences(before, after)
    assert changed["sleep"] == {key}
    assert changed["recovery"] == {cycle}
    assert cycle in changed["cycle"]
    assert not changed["workout"]
    edited = after["sleep"][key]
    assert (edited.start, edited.end) != (sleep.start, sleep.end)
    assert edited.payload["updated_at"] > sleep.payload["updated_at"]
    stages = edited.payload["score"]["stage_summary"]
    assert stages["total_in_bed_time_milli"] == (edited.end_at - edited.start) // timedelta(milliseconds=1)
    before_edit = sleep.payload["score"]["stage_summary"]
    for stage in ("total_light_sleep_time_milli", "total_rem_sleep_time_milli", "total_awake_time_milli"):
        share = before_edit[stage] / before_edit["total_in_bed_time_milli"]
        assert stages[stage] / stages["total_in_bed_time_milli"] == pytest.approx(share, abs=1e-4)
    own = after["cycle"][cycle]
    assert own.start == edited.start
    assert own.payload["updated_at"] >= edited.payload["updated_at"]
    earlier = [row for row in after["cycle"].values() if row.end == own.start]
    assert len(earlier) == 1
    recovery = after["recovery"][cycle]
    assert (recovery.start, recovery.end) == (edited.start, edited.end)
    assert recovery.payload["score"]["recovery_score"] != before["recovery"][cycle].payload["score"]["recovery_score"]


def test_an_edit_of_the_running_cycle_outlives_its_end(member: Member) -> None:
    sleep = night(member, 0)
    cycle = str(sleep.payload["cycle_id"])
    act(member, "edit_sleep", sleep.payload["id"])
    running, closed = (member.row("cycle", cycle, now) for now in (NOW, NOW + timedelta(days=2)))
    assert running is not None
    assert closed is not None
    assert running.end is None
    assert closed.end is not None
    assert closed.start == running.start == member.row("sleep", sleep.payload["id"], NOW).start  # type: ignore[union-attr]


def test_delete_and_undelete_sleep(member: Member) -> None:
    sleep = night(member)
    key, cycle = sleep.payload["id"], str(sleep.payload["cycle_id"])
    events, before, after = act(member, "delete_sleep", key)
    assert types(events) == ["recovery.deleted", "sleep.deleted"]
    assert {event.id for event in events} == {key}
    assert differences(before, after) == {"cycle": set(), "sleep": {key}, "recovery": {cycle}, "workout": set()}
    assert member.row("sleep", key, NOW) is None
    assert member.row("recovery", cycle, NOW) is None
    assert not [event for event in member.events(NOW, NOW + timedelta(days=20)) if event.id == key]
    events, _, again = act(member, "undelete_sleep", key)
    assert types(events) == ["recovery.updated", "sleep.updated"]
    found = again["sleep"][key]
    assert found.payload["updated_at"] > sleep.payload["updated_at"]
    assert found.payload | {"updated_at": ""} == sleep.payload | {"updated_at": ""}
    assert cycle in again["recovery"]


@pytest.mark.parametrize(
    ("action", "gone"), [("delete_sleep", {"sleep", "recovery"}), ("delete_recovery", {"recovery"})]
)
def test_what_was_to_happen_to_a_deleted_record_does_not(action: str, gone: set[str]) -> None:
    member, soon = make(days=200), timedelta(days=10)
    now, doomed = next(
        (start, event)
        for start in (EPOCH - timedelta(days=age) for age in range(180, 10, -1))
        for event in member.events(start + timedelta(days=1), start + soon)
        if event.type == "sleep.updated" and member.row("sleep", event.id, start)
    )
    sleep = member.row("sleep", doomed.id, now)
    assert sleep is not None
    cycle = str(sleep.payload["cycle_id"])
    before = member.events(now, now + soon)
    member.mutate(action, now, target=doomed.id if action == "delete_sleep" else cycle)
    assert {event.type for event in before if event.id == doomed.id} == {"sleep.updated", "recovery.updated"}
    lost = {(f"{kind}.updated", doomed.id) for kind in gone}
    assert member.events(now, now + soon) == [event for event in before if (event.type, event.id) not in lost]
    assert (member.row("sleep", doomed.id, now + soon) is None) == ("sleep" in gone)
    assert member.row("recovery", cycle, now + soon) is None


def test_merge_nap(member: Member) -> None:
    member = make(seed=6, days=400)
    at = next(
        row.end_at + timedelta(hours=8)
        for row in member.rows("sleep", EPOCH)
        if row.payload["nap"] and row.end_at < EPOCH - timedelta(days=1)
    )
    before = snapshot(member, at)
    events = member.mutate("merge_nap", at)
    after = snapshot(member, at)
    assert types(events) == ["recovery.updated", "sleep.deleted", "sleep.updated"]
    gone = next(event.id for event in events if event.type == "sleep.deleted")
    main = next(event.id for event in events if event.type == "sleep.updated")
    assert before["sleep"][gone].payload["nap"]
    assert gone not in after["sleep"]
    assert before["sleep"][gone].payload["cycle_id"] == after["sleep"][main].payload["cycle_id"]
    assert after["sleep"][main].end_at > before["sleep"][main].end_at


@pytest.mark.parametrize("kind", ["sleep", "workout", "cycle"])
def test_rescore_a_named_record(member: Member, kind: Kind) -> None:
    row = next(
        row
        for row in member.rows(kind, NOW)
        if row.payload["score"] and NOW - row.start > timedelta(days=7) and not row.payload.get("nap")
    )
    key = str(row.payload["id"])
    events, before, after = act(member, "rescore", key)
    changed = differences(before, after)
    assert changed[kind] == {key}
    assert after[kind][key].payload["score"] != row.payload["score"]
    assert after[kind][key].payload["updated_at"] > row.payload["updated_at"]
    assert (after[kind][key].start, after[kind][key].end) == (row.start, row.end)
    expected = {"sleep": ["recovery.updated", "sleep.updated"], "workout": ["workout.updated"], "cycle": []}
    assert types(events) == expected[kind]


def test_rescore_takes_a_week_old_record_by_itself(member: Member) -> None:
    _, before, after = act(member, "rescore")
    changed = differences(before, after)
    rows = [after[kind][key] for kind in ("sleep", "workout", "cycle") for key in changed[kind]]
    assert rows
    assert all(timedelta(days=6) <= NOW - row.start <= timedelta(days=12) for row in rows)


def test_retype_workout(member: Member) -> None:
    events, before, after = act(member, "retype_workout")
    assert types(events) == ["workout.updated"]
    old, new = before["workout"][events[0].id].payload, after["workout"][events[0].id].payload
    assert old["sport_name"] != new["sport_name"]
    assert old["score"] == new["score"]
    assert new["updated_at"] > old["updated_at"]


def test_edit_workout(member: Member) -> None:
    events, before, after = act(member, "edit_workout")
    assert types(events) == ["workout.updated"]
    old, new = before["workout"][events[0].id], after["workout"][events[0].id]
    assert (old.start, old.end) != (new.start, new.end)
    recorded = (new.end_at - new.start) / timedelta(milliseconds=1) * new.payload["score"]["percent_recorded"] / 100
    assert sum(new.payload["score"]["zone_durations"].values()) == pytest.approx(recorded, abs=12)
    assert old.payload["score"]["strain"] != new.payload["score"]["strain"]


def test_delete_and_restore_workout(member: Member) -> None:
    events, before, after = act(member, "delete_workout")
    assert types(events) == ["workout.deleted"]
    key = events[0].id
    assert differences(before, after)["workout"] == {key}
    assert key not in after["workout"]
    events, _, again = act(member, "restore_workout")
    assert (types(events), events[0].id) == (["workout.updated"], key)
    assert again["workout"][key].start == before["workout"][key].start


def test_delete_recovery_leaves_the_sleep(member: Member) -> None:
    events, before, after = act(member, "delete_recovery")
    assert types(events) == ["recovery.deleted"]
    changed = differences(before, after)
    assert not changed["sleep"]
    (cycle,) = changed["recovery"]
    assert events[0].id == before["recovery"][cycle].payload["sleep_id"] in before["sleep"]


@pytest.mark.parametrize("steps", [True, False])
def test_touch_without_updated_at(steps: bool) -> None:
    member = make(quirks=Quirks(step_count=steps))
    events, before, after = act(member, "touch_without_updated_at")
    assert events == []
    (key,) = differences(before, after)["cycle"]
    old, new = before["cycle"][key].payload, after["cycle"][key].payload
    assert new["updated_at"] == old["updated_at"]
    assert new["step_count"] != old.get("step_count")
    assert {**old, "step_count": new["step_count"]} == new


def test_rescore_unstamped(member: Member) -> None:
    for _ in range(12):
        events, before, after = act(member, "rescore_unstamped")
        assert events == []
        changed = differences(before, after)
        ((kind, key),) = [(kind, key) for kind in changed for key in changed[kind]]
        old, new = before[kind][key].payload, after[kind][key].payload
        assert {**old, "score": new["score"]} == new
        assert old["score"] != new["score"]


def test_merge_cycles(member: Member) -> None:
    events, before, after = act(member, "merge_cycles")
    (gone,) = before["cycle"].keys() - after["cycle"].keys()
    (grown,) = differences(before, after)["cycle"] - {gone}
    old, lost, new = before["cycle"][grown], before["cycle"][gone], after["cycle"][grown]
    assert (new.start, new.end) == (old.start, lost.end)
    assert new.payload["score"]["strain"] > max(old.payload["score"]["strain"], lost.payload["score"]["strain"])
    assert new.payload["score"]["kilojoule"] == pytest.approx(
        old.payload["score"]["kilojoule"] + lost.payload["score"]["kilojoule"], rel=1e-5
    )
    assert "sleep.deleted" in types(events)
    assert gone not in after["recovery"]
    assert not [row for row in after["sleep"].values() if str(row.payload["cycle_id"]) == gone]


@pytest.mark.parametrize("action", ACTIONS)
def test_untargeted_choices_are_the_same_in_the_same_world(action: str) -> None:
    first, second = make(), make()
    for member in (first, second):
        for earlier in ("delete_sleep", "delete_workout"):
            member.mutate(earlier, EPOCH)
    outcomes = []
    for member in (first, second):
        try:
            outcomes.append((member.mutate(action, NOW), snapshot(member, NOW)))
        except ValueError as nothing:
            outcomes.append((str(nothing), {}))  # type: ignore[arg-type]
    assert outcomes[0] == outcomes[1]


def test_a_mutation_leaves_the_past_and_all_ids_alone(member: Member) -> None:
    other = make()
    earlier = snapshot(other, EPOCH)
    for action in ("edit_sleep", "delete_sleep", "rescore", "merge_cycles", "delete_workout"):
        other.mutate(action, NOW)
    assert snapshot(other, EPOCH) == earlier
    later = NOW + timedelta(days=30)
    kept, changed = snapshot(member, later), snapshot(other, later)
    for kind in KINDS:
        assert changed[kind].keys() <= kept[kind].keys()
        assert len(changed[kind]) >= len(kept[kind]) - 2


def test_edits_keep_their_order_when_the_clock_stands_still(member: Member) -> None:
    key = night(member).payload["id"]
    seen = []
    for _ in range(4):
        member.mutate("edit_sleep", NOW, target=key)
        row = member.row("sleep", key, NOW)
        assert row is not None
        seen.append(row.payload["updated_at"])
    assert seen == sorted(set(seen))


def test_a_month_of_random_changes_tells_every_change_and_can_be_replayed() -> None:
    world = World(seed=11, members=2, days=60, epoch=EPOCH)
    rng, done = Random(4), Counter[str]()
    for hour in range(0, 30 * 24, 3):
        now = EPOCH + timedelta(hours=hour)
        for user_id in world.user_ids:
            member, action = world.member(user_id), rng.choice(list(ACTIONS))
            before = snapshot(member, now)
            try:
                events = member.mutate(action, now)
            except ValueError:
                continue
            done[action] += 1
            changed = differences(before, snapshot(member, now))
            told = sum(len(changed[kind]) for kind in ("sleep", "recovery", "workout"))
            assert len(events) == (0 if action in SILENT else told)
            assert told or changed["cycle"]
    assert done.keys() == ACTIONS.keys()
    again = World(seed=11, members=2, days=60, epoch=EPOCH)
    again.restore(world.dump())
    for now in (EPOCH + timedelta(days=30), EPOCH + timedelta(days=50)):
        for user_id in world.user_ids:
            assert snapshot(again.member(user_id), now) == snapshot(world.member(user_id), now)
    assert again.events(EPOCH, now) == world.events(EPOCH, now)


def test_unknown_action_names_the_known_ones(member: Member) -> None:
    with pytest.raises(ValueError, match="unknown mutation 'explode'; known: delete_recovery, "):
        member.mutate("explode", NOW)


@pytest.mark.parametrize(
    ("action", "target", "message"),
    [
        ("edit_sleep", "0", "sleep 0 is not a scored sleep at "),
        ("rescore", "0", "no scored sleep, workout or cycle called 0 at "),
        ("undelete_sleep", None, "no deleted sleep  that could come back at "),
        ("restore_workout", "0", "no deleted workout 0 that could come back at "),
    ],
)
def test_nothing_to_work_on(member: Member, action: str, target: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        member.mutate(action, NOW, target=target)
    assert member.mutations() == []


def test_no_nap_to_merge() -> None:
    with pytest.raises(ValueError, match="has not a scored nap beside a main sleep in the 14 days before"):
        make(quirks=Quirks(naps=False)).mutate("merge_nap", NOW)


def test_the_clock_may_not_go_back(member: Member) -> None:
    member.mutate("edit_sleep", NOW)
    with pytest.raises(ValueError, match="the clock may not go back"):
        member.mutate("edit_sleep", EPOCH)
