"""The analyses a second time, with numpy and scipy over arrays, sharing no code with the SQL."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from scipy import stats

from tests.reporting.series import FIRST, NAN, Json, Series, day

ENOUGH = 14


def there(values: Series) -> Series:
    """The values that are not NaN."""
    found: Series = values[~np.isnan(values)]
    return found


def window(values: Series, at: int, length: int, *, lag: int = 0) -> Series:
    """The values of `length` days up to `lag` days before a day."""
    end = at - lag + 1
    return there(values[max(end - length, 0) : max(end, 0)])


def mean(values: Series, needed: int) -> float:
    """NaN when there are not enough."""
    return float(np.mean(values)) if len(values) >= needed else NAN


def sd(values: Series, needed: int) -> float:
    """The standard deviation of a sample; exactly 0 when all are the same."""
    if len(values) < max(needed, 2):
        return NAN
    return 0.0 if np.ptp(values) == 0 else float(np.std(values, ddof=1))


def ratio(above: float, below: float) -> float:
    """NaN over zero."""
    return above / below if below else NAN


def too_few(found: int, needed: int) -> str | None:
    """The words for it."""
    return f"not enough data yet ({found} of {needed})" if found < needed else None


def series(values: Series, *, logarithm: bool = False) -> list[Json]:
    """`reporting.series` of a metric of which every day counts that has a value."""
    scaled = np.log(values) if logarithm else values
    back = np.exp if logarithm else lambda x: x
    rows = []
    for at, value in enumerate(scaled):
        week, month = window(scaled, at, 7), window(scaled, at, 30, lag=1)
        center, width = mean(month, ENOUGH), sd(month, ENOUGH)
        rows.append(
            {
                "day": day(at),
                "value": values[at],
                "settled": not np.isnan(value),
                "state": "missing" if np.isnan(value) else "scored",
                "mean_7d": back(mean(week, 4)),
                "n_7d": len(week),
                "mean_30d": back(center),
                "sd_30d": width,
                "n_30d": len(month),
                "low": back(center - width),
                "high": back(center + width),
                "z": ratio(value - center, width),
            }
        )
    return rows


def trend(values: Series, polarity: str | None = None) -> Json:
    """`reporting.trend` over a whole series."""
    x = np.flatnonzero(~np.isnan(values)).astype(float)
    y = there(values)
    if len(y) < ENOUGH:
        return {"n": len(y), "needed": ENOUGH, "mean": NAN, "direction": None, "note": too_few(len(y), ENOUGH)}
    found: Json = {"n": len(y), "needed": ENOUGH, "mean": np.mean(y), "sd": sd(y, 2), "note": None}
    found |= {"lowest": np.min(y), "highest": np.max(y)}
    if np.ptp(y) == 0:
        return found | dict.fromkeys(("slope_per_week", "slope_low", "slope_high"), 0.0) | {"direction": "no change"}
    line = stats.linregress(x, y)
    left = y - line.intercept - line.slope * x
    power, neighbours = np.mean(left**2), np.diff(x) == 1
    exact = np.sqrt(power) <= 1e-9 * abs(np.mean(y))
    likeness = 0.0
    if not exact and neighbours.any():
        likeness = max(0.0, float(np.mean((left[1:] * left[:-1])[neighbours]) / power))
    freedom = len(y) * (1 - likeness) / (1 + likeness) - 2
    found |= {"slope_per_week": 7 * line.slope, "r2": line.rvalue**2}
    if freedom < 1:
        words = "the days are too much like their neighbours for an interval"
        return found | {"slope_low": NAN, "slope_high": NAN, "direction": "no change", "note": words}
    error = np.sqrt(0 if exact else np.sum(left**2) / freedom / np.sum((x - x.mean()) ** 2))
    margin = 7 * error * stats.t.ppf(0.975, freedom)
    low, high = 7 * line.slope - margin, 7 * line.slope + margin
    direction = "rising" if low > 0 else "falling" if high < 0 else "no change"
    good = None if direction == "no change" or polarity is None else (direction == "rising") == (polarity == "up")
    return found | {"slope_low": low, "slope_high": high, "direction": direction, "good": good}


def hrv_baseline(values: Series) -> list[Json]:
    """`reporting.hrv_baseline` of RMSSD in ms."""
    logs, rows = np.log(values), []
    for at, value in enumerate(logs):
        week, months = window(logs, at, 7), window(logs, at, 60)
        center, width, now = mean(months, 30), sd(months, 30), mean(week, 4)
        low, high = center - 0.5 * width, center + 0.5 * width
        verdict = None
        if not np.isnan(center) and not np.isnan(now):
            verdict = "within" if low - 1e-9 <= now <= high + 1e-9 else "below" if now < low else "above"
        rows.append(
            {"day": day(at), "ln_rmssd": value, "mean_7d": now, "n_7d": len(week), "mean_60d": center, "sd_60d": width}
            | {"n_60d": len(months), "low": low, "high": high, "cv_7d_pct": 100 * ratio(sd(week, 4), now)}
            | {"verdict": verdict, "note": too_few(len(months), 30) or too_few(len(week), 4)}
        )
    return rows


def resting_heart_rate(values: Series) -> list[Json]:
    """`reporting.resting_heart_rate`."""
    rows = []
    for at, value in enumerate(values):
        week, month = window(values, at, 7), window(values, at, 28)
        now, usual, width = mean(week, 4), mean(month, ENOUGH), sd(month, ENOUGH)
        verdict = None
        if not np.isnan(now - usual):
            far = abs(now - usual) > width + 1e-9 or abs(now - usual) >= 3 - 1e-9
            verdict = "normal" if not far else "raised" if now > usual else "lowered"
        rows.append(
            {"day": day(at), "value": value, "mean_7d": now, "mean_28d": usual, "sd_28d": width}
            | {"n_7d": len(week), "n_28d": len(month), "difference": now - usual, "verdict": verdict}
            | {"note": too_few(len(month), ENOUGH) or too_few(len(week), 4)}
        )
    return rows


def ewma(values: Series, days: int) -> Series:
    """Exponentially weighted mean with weight 2 / (days + 1), carried over gaps."""
    weight, state, found = 2 / (days + 1), NAN, []
    for value in values:
        state = state if np.isnan(value) else value if np.isnan(state) else weight * value + (1 - weight) * state
        found.append(state)
    return np.array(found)


def load(values: Series) -> list[Json]:
    """`reporting.load`."""
    origin = next(iter(np.flatnonzero(~np.isnan(values))), 0)
    short, long, rows = ewma(values, 7), ewma(values, 28), []
    for at, value in enumerate(values):
        week, month, before = window(values, at, 7), window(values, at, 28), window(values, at, 21, lag=7)
        chronic = mean(month, ENOUGH)
        acute = mean(week, 4) if len(month) >= ENOUGH else NAN
        monotony = ratio(acute, sd(week, 4))
        hidden = len(month) < ENOUGH or at < origin + 28
        coupled = ratio(acute, chronic)
        band = None
        if not np.isnan(coupled):
            band = "below" if coupled < 0.8 else "above" if coupled > 1.3 else "usual"
        rows.append(
            {"day": day(at), "load": value, "acute_7d": acute, "chronic_28d": chronic, "ratio_coupled": coupled}
            | {"ratio_uncoupled": ratio(acute, mean(before, 1)), "n_28d": len(month), "band": band}
            | {"acute_ewma": NAN if hidden else short[at], "chronic_ewma": NAN if hidden else long[at]}
            | {"ratio_ewma": NAN if hidden else ratio(short[at], long[at]), "monotony_7d": monotony}
            | {"training_strain_7d": 7 * acute * monotony}
            | {"note": too_few(len(month), ENOUGH) or too_few(len(week), 4)}
        )
    return rows


def weekdays(values: Series, first: date = FIRST) -> list[Json]:
    """`reporting.weekdays` of a series that begins on a date."""
    named = np.array([day(at, first).isoweekday() for at in range(len(values))])
    rows = []
    for each in range(1, 8):
        own, rest = there(values[named == each]), there(values[named != each])
        row: Json = {"isodow": each, "n": len(own), "note": too_few(len(own), 4), "mean": mean(own, 4)}
        row |= {"sd": sd(own, 4), "difference": NAN, "low": NAN, "high": NAN}
        if len(own) >= 4:
            row["difference"] = np.mean(own) - np.mean(there(values))
            row |= {"low": row["difference"], "high": row["difference"]}
            if np.ptp(own) or np.ptp(rest):
                share = len(rest) / (len(own) + len(rest))
                between: Any = stats.ttest_ind(own, rest, equal_var=False).confidence_interval(0.95)
                row |= {"low": between.low * share, "high": between.high * share}
        rows.append(row)
    return rows
