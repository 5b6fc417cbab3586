"""What the database says of a series equals what numpy and scipy say of it, on series that are hard to get right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from tests.reporting import oracle
from tests.reporting.series import CASES, FIRST, NAN, Json, Series, Store, day, same

LOGARITHMIC = {name: values for name, values in CASES.items() if name != "zero"}


def differences(name: str, got: Sequence[Json], wanted: Sequence[Json]) -> list[str]:
    assert len(got) == len(wanted), name
    return [
        f"{name} {row.get('day', '')} {key}: {row[key]}, not {value}"
        for row, want in zip(got, wanted, strict=True)
        for key, value in want.items()
        if not same(row[key], value)
    ]


def _last(values: Series) -> date:
    return day(len(values) - 1)


def test_the_series_of_a_figure(store: Store) -> None:
    for name, values in CASES.items():
        store.keep(name, {"strain": values})
        got = store.ask("series", name, "strain", FIRST, _last(values))
        assert not differences(name, got, oracle.series(values))


def test_the_series_of_hrv_is_compared_on_its_logarithm(store: Store) -> None:
    for name, values in LOGARITHMIC.items():
        store.keep(name, {"hrv_rmssd_ms": values})
        got = store.ask("series", name, "hrv_rmssd_ms", FIRST, _last(values))
        assert not differences(name, got, oracle.series(values, logarithm=True))


def test_a_part_of_a_series_is_as_in_the_whole(store: Store) -> None:
    store.keep("alice", {"strain": CASES["gaps"]})
    whole = store.ask("series", "alice", "strain", FIRST, day(149))
    assert store.ask("series", "alice", "strain", day(60), day(75)) == whole[60:76]
    assert store.ask("series", "alice", "strain", day(75), day(60)) == []


@pytest.mark.parametrize(("metric", "polarity"), [("recovery_score", "up"), ("disturbances", "down"), ("strain", None)])
def test_the_trend(store: Store, metric: str, polarity: str | None) -> None:
    for name, values in CASES.items():
        store.keep(name, {metric: values})
        got = store.ask("trend", name, metric, FIRST, _last(values))
        assert not differences(name, got, [oracle.trend(values, polarity)])


def test_trends_are_told_apart_from_noise(store: Store) -> None:
    directions = {}
    for name, values in CASES.items():
        store.keep(name, {"strain": values})
        directions[name] = store.ask("trend", name, "strain", FIRST, _last(values))[0]["direction"]
    assert directions["line"] == "rising"
    assert directions["falling"] == "falling"
    assert {directions[each] for each in ("constant", "zero", "noise", "following")} == {"no change"}


def test_noise_that_follows_itself_is_seldom_called_a_trend(store: Store) -> None:
    """As often as 95 % allows, or nearly: the estimate of the autocorrelation is low in short series."""
    dice, called = np.random.default_rng(11), 0
    for at in range(100):
        noise = dice.normal(size=180)
        for place in range(1, len(noise)):
            noise[place] += 0.5 * noise[place - 1]
        store.keep(f"user {at}", {"strain": noise})
        called += store.ask("trend", f"user {at}", "strain", FIRST, day(179))[0]["direction"] != "no change"
    assert called <= 12


def test_the_hrv_baseline(store: Store) -> None:
    for name, values in LOGARITHMIC.items():
        store.keep(name, {"hrv_rmssd_ms": values})
        got = store.ask("hrv_baseline", name, FIRST, _last(values))
        assert not differences(name, got, oracle.hrv_baseline(values))


def test_resting_heart_rate(store: Store) -> None:
    for name, values in CASES.items():
        store.keep(name, {"resting_heart_rate_bpm": values})
        got = store.ask("resting_heart_rate", name, FIRST, _last(values))
        assert not differences(name, got, oracle.resting_heart_rate(values))


def test_a_raised_heart_rate_by_three_beats_or_by_its_spread(store: Store) -> None:
    for name, step, verdict in (("three", 4.0, "raised"), ("less", 3.9, "normal"), ("lower", -4.0, "lowered")):
        usual = np.where(np.arange(28) % 2 == 0, 40.0, 60.0)
        usual[21:] = np.mean(usual[:21]) + step
        store.keep(name, {"resting_heart_rate_bpm": usual})
        row = store.ask("resting_heart_rate", name, day(27), day(27))[0]
        assert row["difference"] == pytest.approx(step * 21 / 28)
        assert (row["verdict"], row["sd_28d"] > 3) == (verdict, True)
    store.keep("spread", {"resting_heart_rate_bpm": [50.0] * 21 + [52.0] * 7})
    row = store.ask("resting_heart_rate", "spread", day(27), day(27))[0]
    assert (row["verdict"], row["difference"]) == ("raised", 1.5)
    assert row["sd_28d"] < 1.5


@pytest.mark.parametrize("by", ["strain", "energy_kj", "zone_load"])
def test_the_load(store: Store, by: str) -> None:
    for name, values in CASES.items():
        zones = {f"zone_{zone}_s": np.zeros(len(values)) for zone in range(2, 6)} | {"zone_1_s": values * 60}
        store.keep(name, zones if by == "zone_load" else {by: values})
        got = store.ask("load", name, FIRST, _last(values), by)
        assert not differences(name, got, oracle.load(values))


def test_the_load_of_a_part_knows_the_days_before_it(store: Store) -> None:
    store.keep("alice", {"strain": CASES["gaps"]})
    whole = store.ask("load", "alice", FIRST, day(149), "strain")
    assert store.ask("load", "alice", day(120), day(149), "strain") == whole[120:]


def test_load_is_measured_by_nothing_else(store: Store) -> None:
    store.keep("alice", {"steps": CASES["noise"]})
    assert {row["load"] for row in store.ask("load", "alice", FIRST, day(129), "steps")} == {None}


def test_weekdays(store: Store) -> None:
    for name, values in CASES.items():
        store.keep(name, {"strain": values})
        got = store.ask("weekdays", name, "strain", FIRST, _last(values))
        assert not differences(name, got, oracle.weekdays(values))


def test_records(store: Store) -> None:
    for name, values in CASES.items():
        store.keep(name, {"strain": values})
        highest, lowest = store.ask("records", name, "strain", FIRST, _last(values))
        if name == "empty":
            words = "not enough data yet (0 of 1)"
            assert highest == {"kind": "highest", "value": None, "day": None, "n": 0, "note": words}
            continue
        assert (highest["kind"], highest["value"], highest["day"]) == (
            "highest",
            np.nanmax(values),
            day(int(np.nanargmax(values))),
        )
        assert (lowest["kind"], lowest["value"], lowest["day"]) == (
            "lowest",
            np.nanmin(values),
            day(int(np.nanargmin(values))),
        )
        assert highest["n"] == lowest["n"] == np.isfinite(values).sum()


def test_a_figure_that_nobody_knows_and_a_user_that_nobody_knows(store: Store) -> None:
    store.keep("alice", {"strain": CASES["noise"]})
    for user, metric in (("alice", "unheard_of"), ("nobody", "strain")):
        assert {row["state"] for row in store.ask("series", user, metric, FIRST, day(50))} == {"missing"}
        assert store.ask("trend", user, metric, FIRST, day(50))[0]["note"] == "not enough data yet (0 of 14)"


def test_days_that_do_not_count(store: Store) -> None:
    """They are shown, with their state, and are in no mean."""
    values = CASES["noise"][:45].copy()
    values[[40, 41]] = NAN
    store.keep(
        "alice",
        {"recovery_score": values, "strain": values, "sleep_performance_pct": values},
        calibrating=range(10),
        open_={44},
        states={40: "PENDING_SCORE", 41: "UNSCORABLE"},
    )
    recovery = store.ask("series", "alice", "recovery_score", FIRST, day(44))
    assert [row["state"] for row in recovery[:10]] == ["calibrating"] * 10
    assert all(row["value"] is not None and row["z"] is None and not row["settled"] for row in recovery[:10])
    counted = np.concatenate([np.full(10, NAN), values[10:]])
    for row, want in zip(recovery, oracle.series(counted), strict=True):
        assert (row["n_7d"], row["n_30d"]) == (want["n_7d"], want["n_30d"])
        assert same(row["mean_30d"], want["mean_30d"])
    assert [row["state"] for row in recovery[40:42]] == ["pending", "unscorable"]
    strain = store.ask("series", "alice", "strain", day(44), day(44))[0]
    assert (strain["state"], strain["settled"], strain["z"], strain["value"]) == ("open", False, None, values[44])
    assert store.ask("series", "alice", "sleep_performance_pct", day(44), day(44))[0]["state"] == "scored"


def test_a_day_from_an_export_is_estimated_and_counts(store: Store) -> None:
    store.keep("alice", {"strain": CASES["noise"]}, source="export")
    rows = store.ask("series", "alice", "strain", FIRST, day(129))
    assert {(row["state"], row["settled"]) for row in rows} == {("estimated", True)}
