"""Who the simulated members are: names, zones, hardware and the constants of their bodies.

Spreads between people follow what public exports of real members show (person means of resting
heart rate 48 to 80 bpm, rMSSD 17 to 130 ms, day strain 5.7 to 16.5, sleep onset 21:40 to 02:25).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from statistics import NormalDist
from typing import Any, Self

from circadia.simulator.quirks import Quirks

FIRST_NAMES = (
    "Ada", "Bruno", "Chloe", "Dario", "Elif", "Farid", "Greta", "Hugo", "Isla", "Jonas", "Kavya", "Liam",
    "Mira", "Noah", "Olga", "Pavel", "Quinn", "Rosa", "Samir", "Tara", "Ugo", "Vera", "Wim", "Yara",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Bauer", "Castro", "Dvorak", "Ekberg", "Fuentes", "Grant", "Haddad", "Iyer", "Jensen", "Kaya",
    "Lopes", "Moreau", "Nowak", "Okafor", "Price", "Rossi", "Sharma", "Tanaka", "Ueda", "Vogel", "Weber", "Young",
)  # fmt: skip
HOMES = (
    "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Europe/London", "America/Los_Angeles", "UTC",
    "Europe/Madrid", "America/Sao_Paulo", "America/Chicago", "Europe/Athens", "America/Denver", "Europe/Paris",
)  # fmt: skip
HALF_HOUR_HOMES = frozenset({"Asia/Kolkata"})
WITHOUT_40_STRAP, WITHOUT_BODY = 3, 4
"""Of each five members, the place (0 to 4) of the one with an older strap, and without a measurement."""

_NORMAL = NormalDist()
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)


@dataclass(frozen=True, slots=True)
class Traits:
    """Long-run means and habits of one person, in the units of WHOOP's fields unless named."""

    fitness: float
    """Standard normal over people."""
    resting_bpm: float
    ln_rmssd: float
    skin_c: float
    spo2_pct: float
    breaths_per_min: float
    strain: float
    energy_kcal: float
    max_bpm: int
    asleep_min: float
    baseline_need_min: float
    awake_min: float
    deep_min: float
    rem_min: float
    onset_h: float
    """Mean sleep onset in hours after local midnight at the start of the evening's date (24.5 = 00:30)."""
    onset_sd_h: float
    workouts_per_day: float
    naps_per_day: float
    trips_per_block: float
    steps: float
    recovery_z: float
    asleep_sd_min: float = 79.0


@dataclass(frozen=True, slots=True)
class Person:
    """A member's fixed facts."""

    user_id: int
    number: int
    first_name: str
    last_name: str
    home: str
    strap_40: bool
    measured: bool
    height_m: float
    weight_kg: float
    traits: Traits

    @classmethod
    def born(cls, seed: int, number: int, user_id: int, quirks: Quirks) -> Self:
        draw = _Draw(seed, number)
        homes = [home for home in HOMES if quirks.half_hour_offsets or home not in HALF_HOUR_HOMES]
        return cls(
            user_id=user_id,
            number=number,
            first_name=FIRST_NAMES[(number + seed) % len(FIRST_NAMES)],
            last_name=LAST_NAMES[(number * 7 + seed) % len(LAST_NAMES)],
            home=homes[number % len(homes)],
            strap_40=not (quirks.no_40_strap and number % 5 == WITHOUT_40_STRAP),
            measured=not (quirks.no_body and number % 5 == WITHOUT_BODY),
            height_m=round(1.74 + 0.09 * draw.normal(), 4),
            weight_kg=round(76.0 * exp(0.15 * draw.normal()), 4),
            traits=_traits(draw),
        )

    def profile(self) -> dict[str, Any]:
        """The body of WHOOP's basic profile."""
        name = f"{self.first_name}.{self.last_name}.{self.user_id}".lower()
        return {
            "user_id": self.user_id,
            "email": f"{name}@example.com",
            "first_name": self.first_name,
            "last_name": self.last_name,
        }

    def body(self) -> dict[str, Any] | None:
        """The body of WHOOP's body measurement; None where there is none."""
        if not self.measured:
            return None
        return {
            "height_meter": self.height_m,
            "weight_kilogram": self.weight_kg,
            "max_heart_rate": self.traits.max_bpm,
        }


class _Draw:
    """One person's places in the population, one dimension after the other.

    An additive (Kronecker) sequence over the members in each dimension: even a handful of members
    is spread over the population, which independent draws would not promise.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._shifts = Random(f"{seed}/people")
        self._number = number
        self._dimension = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        step = sqrt(_PRIMES[self._dimension])
        self._dimension += 1
        return low + (high - low) * ((self._shifts.random() + (self._number + 1) * step) % 1.0)

    def normal(self) -> float:
        return _NORMAL.inv_cdf(self.uniform(0.025, 0.975))


def _traits(draw: _Draw) -> Traits:
    fitness = draw.normal()
    age = draw.uniform(20, 58)
    eager = draw.normal()
    return Traits(
        fitness=fitness,
        resting_bpm=_within(59.5 * exp(-0.12 * fitness + 0.10 * draw.normal()), 47, 80),
        ln_rmssd=_within(4.04 + 0.42 * fitness + 0.40 * draw.normal(), 2.8, 4.85),
        skin_c=33.7 + 0.52 * draw.normal(),
        spo2_pct=_within(95.75 + 1.2 * draw.normal(), 93.0, 97.2),
        breaths_per_min=_within(16.1 + 1.35 * draw.normal(), 13.9, 18.9),
        strain=_within(9.9 * exp(0.36 * eager + 0.10 * max(0.0, eager) ** 2 + 0.05 * fitness), 5.6, 16.8),
        energy_kcal=_within(2230.0 * exp(0.21 * draw.normal()), 1560, 3400),
        max_bpm=round(208 - 0.7 * age),
        asleep_min=_within(428 + 33 * draw.normal(), 360, 490),
        baseline_need_min=466 + 10 * draw.normal(),
        awake_min=_within(53 * exp(0.22 * draw.normal()), 36, 80),
        deep_min=_within(88 + 10 * draw.normal(), 68, 110),
        rem_min=_within(105 + 12 * draw.normal(), 80, 130),
        onset_h=_within(23.9 + 1.15 * draw.normal(), 21.7, 26.3),
        onset_sd_h=draw.uniform(1.2, 1.9),
        workouts_per_day=draw.uniform(0.72, 1.18),
        naps_per_day=draw.uniform(0.02, 0.16),
        trips_per_block=draw.uniform(0.22, 0.9),
        steps=draw.uniform(5200, 11800),
        recovery_z=-0.02 + 0.03 * draw.normal(),
    )


def user_ids(seed: int, members: int) -> list[int]:
    """Eight-digit ids, unique within a world, that neighbours in a world do not share digits of."""
    start = Random(f"{seed}/user ids").randrange(90_000_000)
    return [10_000_000 + (start + number * 7_654_321) % 90_000_000 for number in range(members)]


def _within(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
