"""What moves together: against numpy and scipy, on what is hard, on noise, and of what is made of one another."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from circadia.domain.analyses.insights import OTHERS
from circadia.domain.metrics import BY_NAME as METRICS
from circadia.domain.trends import BY_NAME, STORED
from tests.reporting import insights_oracle as oracle
from tests.reporting.series import CASES, FIRST, NAN, Json, Series, Store, day, same

METRIC = "recovery_score"
LAST = day(399)


def noise(length: int, seed: int, *, carry: float = 0.0) -> Series:
    """Numbers about 60 of which each day keeps a share of what the one before was off."""
    dice = np.random.default_rng(seed)
    found = dice.normal(size=length)
    for at in range(1, length):
        found[at] += carry * found[at - 1]
    return np.round(60 + 4 * found, 2)


def correlations(store: Store, user_id: str, lag: int = 0, metric: str = METRIC) -> dict[str, Json]:
    return {each["with"]: each for each in store.ask("correlations", user_id, metric, FIRST, LAST, lag)}


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_a_figure_with_every_other(store: Store, lag: int) -> None:
    length = 120
    others = {
        each.name: noise(length, seed, carry=0.1 * (seed % 9)) for seed, each in enumerate(STORED) if seed % 2 == 0
    }
    y = noise(length, 77, carry=0.5)
    others["strain"] = np.where(np.arange(length) % 6 == 0, NAN, 80 - np.roll(y, -lag) + noise(length, 3) / 20)
    others["hrv_rmssd_ms"] = np.exp(noise(length, 5) / 20)
    y[50:58] = NAN
    store.keep("alice", {**others, METRIC: y})
    found = correlations(store, "alice", lag)
    moved = {
        name: oracle.association(
            np.concatenate([np.full(lag, NAN), oracle.scaled(name, x)[: length - lag]]), y
        )
        for name, x in others.items() if name != METRIC
    }  # fmt: skip
    assert found.keys() == moved.keys()
    assert not [
        f"{name} {key}: {found[name][key]}, not {value}"
        for name, wanted in moved.items()
        for key, value in wanted.items()
        if not same(found[name][key], value, rel=1e-6)
    ]
    tested = [name for name, row in found.items() if row["p"] is not None and not row["built_in"]]
    q = oracle.corrected(np.array([moved[name]["p"] for name in tested]))
    assert [found[name]["q"] for name in tested] == pytest.approx(q.tolist(), rel=1e-6)
    assert found["strain"]["verdict"] == "against"
    assert {found[name]["source"] for name in found} == {"whoop"}


@pytest.mark.parametrize("name", CASES)
def test_the_hard_series(store: Store, name: str) -> None:
    x = CASES[name]
    y = noise(len(x), 11)
    store.keep("alice", {"strain": x, METRIC: y})
    row = correlations(store, "alice").get("strain", {"n": 0, "pearson": None, "p": None, "note": None})
    wanted = oracle.association(x, y)
    if name == "empty":
        wanted["note"] = None
    assert not [
        f"{key}: {row[key]}, not {value}" for key, value in wanted.items() if not same(row[key], value, rel=1e-6)
    ]
    assert (row["note"] is None) == (row["p"] is not None) or name == "empty"


def test_nineteen_days_are_not_enough_and_twenty_are(store: Store) -> None:
    for n in (19, 20):
        store.keep(f"user-{n}", {"strain": noise(n, 1), METRIC: noise(n, 2)})
    few, enough = (correlations(store, f"user-{n}")["strain"] for n in (19, 20))
    assert few["note"] == "not enough data yet (19 of 20)"
    assert few["verdict"] == "not enough"
    assert (few["n"], few["needed"]) == (19, 20)
    assert {few[key] for key in ("n_effective", "pearson", "low", "high", "spearman", "p", "q")} == {None}
    assert enough["note"] is None
    assert enough["pearson"] is not None


def test_figures_that_are_one_and_the_same(store: Store) -> None:
    x = noise(40, 4)
    store.keep("alice", {"strain": x, "steps": -x, METRIC: 2 * x})
    found = correlations(store, "alice")
    assert found["strain"]["verdict"] == "together"
    assert found["steps"]["verdict"] == "against"
    assert (found["strain"]["p"], found["strain"]["low"]) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def test_days_that_do_not_count_are_left_out(store: Store) -> None:
    length = 60
    strain, recovery = noise(length, 1), noise(length, 2)
    store.keep("alice", {"strain": strain, METRIC: recovery}, calibrating=range(10), open_=[length - 1])
    recovery[:10], strain[-1] = NAN, NAN
    row = correlations(store, "alice")["strain"]
    assert row["n"] == 49
    assert same(row["pearson"], oracle.association(strain, recovery)["pearson"])


@pytest.mark.parametrize(("length", "carry"), [(60, 0.5), (180, 0.6), (180, 0.95)])
def test_noise_is_no_finding(store: Store, length: int, carry: float) -> None:
    """Figures that have nothing to do with each other, but each with itself the day before. Days that carry over much
    would give findings if each counted for one."""
    naive = 0
    for seed in range(4):
        figures = {each.name: 40 + noise(length, 100 * seed + at, carry=carry) for at, each in enumerate(STORED)}
        store.keep(f"user-{seed}", figures)
        found = correlations(store, f"user-{seed}")
        assert not [name for name, row in found.items() if row["verdict"] in ("together", "against")]
        naive += sum(
            bool(stats.pearsonr(oracle.scaled(name, figures[name]), figures[METRIC]).pvalue < 0.05 / len(found))
            for name in found
            if name in figures
        )
    assert naive > 0 or carry < 0.9


def test_what_is_made_of_the_other_is_no_finding(store: Store) -> None:
    deep = noise(50, 1)
    store.keep("alice", {"deep_sleep_s": deep, "sleep_duration_s": 3 * deep, "strain": noise(50, 2), METRIC: deep})
    row = correlations(store, "alice", metric="sleep_duration_s")["deep_sleep_s"]
    assert (row["built_in"], row["verdict"], row["q"]) == (True, "built in", None)
    assert row["pearson"] == pytest.approx(1)
    assert correlations(store, "alice", metric="sleep_duration_s")[METRIC]["verdict"] == "together"


@pytest.mark.parametrize(
    ("metric", "other", "lag", "built_in"),
    [
        ("recovery_score", "hrv_rmssd_ms", 0, True),
        ("hrv_rmssd_ms", "recovery_score", 0, True),
        ("recovery_score", "strain", 1, False),
        ("recovery_score", "hrv_rmssd_ms", 1, False),
        ("light_sleep_s", "rem_sleep_s", 0, True),
        ("strain", "zone_load", 0, True),
        ("sleep_need_s", "strain", 1, True),
        ("strain", "sleep_need_s", 1, False),
        ("sleep_need_s", "need_debt_s", 0, True),
        ("resting_heart_rate_bpm", "sleep_duration_s", 0, False),
    ],
)
def test_what_is_built_in(store: Store, metric: str, other: str, lag: int, built_in: bool) -> None:
    assert store.ask("built_in", metric, other, lag) == [{"built_in": built_in}]


def test_the_days_behind_a_correlation(store: Store) -> None:
    strain, hrv = noise(30, 1), noise(30, 2)
    hrv[12] = NAN
    store.keep("alice", {"strain": strain, "hrv_rmssd_ms": hrv})
    rows = store.ask("correlation", "alice", "hrv_rmssd_ms", "strain", FIRST, LAST, 1)
    known = [at for at in range(1, 30) if at != 12]
    assert [row["day"] for row in rows] == [day(at) for at in known]
    assert [row["x"] for row in rows] == [strain[at - 1] for at in known]
    assert [row["y"] for row in rows] == [hrv[at] for at in known]
    assert store.ask("correlation", "nobody", "hrv_rmssd_ms", "strain", FIRST, LAST, 1) == []


def test_strain_and_the_next_recovery(store: Store) -> None:
    strain = noise(80, 1)
    recovery = 150 - np.roll(strain, 1) + noise(80, 2) / 10
    store.keep("alice", {"strain": strain, METRIC: recovery})
    (row,) = store.ask("strain_recovery", "alice", FIRST, LAST)
    wanted = correlations(store, "alice", lag=1)["strain"]
    assert row == {key: value for key, value in wanted.items() if key in row}
    assert row["verdict"] == "against"


def test_strain_and_recovery_of_nobody(store: Store) -> None:
    (row,) = store.ask("strain_recovery", "nobody", FIRST, LAST)
    assert (row["n"], row["verdict"], row["note"]) == (0, "not enough", "not enough data yet (0 of 20)")


def test_every_figure_of_a_day_is_observed(store: Store) -> None:
    figures = {each.name: np.array([7.0 + at]) for at, each in enumerate(STORED)}
    store.keep("alice", figures)
    rows = store.rows("SELECT metric, source, value FROM reporting.observations WHERE user_id = 'alice'")
    assert {row["metric"] for row in rows} == BY_NAME.keys()
    assert {row["source"] for row in rows} == {"whoop"}
    assert {row["metric"]: row["value"] for row in rows if row["metric"] in figures} == {
        name: values[0] for name, values in figures.items()
    }


def test_only_figures_that_exist_are_built_in(store: Store) -> None:
    (row,) = store.rows("SELECT prosrc FROM pg_proc WHERE oid = 'reporting.built_in'::regproc")
    assert set(re.findall(r"'(\w+)'", row["prosrc"])) <= {*BY_NAME, *METRICS}


def test_all_that_may_be_compared_is_observed(store: Store) -> None:
    rows = store.rows("SELECT DISTINCT metric FROM reporting.sahha_places()")
    assert {*OTHERS} == {*BY_NAME, *(row["metric"] for row in rows)}
