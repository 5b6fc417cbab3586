"""The distributions and the words that all analyses share."""

from __future__ import annotations

from typing import LiteralString

import numpy as np
import pytest
from scipy import stats

from circadia.domain.trends import DAY_METRICS
from tests.reporting.series import Store


def _values(store: Store, function: str, *arguments: list[float]) -> list[float | None]:
    """A function over arrays of arguments, in their order."""
    queries: dict[str, LiteralString] = {
        "normal_cdf": "SELECT reporting.normal_cdf(a) AS r FROM unnest(%s::float8[]) WITH ORDINALITY x (a, n)",
        "t_cdf": "SELECT reporting.t_cdf(a, b) AS r FROM unnest(%s::float8[], %s::float8[])"
        " WITH ORDINALITY x (a, b, n)",
        "t_quantile": "SELECT reporting.t_quantile(a, b) AS r FROM unnest(%s::float8[], %s::float8[])"
        " WITH ORDINALITY x (a, b, n)",
    }
    return [row["r"] for row in store.rows(queries[function] + " ORDER BY n", *arguments)]


def test_the_normal_distribution(store: Store) -> None:
    points = [*np.linspace(-9, 9, 181).tolist(), -7.0710678118654755, -40.0, 40.0, 36.9]
    got = np.array(_values(store, "normal_cdf", points), dtype=float)
    assert np.allclose(got, stats.norm.cdf(points), rtol=0, atol=1e-12)
    tail = np.linspace(-9, -5, 50)
    got = np.array(_values(store, "normal_cdf", tail.tolist()), dtype=float)
    assert np.allclose(got, stats.norm.cdf(tail), rtol=1e-6, atol=0)


def test_students_distribution(store: Store) -> None:
    dice = np.random.default_rng(1)
    freedom = np.concatenate([10 ** dice.uniform(-0.3, 6.5, 400), [1, 2, 3, 30, 0.7, 5]])
    points = np.concatenate([dice.normal(0, 5, 400), [0, -1e9, 1e200, 1e-9, 12, -0.5]])
    got = np.array(_values(store, "t_cdf", points.tolist(), freedom.tolist()), dtype=float)
    assert np.allclose(got, stats.t.cdf(points, freedom), rtol=0, atol=1e-6)


def test_quantiles_of_students_distribution(store: Store) -> None:
    dice = np.random.default_rng(2)
    freedom = np.concatenate([10 ** dice.uniform(-0.3, 6.5, 400), [1, 2, 2, 1.5]])
    shares = np.concatenate([dice.uniform(0.0005, 0.9995, 400), [0.975, 0.025, 0.5, 0.995]])
    got = np.array(_values(store, "t_quantile", shares.tolist(), freedom.tolist()), dtype=float)
    assert np.allclose(got, stats.t.ppf(shares, freedom), rtol=1e-5, atol=1e-9)


def test_what_has_no_quantile(store: Store) -> None:
    assert _values(store, "t_quantile", [0.0, 1.0, 0.5, 0.5, 1.5], [5.0, 5.0, 0.0, -1.0, 5.0]) == [None] * 5
    assert _values(store, "t_cdf", [1.0], [0.0]) == [None]


def test_degrees_of_freedom_of_two_samples(store: Store) -> None:
    one, other = np.random.default_rng(3).normal(0, 1, 12), np.random.default_rng(4).normal(0, 5, 7)
    row = store.rows(
        "SELECT reporting.welch_df(%s, %s, %s, %s) AS df, reporting.welch_df(0, 4, 0, 9) AS none",
        *(float(np.std(one, ddof=1)), 12, float(np.std(other, ddof=1)), 7),
    )[0]
    assert row["df"] == pytest.approx(stats.ttest_ind(one, other, equal_var=False).df)
    assert row["none"] is None


def test_words_for_too_small_a_sample(store: Store) -> None:
    row = store.rows("SELECT reporting.not_enough(13, 14) AS few, reporting.not_enough(14, 14) AS enough")[0]
    assert row == {"few": "not enough data yet (13 of 14)", "enough": None}


def test_a_spread_of_nothing_but_rounding_is_none(store: Store) -> None:
    row = store.rows(
        "SELECT reporting.spread(1e-14, 33.5) AS rounding, reporting.spread(0.01, 33.5) AS real,"
        " reporting.spread(NULL, 1) AS none, reporting.spread(0.5, 0) AS around_zero"
    )[0]
    assert row == {"rounding": 0, "real": 0.01, "none": None, "around_zero": 0.5}


def test_a_weighted_mean_stands_still_in_a_gap(store: Store) -> None:
    row = store.rows(
        "SELECT reporting.ewma(x, 0.25 ORDER BY n) AS mean, reporting.ewma(NULL::float8, 0.25) AS none"
        " FROM unnest(ARRAY[NULL, 8, NULL, 4]::float8[]) WITH ORDINALITY v (x, n)"
    )[0]
    assert row == {"mean": 7, "none": None}


def test_part_and_polarity_are_those_of_the_catalogue(store: Store) -> None:
    for each in DAY_METRICS:
        row = store.rows(
            "SELECT reporting.part(%s) AS part, reporting.polarity(%s) AS polarity, reporting.good(%s, 1) AS more,"
            " reporting.good(%s, -1) AS less, reporting.good(%s, 0) AS same",
            *[each.name] * 5,
        )[0]
        way = each.polarity if each.polarity in {"up", "down"} else None
        good = {"up": (True, False), "down": (False, True), None: (None, None)}[way]
        assert row == {"part": each.part, "polarity": way, "more": good[0], "less": good[1], "same": None}, each.name


def test_every_figure_can_be_asked_for(store: Store) -> None:
    """`shown` and `settled` know each name, and give its own column."""
    stored = [each.name for each in DAY_METRICS if not each.derived]
    store.keep("alice", {name: [1000.0 + at] for at, name in enumerate(stored)})
    for each in DAY_METRICS:
        row = store.rows(
            "SELECT reporting.shown(d, %s) AS shown, reporting.settled(d, %s) AS settled, to_jsonb(d) ->> %s AS own"
            " FROM reporting.days d WHERE d.user_id = 'alice'",
            *[each.name] * 3,
        )[0]
        assert row["shown"] == row["settled"] == float(row["own"]), each.name
