"""What goes with what a second time, with numpy and scipy over arrays, sharing no code with the SQL."""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.reporting.series import NAN, Json, Series


def scaled(metric: str, values: Series) -> Series:
    """A figure as it is compared."""
    return np.log(values) if metric == "hrv_rmssd_ms" else values


def told(metric: str, value: float) -> float:
    """And back."""
    return float(np.exp(value)) if metric == "hrv_rmssd_ms" else value


def carried_over(off: Series) -> float:
    """The autocorrelation from one day to the next of what is off its mean; NaN where a day is not known."""
    known = off[~np.isnan(off)]
    products = off[1:] * off[:-1]
    products = products[~np.isnan(products)]
    return float(products.mean() / np.mean(known**2)) if products.size and np.any(known) else 0.0


def effective(n: int, carry_x: float, carry_y: float) -> int:
    """For how many independent days n stand."""
    carry = max(0.0, min(0.99, carry_x) * min(0.99, carry_y))
    return max(2, int(n * (1 - carry) / (1 + carry)))


def association(x: Series, y: Series) -> Json:
    """Two figures by day, as they are compared, NaN where there is none."""
    both = ~np.isnan(x) & ~np.isnan(y)
    a, b = x[both], y[both]
    n = len(a)
    if n < 20:
        return {"n": n, "pearson": NAN, "p": NAN, "note": f"not enough data yet ({n} of 20)"}
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return {"n": n, "pearson": NAN, "p": NAN, "note": "one of the two never changes"}
    worth = effective(
        n,
        carried_over(np.where(both, x - a.mean(), NAN)),
        carried_over(np.where(both, y - b.mean(), NAN)),
    )
    r = float(np.corrcoef(a, b)[0, 1])
    low, high, p = -1.0, 1.0, 1.0
    if worth > 3:
        low, high = np.tanh(np.arctanh(r) + stats.norm.ppf([0.025, 0.975]) / np.sqrt(worth - 3))
        p = float(2 * stats.t.sf(abs(r) * np.sqrt((worth - 2) / (1 - r**2)), worth - 2))
    return {
        "n": n,
        "n_effective": worth,
        "pearson": r,
        "low": low,
        "high": high,
        "spearman": float(stats.spearmanr(a, b).statistic),
        "p": p,
        "note": None,
    }


def corrected(p: Series) -> Series:
    """Benjamini and Hochberg's q, in the order given."""
    return np.asarray(stats.false_discovery_control(p), dtype=np.float64)


def effect(metric: str, before: Series, after: Series, worth: tuple[int, int]) -> Json:
    """What the second of two samples (as they are compared) has more, by Welch's test of as many as they are worth."""
    found = stats.ttest_ind_from_stats(
        after.mean(), after.std(ddof=1), worth[1], before.mean(), before.std(ddof=1), worth[0], equal_var=False
    )
    a, b = before.var(ddof=1) / worth[0], after.var(ddof=1) / worth[1]
    df = (a + b) ** 2 / (a**2 / (worth[0] - 1) + b**2 / (worth[1] - 1))
    half = float(stats.t.ppf(0.975, df) * np.sqrt(a + b))
    n = len(before) + len(after) - 2
    pooled = np.sqrt(((len(before) - 1) * before.var(ddof=1) + (len(after) - 1) * after.var(ddof=1)) / n)
    origin, middle = float(before.mean()), float(after.mean())
    return {
        "difference": told(metric, middle) - told(metric, origin),
        "low": told(metric, middle - half) - told(metric, origin),
        "high": told(metric, middle + half) - told(metric, origin),
        "effect_size": (middle - origin) / float(pooled) * (1 - 3 / (4 * n - 1)),
        "p": float(found.pvalue),
    }
