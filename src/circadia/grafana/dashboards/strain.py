"""Strain and workouts: how much, how hard, how often, and whether it is more than usual."""

from __future__ import annotations

from circadia.grafana.colours import ENERGY, GREEN, HEART, NEUTRAL, STRAIN, YELLOW, ZONES, only
from circadia.grafana.dashboards.overview import LOAD
from circadia.grafana.dashboards.recovery import WEEKDAY, figure, usual
from circadia.grafana.model import Dashboard, Section
from circadia.grafana.panels import Column, Line, band, course, stat, table
from circadia.grafana.queries import FROM, MEMBER, MEMBER_VARIABLE, NEWEST, RANGE, TO, marks
from circadia.grafana.shapes import columns, histogram

WORKOUTS = f"""
FROM reporting.workouts w
WHERE w.user_id = {MEMBER} AND $__timeFilter(w.day)"""
SPORT = "initcap(translate(replace(w.sport, '_msk', ''), '_-', '  '))"

COUNT = stat(
    "How often did I train?",
    "Workouts of the range.",
    f"""
SELECT count(*)::float8 AS "value"{WORKOUTS}""",
    "none",
    steps=only(STRAIN),
    decimals=0,
)
HOURS = stat(
    "How long altogether?",
    "Sum of the durations of the workouts of the range.",
    f"""
SELECT sum(w.duration_s) / 3600 AS "value"{WORKOUTS}""",
    "suffix: h",
    steps=only(STRAIN),
    decimals=0,
)
HARD = stat(
    "How much of it was hard?",
    "Time in heart rate zones 4 and 5 in share of the time in zones 1 to 5, over the workouts of the range.",
    f"""
SELECT 100 * sum(w.zone_4_s + w.zone_5_s) / nullif(sum(w.zone_1_s + w.zone_2_s + w.zone_3_s + w.zone_4_s + w.zone_5_s), 0) AS "value"{WORKOUTS}""",
    "percent",
    steps=only(ZONES[4]),
    decimals=0,
)
TARGET = course(
    "Did I strain as my recovery advised?",
    "Strain of each day over the range that suits its recovery: 14 to 18 when green, 10 to 14 when yellow, 4 to 10 when red. "
    "Our own convention after WHOOP's advice. A day that is not over is left out.",
    f"""
SELECT s.day::timestamp AS "time", t.low AS "advised from", t.high AS "advised to", s.counted AS "strain"
FROM reporting.metric_days({MEMBER}, 'strain', {FROM}, {TO}) s
JOIN reporting.recovery_bands({RANGE}) b ON b.day = s.day
LEFT JOIN (VALUES ('green', 14.0::float8, 18.0::float8), ('yellow', 10, 14), ('red', 4, 10)) t (band, low, high) ON t.band = b.band
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "none",
    Line("advised from", GREEN, "edge", steps=True, hidden=True),
    Line("advised to", GREEN, "edge", steps=True, opacity=16, fill_to="advised from", hidden=True),
    Line("strain", STRAIN, "bars", opacity=75),
    width=24,
    least=0,
    most=21,
    decimals=1,
)
ZONE_MINUTES = course(
    "In which zones did I train?",
    "Minutes in each heart rate zone of the workouts, by week from Monday to Sunday; the newest week may not be over.",
    f"""
SELECT z.week::timestamp AS "time", z.zone_0 AS "zone 0", z.zone_1 AS "zone 1", z.zone_2 AS "zone 2", z.zone_3 AS "zone 3",
       z.zone_4 AS "zone 4", z.zone_5 AS "zone 5"
FROM reporting.zone_minutes({RANGE}) z
ORDER BY z.week""",
    "suffix: min",
    *(Line(f"zone {at}", colour, "bars", stacked=True) for at, colour in enumerate(ZONES)),
    least=0,
    decimals=0,
)
ZONE_SHARES = course(
    "Do I polarise?",
    "How the time in zones 1 to 5 is shared in each week: easy (1 and 2), middling (3), hard (4 and 5).",
    f"""
SELECT z.week::timestamp AS "time", 100 * (z.zone_1 + z.zone_2) / t.total AS "easy", 100 * z.zone_3 / t.total AS "middling",
       100 * (z.zone_4 + z.zone_5) / t.total AS "hard"
FROM reporting.zone_minutes({RANGE}) z
CROSS JOIN LATERAL (SELECT nullif(z.zone_1 + z.zone_2 + z.zone_3 + z.zone_4 + z.zone_5, 0) AS total) t
ORDER BY z.week""",
    "percent",
    Line("easy", ZONES[1], "bars", stacked=True),
    Line("middling", ZONES[3], "bars", stacked=True),
    Line("hard", ZONES[5], "bars", stacked=True),
    least=0,
    most=100,
    decimals=0,
)
ACUTE = course(
    "How does the week stand against the month?",
    "Zone load: minutes in zones 1 to 5, each times its number (Edwards 1993); means of 7 and of 28 days. Needs 14 of 28 days.",
    f"""
SELECT l.day::timestamp AS "time", l.load AS "day", l.acute_7d AS "7 days", l.chronic_28d AS "28 days"
FROM reporting.load({RANGE}, 'zone_load') l
WHERE l.day <= {NEWEST}
ORDER BY l.day""",
    "none",
    Line("day", NEUTRAL, "bars", opacity=30),
    Line("7 days", STRAIN),
    Line("28 days", ENERGY),
    least=0,
    decimals=0,
)
MONOTONY = course(
    "Is my training monotonous?",
    "Mean over SD of the strain of 7 days (Foster 1998): the higher, the more the days are alike. Training strain, on the right "
    "axis, is the week's sum times it.",
    f"""
SELECT l.day::timestamp AS "time", l.monotony_7d AS "monotony", l.training_strain_7d AS "training strain"
FROM reporting.load({RANGE}, 'strain') l
WHERE l.day <= {NEWEST}
ORDER BY l.day""",
    "none",
    Line("monotony", STRAIN),
    Line("training strain", NEUTRAL, unit="short", right=True, width=1, dashed=True),
    least=0,
    decimals=1,
)
ENERGY_USED = course(
    "How much energy did I use?",
    "Energy of each day that is over, basal included; 1 kcal is 4.184 kJ. With the mean of 7 days.",
    f"""
SELECT s.day::timestamp AS "time", CASE WHEN s.settled THEN s.value END / 4.184 AS "energy", s.mean_7d / 4.184 AS "7-day mean"
FROM reporting.series({MEMBER}, 'energy_kj', {FROM}, {TO}) s
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "suffix: kcal",
    Line("energy", ENERGY, "bars", opacity=55),
    Line("7-day mean", ENERGY),
    least=0,
    decimals=0,
)
HEART_RATES = course(
    "How high did my heart rate go?",
    "Highest and average heart rate of each cycle that is over.",
    f"""
SELECT h.day::timestamp AS "time", h.counted AS "highest", a.counted AS "average"
FROM reporting.metric_days({MEMBER}, 'max_heart_rate_bpm', {FROM}, {TO}) h
JOIN reporting.metric_days({MEMBER}, 'average_heart_rate_bpm', {FROM}, {TO}) a ON a.day = h.day
WHERE h.day <= {NEWEST}
ORDER BY h.day""",
    "suffix: bpm",
    Line("highest", HEART, width=1),
    Line("average", NEUTRAL, width=1),
    decimals=0,
)
LIST = table(
    "What did I do?",
    "The workouts of the range, newest first; times are those of the clock where the member was. Without figures: not scored.",
    f"""
SELECT to_char((w.start_at AT TIME ZONE 'UTC') + z.ahead, 'YYYY-MM-DD HH24:MI') AS "begun", {SPORT} AS "sport",
       w.duration_s / 60 AS "duration", w.strain AS "strain", w.energy_kj / 4.184 AS "energy",
       w.average_heart_rate_bpm AS "average HR", w.max_heart_rate_bpm AS "highest HR", w.distance_m / 1000 AS "distance",
       (w.zone_4_s + w.zone_5_s) / 60 AS "zones 4 and 5",
       CASE w.state WHEN 'SCORED' THEN '' WHEN 'PENDING_SCORE' THEN 'not scored yet' ELSE 'cannot be scored' END AS "note"
FROM reporting.workouts w
CROSS JOIN LATERAL (SELECT CASE WHEN w.timezone_offset ~ '^[+-]' THEN w.timezone_offset::interval ELSE interval '0' END AS ahead) z
WHERE w.user_id = {MEMBER} AND $__timeFilter(w.day)
ORDER BY w.start_at DESC LIMIT 500""",
    Column("begun", width=150),
    Column("sport", width=170),
    Column("duration", "suffix: min", 0, bar=180),
    Column("strain", "none", 1, bar=21),
    Column("energy", "suffix: kcal", 0),
    Column("average HR", "suffix: bpm", 0),
    Column("highest HR", "suffix: bpm", 0),
    Column("distance", "suffix: km", 1),
    Column("zones 4 and 5", "suffix: min", 0),
    width=24,
    height=11,
)
SPORTS = columns(
    "Which sports take my time?",
    "Hours by sport over the range, the twelve that took the most.",
    f"""
SELECT {SPORT} AS "sport", sum(w.duration_s) / 3600 AS "hours"{WORKOUTS}
GROUP BY 1 ORDER BY 2 DESC LIMIT 12""",
    "suffix: h",
    Line("hours", STRAIN),
    across="sport",
    sideways=True,
    decimals=1,
)
SPORT_TABLE = table(
    "Which sports strain me most?",
    "Means of the scored workouts of each sport over the range.",
    f"""
SELECT {SPORT} AS "sport", count(*) AS "workouts", avg(w.strain) AS "strain", avg(w.duration_s) / 60 AS "duration",
       avg(w.average_heart_rate_bpm) AS "average HR", sum(w.strain) / nullif(sum(w.duration_s) / 3600, 0) AS "strain an hour"
{WORKOUTS} AND w.strain IS NOT NULL
GROUP BY 1 ORDER BY 3 DESC LIMIT 25""",
    Column("sport", width=170),
    Column("strain", "none", 1, bar=21),
    Column("duration", "suffix: min", 0),
    Column("average HR", "suffix: bpm", 0),
    Column("strain an hour", "none", 1),
)
WEEKDAYS = columns(
    "On which weekdays do I strain more?",
    "How much each weekday differs from the mean of all. Needs 4 of each.",
    f"""
SELECT {WEEKDAY}[w.isodow] AS "weekday", w.difference AS "difference"
FROM reporting.weekdays({MEMBER}, 'strain', {FROM}, {TO}) w
ORDER BY w.isodow""",
    "none",
    Line("difference", STRAIN),
    across="weekday",
    width=8,
    decimals=1,
)
SPREAD = histogram(
    "How hard are my days usually?",
    "How many days of the range had which strain, in steps of 1; a day that is not over is left out.",
    f"""
SELECT m.counted AS "value"
FROM reporting.metric_days({MEMBER}, 'strain', {FROM}, {TO}) m
WHERE m.counted IS NOT NULL""",
    "none",
    bucket=1,
    colour=STRAIN,
    width=8,
)
RATIOS = course(
    "Do the measures of load agree?",
    "7 days over 28 (coupled) by strain, by energy and by zone load. Strain is no additive measure; the other two are.",
    f"""
SELECT s.day::timestamp AS "time", 0.8 AS "usual from", 1.3 AS "usual to", s.ratio_coupled AS "strain", e.ratio_coupled AS "energy",
       z.ratio_coupled AS "zone load"
FROM reporting.load({RANGE}, 'strain') s
JOIN reporting.load({RANGE}, 'energy_kj') e ON e.day = s.day
JOIN reporting.load({RANGE}, 'zone_load') z ON z.day = s.day
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "none",
    *band("usual from", "usual to", GREEN),
    Line("strain", STRAIN),
    Line("energy", ENERGY),
    Line("zone load", YELLOW),
    decimals=2,
)

STRAIN_DASHBOARD = Dashboard(
    uid="circadia-strain",
    title="Strain and workouts",
    description="How much, how hard, how often, and whether it is more than usual.",
    span="now-90d",
    variables=(MEMBER_VARIABLE,),
    annotations=marks(),
    sections=(
        Section(
            "The range",
            (
                figure("How much strain so far?", "strain"),
                figure("How much energy so far?", "energy_kj"),
                figure("How many steps so far?", "steps"),
                COUNT,
                HOURS,
                HARD,
            ),
        ),
        Section("Strain", (TARGET, LOAD, RATIOS, ACUTE, MONOTONY)),
        Section("Workouts", (ZONE_MINUTES, ZONE_SHARES, LIST, SPORTS, SPORT_TABLE)),
        Section(
            "Days", (ENERGY_USED, HEART_RATES, usual("Do I walk as much as usual?", "steps", width=8), SPREAD, WEEKDAYS)
        ),
    ),
)
