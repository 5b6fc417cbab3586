"""Sleep debt, and the regularity of bed and wake times around midnight."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy import stats

from tests.reporting.oracle import there, too_few, window
from tests.reporting.series import CASES, FIRST, NAN, Json, Series, Store, day, same

SUNDAY = date(2026, 11, 15)


def _nights(seed: int, length: int, *, bed: float = 0, spread: float = 60) -> dict[str, Series]:
    """Bed and wake times: bed around midnight, on both sides of it, and some eight hours of sleep."""
    dice = np.random.default_rng(seed)
    beds = (np.round(dice.normal(bed, spread, length)) + 720) % 1440 - 720
    return {"bed_time_min": beds, "wake_time_min": (beds + np.round(dice.normal(480, 40, length))) % 1440}


def test_sleep_debt(store: Store) -> None:
    for name, values in CASES.items():
        asleep = values * 500
        naps = np.where(np.arange(len(values)) % 5 == 0, 1500.0, 0.0)
        need = np.full(len(values), 27_000.0)
        need[3:6] = NAN
        figures = {"need_baseline_s": need, "sleep_duration_s": asleep, "nap_s": naps}
        store.keep(name, figures | {"need_debt_s": asleep / 10})
        short = np.where(np.isnan(asleep), NAN, np.maximum(0, need - asleep - naps))
        for at, row in enumerate(store.ask("sleep_debt", name, FIRST, day(len(values) - 1))):
            nights = window(short, at, 14)
            wanted = {"day": day(at), "need_s": need[at], "asleep_s": asleep[at], "nap_s": naps[at]}
            wanted |= {"deficit_s": short[at], "whoop_debt_s": asleep[at] / 10, "n_14d": len(nights)}
            wanted |= {"debt_14d_s": np.sum(nights) if len(nights) >= 10 else NAN, "note": too_few(len(nights), 10)}
            wrong = {key: (row[key], value) for key, value in wanted.items() if not same(row[key], value)}
            assert not wrong, (name, at)


def test_a_deficit_of_which_a_part_is_unknown_is_unknown(store: Store) -> None:
    needs = [27_000.0, NAN, 27_000.0, 27_000.0, 20_000.0]
    sleeps, naps = [25_000.0, 25_000.0, NAN, 25_000.0, 25_000.0], [0.0, 0.0, 0.0, NAN, 0.0]
    store.keep("alice", {"need_baseline_s": needs, "sleep_duration_s": sleeps, "nap_s": naps})
    rows = store.ask("sleep_debt", "alice", FIRST, day(4))
    assert [row["deficit_s"] for row in rows] == [2000, None, None, None, 0]


def _circle(times: Series) -> tuple[float, float]:
    return stats.circmean(times, high=720, low=-720), stats.circstd(times, high=720, low=-720)


@pytest.mark.parametrize("bed", [0, -719, 300])
def test_regularity(store: Store, bed: float) -> None:
    first = date.fromordinal(SUNDAY.toordinal() - 27)
    for seed in range(6):
        figures = _nights(seed, 28, bed=bed)
        figures["bed_time_min"][[2, 9, 21]] = NAN
        store.keep(f"user {seed}", figures, first=first)
        for nights in (7, 14, 28):
            row = store.ask("regularity", f"user {seed}", SUNDAY, nights)[0]
            assert not _wrong(row, figures["bed_time_min"][-nights:], figures["wake_time_min"][-nights:])
            assert -720 <= row["bed_mean_min"] <= 720
            assert 0 <= row["wake_mean_min"] < 1440


def _wrong(row: Json, beds: Series, wakes: Series) -> dict[str, object]:
    """What a row says otherwise than scipy of the nights up to `SUNDAY`."""
    kept = ~np.isnan(beds)
    free = np.array([(SUNDAY.toordinal() - back) % 7 in {0, 6} for back in range(len(beds))])[::-1][kept]
    needed, beds, wakes = (len(beds) + 1) // 2, beds[kept], wakes[kept]
    middles = beds + ((wakes - beds) % 1440) / 2
    clocks = {
        "bed_mean_min": _circle(beds)[0],
        "wake_mean_min": _circle(wakes)[0],
        "mid_sleep_free_min": _circle(middles[free])[0],
        "mid_sleep_work_min": _circle(middles[~free])[0],
    }
    wrong: dict[str, object] = {
        key: (row[key], value) for key, value in clocks.items() if abs((row[key] - value + 720) % 1440 - 720) > 1e-6
    }
    jet_lag = (clocks["mid_sleep_free_min"] - clocks["mid_sleep_work_min"] + 720) % 1440 - 720
    others = {"n": len(beds), "needed": needed, "note": None, "social_jet_lag_min": jet_lag}
    others |= {"bed_sd_min": _circle(beds)[1], "wake_sd_min": _circle(wakes)[1]}
    return wrong | {key: (row[key], value) for key, value in others.items() if not same(row[key], value, absolute=1e-6)}


def test_bed_times_on_both_sides_of_midnight_are_close(store: Store) -> None:
    store.keep("alice", {"bed_time_min": [-10.0, 10.0] * 7, "wake_time_min": [1439.0, 1.0] * 7}, first=FIRST)
    row = store.ask("regularity", "alice", day(13), 14)[0]
    assert row["bed_mean_min"] == pytest.approx(0, abs=1e-9)
    assert row["bed_sd_min"] == pytest.approx(10, rel=1e-3)
    assert row["wake_sd_min"] == pytest.approx(1, rel=1e-3)
    assert min(row["wake_mean_min"], 1440 - row["wake_mean_min"]) == pytest.approx(0, abs=1e-9)


def test_nights_that_are_all_the_same_do_not_vary(store: Store) -> None:
    store.keep("alice", {"bed_time_min": [-37.0] * 14, "wake_time_min": [431.0] * 14}, first=FIRST)
    row = store.ask("regularity", "alice", day(13), 14)[0]
    assert row["bed_sd_min"] == pytest.approx(0, abs=1e-4)
    assert row["social_jet_lag_min"] == pytest.approx(0, abs=1e-6)


def test_nights_that_point_nowhere_have_no_mean(store: Store) -> None:
    store.keep("alice", {"bed_time_min": [-720.0, 0.0] * 7, "wake_time_min": [0.0, 720.0] * 7})
    row = store.ask("regularity", "alice", day(13), 14)[0]
    assert (row["bed_mean_min"], row["bed_sd_min"], row["wake_mean_min"], row["wake_sd_min"]) == (None,) * 4


def test_too_few_nights(store: Store) -> None:
    figures = _nights(1, 7)
    first = date.fromordinal(SUNDAY.toordinal() - 6)

    def said(name: str, gaps: list[int]) -> Json:
        beds = figures["bed_time_min"].copy()
        beds[gaps] = NAN
        store.keep(name, figures | {"bed_time_min": beds}, first=first)
        assert len(there(beds)) == 7 - len(gaps)
        return store.ask("regularity", name, SUNDAY, 7)[0]

    few, least = said("three", [0, 1, 2, 3]), said("four", [0, 1, 2])
    assert few["note"] == "not enough data yet (3 of 4)"
    assert {few[key] for key in few if key.endswith("_min")} == {None}
    assert least["bed_sd_min"] is not None
    assert least["note"] is None
    weekend = said("no Saturday", [5])
    assert weekend["note"] == "free days: not enough data yet (1 of 2)"
    assert (weekend["social_jet_lag_min"], weekend["mid_sleep_free_min"]) == (None, None)
    assert weekend["mid_sleep_work_min"] is not None
    assert said("one work day", [0, 1, 2, 3])["note"] == "not enough data yet (3 of 4)"
