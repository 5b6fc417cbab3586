"""A simulated population against aggregates of real members' public exports (8 people, 2,188 days).

Tolerances come from sampling error. The reference's medians over 8 people have a standard error of
about 1.25 x spread / sqrt(8) = 0.44 x the spread between people (a range over 8 people is about 2.85
spreads, so 0.16 x the range); correlations within 270 days have 0.06 for one person and differ by about
0.1 between people, so about 0.05 for the median of 8. The tolerances below are between one and two
such errors, and each one is written in its table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC
from math import log
from random import Random

import numpy as np
import pytest

from circadia.simulator.itinerary import Season
from circadia.simulator.people import Person
from circadia.simulator.physiology import Night, Physiology, Vitals
from circadia.simulator.world import Quirks

from .population import Days, correlation, pooled, population

MEMBERS, DAYS, SEED = 24, 270, 7

MEANS = {  # median of person means, lowest, highest of 8 people, tolerance of the median
    "recovery": (58, 47, 64, 3),
    "rhr": (59, 48, 80, 4),
    "hrv": (59, 17, 130, 14),
    "ln_hrv": (4.04, 2.7, 4.8, 0.2),
    "skin_temp": (33.7, 32.7, 34.7, 0.3),
    "spo2": (95.8, 92.7, 97.2, 0.7),
    "respiratory": (16.1, 14.0, 18.8, 0.6),
    "strain": (9.3, 5.7, 16.5, 1.8),
    "energy": (2197, 1555, 3406, 250),
    "performance": (77, 64, 89, 4),
}
CENTRES = {  # median of person means, tolerance (the reference has no range)
    "asleep": (428, 15),
    "in_bed": (491, 18),
    "light": (230, 18),
    "deep": (88, 7),
    "rem": (105, 9),
    "awake": (53, 6),
    "need": (547, 15),
    "debt": (67, 12),
    "efficiency": (89, 1.5),
    "consistency": (64, 4),
    "average_hr": (77, 4),
    "max_hr": (155, 6),
}
SPREADS = {  # median within-person SD; tolerance 18 % of it (one person's: 4 %, people differ by 30 %)
    "recovery": 21.5,
    "rhr": 5.9,
    "hrv": 12.9,
    "ln_hrv": 0.25,
    "skin_temp": 0.64,
    "spo2": 1.4,
    "respiratory": 0.63,
    "strain": 3.3,
    "energy": 414,
    "average_hr": 5,
    "max_hr": 17,
    "performance": 14.5,
    "asleep": 80,
    "in_bed": 88,
    "light": 62,
    "deep": 25,
    "rem": 39,
    "awake": 26,
    "need": 46,
    "debt": 33,
    "efficiency": 4.5,
    "consistency": 14,
}
MEMORY = {  # correlation of a day with the day before; tolerance 0.10
    "recovery": 0.07,
    "rhr": 0.27,
    "hrv": 0.25,
    "ln_hrv": 0.17,
    "skin_temp": 0.25,
    "spo2": 0.16,
    "respiratory": 0.31,
    "strain": 0.03,
    "energy": -0.16,
    "average_hr": 0.39,
    "max_hr": 0.02,
    "performance": 0.26,
    "asleep": 0.04,
    "in_bed": 0.04,
    "awake": 0.09,
    "need": 0.43,
    "debt": 0.39,
    "efficiency": 0.03,
    "consistency": 0.53,
}
TOGETHER = {  # within-person correlations; tolerance 0.07
    ("recovery", "ln_hrv"): 0.80,
    ("recovery", "rhr"): -0.66,
    ("recovery", "performance"): 0.55,
    ("recovery", "asleep"): 0.50,
    ("recovery", "respiratory"): -0.30,
    ("recovery", "strain-1"): -0.25,
    ("ln_hrv", "rhr"): -0.72,
    ("ln_hrv", "strain-1"): -0.20,
    ("rhr", "strain-1"): 0.32,
    ("rhr", "respiratory"): 0.39,
    ("rhr", "skin_temp"): 0.17,
    ("strain", "energy"): 0.77,
    ("strain", "recovery"): 0.09,
    ("performance", "asleep"): 0.88,
}
MISSING = {  # percent of cycles without the value; tolerance 0.9 (a binomial's 0.2 to 0.4, people differ)
    "recovery": 1.1,
    "rhr": 1.1,
    "hrv": 1.1,
    "skin_temp": 2.4,
    "spo2": 1.6,
    "respiratory": 1.1,
    "asleep": 1.1,
    "strain": 0.5,
    "energy": 0.5,
    "consistency": 3.4,
}


@pytest.fixture(scope="module")
def people() -> list[Days]:
    return population(seed=SEED, members=MEMBERS, days=DAYS)


def median(people: list[Days], measure: Callable[[Days], float]) -> float:
    return float(np.nanmedian([measure(person) for person in people]))


@pytest.mark.parametrize("name", MEANS)
def test_person_means(people: list[Days], name: str) -> None:
    centre, low, high, tolerance = MEANS[name]
    means = [person.mean(name) for person in people if person.measured(name)]
    assert np.median(means) == pytest.approx(centre, abs=tolerance)
    # 24 people reach a little further than 8 did, and fill at least half of the reference's range.
    margin = 0.3 * (high - low)
    assert low - margin < min(means)
    assert max(means) < high + margin
    assert max(means) - min(means) > 0.5 * (high - low)


@pytest.mark.parametrize("name", CENTRES)
def test_person_means_without_a_known_range(people: list[Days], name: str) -> None:
    centre, tolerance = CENTRES[name]
    assert median(people, lambda person: person.mean(name)) == pytest.approx(centre, abs=tolerance)


@pytest.mark.parametrize("name", SPREADS)
def test_spread_within_a_person(people: list[Days], name: str) -> None:
    assert median(people, lambda person: person.spread(name)) == pytest.approx(SPREADS[name], rel=0.18)


@pytest.mark.parametrize("name", MEMORY)
def test_day_to_day_memory(people: list[Days], name: str) -> None:
    assert median(people, lambda person: person.memory(name)) == pytest.approx(MEMORY[name], abs=0.10)


@pytest.mark.parametrize(("first", "second"), TOGETHER)
def test_correlations_within_a_person(people: list[Days], first: str, second: str) -> None:
    found = median(people, lambda person: person.together(first, second))
    assert found == pytest.approx(TOGETHER[first, second], abs=0.07)


@pytest.mark.parametrize("name", MISSING)
def test_missing_share(people: list[Days], name: str) -> None:
    shares = [person.missing_pct(name) for person in people if person.measured(name)]
    assert np.mean(shares) == pytest.approx(MISSING[name], abs=0.9)


def test_recovery_bands(people: list[Days]) -> None:
    recovery = pooled(people, "recovery")
    shares = [np.mean(recovery < 34), np.mean((recovery >= 34) & (recovery < 67)), np.mean(recovery >= 67)]
    assert shares == pytest.approx([0.16, 0.45, 0.39], abs=0.04)


def test_strain_quantiles(people: list[Days]) -> None:
    # People's means spread over 5.7 to 16.5, so a pool of 8 has an error of a tenth.
    found = np.percentile(pooled(people, "strain"), [5, 25, 50, 75, 95])
    assert found == pytest.approx([4.3, 6.6, 10.1, 14.0, 19.4], rel=0.12)


def test_cycle_lengths(people: list[Days]) -> None:
    hours = np.concatenate([person.cycle_hours for person in people])
    assert np.percentile(hours, [5, 25, 50, 75, 95]) == pytest.approx([20.8, 23.0, 24.0, 25.1, 27.3], abs=0.7)
    # About 20 of the reference's cycles lie beyond each of these, most of them one or two people's.
    assert np.percentile(hours, [1, 99]) == pytest.approx([18.4, 31.2], abs=1.8)


def test_sleep_onset(people: list[Days]) -> None:
    means = [float(person.onset_h.mean()) for person in people]
    assert 21.67 - 0.5 < min(means) < 22.8
    assert 25.3 < max(means) < 26.42 + 0.5
    spreads = [float(person.onset_h.std()) for person in people]
    assert 1.2 <= np.median(spreads) <= 2.0
    assert min(spreads) > 0.9
    assert max(spreads) < 2.3


def test_weekend_nights_are_longer(people: list[Days]) -> None:
    # 80 minutes of spread over some 1,800 weekend nights: a standard error of 2 minutes.
    assert np.mean([person.weekend_extra_min for person in people]) == pytest.approx(17.5, abs=6)


def test_naps(people: list[Days]) -> None:
    naps = [minutes for person in people for minutes in person.naps]
    share = len(naps) / (len(naps) + sum(person.main_sleeps for person in people))
    assert share == pytest.approx(0.08, abs=0.02)
    assert np.percentile(naps, [10, 50, 90]) == pytest.approx([56, 106, 187], rel=0.12)


def test_offset_changes(people: list[Days]) -> None:
    changes = [person.offset_changes_per_year for person in people]
    # 270 days hold three quarters of a year's trips: an error of about 3 a year for one person.
    assert min(changes) >= 1
    assert max(changes) <= 22
    assert 6 < np.median(changes) < 14


def test_workouts(people: list[Days]) -> None:
    rates = [person.workouts_per_day for person in people]
    assert 0.7 <= np.median(rates) <= 1.2
    assert min(rates) > 0.6
    assert max(rates) < 1.5
    workouts = [workout for person in people for workout in person.workouts]
    minutes = np.percentile([workout["minutes"] for workout in workouts], [5, 25, 50, 75, 95])
    assert minutes == pytest.approx([13, 22, 38, 68, 116], rel=0.2)
    strain = np.percentile([workout["score"]["strain"] for workout in workouts], [5, 25, 50, 75, 95])
    assert strain == pytest.approx([4.3, 5.3, 6.8, 9.3, 14.7], rel=0.12)
    assert np.median([workout["score"]["average_heart_rate"] for workout in workouts]) == pytest.approx(116, abs=4)
    gps = np.mean([workout["score"]["distance_meter"] is not None for workout in workouts])
    assert gps == pytest.approx(0.15, abs=0.03)


def test_workouts_are_mostly_in_the_low_zones(people: list[Days]) -> None:
    zones = np.sum([list(w["score"]["zone_durations"].values()) for person in people for w in person.workouts], axis=0)
    share = zones / zones.sum()
    assert share[:3].sum() > 0.65
    assert share[3] > share[4] > share[5] > 0


def test_sport_mix(people: list[Days]) -> None:
    # Taste is personal: 8 people's shares have errors of up to 0.09, 24 people's of 0.05.
    names = Counter(w["sport_name"].removesuffix("_msk") for person in people for w in person.workouts)
    total = names.total()
    shares = [names[name] / total for name in ("weightlifting", "running", "activity", "walking")]
    assert shares == pytest.approx([0.42, 0.18, 0.14, 0.11], abs=0.06)
    assert len(names) > 10


def test_strain_follows_the_training_block(people: list[Days]) -> None:
    blocks = [_by_week_of_block(person) for person in people]
    build, rest = np.nanmean([b[:3] for b in blocks]), np.nanmean([b[3] for b in blocks])
    # 0.9 spreads of the day's load apart: about 2.5 of strain, with an error of 0.1.
    assert build - rest > 1.0


def test_a_strained_day_costs_the_next_morning_more_than_its_own(people: list[Days]) -> None:
    own = median(people, lambda person: person.together("strain", "recovery"))
    after = median(people, lambda person: person.together("recovery", "strain-1"))
    assert after < -0.1 < own


def _by_week_of_block(person: Days) -> list[float]:
    """Mean strain in the four weeks of the training block, the members' history being counted in days."""
    strain = person.series["strain"]
    week = (np.arange(len(strain)) // 7) % 4
    return [float(np.nanmean(strain[week == number])) for number in range(4)]


def nights(season: Season, count: int = 120) -> list[tuple[Night, Vitals]]:
    """`count` mornings of one person's well-known year, all in the same kind of time."""
    person = Person.born(SEED, 0, 1, Quirks())
    body = Physiology(person.traits, Random(SEED))
    found = []
    for weekday in range(count):
        night = body.sleep(0.0, weekday % 7, season, 0.0)
        vitals = body.wake(night, season)
        body.day(vitals, 24.0, (weekday + 1) % 7, season)
        found.append((night, vitals))
    return found


def test_illness_and_holiday_show_in_the_body() -> None:
    well = nights(Season(zone=UTC, illness=0.0, holiday=False, training=0.0))
    ill = nights(Season(zone=UTC, illness=1.0, holiday=False, training=0.0))
    away = nights(Season(zone=UTC, illness=0.0, holiday=True, training=0.0))

    def shift(other: list[tuple[Night, Vitals]], measure: Callable[[Night, Vitals], float]) -> float:
        return float(np.mean([measure(*pair) for pair in other]) - np.mean([measure(*pair) for pair in well]))

    assert shift(ill, lambda _, vitals: vitals.resting_bpm) > 8
    assert shift(ill, lambda _, vitals: vitals.skin_c) > 0.6
    assert shift(ill, lambda _, vitals: log(vitals.rmssd_ms)) < -0.25
    assert shift(ill, lambda night, _: night.breaths_per_min) > 1
    assert shift(away, lambda _, vitals: vitals.resting_bpm) > 1
    assert shift(away, lambda night, _: night.asleep) > 20


def test_an_illness_lowers_recovery_when_it_comes() -> None:
    well, ill = (Season(zone=UTC, illness=degree, holiday=False, training=0.0) for degree in (0.0, 1.0))
    person = Person.born(SEED, 0, 1, Quirks())
    falls = []
    for seed in range(60):
        body = Physiology(person.traits, Random(seed))
        before = [body.wake(body.sleep(0.0, 1, well, 0.0), well).recovery_pct for _ in range(10)]
        falls.append(np.mean(before) - body.wake(body.sleep(0.0, 1, ill, 0.0), ill).recovery_pct)
    assert np.mean(falls) > 20


def test_correlation_ignores_missing_days() -> None:
    first = np.array([*range(30), np.nan], dtype=np.float64)
    assert correlation(first, first * -2) == pytest.approx(-1)
