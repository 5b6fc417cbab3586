"""Long term: months and years, the year against those before, and what was the most ever."""

from __future__ import annotations

from circadia.domain.trends import BY_NAME
from circadia.grafana.colours import GREEN, NAMED, NEUTRAL, RED, STRAIN, YELLOW
from circadia.grafana.dashboards.overview import recovery_calendar
from circadia.grafana.model import Dashboard, Panel, Section
from circadia.grafana.panels import Column, Line, band, course, table
from circadia.grafana.queries import (
    CHOSEN_PER,
    FROM,
    MEMBER,
    MEMBER_VARIABLE,
    METRIC,
    NEWEST,
    RANGE,
    TO,
    UNITS,
    figures,
    marks,
    metric_variable,
    shown,
    told,
)
from circadia.grafana.shapes import columns

FIRST_YEAR = "(date_trunc('year', $__timeTo()::timestamp) - interval '2 years')"
NAMES = (
    "recovery_score",
    "hrv_rmssd_ms",
    "resting_heart_rate_bpm",
    "respiratory_rate_rpm",
    "sleep_duration_s",
    "sleep_performance_pct",
    "strain",
    "energy_kj",
)


def monthly(title: str, name: str) -> Panel:
    """The means of whole months."""
    each = BY_NAME[name]
    colour = GREEN if name == "recovery_score" else NAMED[each.colour]
    geometric = "geometric mean" if name == "hrv_rmssd_ms" else "mean"
    return course(
        title,
        f"{each.label}: {geometric} of each month from 14 days on.",
        f"""
SELECT m.month::timestamp AS "time", {shown(f"m.{name}", name)} AS "{each.label}"
FROM reporting.months({RANGE}) m
ORDER BY m.month""",
        UNITS[each.unit],
        Line(each.label, colour, opacity=8),
        width=8,
        decimals=1 if each.unit in {"s", "0..21"} else 0,
        legend=False,
    )


def years(title: str, name: str) -> Panel:
    """The months of three years beside each other."""
    each = BY_NAME[name]
    colour = GREEN if name == "recovery_score" else NAMED[each.colour]
    value = shown(f"m.{name}", name)
    return columns(
        title,
        f"{each.label}: means of months, from 14 days on, of the year in which the range ends and the two before.",
        f"""
SELECT to_char(make_date(2000, g.at, 1), 'Mon') AS "month", max({value}) FILTER (WHERE y.back = 2) AS "two years before",
       max({value}) FILTER (WHERE y.back = 1) AS "the year before", max({value}) FILTER (WHERE y.back = 0) AS "this year"
FROM generate_series(1, 12) g (at)
LEFT JOIN reporting.months({MEMBER}, {FIRST_YEAR}::date, {TO}) m ON extract(month FROM m.month) = g.at
CROSS JOIN LATERAL (SELECT extract(year FROM {TO}) - extract(year FROM m.month) AS back) y
GROUP BY g.at ORDER BY g.at""",
        UNITS[each.unit],
        Line("two years before", "#59626E"),
        Line("the year before", "#8E97A3"),
        Line("this year", colour),
        across="month",
        decimals=1 if each.unit in {"s", "0..21"} else 0,
    )


AGAINST = table(
    "Am I better than a year ago?",
    "The 90 days up to the end of the range against the same 90 a year earlier: Welch's t test with days like their neighbours "
    "counted less. Needs 7 days of each.",
    f"""
SELECT f.label AS "figure", {told("c.mean_before")} AS "a year ago", {told("c.mean")} AS "now", {told("c.difference", signed=True)} AS "difference",
       c.size AS "effect", c.verdict AS "verdict",
       CASE WHEN c.good THEN 'better' WHEN NOT c.good THEN 'worse' ELSE '' END AS "for the", c.note AS "note"
FROM {figures(*NAMES)}
CROSS JOIN LATERAL reporting.compare({MEMBER}, f.metric, {TO} - 454, {TO} - 365, {TO} - 89, {TO}) c
ORDER BY f.place""",
    Column("for the", words={"better": ("better", GREEN), "worse": ("worse", RED)}, width=90),
    width=24,
    height=9,
)
TRENDS = table(
    "Which way does the whole range go?",
    "Straight line through every day of the range; rising or falling where the 95 % interval of the slope leaves out zero.",
    f"""
SELECT f.label AS "figure", {told("t.mean")} AS "mean", {told("t.lowest")} AS "lowest", {told("t.highest")} AS "highest",
       {told("t.slope_per_week * 365.25 / 7", signed=True)} AS "per year", coalesce(t.direction, t.note) AS "direction",
       CASE WHEN t.good THEN 'better' WHEN NOT t.good THEN 'worse' ELSE '' END AS "for the", t.n AS "days"
FROM {figures(*NAMES)}
CROSS JOIN LATERAL reporting.trend({MEMBER}, f.metric, {FROM}, {TO}) t
ORDER BY f.place""",
    Column("figure", width=140),
    Column("for the", words={"better": ("better", GREEN), "worse": ("worse", RED)}, width=70),
    Column("days", width=60),
    width=12,
    height=10,
)
RECORDS = table(
    "What are my records?",
    "The highest and the lowest of the range, and when; of equals the first. Days that do not count are left out.",
    f"""
SELECT f.label AS "figure", max({told("r.value")}) FILTER (WHERE r.kind = 'highest') AS "highest",
       max(r.day::text) FILTER (WHERE r.kind = 'highest') AS "on", max({told("r.value")}) FILTER (WHERE r.kind = 'lowest') AS "lowest",
       max(r.day::text) FILTER (WHERE r.kind = 'lowest') AS "and on"
FROM {figures(*NAMES)}
CROSS JOIN LATERAL reporting.records({MEMBER}, f.metric, {FROM}, {TO}) r
GROUP BY f.place, f.label ORDER BY f.place""",
    width=12,
    height=10,
)
YEARLY = table(
    "How were my years?",
    "Means of the days that count, by calendar year, the newest first; HRV geometric.",
    f"""
SELECT extract(year FROM d.day)::int::text AS "year", count(*) AS "days", avg(reporting.settled(d, 'recovery_score')) AS "recovery",
       exp(avg(reporting.scaled('hrv_rmssd_ms', reporting.settled(d, 'hrv_rmssd_ms')))) AS "HRV",
       avg(reporting.settled(d, 'resting_heart_rate_bpm')) AS "resting HR", avg(d.sleep_duration_s) / 3600 AS "asleep",
       avg(d.sleep_performance_pct) AS "performance", avg(reporting.settled(d, 'strain')) AS "strain",
       avg(reporting.settled(d, 'energy_kj')) / 4.184 AS "energy", sum(reporting.settled(d, 'workouts')) AS "workouts"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)
GROUP BY 1 ORDER BY 1 DESC""",
    Column("year", width=80),
    Column("days", width=80),
    Column("recovery", "percent", 0),
    Column("HRV", "ms", 0),
    Column("resting HR", "suffix: bpm", 1),
    Column("asleep", "suffix: h", 1),
    Column("performance", "percent", 0),
    Column("strain", "none", 1),
    Column("energy", "suffix: kcal", 0),
    width=24,
    height=7,
)
BANDS = course(
    "How many days of each month were green?",
    "Days of each recovery band by month.",
    f"""
SELECT m.month::timestamp AS "time", m.green::float8 AS "green", m.yellow::float8 AS "yellow", m.red::float8 AS "red"
FROM reporting.months({RANGE}) m
ORDER BY m.month""",
    "suffix: d",
    Line("green", GREEN, "bars", stacked=True),
    Line("yellow", YELLOW, "bars", stacked=True),
    Line("red", RED, "bars", stacked=True),
    width=24,
    height=8,
    least=0,
    decimals=0,
)
CHOSEN = course(
    "How did it go: ${metric:text}?",
    "The figure that is chosen above: days, mean of 7 days, and the personal band of the 30 days before. Its unit stands in "
    "its name.",
    f"""
SELECT s.day::timestamp AS "time", s.value / {CHOSEN_PER} AS "value", s.mean_7d / {CHOSEN_PER} AS "7-day mean",
       s.low / {CHOSEN_PER} AS "usual from", s.high / {CHOSEN_PER} AS "usual to"
FROM reporting.series({MEMBER}, {METRIC}, {FROM}, {TO}) s
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "none",
    *band("usual from", "usual to", STRAIN),
    Line("value", NEUTRAL, "points"),
    Line("7-day mean", STRAIN),
    width=24,
    decimals=1,
)
CHOSEN_YEARS = columns(
    "Year against year: ${metric:text}",
    "The figure that is chosen above: means of months from 14 days on, of the year in which the range ends and the two before.",
    f"""
SELECT to_char(make_date(2000, g.at, 1), 'Mon') AS "month", max(y.value) FILTER (WHERE y.back = 2) AS "two years before",
       max(y.value) FILTER (WHERE y.back = 1) AS "the year before", max(y.value) FILTER (WHERE y.back = 0) AS "this year"
FROM generate_series(1, 12) g (at)
LEFT JOIN (
    SELECT extract(month FROM m.day) AS month, extract(year FROM {TO}) - extract(year FROM m.day) AS back,
           CASE WHEN count(m.counted) >= 14 THEN
               reporting.unscaled({METRIC}, avg(reporting.scaled({METRIC}, m.counted))) / {CHOSEN_PER} END AS value
    FROM reporting.metric_days({MEMBER}, {METRIC}, {FIRST_YEAR}::date, {TO}) m GROUP BY 1, 2) y ON y.month = g.at
GROUP BY g.at ORDER BY g.at""",
    "none",
    Line("two years before", "#59626E"),
    Line("the year before", "#8E97A3"),
    Line("this year", STRAIN),
    across="month",
    width=24,
    decimals=1,
)

LONG_TERM = Dashboard(
    uid="circadia-long-term",
    title="Long term",
    description="Months and years, the year against those before, and what was the most ever.",
    span="now-3y",
    variables=(MEMBER_VARIABLE, metric_variable()),
    annotations=tuple(each for each in marks() if each.name != "Signs of strain"),
    sections=(
        Section(
            "Month by month",
            (
                monthly("Do I recover better over the years?", "recovery_score"),
                monthly("Does my HRV rise?", "hrv_rmssd_ms"),
                monthly("Does my resting heart rate fall?", "resting_heart_rate_bpm"),
                monthly("Do I sleep longer?", "sleep_duration_s"),
                monthly("Do I strain more?", "strain"),
                monthly("Do I use more energy?", "energy_kj"),
                BANDS,
                recovery_calendar("What did the years look like?"),
            ),
        ),
        Section(
            "Year against year",
            (
                years("Is my recovery better than in the years before?", "recovery_score"),
                years("Is my HRV higher than in the years before?", "hrv_rmssd_ms"),
                years("Is my resting heart rate lower than in the years before?", "resting_heart_rate_bpm"),
                years("Do I sleep longer than in the years before?", "sleep_duration_s"),
                AGAINST,
            ),
        ),
        Section("The whole range", (YEARLY, TRENDS, RECORDS)),
        Section("Any figure", (CHOSEN, CHOSEN_YEARS)),
    ),
)
