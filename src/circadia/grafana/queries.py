"""The SQL that panels share. It reads the schema `reporting` and computes nothing that a function there computes.

Dates of the range are constants by the time PostgreSQL plans, so that functions are folded into the statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from circadia.domain.trends import BY_NAME, DAY_METRICS, DayMetric
from circadia.grafana.model import Annotation, Variable

MEMBER = "${member:sqlstring}"
METRIC = "${metric:sqlstring}"
FROM, TO = "$__timeFrom()::date", "$__timeTo()::date"
RANGE = f"{MEMBER}, {FROM}, {TO}"
"""The first argument and the last two of a function over a range, where nothing stands between."""
NEWEST = (
    f"(SELECT d.day FROM reporting.days d WHERE d.user_id = {MEMBER} AND d.day <= {TO} ORDER BY d.day DESC LIMIT 1)"
)
"""The newest date in the range of which something is known."""

UNITS = {
    "%": "percent",
    "ms": "ms",
    "bpm": "suffix: bpm",
    "rpm": "suffix: /min",
    "°C": "celsius",
    "s": "suffix: h",
    "min": "suffix: h",
    "0..21": "none",
    "kJ": "suffix: kcal",
    "count": "none",
    "zone min": "none",
}
"""Grafana's ids by the units of figures, as they are shown: durations and times in hours, energy in kcal."""
_SHOWN = {"s": "h", "min": "h after midnight", "kJ": "kcal", "0..21": "0–21", "count": "", "rpm": "/min"}
_PER = {"s": 3600.0, "min": 60.0, "kJ": 4.184}


def per(metric: DayMetric) -> float:
    """How much of the stored unit is one of the unit that is shown."""
    return _PER.get(metric.unit, 1.0)


def label(metric: DayMetric) -> str:
    """The figure with the unit that it is shown in."""
    unit = _SHOWN.get(metric.unit, metric.unit)
    return f"{metric.label} ({unit})" if unit else metric.label


def shown(expression: str, name: str) -> str:
    """A figure in the unit that it is shown in."""
    divisor = per(BY_NAME[name])
    return expression if divisor == 1 else f"{expression} / {divisor:g}"


def figures(*names: str) -> str:
    """Rows of `f`: place, metric, label, unit, per (what a stored one is divided by), digits."""
    rows = []
    for place, name in enumerate(names, 1):
        each = BY_NAME[name]
        unit = "" if each.unit == "0..21" else _SHOWN.get(each.unit, each.unit)
        space = "" if unit in {"", "%"} else " "
        digits = 1 if each.unit in {"s", "min"} else each.precision
        rows.append(f"({place}, '{name}', '{each.label}', '{space}{unit}', {per(each):g}, {digits})")
    return f"(VALUES {', '.join(rows)}) f (place, metric, label, unit, per, digits)"


def told(expression: str, *, signed: bool = False) -> str:
    """A number of the figure `f` with its unit, as text. What is a change has its sign, and a digit more."""
    sign = f"CASE WHEN {expression} > 0 THEN '+' ELSE '' END || " if signed else ""
    return f"{sign}round(({expression} / f.per)::numeric, f.digits + {int(signed)}) || f.unit"


_PER_METRIC = " ".join(f"WHEN '{each.name}' THEN {per(each):g}" for each in DAY_METRICS if per(each) != 1)
CHOSEN_PER = f"(CASE {METRIC} {_PER_METRIC} ELSE 1 END)"
"""What the figure that is chosen above the panels is divided by."""


def banded(name: str) -> str:
    """A figure day by day, with its mean of 7 days and the personal band."""
    return f"""
SELECT s.day::timestamp AS "time", {shown("s.value", name)} AS "value", {shown("s.mean_7d", name)} AS "7-day mean",
       {shown("s.low", name)} AS "usual from", {shown("s.high", name)} AS "usual to"
FROM reporting.series({MEMBER}, '{name}', {FROM}, {TO}) s
WHERE s.day <= {NEWEST}
ORDER BY s.day"""


def sparkline(name: str) -> str:
    """A figure over the range as it is shown, the newest last."""
    return f"""
SELECT d.day::timestamp AS "time", {shown(f"d.{name}", name)} AS "value"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)
ORDER BY d.day"""


def newest(expression: str) -> str:
    """What is to be said of the newest date, as `value`."""
    return f"""
SELECT {expression} AS "value"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND d.day <= {TO}
ORDER BY d.day DESC LIMIT 1"""


MEMBER_VARIABLE = Variable(
    "member",
    "Member",
    "Whose data is shown. A convenience, and no lock: who may see whom is said in the database",
    'SELECT m.user_id AS "__text", m.user_id AS "__value" FROM reporting.members m ORDER BY m.user_id',
)


def metric_variable(names: Sequence[str] = ()) -> Variable:
    """Any figure of a day; those named come first."""
    first = [BY_NAME[name] for name in names]
    rest = [each for each in DAY_METRICS if each not in first]
    return Variable(
        "metric",
        "Figure",
        "Which figure of a day the panels below are about",
        choices=tuple((label(each), each.name) for each in (*first, *rest)),
    )


def marks() -> tuple[Annotation, ...]:
    """What may explain a stretch of days."""
    return (
        Annotation(
            "Signs of strain",
            "#E5575A",
            f"""
SELECT u.day::timestamp AS "time", u.words AS "text"
FROM reporting.unusual_days({RANGE}) u
WHERE u.illness_hint""",
            enabled=True,
        ),
        Annotation(
            "Travel and clock changes",
            "#4A90E2",
            f"""
SELECT z.day::timestamp AS "time", 'Time zone ' || z.before || ' to ' || z.timezone_offset AS "text"
FROM (SELECT d.day, d.timezone_offset, lag(d.timezone_offset) OVER (ORDER BY d.day) AS before
      FROM reporting.days d
      WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day) AND d.timezone_offset IS NOT NULL) z
WHERE z.before <> z.timezone_offset""",
            enabled=True,
        ),
        Annotation(
            "Journal",
            "#8A78F0",
            f"""
SELECT j.day::timestamp AS "time", string_agg(j.question, ', ' ORDER BY j.question) AS "text"
FROM reporting.journal j
WHERE j.user_id = {MEMBER} AND $__timeFilter(j.day) AND j.answered_yes
GROUP BY j.day""",
            enabled=False,
        ),
    )
