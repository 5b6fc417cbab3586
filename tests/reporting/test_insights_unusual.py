"""Unusual days: the same z as in `series`, which days are told, and when the hint is given."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from circadia.domain.trends import BY_NAME
from tests.reporting import oracle
from tests.reporting.series import FIRST, NAN, Json, Series, Store, day, same

LENGTH = 120
LAST = day(LENGTH - 1)
WATCHED = (
    "recovery_score", "hrv_rmssd_ms", "resting_heart_rate_bpm", "respiratory_rate_rpm", "spo2_pct", "skin_temp_celsius",
    "sleep_duration_s", "strain",
)  # fmt: skip


def body(seed: int = 1) -> dict[str, Series]:
    dice = np.random.default_rng(seed)
    return {name: np.round(60 + 4 * dice.normal(size=LENGTH), 2) for name in WATCHED}


def z_of(figures: dict[str, Series]) -> dict[str, Series]:
    return {
        name: np.array([row["z"] for row in oracle.series(values, logarithm=name == "hrv_rmssd_ms")], dtype=float)
        for name, values in figures.items()
    }


def unusual(store: Store, user_id: str, first: date = FIRST, last: date = LAST) -> dict[date | None, Json]:
    return {row["day"]: row for row in store.ask("unusual_days", user_id, first, last)}


def test_days_that_are_far_off(store: Store) -> None:
    figures = body()
    figures["strain"][70], figures["spo2_pct"][40:60] = 95, NAN
    store.keep("alice", figures)
    z = z_of(figures)
    found = unusual(store, "alice")
    far = {
        day(at): {name: values[at] for name, values in z.items() if abs(values[at]) >= 2}
        for at in range(LENGTH) if any(abs(values[at]) >= 2 for values in z.values())
    }  # fmt: skip
    assert found.keys() == far.keys()
    for when, row in found.items():
        assert when is not None
        assert [each["metric"] for each in row["metrics"]] == list(far[when])
        assert all(same(each["z"], far[when][each["metric"]], rel=1e-6) for each in row["metrics"])
        assert row["note"] is None
        for name, value in far[when].items():
            assert f"{BY_NAME[name].label} far {'above' if value > 0 else 'below'}" in row["words"]
    assert "Day strain far above" in found[day(70)]["words"]


def test_a_part_is_as_in_the_whole(store: Store) -> None:
    store.keep("alice", body(2))
    whole = unusual(store, "alice")
    part = unusual(store, "alice", day(50), day(80))
    assert part == {when: row for when, row in whole.items() if when is not None and day(50) <= when <= day(80)}
    assert part


@pytest.mark.parametrize("sign", ["respiratory_rate_rpm", "skin_temp_celsius"])
def test_the_hint_takes_two_days_in_a_row(store: Store, sign: str) -> None:
    figures = body(3)
    for at in (60, 61, 80):
        figures["resting_heart_rate_bpm"][at] = figures[sign][at] = 100
        figures["hrv_rmssd_ms"][at] = 20
    figures["resting_heart_rate_bpm"][90:92], figures["hrv_rmssd_ms"][90:92] = 110, 15
    store.keep("alice", figures)
    found = unusual(store, "alice")
    assert [when for when, row in found.items() if row["illness_hint"]] == [day(61)]
    assert "second day" in found[day(61)]["words"]
    assert unusual(store, "alice", day(61), day(61))[day(61)]["illness_hint"]


def test_the_hint_is_given_also_where_nothing_alone_is_far_off(store: Store) -> None:
    saw = np.where(np.arange(LENGTH) % 2 == 0, 1.0, -1.0)
    figures = dict.fromkeys(WATCHED, 60 + 4 * saw)
    figures["hrv_rmssd_ms"] = 60 * np.exp(0.1 * saw)
    for at in (60, 61):
        figures["resting_heart_rate_bpm"][at] = figures["skin_temp_celsius"][at] = 67.2
        figures["hrv_rmssd_ms"][at] = 60 * np.exp(-0.18)
    store.keep("alice", figures)
    found = unusual(store, "alice", day(55), day(65))
    assert {when: (row["metrics"], row["illness_hint"]) for when, row in found.items()} == {day(61): ([], True)}


def test_days_that_do_not_count_are_not_unusual(store: Store) -> None:
    figures = body(4)
    figures["recovery_score"][100], figures["strain"][LENGTH - 1] = 5, 120
    store.keep("alice", figures, calibrating=[100], open_=[LENGTH - 1])
    told = {(when, each["metric"]) for when, row in unusual(store, "alice").items() for each in row["metrics"]}
    assert not told & {(day(100), "recovery_score"), (LAST, "strain")}


def test_too_few_days(store: Store) -> None:
    store.keep("few", {name: values[:14] for name, values in body().items()})
    store.keep("enough", {"strain": np.concatenate([body()["strain"][:14], [99.0]])})
    assert unusual(store, "few") == {
        None: {
            "day": None, "metrics": None, "illness_hint": None, "words": None,
            "note": "not enough data yet (13 of 14)",
        }
    }  # fmt: skip
    assert list(unusual(store, "enough")) == [day(14)]
    assert unusual(store, "nobody")[None]["note"] == "not enough data yet (0 of 14)"
