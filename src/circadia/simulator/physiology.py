"""One person's body from night to night: sleep, recovery, strain, energy, and how they hang together.

The weights are tuned so that a population shows the spreads, day-to-day memory and correlations of
public exports of real members; `tests/simulator/test_physiology.py` holds the figures and tolerances.
Each quantity is a mean (the person's), plus what drives it (yesterday's strain, the length of the
night, illness, holiday), plus a slow part that drifts over weeks, plus the night's own chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist

from circadia.simulator.itinerary import Season
from circadia.simulator.people import Traits

MAX_STRAIN = 21.0
KJ_PER_KCAL = 4.184
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
WEEKDAY_LOAD = (0.05, 0.12, 0.02, 0.10, -0.22, 0.16, -0.20)
"""Strain of Monday to Sunday against the mean, in standard deviations."""

_PHI = NormalDist().cdf


@dataclass(frozen=True, slots=True)
class Night:
    """A main sleep or nap; minutes, or percent where named. None = WHOOP gives no value."""

    light: float
    deep: float
    rem: float
    awake: float
    no_data: float
    disturbances: int
    baseline_need: float
    debt_need: float
    strain_need: float
    nap_credit: float
    breaths_per_min: float
    performance_pct: float | None
    consistency_pct: float | None

    @property
    def asleep(self) -> float:
        return self.light + self.deep + self.rem

    @property
    def in_bed(self) -> float:
        return self.asleep + self.awake + self.no_data

    @property
    def need(self) -> float:
        return self.baseline_need + self.debt_need + self.strain_need - self.nap_credit

    def part(self, share: float) -> Night:
        """A stretch of this night, with that share of all its stages; 0 < share < 1."""
        return replace(
            self,
            light=self.light * share,
            deep=self.deep * share,
            rem=self.rem * share,
            awake=self.awake * share,
            no_data=self.no_data * share,
            disturbances=round(self.disturbances * share),
            performance_pct=min(100.0, 100 * self.asleep * share / self.need),
        )


@dataclass(frozen=True, slots=True)
class Vitals:
    """A morning's recovery: percent, bpm, ms, percent, degrees Celsius."""

    recovery_pct: int
    resting_bpm: int
    rmssd_ms: float
    spo2_pct: float
    skin_c: float


@dataclass(frozen=True, slots=True)
class Day:
    """A whole cycle's load: strain 0 to 21, energy in kcal, heart rates in bpm, steps."""

    strain: float
    energy_kcal: float
    average_bpm: int
    max_bpm: int
    steps: int


class Slow:
    """A drift of standard deviation 1 that forgets with `memory` a night (AR(1))."""

    __slots__ = ("_chance", "_memory", "_rng", "value")

    def __init__(self, rng: Random, memory: float) -> None:
        self._rng = rng
        self._memory = memory
        self._chance = sqrt(1 - memory * memory)
        self.value = rng.gauss(0, 1)

    def step(self) -> float:
        self.value = self._memory * self.value + self._chance * self._rng.gauss(0, 1)
        return self.value


class Physiology:
    """A person's state; call `sleep`, `wake`, `day` once each per cycle, in this order."""

    def __init__(self, traits: Traits, rng: Random) -> None:
        self.traits = traits
        self._gauss = rng.gauss
        self._uniform = rng.random
        self._form = Slow(rng, 0.93)
        self._pulse = Slow(rng, 0.92)
        self._tone = Slow(rng, 0.92)
        self._breath = Slow(rng, 0.90)
        self._restless = Slow(rng, 0.95)
        self._skin = Slow(rng, 0.85)
        self._oxygen = Slow(rng, 0.90)
        self._bed_need = Slow(rng, 0.45)
        self._heat = Slow(rng, 0.96)
        self._strain_z = 0.0
        self._hard = 0.0
        self._burn = 0.0
        self._debt = 66.0
        self._need_strain = 14.0
        self._asleep_z = 0.0
        self._baseline_h = 0.0
        self._baseline_r = 0.0
        self._irregular = 1.0
        self._load = -log(1 - traits.strain / MAX_STRAIN)

    def sleep(self, late_h: float, weekday: int, season: Season, nap_min: float) -> Night:
        """The night that begins `late_h` hours after the person's usual onset (negative: earlier).

        `weekday` (0 = Monday) is the evening's, `nap_min` what was slept since the last night.
        """
        traits, gauss = self.traits, self._gauss
        late = late_h / traits.onset_sd_h
        chance = -0.34 * late + 0.92 * gauss(0, 1)
        asleep = traits.asleep_min - 6 + traits.asleep_sd_min * chance - 0.25 * nap_min
        asleep += 26 if weekday in (FRIDAY, SATURDAY) else 0
        asleep += (28 if season.holiday else 0) - 35 * season.illness
        asleep = min(720.0, max(95.0, asleep))
        apart = asleep - traits.asleep_min
        deep = max(8.0, traits.deep_min + 0.10 * apart + 23.0 * gauss(0, 1))
        rem = max(5.0, traits.rem_min + 0.29 * apart + 31.0 * gauss(0, 1))
        squeeze = min(1.0, 0.8 * asleep / (deep + rem))
        deep, rem = deep * squeeze, rem * squeeze
        awake = (
            traits.awake_min * exp(0.40 * gauss(0, 1) + 0.14 * self._restless.step() - 0.05)
            + 0.05 * apart
            + 22 * season.illness
        )
        awake = max(4.0, awake)
        baseline = traits.baseline_need_min + 29 * self._bed_need.step()
        night = Night(
            light=asleep - deep - rem,
            deep=deep,
            rem=rem,
            awake=awake,
            no_data=self._uniform() * 9 if self._uniform() < 0.04 else 0.0,
            disturbances=max(0, round(awake / 4.6 + 1.8 * gauss(0, 1))),
            baseline_need=baseline,
            debt_need=self._debt,
            strain_need=self._need_strain,
            nap_credit=0.7 * nap_min,
            breaths_per_min=self._breathing(season),
            performance_pct=0.0,
            consistency_pct=self._regularity(late_h),
        )
        self._asleep_z = apart / 80
        self._debt = max(0.0, 0.37 * self._debt + 0.40 * (traits.baseline_need_min + 71 - asleep) + 5 * gauss(0, 1))
        performance = min(100.0, 100 * asleep / night.need)
        return replace(night, performance_pct=performance)

    def nap(self, in_bed: float) -> Night:
        """A nap of `in_bed` minutes; WHOOP gives naps neither performance nor consistency."""
        awake = in_bed * min(0.4, max(0.03, 0.11 + 0.05 * self._gauss(0, 1)))
        asleep = in_bed - awake
        deep = asleep * max(0.0, 0.14 + 0.07 * self._gauss(0, 1))
        rem = asleep * max(0.0, 0.10 + 0.10 * self._gauss(0, 1)) if asleep > 60 else 0.0
        return Night(
            light=asleep - deep - rem,
            deep=deep,
            rem=rem,
            awake=awake,
            no_data=0.0,
            disturbances=round(awake / 6),
            baseline_need=self.traits.baseline_need_min,
            debt_need=self._debt,
            strain_need=self._need_strain,
            nap_credit=0.0,
            breaths_per_min=self.traits.breaths_per_min + 0.6 * self._gauss(0, 1),
            performance_pct=None,
            consistency_pct=None,
        )

    def wake(self, night: Night, season: Season) -> Vitals:
        """The morning after `night`."""
        traits, gauss = self.traits, self._gauss
        stress, strain, rest = self._stress, self._strain_z, self._asleep_z
        form = self._form.step()
        wine = 0.35 if season.holiday else 0.0
        sick = season.illness
        r = 0.36 * strain - 0.10 * rest + 0.66 * stress + 0.30 * form + 0.42 * self._pulse.step()
        r += 0.34 * gauss(0, 1) + 2.0 * sick + wine
        h = -0.24 * strain + 0.13 * rest - 0.67 * stress - 0.34 * form
        h += 0.30 * self._tone.step() + 0.41 * gauss(0, 1) - 1.7 * sick - wine
        fresh_h, fresh_r = h - self._baseline_h, r - self._baseline_r
        self._baseline_h += 0.09 * fresh_h
        self._baseline_r += 0.09 * fresh_r
        performance = ((night.performance_pct or 77.0) - 77) / 14.5
        index = 0.62 * fresh_h - 0.13 * fresh_r + 0.37 * performance + 0.22 * gauss(0, 1)
        recovery = round(1 + 98 * _PHI(0.23 + traits.recovery_z + 0.82 * index))
        skin = 0.21 * stress + 0.52 * self._skin.step() + 0.80 * gauss(0, 1) + 1.6 * sick
        oxygen = 0.42 * self._oxygen.step() + 0.88 * gauss(0, 1) - 0.8 * sick
        return Vitals(
            recovery_pct=recovery,
            resting_bpm=round(max(36.0, traits.resting_bpm - 0.4 + 5.9 * r)),
            rmssd_ms=exp(traits.ln_rmssd + 0.245 * h),
            spo2_pct=min(100.0, traits.spo2_pct + 1.43 * oxygen),
            skin_c=traits.skin_c + 0.65 * skin,
        )

    def day(self, vitals: Vitals, hours: float, weekday: int, season: Season) -> Day:
        """The cycle of `hours` whose morning had `vitals`; `weekday` (0 = Monday) is its day's."""
        traits, gauss = self.traits, self._gauss
        chance = gauss(0, 1)
        z = 0.95 * chance - 0.05 * self._hard + WEEKDAY_LOAD[weekday] + season.training
        z += 0.11 * (vitals.recovery_pct - 57) / 21.5 - 0.8 * season.illness - (0.3 if season.holiday else 0)
        self._hard = chance
        burn = gauss(0, 1)
        wander, self._burn = burn - 0.5 * self._burn, burn
        load = self._load * exp(0.48 * z - 0.06) * min(1.15, max(0.25, hours / 24)) ** 0.5
        strain = min(20.9, MAX_STRAIN * (1 - exp(-load)))
        apart = strain - traits.strain
        self._strain_z = max(-2.5, min(2.5, apart / 3.3))
        self._need_strain = max(0.0, 15 + 3.2 * apart + 5 * gauss(0, 1))
        size = traits.energy_kcal / 2197
        energy = hours / 24 * (traits.energy_kcal + size * (92 * apart + 148 * wander))
        pulse = vitals.resting_bpm - traits.resting_bpm
        average = traits.resting_bpm + 17.5 + 0.40 * pulse + 0.55 * apart + 2.5 * self._heat.step() + 2.6 * gauss(0, 1)
        highest = traits.max_bpm - 21 + 3.0 * apart + 14.5 * gauss(0, 1)
        highest = min(traits.max_bpm + 2.0, max(average + 22, highest))
        return Day(
            strain=max(0.4, strain),
            energy_kcal=max(700.0 * hours / 24, energy),
            average_bpm=round(average),
            max_bpm=round(highest),
            steps=round(traits.steps * exp(0.035 * apart + 0.30 * gauss(0, 1)) * min(1.2, hours / 24)),
        )

    def _breathing(self, season: Season) -> float:
        """Breaths a minute of the night; also draws the night's stress, shared with heart and skin."""
        self._stress = self._gauss(0, 1)
        z = 0.36 * self._stress + 0.20 * self._form.value + 0.45 * self._breath.step() + 0.70 * self._gauss(0, 1)
        return self.traits.breaths_per_min + 0.66 * (z + 2.2 * season.illness)

    def _regularity(self, late_h: float) -> float:
        """Sleep consistency in percent, from how far the last nights strayed from the usual hour."""
        self._irregular = 0.60 * self._irregular + 0.40 * abs(late_h)
        return min(100.0, max(5.0, 95 - 28 * self._irregular + 4 * self._gauss(0, 1)))
