"""Changes on purpose: what a member edits in the app, and what WHOOP scores again.

Each action works on one timeline at `now`, on the record named `target` (or a seeded choice among the
recent ones), and returns the webhook events it causes. Cycles have no webhooks, so a change to a
cycle alone returns none. ValueError says what was missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from circadia.simulator import corrections
from circadia.simulator.sports import MIX, sport_id
from circadia.simulator.timeline import Change, Event, Kind, Payload, Row, Timeline

Action = Callable[["Scene", str | None], list[Event]]
RECENT = timedelta(days=14)
WEEK_OLD = (timedelta(days=6), timedelta(days=12))


class Scene:
    """A timeline at one moment, with the generator that makes this mutation's choices."""

    def __init__(self, timeline: Timeline, now: datetime, rng: Random) -> None:
        self.timeline = timeline
        self.now = now
        self.rng = rng

    def rows(self, kind: Kind) -> Sequence[Row]:
        return self.timeline.rows(kind, self.now)

    def row(self, kind: Kind, key: str) -> Row | None:
        return self.timeline.row(kind, key, self.now)

    def pick(self, kind: Kind, target: str | None, fits: Callable[[Row], bool], what: str) -> Row:
        """The target, or one of the recent rows that fit."""
        if target is not None:
            row = self.row(kind, target)
            if row is None or not fits(row):
                message = f"{kind} {target} is not {what} at {self.now.isoformat()}"
                raise ValueError(message)
            return row
        recent = [row for row in self.rows(kind) if row.start > self.now - RECENT and fits(row)]
        if not recent:
            message = f"this member has not {what} in the 14 days before {self.now.isoformat()}"
            raise ValueError(message)
        return self.rng.choice(recent)

    def amend(self, kind: Kind, key: str, change: Change) -> list[Event]:
        """Change a record, `updated_at` included; no events and no change where it does not exist."""
        row = self.row(kind, key)
        if row is None:
            return []
        return self.timeline.amend(kind, key, self.now, corrections.stamped(row, self.now, change))

    def remove(self, kind: Kind, key: str) -> list[Event]:
        return self.timeline.remove(kind, key, self.now) if self.row(kind, key) else []

    def minutes(self, low: int, high: int) -> timedelta:
        return timedelta(minutes=self.rng.randint(low, high))


def edit_sleep(scene: Scene, target: str | None) -> list[Event]:
    """Other start and end: the sleep, its recovery and its cycle are scored again."""
    row = scene.pick("sleep", target, _scored, "a scored sleep")
    start, end = _room(scene, row, row.start + scene.minutes(-18, 35), row.end_at + scene.minutes(-45, 20))
    return _reslept(scene, row, lambda before: corrections.slept(before, start, end), start, end)


def delete_sleep(scene: Scene, target: str | None) -> list[Event]:
    """The sleep goes, and with a main sleep its recovery."""
    row = scene.pick("sleep", target, _main if target is None else _any, "a scored main sleep")
    events = scene.remove("sleep", row.payload["id"])
    recovery = scene.row("recovery", str(row.payload["cycle_id"]))
    if recovery and recovery.payload["sleep_id"] == row.payload["id"]:
        events += scene.remove("recovery", str(row.payload["cycle_id"]))
    return events


def undelete_sleep(scene: Scene, target: str | None) -> list[Event]:
    """A deleted sleep is found again, with its recovery."""
    key, row = _lost(scene, "sleep", target, lambda lost: scene.row("cycle", str(lost.payload["cycle_id"])))
    events = _revive(scene, "sleep", key, row)
    cycle = str(row.payload["cycle_id"])
    recovery = scene.timeline.last_row("recovery", cycle, scene.now)
    if recovery and recovery.payload["sleep_id"] == key and scene.row("recovery", cycle) is None:
        events += _revive(scene, "recovery", cycle, recovery)
    return events


def merge_nap(scene: Scene, target: str | None) -> list[Event]:
    """A nap joins its cycle's main sleep: the nap is deleted, the main sleep ends later."""
    mains = {row.payload["cycle_id"]: row for row in scene.rows("sleep") if _main(row)}
    fits = lambda row: _nap(row) and row.payload["cycle_id"] in mains  # noqa: E731
    nap = scene.pick("sleep", target, fits, "a scored nap beside a main sleep")
    main = mains[nap.payload["cycle_id"]]
    events = scene.remove("sleep", nap.payload["id"])
    start, end = _room(scene, main, main.start, min(nap.end_at, main.end_at + (nap.end_at - nap.start)))
    more = nap.payload["score"]
    return events + _reslept(scene, main, lambda row: corrections.slept(row, start, end, more), start, end)


def rescore(scene: Scene, target: str | None) -> list[Event]:
    """WHOOP scores a record of a week ago again: a sleep with its recovery, a workout, or a cycle."""
    row, kind = _week_old(scene, target)
    key = str(row.payload["id"])
    if kind != "sleep":
        factor = 1 + scene.rng.choice((-0.05, -0.03, 0.03, 0.04))
        return scene.amend(kind, key, lambda before: corrections.strained(before, factor))
    stages = row.payload["score"]["stage_summary"]
    stages = {**stages, "disturbance_count": stages["disturbance_count"] + 1}
    change = {"stage_summary": stages}
    events = scene.amend("sleep", key, lambda before: corrections.rescored(before, change))
    return events + _rerecovered(scene, row, row.start, row.end_at)


def retype_workout(scene: Scene, target: str | None) -> list[Event]:
    """The member names another sport."""
    row = scene.pick("workout", target, _any, "a workout")
    sport = scene.rng.choice([name for name in MIX if name != row.payload["sport_name"]])
    number = sport_id(sport)

    def change(before: Row) -> Row:
        payload: Payload = {**before.payload, "sport_name": sport}
        if payload.pop("sport_id", None) is not None and number is not None:
            payload["sport_id"] = number
        return replace(before, payload=payload)

    return scene.amend("workout", row.payload["id"], change)


def edit_workout(scene: Scene, target: str | None) -> list[Event]:
    """Other start and end of a workout."""
    row = scene.pick("workout", target, _scored, "a scored workout")
    start = row.start + scene.minutes(1, 3)
    end = row.end_at - scene.minutes(0, 2)
    if end - start < timedelta(minutes=2):
        start, end = row.start, row.end_at + timedelta(minutes=1)
    return scene.amend("workout", row.payload["id"], lambda before: corrections.worked_out(before, start, end))


def delete_workout(scene: Scene, target: str | None) -> list[Event]:
    row = scene.pick("workout", target, _any, "a workout")
    return scene.remove("workout", row.payload["id"])


def restore_workout(scene: Scene, target: str | None) -> list[Event]:
    """A deleted workout is found again."""
    return _revive(scene, "workout", *_lost(scene, "workout", target, _any))


def delete_recovery(scene: Scene, target: str | None) -> list[Event]:
    """A recovery goes while its sleep stays."""
    row = scene.pick("recovery", target, _scored, "a scored recovery")
    return scene.remove("recovery", str(row.payload["cycle_id"]))


def touch_without_updated_at(scene: Scene, target: str | None) -> list[Event]:
    """A finished cycle's `step_count` appears, or changes, while `updated_at` stays the same."""
    closed = lambda row: row.end is not None and _scored(row)  # noqa: E731
    row = scene.pick("cycle", target, closed, "a finished, scored cycle")
    steps = (row.payload.get("step_count") or round(3000 + 650 * row.payload["score"]["strain"])) + 17

    def change(before: Row) -> Row:
        return replace(before, payload={**before.payload, "step_count": steps})

    return scene.timeline.amend("cycle", str(row.payload["id"]), scene.now, change, announce=False)


def rescore_unstamped(scene: Scene, target: str | None) -> list[Event]:
    """As `rescore`, but of one record, with the `updated_at` it had and without a word."""
    row, kind = _week_old(scene, target)
    if kind == "sleep":
        stages = row.payload["score"]["stage_summary"]
        change = {"stage_summary": {**stages, "sleep_cycle_count": stages["sleep_cycle_count"] + 1}}
    else:
        change = {"max_heart_rate": row.payload["score"]["max_heart_rate"] + 1}
    corrected: Change = lambda before: corrections.rescored(before, change)  # noqa: E731
    return scene.timeline.amend(kind, str(row.payload["id"]), scene.now, corrected, announce=False)


def merge_cycles(scene: Scene, target: str | None) -> list[Event]:
    """A cycle joins the one before it; its main sleeps and recovery go, its naps move over."""
    earlier = {row.end: row for row in scene.rows("cycle") if row.end is not None}
    fits = lambda row: row.end is not None and _scored(row) and row.start in earlier  # noqa: E731
    row = scene.pick("cycle", target, fits, "a finished, scored cycle that follows another")
    before = earlier[row.start]
    key, home = str(row.payload["id"]), before.payload["id"]
    events: list[Event] = []
    for sleep in scene.rows("sleep"):
        if sleep.payload["cycle_id"] != row.payload["id"]:
            continue
        if sleep.payload["nap"]:
            events += scene.amend(
                "sleep",
                sleep.payload["id"],
                lambda nap: replace(nap, payload={**nap.payload, "cycle_id": home}),
            )
        else:
            events += scene.remove("sleep", sleep.payload["id"])
    events += scene.remove("recovery", key)
    scene.remove("cycle", key)
    scene.amend("cycle", str(home), lambda cycle: corrections.swallowed(cycle, row))
    return events


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        edit_sleep, delete_sleep, undelete_sleep, merge_nap, rescore, retype_workout, edit_workout, delete_workout,
        restore_workout, delete_recovery, touch_without_updated_at, rescore_unstamped,
        merge_cycles,
    )
}  # fmt: skip
SILENT = frozenset({"touch_without_updated_at", "rescore_unstamped"})
"""Changes of which neither a webhook nor `updated_at` tells."""


def _reslept(scene: Scene, row: Row, change: Change, start: datetime, end: datetime) -> list[Event]:
    """Change a sleep; a main sleep takes its recovery, its cycle and the end of the cycle before along."""
    events = scene.amend("sleep", row.payload["id"], change)
    cycle = scene.row("cycle", str(row.payload["cycle_id"]))
    if row.payload["nap"] or cycle is None:
        return events
    events += _rerecovered(scene, row, start, end)
    factor = 1 + scene.rng.uniform(-0.02, 0.02)
    first = start if cycle.start == row.start else cycle.start
    for before in scene.rows("cycle"):
        if before.end is not None and before.end == cycle.start != first:
            key = str(before.payload["id"])
            scene.amend("cycle", key, lambda other: corrections.moved(other, other.start, first))
    scene.amend(
        "cycle",
        str(row.payload["cycle_id"]),
        lambda own: corrections.strained(corrections.moved(own, first, own.end), factor),
    )
    return events


def _rerecovered(scene: Scene, sleep: Row, start: datetime, end: datetime) -> list[Event]:
    key = str(sleep.payload["cycle_id"])
    recovery = scene.row("recovery", key)
    if recovery is None or recovery.payload["sleep_id"] != sleep.payload["id"]:
        return []
    points = float(scene.rng.choice((-6, -4, -3, -2, 2, 3, 5)))
    return scene.amend("recovery", key, lambda row: corrections.recovered(row, points, start, end))


def _room(scene: Scene, row: Row, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """An interval close to the wanted one that runs into no neighbour and not into the future."""
    pause = timedelta(minutes=1)
    others = [other for kind in ("sleep", "workout") for other in scene.rows(kind) if other.start != row.start]
    floor = max((other.end_at for other in others if other.end_at <= row.start), default=start - pause)
    ceiling = min((other.start for other in others if other.start >= row.end_at), default=scene.now + pause)
    start = max(start, floor + pause)
    end = min(end, ceiling - pause, scene.now)
    return (start, end) if end - start > timedelta(minutes=10) else (row.start, row.end_at)


def _week_old(scene: Scene, target: str | None) -> tuple[Row, Kind]:
    kinds: tuple[Kind, ...] = ("sleep", "workout", "cycle")
    low, high = WEEK_OLD
    found: list[tuple[Row, Kind]] = []
    for kind in kinds:
        for row in scene.rows(kind):
            old = low <= scene.now - row.start <= high if target is None else str(row.payload["id"]) == target
            if old and _scored(row):
                found.append((row, kind))
    if not found:
        what = "6 to 12 days old" if target is None else f"called {target}"
        message = f"this member has no scored sleep, workout or cycle {what} at {scene.now.isoformat()}"
        raise ValueError(message)
    return scene.rng.choice(found)


def _lost(scene: Scene, kind: Kind, target: str | None, fits: Callable[[Row], object]) -> tuple[str, Row]:
    """A deleted record that may come back: scored or unscorable, in nobody's place."""
    held = scene.rows(kind)
    found: list[tuple[str, Row]] = []
    for key in scene.timeline.deleted(kind, scene.now):
        row = scene.timeline.last_row(kind, key, scene.now)
        if row is None or target not in (None, key) or not fits(row):
            continue
        free = not any(other.start < row.end_at and row.start < other.end_at for other in held)
        if free and row.payload["score_state"] != "PENDING_SCORE":
            found.append((key, row))
    if not found:
        message = f"no deleted {kind} {target or ''} that could come back at {scene.now.isoformat()}"
        raise ValueError(message)
    return scene.rng.choice(found)


def _revive(scene: Scene, kind: Kind, key: str, row: Row) -> list[Event]:
    change = corrections.stamped(row, scene.now, lambda lost: lost)
    return scene.timeline.revive(kind, key, scene.now, change(row))


def _any(row: Row) -> bool:
    return True


def _scored(row: Row) -> bool:
    return bool(row.payload["score_state"] == "SCORED")


def _main(row: Row) -> bool:
    return _scored(row) and not row.payload["nap"]


def _nap(row: Row) -> bool:
    return _scored(row) and bool(row.payload["nap"])
