"""Sleep: how long, how well, how regular, and what is owed."""

from __future__ import annotations

from circadia.grafana.colours import (
    AWAKE,
    DEEP,
    GREEN,
    LIGHT,
    NEUTRAL,
    PERFORMANCE,
    RED,
    REM,
    SLEEP,
    STRAIN,
    YELLOW,
    only,
)
from circadia.grafana.dashboards.overview import SLEEP_BALANCE
from circadia.grafana.model import Dashboard, Json, Section
from circadia.grafana.panels import Column, Line, band, course, stat, table
from circadia.grafana.queries import (
    MEMBER,
    MEMBER_VARIABLE,
    NEWEST,
    banded,
    figures,
    marks,
    sparkline,
    told,
)
from circadia.grafana.shapes import columns, histogram, raster


def clock_words() -> list[Json]:
    """Hours after midnight as times of the clock, to ten minutes; the evening before is below 0."""
    found = []
    for at, tenth in enumerate(range(-8 * 6, 16 * 6 + 1)):
        hour, part = divmod(tenth % 144, 6)
        result = {"text": f"{hour:02}:{part}0", "index": at}
        limits = {"from": round((tenth - 0.5) / 6, 4), "to": round((tenth + 0.5) / 6, 4)}
        found.append({"type": "range", "options": {**limits, "result": result}})
    return found


NIGHTS = f"""
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)
ORDER BY d.day"""

ASLEEP = stat(
    "How long did I sleep?",
    "Light, deep and REM sleep of the newest night that is scored, over the nights of the range.",
    sparkline("sleep_duration_s"),
    "suffix: h",
    steps=only(SLEEP),
    spark=True,
    decimals=1,
)
EFFICIENCY = stat(
    "How much of my time in bed?",
    "Asleep in share of in bed, in the newest night that is scored.",
    sparkline("sleep_efficiency_pct"),
    "percent",
    steps=((None, YELLOW), (85, GREEN)),
    spark=True,
    decimals=0,
)
PERFORMANCE_NOW = stat(
    "Was it enough?",
    "WHOOP's sleep performance of the newest night that is scored: sleep got against sleep needed.",
    sparkline("sleep_performance_pct"),
    "percent",
    steps=PERFORMANCE,
    spark=True,
    decimals=0,
)
CONSISTENCY = stat(
    "How consistent was it?",
    "WHOOP's sleep consistency: bed and wake times against those of the days before.",
    sparkline("sleep_consistency_pct"),
    "percent",
    steps=((None, RED), (60, YELLOW), (80, GREEN)),
    spark=True,
    decimals=0,
)
RESTORATIVE = stat(
    "How much of it restores?",
    "Deep and REM sleep in share of all sleep, in the newest night that is scored.",
    f"""
SELECT d.day::timestamp AS "time", 100 * (d.deep_sleep_s + d.rem_sleep_s) / nullif(d.sleep_duration_s, 0) AS "value"
{NIGHTS}""",
    "percent",
    steps=only(DEEP),
    spark=True,
    decimals=0,
)
DISTURBANCES = stat(
    "How often was I disturbed?",
    "Disturbances in the newest night that is scored, as WHOOP counts them.",
    sparkline("disturbances"),
    "none",
    steps=only(AWAKE),
    spark=True,
    decimals=0,
)

STAGES = course(
    "What were my nights made of?",
    "Hours of the main sleep by stage.",
    f"""
SELECT d.day::timestamp AS "time", d.deep_sleep_s / 3600 AS "deep", d.rem_sleep_s / 3600 AS "REM",
       d.light_sleep_s / 3600 AS "light", d.awake_s / 3600 AS "awake"
{NIGHTS}""",
    "suffix: h",
    Line("deep", DEEP, "bars", stacked=True),
    Line("REM", REM, "bars", stacked=True),
    Line("light", LIGHT, "bars", stacked=True),
    Line("awake", AWAKE, "bars", stacked=True),
    width=24,
    height=10,
    least=0,
    decimals=1,
)
NEED = course(
    "Did I get what I needed?",
    "Asleep and naps against the sleep that WHOOP thought needed.",
    f"""
SELECT d.day::timestamp AS "time", d.sleep_duration_s / 3600 AS "asleep", d.nap_s / 3600 AS "naps",
       d.sleep_need_s / 3600 AS "need"
{NIGHTS}""",
    "suffix: h",
    Line("asleep", SLEEP, "bars", stacked=True),
    Line("naps", REM, "bars", stacked=True),
    Line("need", YELLOW, steps=True, width=2),
    least=0,
    decimals=1,
)
NEED_PARTS = course(
    "Why did I need that much?",
    "The parts of WHOOP's sleep need: baseline, debt, strain, and what naps take off (below zero).",
    f"""
SELECT d.day::timestamp AS "time", d.need_baseline_s / 3600 AS "baseline", d.need_debt_s / 3600 AS "debt",
       d.need_strain_s / 3600 AS "strain", d.need_nap_s / 3600 AS "naps"
{NIGHTS}""",
    "suffix: h",
    Line("baseline", NEUTRAL, "bars", stacked=True, opacity=45),
    Line("debt", SLEEP, "bars", stacked=True),
    Line("strain", STRAIN, "bars", stacked=True),
    Line("naps", REM, "bars", stacked=True),
    decimals=1,
)
SHARES = course(
    "How do the stages share the night?",
    "Means of 7 nights of deep, REM and light sleep, in share of all three.",
    f"""
SELECT x.day::timestamp AS "time", 100 * x.deep / x.total AS "deep", 100 * x.rem / x.total AS "REM", 100 * x.light / x.total AS "light"
FROM (SELECT d.day, avg(d.deep_sleep_s) OVER week AS deep, avg(d.rem_sleep_s) OVER week AS rem,
             avg(d.light_sleep_s) OVER week AS light, nullif(avg(d.sleep_duration_s) OVER week, 0) AS total,
             count(d.sleep_duration_s) OVER week AS n
      FROM reporting.days d
      WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)
      WINDOW week AS (ORDER BY d.day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW)) x
WHERE x.n >= 4
ORDER BY x.day""",
    "percent",
    Line("deep", DEEP, opacity=75, width=1, stacked=True),
    Line("REM", REM, opacity=75, width=1, stacked=True),
    Line("light", LIGHT, opacity=55, width=1, stacked=True),
    least=0,
    most=100,
    decimals=0,
)
DURATION = course(
    "Is my sleep within my usual range?",
    "Hours asleep, with the mean of 7 days and the personal band: mean and SD of the 30 days before. Needs 14 days.",
    banded("sleep_duration_s"),
    "suffix: h",
    *band("usual from", "usual to", SLEEP),
    Line("value", NEUTRAL, "points"),
    Line("7-day mean", SLEEP),
    decimals=1,
)
SPREAD = histogram(
    "How long do I usually sleep?",
    "How many nights of the range were how long, in steps of half an hour.",
    f"""
SELECT d.sleep_duration_s / 3600 AS "value"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day) AND d.sleep_duration_s IS NOT NULL""",
    "suffix: h",
    bucket=0.5,
    colour=SLEEP,
)

CLOCK = course(
    "When do I go to bed and get up?",
    "Clock times of the main sleep where the member was; labels are to ten minutes.",
    f"""
SELECT d.day::timestamp AS "time", d.bed_time_min / 60 AS "to bed", d.wake_time_min / 60 AS "up"
{NIGHTS}""",
    "suffix: h",
    Line("to bed", SLEEP, opacity=0),
    Line("up", YELLOW, opacity=12, fill_to="to bed"),
    mappings=clock_words(),
)
_HOURS = ",\n       ".join(
    f'greatest(0, least(w.up, {60 * hour + 60}) - greatest(w.bed, {60 * hour})) AS "{hour % 24:02}:00"'
    for hour in range(-4, 12)
)
REGULAR = raster(
    "How regular are my nights?",
    "Minutes in bed for every hour of the clock, a column for each night, the stronger the more: straight edges are regular nights.",
    f"""
SELECT w.day::timestamp AS "time",
       {_HOURS}
FROM (SELECT d.day, d.bed_time_min AS bed, d.wake_time_min + CASE WHEN d.wake_time_min < d.bed_time_min THEN 1440 ELSE 0 END AS up
      FROM reporting.days d
      WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day) AND d.bed_time_min IS NOT NULL) w
ORDER BY w.day""",
    "suffix: min",
    most=60,
    scheme="Purples",
)
RHYTHM = table(
    "How far do my times spread?",
    "Circular means and standard deviations of the nights up to the newest date. Social jet lag: how much later "
    "mid-sleep is on free days (waking on Saturday or Sunday). Needs half of the nights.",
    f"""
SELECT k.nights AS "nights", r.n AS "known", to_char(make_interval(mins => (r.bed_mean_min + 1440)::int % 1440), 'HH24:MI') AS "to bed",
       r.bed_sd_min AS "± bed", to_char(make_interval(mins => r.wake_mean_min::int % 1440), 'HH24:MI') AS "up", r.wake_sd_min AS "± up",
       r.social_jet_lag_min AS "social jet lag", r.note AS "note"
FROM (VALUES (7), (14), (28)) k (nights)
CROSS JOIN {NEWEST} n CROSS JOIN LATERAL reporting.regularity({MEMBER}, n.day, k.nights) r
ORDER BY k.nights""",
    Column("nights", width=75),
    Column("known", width=75),
    Column("± bed", "suffix: min", 0),
    Column("± up", "suffix: min", 0),
    Column("social jet lag", "suffix: min", 0),
)
WEEKDAYS = columns(
    "On which days do I sleep longer?",
    "How much the sleep of each weekday differs from the mean of all; the day is that of waking. Needs 4 of each.",
    f"""
SELECT (ARRAY['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[w.isodow] AS "weekday", w.difference / 60 AS "difference"
FROM reporting.weekdays({MEMBER}, 'sleep_duration_s', $__timeFrom()::date, $__timeTo()::date) w
ORDER BY w.isodow""",
    "suffix: min",
    Line("difference", SLEEP),
    across="weekday",
    decimals=0,
)
BROKEN = course(
    "How broken are my nights?",
    "Disturbances, and minutes awake in bed on the right axis.",
    f"""
SELECT d.day::timestamp AS "time", d.disturbances AS "disturbances", d.awake_s / 60 AS "awake"
{NIGHTS}""",
    "none",
    Line("disturbances", NEUTRAL, "bars", opacity=50),
    Line("awake", AWAKE, unit="suffix: min", right=True),
    least=0,
    decimals=0,
)
TRENDS = table(
    "Which way is my sleep going?",
    "Straight line through the range, its 95 % interval by Student's t with days like their neighbours counted less. "
    "Needs 14 days.",
    f"""
SELECT f.label AS "figure", {told("t.mean")} AS "mean", {told("t.slope_per_week", signed=True)} AS "per week",
       coalesce(t.direction, t.note) AS "direction",
       CASE WHEN t.good THEN 'better' WHEN NOT t.good THEN 'worse' ELSE '' END AS "for the"
FROM {
        figures(
            "sleep_duration_s",
            "sleep_performance_pct",
            "sleep_efficiency_pct",
            "sleep_consistency_pct",
            "deep_sleep_s",
            "rem_sleep_s",
            "disturbances",
            "sleep_deficit_s",
        )
    }
CROSS JOIN LATERAL reporting.trend({MEMBER}, f.metric, $__timeFrom()::date, $__timeTo()::date) t
ORDER BY f.place""",
    Column("for the", words={"better": ("better", GREEN), "worse": ("worse", RED)}, width=90),
    width=24,
)

SLEEP_DASHBOARD = Dashboard(
    uid="circadia-sleep",
    title="Sleep",
    description="How long, how well, how regular, and what is owed.",
    span="now-90d",
    variables=(MEMBER_VARIABLE,),
    annotations=marks(),
    sections=(
        Section("The newest night", (ASLEEP, PERFORMANCE_NOW, EFFICIENCY, CONSISTENCY, RESTORATIVE, DISTURBANCES)),
        Section("Enough", (STAGES, NEED, NEED_PARTS, SLEEP_BALANCE, DURATION)),
        Section("Regular", (REGULAR, CLOCK, RHYTHM)),
        Section("Well", (SHARES, BROKEN, SPREAD, WEEKDAYS, TRENDS)),
    ),
)
