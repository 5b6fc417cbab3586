"""A day, a week and a month at a glance: vitals, targets, bands, zones, streaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import groupby

import numpy as np
import pytest

from tests.reporting import oracle
from tests.reporting.series import CASES, FIRST, NAN, Json, Series, Store, day, same

VITALS = ("hrv_rmssd_ms", "resting_heart_rate_bpm", "respiratory_rate_rpm", "spo2_pct", "skin_temp_celsius")


def _usual(seed: int, count: int, last: float) -> Series:
    return np.append(np.random.default_rng(seed).normal(50, 2, count), last)


def test_vitals(store: Store) -> None:
    values = dict(
        zip(VITALS, (_usual(1, 40, 60), _usual(2, 40, 50), _usual(3, 40, 44), _usual(4, 40, NAN)), strict=False)
    )
    values["skin_temp_celsius"] = np.full(41, 33.5)
    store.keep("alice", values)
    rows = store.ask("vitals", "alice", day(40))
    assert tuple(row["metric"] for row in rows) == VITALS
    assert [row["verdict"] for row in rows] == ["above", "in range", "below", None, None]
    assert rows[4]["note"] == "the 30 days before were all the same"
    for row in rows:
        wanted = oracle.series(values[row["metric"]], logarithm=row["metric"] == "hrv_rmssd_ms")[40]
        assert all(same(row[key], wanted[key]) for key in row.keys() & wanted.keys()), row


def test_vitals_of_too_few_days(store: Store) -> None:
    store.keep("alice", {"resting_heart_rate_bpm": _usual(5, 13, 99)})
    row = store.ask("vitals", "alice", day(13))[1]
    assert (row["value"], row["n_30d"], row["z"], row["verdict"]) == (99, 13, None, None)
    assert row["note"] == "not enough data yet (13 of 14)"
    assert store.ask("vitals", "nobody", day(13))[0]["note"] == "not enough data yet (0 of 14)"


def test_the_band_and_the_target(store: Store) -> None:
    scores = [100, 67, 66.5, 66.4, 34, 33.5, 33.4, 0]
    shown, bands = [100, 67, 67, 66, 34, 34, 33, 0], ["green"] * 3 + ["yellow"] * 3 + ["red"] * 2
    ranges = {"green": (14, 18), "yellow": (10, 14), "red": (4, 10)}
    store.keep("alice", {"recovery_score": scores, "strain": [7.5] * 8}, open_={7})
    for at, band in enumerate(bands):
        target = store.ask("strain_target", "alice", day(at))[0]
        assert (target["recovery"], target["band"], target["so_far"]) == (shown[at], band, 7.5)
        assert ((target["low"], target["high"]), target["note"]) == (ranges[band], None)
    rows = store.ask("recovery_bands", "alice", FIRST, day(8))
    assert [(row["score"], row["band"]) for row in rows] == [*zip(shown, bands, strict=True), (None, None)]


def test_no_target_without_a_recovery_that_counts(store: Store) -> None:
    states = {1: "PENDING_SCORE", 2: "UNSCORABLE"}
    store.keep("alice", {"recovery_score": [50, NAN, NAN]}, calibrating={0}, states=states)
    notes = []
    for at in range(4):
        row = store.ask("strain_target", "alice", day(at))[0]
        assert (row["recovery"], row["band"], row["low"], row["high"]) == (None,) * 4
        notes.append(row["note"])
    assert notes == [
        "WHOOP is still getting to know you",
        "the recovery is still being scored",
        "no recovery score on this date",
        "no recovery score on this date",
    ]


def test_zone_minutes(store: Store) -> None:
    dice = np.random.default_rng(3)
    figures = {f"zone_{zone}_s": dice.integers(0, 3000, 100).astype(float) for zone in range(6)}
    figures["workouts"] = dice.integers(0, 3, 100).astype(float)
    figures["zone_3_s"][10] = NAN
    for each in figures.values():
        each[40:52] = NAN
    store.keep("alice", figures, open_={99})
    counted = {name: np.append(each[:99], NAN) for name, each in figures.items()}
    first, last = day(9), day(99)
    rows = store.ask("zone_minutes", "alice", first, last)
    weeks = [first - timedelta(days=first.weekday()) + timedelta(weeks=n) for n in range(20)]
    assert [row["week"] for row in rows] == [each for each in weeks if each <= last]
    for row in rows:
        inside = [at for at in range(100) if row["week"] <= day(at) < row["week"] + timedelta(weeks=1)]
        days = oracle.there(counted["workouts"][inside])
        assert row["n_days"] == len(days)
        assert same(row["workouts"], np.sum(days) if len(days) else NAN)
        for zone in range(6):
            seconds = oracle.there(counted[f"zone_{zone}_s"][inside])
            assert same(row[f"zone_{zone}"], np.sum(seconds) / 60 if len(seconds) else NAN)


def _start_of_week(at: date) -> date:
    return at - timedelta(days=at.weekday())


@pytest.mark.parametrize(
    ("function", "needed", "start"), [("weeks", 4, _start_of_week), ("months", 14, lambda at: at.replace(day=1))]
)
def test_weeks_and_months(store: Store, function: str, needed: int, start: Callable[[date], date]) -> None:
    dice = np.random.default_rng(5)
    names = ("recovery_score", "hrv_rmssd_ms", "resting_heart_rate_bpm", "sleep_performance_pct", "sleep_duration_s")
    figures = {name: dice.integers(20, 101, 160).astype(float) for name in (*names, "strain", "energy_kj")}
    for each in figures.values():
        each[dice.random(160) < 0.4] = NAN
        each[60:75] = NAN
    store.keep("alice", figures, calibrating=range(5), open_={159})
    counted = {name: each.copy() for name, each in figures.items()}
    for name in names[:3]:
        counted[name][:5] = NAN
    for name in ("strain", "energy_kj"):
        counted[name][159] = NAN
    rows = store.ask("weeks" if function == "weeks" else "months", "alice", day(3), day(159))
    spans = {key: list(group) for key, group in groupby(range(160), lambda at: start(day(at)))}
    assert [row[function[:-1]] for row in rows] == [each for each in spans if each >= start(day(3))]
    for row in rows:
        inside = spans[row[function[:-1]]]
        for name, each in counted.items():
            kept = oracle.there(each[inside])
            assert row[f"{name}_n"] == len(kept)
            mean = oracle.mean(np.log(kept) if name == "hrv_rmssd_ms" else kept, needed)
            assert same(row[name], np.exp(mean) if name == "hrv_rmssd_ms" else mean), name
        scores = oracle.there(counted["recovery_score"][inside])
        bands = (np.sum(scores >= 67), np.sum((scores >= 34) & (scores <= 66)), np.sum(scores <= 33))
        assert (row["green"], row["yellow"], row["red"]) == bands
        assert row["nights_enough"] == np.sum(oracle.there(counted["sleep_performance_pct"][inside]) >= 85)


GREEN, SLEPT, COMPLETE = "green recovery", "sleep performance at least 85 %", "complete day"


def _streaks(store: Store, user: str, last: int) -> dict[str, Json]:
    return {row.pop("kind"): row for row in store.ask("streaks", user, FIRST, day(last))}


def _longest(good: Sequence[bool | None]) -> tuple[int, int]:
    """The days of the longest run and of the one that lasts; None neither ends nor lengthens one."""
    longest = current = 0
    for each in good:
        if each is not None:
            current = current + 1 if each else 0
        longest = max(longest, current)
    return longest, current


def test_streaks_of_many_series(store: Store) -> None:
    for seed in range(10):
        dice = np.random.default_rng(seed)
        scores = np.where(dice.random(200) < 0.1, NAN, dice.integers(0, 101, 200))
        states = {int(at): "PENDING_SCORE" for at in np.flatnonzero(np.isnan(scores)) if dice.random() < 0.5}
        calibrating = set(dice.integers(0, 200, 10).tolist())
        figures = {"recovery_score": scores, "sleep_performance_pct": scores, "strain": scores / 5}
        store.keep(f"user {seed}", figures, calibrating=calibrating, open_={199}, states=states)
        said = _streaks(store, f"user {seed}", 199)
        for kind, test in ((GREEN, 67), ("recovery not red", 34), (SLEPT, 85), ("strain at least 10", 50)):
            unsure = calibrating if test in {67, 34} else {199} if test == 50 else set()
            good = [
                (None if at in states or at == 199 else False)
                if np.isnan(score)
                else None
                if at in unsure
                else bool(score >= test)
                for at, score in enumerate(scores)
            ]
            assert (said[kind]["longest"], said[kind]["current"]) == _longest(good), (seed, kind)


def test_what_ends_a_streak_and_what_does_not(store: Store) -> None:
    scores = [90.0, 90, NAN, 90, NAN, 90, NAN, 90, 50]
    store.keep("alice", {"recovery_score": scores}, states={2: "PENDING_SCORE", 4: "UNSCORABLE"})
    green = _streaks(store, "alice", 7)[GREEN]
    assert (green["longest"], green["longest_from"], green["longest_to"]) == (3, day(0), day(3))
    assert (green["current"], green["current_since"]) == (1, day(7))
    assert _streaks(store, "alice", 8)[GREEN]["current"] == 0
    assert _streaks(store, "alice", 6)[GREEN]["current"] == 1  # the last date may still come
    assert _streaks(store, "alice", 8)[COMPLETE]["longest"] == 3


def test_streaks_of_nobody(store: Store) -> None:
    said = _streaks(store, "nobody", 30)
    assert list(said) == [GREEN, "recovery not red", SLEPT, "strain at least 10", COMPLETE]
    assert {row["longest"] for row in said.values()} == {row["current"] for row in said.values()} == {0}


def test_equal_values_are_told_by_the_first(store: Store) -> None:
    store.keep("alice", {"strain": CASES["ties"]})
    highest, lowest = store.ask("records", "alice", "strain", FIRST, day(119))
    assert highest["day"] == day(int(np.argmax(CASES["ties"])))
    assert lowest["day"] == day(int(np.argmin(CASES["ties"])))
