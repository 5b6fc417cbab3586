"""Recovery and HRV: the body's signals against their own past, and what goes with them."""

from __future__ import annotations

from circadia.domain.trends import BY_NAME
from circadia.grafana.colours import (
    GREEN,
    HEART,
    HRV,
    NAMED,
    NEUTRAL,
    RECOVERY,
    RED,
    STRAIN,
    YELLOW,
    only,
)
from circadia.grafana.dashboards.overview import recovery_calendar
from circadia.grafana.model import Dashboard, Panel, Section
from circadia.grafana.panels import Column, Line, band, course, stat, table
from circadia.grafana.queries import (
    FROM,
    MEMBER,
    MEMBER_VARIABLE,
    NEWEST,
    RANGE,
    TO,
    UNITS,
    banded,
    figures,
    marks,
    sparkline,
    told,
)
from circadia.grafana.shapes import columns, histogram, scatter

WEEKDAY = "(ARRAY['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])"
BAND = "the personal band: mean and SD of the 30 days before. Needs 14 days."


def figure(title: str, name: str, *, width: int = 4) -> Panel:
    """The newest value of a figure, over those of the range."""
    each = BY_NAME[name]
    return stat(
        title,
        f"{each.about}; the newest that is known, over the days of the range.",
        sparkline(name),
        UNITS[each.unit],
        steps=RECOVERY if name == "recovery_score" else only(NAMED[each.colour]),
        spark=True,
        decimals=1 if each.unit == "s" else each.precision,
        width=width,
    )


def usual(title: str, name: str, *, width: int = 12, height: int = 9) -> Panel:
    """A figure day by day inside its personal band."""
    each = BY_NAME[name]
    colour = NAMED[each.colour]
    return course(
        title,
        f"{each.label} day by day, with the mean of 7 days and {BAND}",
        banded(name),
        UNITS[each.unit],
        *band("usual from", "usual to", colour),
        Line("value", NEUTRAL, "points"),
        Line("7-day mean", colour),
        width=width,
        height=height,
        decimals=1 if each.unit == "s" else each.precision,
    )


BANDS = course(
    "In which band was each morning?",
    "WHOOP's recovery: green from 67, yellow from 34, red below; with the mean of 7 days, from 4 days on.",
    f"""
SELECT s.day::timestamp AS "time",
       CASE WHEN b.band = 'green' THEN s.value END AS "green", CASE WHEN b.band = 'yellow' THEN s.value END AS "yellow",
       CASE WHEN b.band = 'red' THEN s.value END AS "red", s.mean_7d AS "7-day mean"
FROM reporting.series({MEMBER}, 'recovery_score', {FROM}, {TO}) s
CROSS JOIN LATERAL (SELECT reporting.recovery_band(s.value) AS band) b
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "percent",
    Line("green", GREEN, "bars", opacity=75),
    Line("yellow", YELLOW, "bars", opacity=75),
    Line("red", RED, "bars", opacity=75),
    Line("7-day mean", NEUTRAL),
    width=24,
    least=0,
    most=100,
    decimals=0,
)
BASELINE = course(
    "Is my HRV of the week normal for me?",
    "Mean of 7 days on the logarithm, given back in ms, against mean and half an SD of 60 days (Plews et al. 2013). Needs 30 "
    "of 60 days and 4 of 7.",
    f"""
SELECT h.day::timestamp AS "time", exp(h.ln_rmssd) AS "night", exp(h.mean_7d) AS "7-day mean", exp(h.low) AS "normal from",
       exp(h.high) AS "normal to"
FROM reporting.hrv_baseline({RANGE}) h
WHERE h.day <= {NEWEST}
ORDER BY h.day""",
    "ms",
    *band("normal from", "normal to", HRV),
    Line("night", NEUTRAL, "points"),
    Line("7-day mean", HRV),
    decimals=0,
)
STEADY = course(
    "How steady is my HRV?",
    "Coefficient of variation of ln(RMSSD) over 7 days: the lower, the steadier. Needs 4 of 7 days.",
    f"""
SELECT h.day::timestamp AS "time", h.cv_7d_pct AS "variation"
FROM reporting.hrv_baseline({RANGE}) h
WHERE h.day <= {NEWEST}
ORDER BY h.day""",
    "percent",
    Line("variation", HRV, opacity=10),
    least=0,
    decimals=1,
)
HEART_RAISED = course(
    "Is my resting heart rate raised?",
    "Mean of 7 days less that of 28: raised from 1 SD of the 28 days or 3 bpm on. Needs 14 of 28 days and 4 of 7.",
    f"""
SELECT r.day::timestamp AS "time", r.difference AS "7 days against 28", -least(r.sd_28d, 3) AS "usual from",
       least(r.sd_28d, 3) AS "usual to"
FROM reporting.resting_heart_rate({RANGE}) r
WHERE r.day <= {NEWEST}
ORDER BY r.day""",
    "suffix: bpm",
    *band("usual from", "usual to", HEART),
    Line("7 days against 28", HEART),
    decimals=1,
)
AFTER_STRAIN = scatter(
    "Does strain cost me the next recovery?",
    "A point for each morning: recovery over the strain of the day before. What it says in numbers is beside it.",
    f"""
SELECT c.x AS "strain of the day before", c.y AS "recovery"
FROM reporting.correlation({MEMBER}, 'recovery_score', 'strain', {FROM}, {TO}, 1) c""",
    "none",
    x=Line("strain of the day before", NEUTRAL, unit="none"),
    y=Line("recovery", STRAIN, unit="percent"),
)
AFTER_STRAIN_SAID = table(
    "How sure is that?",
    "Recovery with the strain one day before. Needs 20 days. Going together is no cause.",
    f"""
SELECT w.said AS "what", w.figure AS "figure"
FROM reporting.strain_recovery({RANGE}) s
CROSS JOIN LATERAL (VALUES
    ('They go', CASE s.verdict WHEN 'together' THEN 'together: more strain, higher recovery'
                               WHEN 'against' THEN 'against each other: more strain, lower recovery' ELSE s.verdict END),
    ('Pearson''s r', round(s.pearson::numeric, 2)::text),
    ('its 95 % interval', round(s.low::numeric, 2) || ' to ' || round(s.high::numeric, 2)),
    ('Spearman''s rho', round(s.spearman::numeric, 2)::text),
    ('by chance alone (p)', CASE WHEN s.p < 0.001 THEN 'below 0.001' ELSE round(s.p::numeric, 3)::text END),
    ('days', s.n::text),
    ('they count as', s.n_effective || ' independent days'),
    ('note', s.note)) w (said, figure)
WHERE w.figure IS NOT NULL""",
    Column("what", width=180),
)
WEEKLY_BANDS = course(
    "How many days were green each week?",
    "Days of each band in each week from Monday to Sunday.",
    f"""
SELECT w.week::timestamp AS "time", w.green::float8 AS "green", w.yellow::float8 AS "yellow", w.red::float8 AS "red"
FROM reporting.weeks({RANGE}) w
ORDER BY w.week""",
    "suffix: d",
    Line("green", GREEN, "bars", stacked=True),
    Line("yellow", YELLOW, "bars", stacked=True),
    Line("red", RED, "bars", stacked=True),
    least=0,
    most=7,
    decimals=0,
)
WEEKDAYS = columns(
    "On which weekdays do I recover better?",
    "How much each weekday differs from the mean of all. Needs 4 of each.",
    f"""
SELECT {WEEKDAY}[w.isodow] AS "weekday", w.difference AS "difference"
FROM reporting.weekdays({MEMBER}, 'recovery_score', {FROM}, {TO}) w
ORDER BY w.isodow""",
    "percent",
    Line("difference", GREEN),
    across="weekday",
    decimals=0,
)
SPREAD = histogram(
    "How recovered am I usually?",
    "How many mornings of the range had which recovery, in steps of 10; mornings while WHOOP calibrates are left out.",
    f"""
SELECT m.counted AS "value"
FROM reporting.metric_days({MEMBER}, 'recovery_score', {FROM}, {TO}) m
WHERE m.counted IS NOT NULL""",
    "percent",
    bucket=10,
    colour=GREEN,
)
TRENDS = table(
    "Which way are the signals going?",
    "Straight line through the range; rising or falling where the 95 % interval of the slope leaves out zero. Needs 14 days.",
    f"""
SELECT f.label AS "figure", {told("t.mean")} AS "mean", {told("t.slope_per_week", signed=True)} AS "per week",
       coalesce(t.direction, t.note) AS "direction",
       CASE WHEN t.good THEN 'better' WHEN NOT t.good THEN 'worse' ELSE '' END AS "for the"
FROM {
        figures(
            "recovery_score",
            "hrv_rmssd_ms",
            "resting_heart_rate_bpm",
            "respiratory_rate_rpm",
            "spo2_pct",
            "skin_temp_celsius",
        )
    }
CROSS JOIN LATERAL reporting.trend({MEMBER}, f.metric, {FROM}, {TO}) t
ORDER BY f.place""",
    Column("for the", words={"better": ("better", GREEN), "worse": ("worse", RED)}, width=90),
)

RECOVERY_DASHBOARD = Dashboard(
    uid="circadia-recovery",
    title="Recovery and HRV",
    description="The body's signals against their own past, and what goes with them.",
    span="now-90d",
    variables=(MEMBER_VARIABLE,),
    annotations=marks(),
    sections=(
        Section(
            "The newest morning",
            (
                figure("How recovered am I?", "recovery_score"),
                figure("What is my HRV?", "hrv_rmssd_ms"),
                figure("What is my resting heart rate?", "resting_heart_rate_bpm"),
                figure("How fast do I breathe?", "respiratory_rate_rpm"),
                figure("How much oxygen is in my blood?", "spo2_pct"),
                figure("How warm is my skin?", "skin_temp_celsius"),
            ),
        ),
        Section("Recovery", (BANDS, recovery_calendar("What do the weeks look like?"))),
        Section(
            "Heart",
            (
                BASELINE,
                STEADY,
                usual("Is my resting heart rate as usual?", "resting_heart_rate_bpm"),
                HEART_RAISED,
            ),
        ),
        Section(
            "Breath, oxygen and temperature",
            (
                usual("Do I breathe as usual?", "respiratory_rate_rpm", width=8),
                usual("Is my blood oxygen as usual?", "spo2_pct", width=8),
                usual("Is my skin as warm as usual?", "skin_temp_celsius", width=8),
            ),
        ),
        Section("What goes with it", (AFTER_STRAIN, AFTER_STRAIN_SAID, WEEKLY_BANDS, WEEKDAYS, SPREAD, TRENDS)),
    ),
)
