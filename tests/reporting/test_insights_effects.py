"""Journal effects and two periods: against scipy's Welch test, at and below what is enough, and on noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.reporting import insights_oracle as oracle
from tests.reporting.series import CASES, FIRST, NAN, Json, Series, Store, day, same

LAST = day(399)
SPLIT = 60
METRICS = ("recovery_score", "hrv_rmssd_ms", "strain")


def noise(length: int, seed: int, *, carry: float = 0.0) -> Series:
    """Numbers about 60 of which each day keeps a share of what the one before was off."""
    dice = np.random.default_rng(seed)
    found = dice.normal(size=length)
    for at in range(1, length):
        found[at] += carry * found[at - 1]
    return np.round(60 + 4 * found, 2)


def answers(store: Store, user_id: str, told: Mapping[str, Series]) -> None:
    """The journal of a member: 1 is a yes, 0 a no, NaN no answer, on the dates of the mornings."""
    for question, given in told.items():
        store.rows(
            """INSERT INTO journal_entries
                   (member_id, cycle_start, question, timezone_offset, answered_yes, raw, fetched_at, day)
               SELECT m.id, d.day - interval '3 hours', %s, '+00:00', d.yes = 1, '{}', now(), d.day
               FROM members m, unnest(%s::date[], %s::float8[]) d (day, yes)
               WHERE m.user_id = %s AND d.yes <> 'NaN' RETURNING day""",
            question,
            [day(at) for at in range(len(given))],
            given.tolist(),
            user_id,
        )


def journal(store: Store, user_id: str, metric: str = "recovery_score") -> dict[str, Json]:
    return {each["question"]: each for each in store.ask("journal_effects", user_id, metric, FIRST, LAST)}


def compared(store: Store, user_id: str, metric: str, split: int) -> Json:
    (row,) = store.ask("compare", user_id, metric, FIRST, day(split - 1), day(split), LAST)
    return row


def off_their_means(values: Series, groups: Series) -> Series:
    off = np.full(len(values), NAN)
    for group in np.unique(groups[~np.isnan(groups)]):
        here = (groups == group) & ~np.isnan(values)
        off[here] = values[here] - values[here].mean()
    return off


def wanted_of_journal(metric: str, values: Series, given: Series) -> Json:
    y = oracle.scaled(metric, values)
    both = ~np.isnan(y) & ~np.isnan(given)
    yes, no = y[both & (given == 1)], y[both & (given == 0)]
    carry = (
        oracle.carried_over(np.where(both, given - given[both].mean(), NAN)),
        oracle.carried_over(off_their_means(np.where(both, y, NAN), given)),
    )
    worth = oracle.effective(len(no), *carry), oracle.effective(len(yes), *carry)
    return {
        "n_yes": len(yes),
        "n_no": len(no),
        "n_effective": sum(worth),
        "mean_yes": oracle.told(metric, float(yes.mean())),
        "mean_no": oracle.told(metric, float(no.mean())),
        **oracle.effect(metric, no, yes, worth),
    }


def wanted_of_periods(metric: str, y: Series, late: Series) -> Json:
    before, after = (y[~np.isnan(y) & (late == half)] for half in (0, 1))
    off = off_their_means(y, late)
    products = np.concatenate([off[1:SPLIT] * off[: SPLIT - 1], off[SPLIT + 1 :] * off[SPLIT:-1]])
    carry = float(np.nanmean(products) / np.nanmean(off**2))
    worth = oracle.effective(len(before), 1, carry), oracle.effective(len(after), 1, carry)
    return oracle.effect(metric, before, after, worth) | {
        "n_effective": sum(worth),
        "mean_before": oracle.told(metric, float(before.mean())),
        "mean": oracle.told(metric, float(after.mean())),
    }


@pytest.mark.parametrize("metric", METRICS)
def test_journal_effects(store: Store, metric: str) -> None:
    length = 90
    dice = np.random.default_rng(5)
    values = noise(length, 1, carry=0.6)
    values[20:26] = NAN
    given = {
        "Late meal?": (dice.random(length) < 0.4).astype(float),
        "Away from home?": ((np.arange(length) // 15) % 2).astype(float),
        "Read in bed?": np.where(dice.random(length) < 0.3, NAN, (dice.random(length) < 0.5).astype(float)),
        "Alcohol?": (values < 58).astype(float),
    }
    store.keep("alice", {metric: values})
    answers(store, "alice", given)
    found = journal(store, "alice", metric)
    assert found.keys() == given.keys()
    wanted = {question: wanted_of_journal(metric, values, each) for question, each in given.items()}
    assert not [
        (question, key, found[question][key], value)
        for question, row in wanted.items()
        for key, value in row.items()
        if not same(found[question][key], value, rel=1e-6)
    ]
    q = oracle.corrected(np.array([row["p"] for row in wanted.values()]))
    assert [found[each]["q"] for each in wanted] == pytest.approx(q.tolist(), rel=1e-6)
    assert found["Alcohol?"]["verdict"] == "lower"
    assert found["Away from home?"]["n_effective"] < found["Late meal?"]["n_effective"]


def test_four_of_each_are_not_enough_and_five_are(store: Store) -> None:
    store.keep("alice", {"recovery_score": noise(30, 1)})
    given = {f"{n} times?": np.where(np.arange(30) < n, 1.0, 0.0) for n in (0, 4, 5)}
    answers(store, "alice", {**given, "Never measured?": np.concatenate([np.full(30, NAN), np.ones(9)])})
    found = journal(store, "alice")
    assert found["4 times?"]["note"] == "not enough data yet (4 of 5)"
    assert found["0 times?"]["note"] == "not enough data yet (0 of 5)"
    assert found["Never measured?"]["note"] == "not enough data yet (0 of 5)"
    told = ("n_effective", "mean_yes", "mean_no", "difference", "low", "high", "effect_size", "p", "q")
    assert {found["4 times?"][key] for key in told} == {None}
    assert found["4 times?"]["verdict"] == "not enough"
    assert None not in [found["5 times?"][key] for key in told]
    assert journal(store, "nobody") == {}


def test_an_answer_meets_the_recovery_of_its_own_date(store: Store) -> None:
    drank = (np.random.default_rng(3).random(60) < 0.4).astype(float)
    store.keep("alice", {"recovery_score": 70 - 20 * drank + noise(60, 4) / 10})
    answers(store, "alice", {"Alcohol?": drank})
    row = journal(store, "alice")["Alcohol?"]
    assert row["difference"] == pytest.approx(-20, abs=1)
    assert row["verdict"] == "lower"


def test_questions_that_mean_nothing_are_no_finding(store: Store) -> None:
    dice = np.random.default_rng(8)
    store.keep("alice", {"recovery_score": noise(150, 1, carry=0.7)})
    spells = {f"Question {n}?": (np.repeat(dice.random(15), 10) < 0.5).astype(float) for n in range(30)}
    answers(store, "alice", spells)
    assert {row["verdict"] for row in journal(store, "alice").values()} <= {"nothing found", "not enough"}


@pytest.mark.parametrize("metric", METRICS)
def test_two_periods(store: Store, metric: str) -> None:
    made = {"carried": noise(150, 1, carry=0.8), "changed": noise(150, 2, carry=0.3) + 9 * (np.arange(150) >= SPLIT)}
    for name, values in (CASES | made).items():
        positive = np.where(values > 0, values, NAN)
        store.keep(name, {metric: positive})
        row = compared(store, name, metric, SPLIT)
        y, late = oracle.scaled(metric, positive), (np.arange(len(values)) >= SPLIT).astype(float)
        before, after = (y[~np.isnan(y) & (late == half)] for half in (0, 1))
        assert (row["n_before"], row["n"], row["needed"]) == (len(before), len(after), 7), name
        if min(len(before), len(after)) < 7:
            assert "not enough data yet" in row["note"], name
            assert {row[key] for key in ("mean_before", "mean", "sd", "n_effective", "p", "difference", "good")} == {
                None
            }
            assert row["verdict"] == "not enough"
        elif np.ptp(before) == np.ptp(after) == 0:
            assert (row["difference"], row["p"], row["effect_size"]) == (0, 1, None), name
            assert row["verdict"] == "no difference found"
        else:
            wanted = wanted_of_periods(metric, y, late)
            assert row["note"] is None
            assert not [
                (name, key, row[key], value) for key, value in wanted.items() if not same(row[key], value, rel=1e-5)
            ]
    row = compared(store, "changed", metric, SPLIT)
    assert (row["verdict"], row["size"]) == ("higher", "large")
    assert row["good"] is (None if metric == "strain" else True)


def test_six_days_are_not_enough_and_seven_are(store: Store) -> None:
    store.keep("few", {"strain": np.concatenate([noise(7, 1), np.full(20, NAN), noise(6, 2)])})
    store.keep("enough", {"strain": np.concatenate([noise(7, 1), np.full(20, NAN), noise(7, 2)])})
    assert compared(store, "few", "strain", 20)["note"] == "not enough data yet (6 of 7)"
    assert compared(store, "enough", "strain", 20)["note"] is None
    (row,) = store.ask("compare", "few", "strain", day(27), LAST, FIRST, day(7))
    assert row["note"] == "before: not enough data yet (6 of 7)"


def test_more_heart_beats_at_rest_are_not_for_the_better(store: Store) -> None:
    store.keep("alice", {"resting_heart_rate_bpm": np.concatenate([noise(40, 1), noise(40, 2) + 12])})
    row = compared(store, "alice", "resting_heart_rate_bpm", 40)
    assert (row["verdict"], row["good"], row["size"]) == ("higher", False, "large")


def test_noise_that_carries_over_is_seldom_a_difference(store: Store) -> None:
    found = 0
    for seed in range(40):
        store.keep(f"user-{seed}", {"strain": noise(120, seed, carry=0.6)})
        found += compared(store, f"user-{seed}", "strain", 60)["verdict"] != "no difference found"
    assert found <= 4
