"""A simulated population as arrays, read from the payloads as a client of WHOOP would read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from circadia.simulator.sports import RECOVERY_ACTIVITIES
from circadia.simulator.world import Member, World

Series = npt.NDArray[np.float64]
KJ_PER_KCAL = 4.184
MINUTE_MS = 60_000
NAN = float("nan")

CYCLE: dict[str, Callable[[dict[str, Any]], float]] = {
    "strain": lambda s: s["strain"],
    "energy": lambda s: s["kilojoule"] / KJ_PER_KCAL,
    "average_hr": lambda s: s["average_heart_rate"],
    "max_hr": lambda s: s["max_heart_rate"],
}
RECOVERY: dict[str, Callable[[dict[str, Any]], float]] = {
    "recovery": lambda s: s["recovery_score"],
    "rhr": lambda s: s["resting_heart_rate"],
    "hrv": lambda s: s["hrv_rmssd_milli"],
    "ln_hrv": lambda s: float(np.log(s["hrv_rmssd_milli"])),
    "skin_temp": lambda s: _number(s["skin_temp_celsius"]),
    "spo2": lambda s: _number(s["spo2_percentage"]),
}
SLEEP: dict[str, Callable[[dict[str, Any]], float]] = {
    "respiratory": lambda s: s["respiratory_rate"],
    "performance": lambda s: _number(s["sleep_performance_percentage"]),
    "consistency": lambda s: _number(s["sleep_consistency_percentage"]),
    "efficiency": lambda s: s["sleep_efficiency_percentage"],
    "in_bed": lambda s: s["stage_summary"]["total_in_bed_time_milli"] / MINUTE_MS,
    "awake": lambda s: s["stage_summary"]["total_awake_time_milli"] / MINUTE_MS,
    "light": lambda s: s["stage_summary"]["total_light_sleep_time_milli"] / MINUTE_MS,
    "deep": lambda s: s["stage_summary"]["total_slow_wave_sleep_time_milli"] / MINUTE_MS,
    "rem": lambda s: s["stage_summary"]["total_rem_sleep_time_milli"] / MINUTE_MS,
    "asleep": lambda s: asleep_min(s),
    "need": lambda s: sum(s["sleep_needed"].values()) / MINUTE_MS,
    "debt": lambda s: s["sleep_needed"]["need_from_sleep_debt_milli"] / MINUTE_MS,
}


@dataclass
class Days:
    """One member: `series` per cycle in order (NaN = missing), plus what is not per cycle."""

    series: dict[str, Series]
    onset_h: Series
    """Local hours of main sleeps' onsets, 12 to 36."""
    weekend_extra_min: float
    naps: list[float]
    """Minutes asleep."""
    main_sleeps: int
    workouts: list[dict[str, Any]]
    workouts_per_day: float
    offset_changes_per_year: float
    cycle_hours: Series

    def known(self, name: str) -> Series:
        values = self.series[name]
        known: Series = values[~np.isnan(values)]
        return known

    def measured(self, name: str) -> bool:
        """Whether the member's hardware gives the quantity at all."""
        return self.known(name).size > 0

    def mean(self, name: str) -> float:
        return float(np.mean(self.known(name))) if self.measured(name) else NAN

    def spread(self, name: str) -> float:
        return float(np.std(self.known(name), ddof=1)) if self.measured(name) else NAN

    def missing_pct(self, name: str) -> float:
        return float(100 * np.isnan(self.series[name]).mean())

    def memory(self, name: str) -> float:
        """Correlation of a cycle with the one before."""
        return correlation(self.series[name][1:], self.series[name][:-1])

    def together(self, first: str, second: str) -> float:
        """Correlation within the person; a name that ends in `-1` means the cycle before."""
        return correlation(self._shifted(first), self._shifted(second))

    def _shifted(self, name: str) -> Series:
        if not name.endswith("-1"):
            return self.series[name]
        return np.concatenate(([NAN], self.series[name[:-2]][:-1]))


def correlation(first: Series, second: Series) -> float:
    both = ~np.isnan(first) & ~np.isnan(second)
    return float(np.corrcoef(first[both], second[both])[0, 1]) if both.sum() > 20 else NAN


def asleep_min(score: dict[str, Any]) -> float:
    stages = score["stage_summary"]
    names = ("light", "slow_wave", "rem")
    return float(sum(stages[f"total_{name}_sleep_time_milli"] for name in names) / MINUTE_MS)


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)


def local(row_start: datetime, offset: str) -> datetime:
    if offset == "Z":
        return row_start
    sign = -1 if offset[0] == "-" else 1
    hours, minutes = offset[1:].split(":")
    return row_start.astimezone(timezone(sign * timedelta(hours=int(hours), minutes=int(minutes))))


def read(member: Member, now: datetime) -> Days:
    """All finished cycles of a member at `now`, oldest first."""
    cycles = [row for row in reversed(member.rows("cycle", now)) if row.end is not None]
    sleeps = list(reversed(member.rows("sleep", now)))
    scored = [row for row in sleeps if row.payload["score_state"] == "SCORED"]
    mains = {row.payload["cycle_id"]: row.payload["score"] for row in scored if not row.payload["nap"]}
    recoveries = {row.payload["cycle_id"]: row.payload["score"] for row in member.rows("recovery", now)}
    series: dict[str, list[float]] = {name: [] for name in (*CYCLE, *RECOVERY, *SLEEP)}
    for row in cycles:
        key = row.payload["id"]
        for fields, score in (
            (CYCLE, row.payload["score"]), (RECOVERY, recoveries.get(key)), (SLEEP, mains.get(key)),
        ):  # fmt: skip
            for name, value in fields.items():
                series[name].append(value(score) if score else NAN)
    nights = [(local(row.start, row.payload["timezone_offset"]), row) for row in scored if not row.payload["nap"]]
    onsets = [(at.hour + at.minute / 60 - 12) % 24 + 12 for at, _ in nights]
    late: dict[int, list[float]] = {weekday: [] for weekday in range(7)}
    for at, row in nights:
        late[(at - timedelta(hours=12)).weekday()].append(asleep_min(row.payload["score"]))
    workouts = [
        row.payload | {"minutes": (row.end_at - row.start) / timedelta(minutes=1)}
        for row in member.rows("workout", now)
        if row.payload["score"] and row.payload["sport_name"] not in RECOVERY_ACTIVITIES
    ]
    offsets = [row.payload["timezone_offset"] for row in cycles]
    days = (now - cycles[0].start) / timedelta(days=1)
    return Days(
        series={name: np.array(values, dtype=np.float64) for name, values in series.items()},
        onset_h=np.array(onsets),
        weekend_extra_min=float(
            np.mean(late[4] + late[5]) - np.mean([value for day in (0, 1, 2, 3, 6) for value in late[day]])
        ),
        naps=[asleep_min(row.payload["score"]) for row in scored if row.payload["nap"]],
        main_sleeps=len(mains),
        workouts=workouts,
        workouts_per_day=len(workouts) / days,
        offset_changes_per_year=sum(a != b for a, b in pairwise(offsets)) / days * 365,
        cycle_hours=np.array([(row.end_at - row.start) / timedelta(hours=1) for row in cycles]),
    )


def population(*, seed: int, members: int, days: int) -> list[Days]:
    epoch = datetime(2026, 8, 1, 12, tzinfo=UTC)
    world = World(seed=seed, members=members, days=days, epoch=epoch)
    return [read(world.member(user_id), epoch) for user_id in world.user_ids]


def pooled(people: Iterable[Days], name: str) -> Series:
    return np.concatenate([person.known(name) for person in people])
