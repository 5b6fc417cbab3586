"""Overview: whether the figures can be trusted, how today is, and how the last months went."""

from __future__ import annotations

from circadia.grafana.colours import (
    AWAKE,
    DEEP,
    GREEN,
    LIGHT,
    NEUTRAL,
    PERFORMANCE,
    RECOVERY,
    RED,
    REM,
    SLEEP,
    STRAIN,
    YELLOW,
    only,
)
from circadia.grafana.model import Dashboard, Panel, Section
from circadia.grafana.panels import Column, Line, band, calendar, course, gauge, stat, table
from circadia.grafana.queries import (
    FROM,
    MEMBER,
    MEMBER_VARIABLE,
    NEWEST,
    RANGE,
    TO,
    figures,
    marks,
    newest,
    told,
)

VERDICTS = {
    "in range": ("in range", GREEN),
    "above": ("above", YELLOW),
    "below": ("below", YELLOW),
}

LAST_SYNC = stat(
    "How old is the newest copy?",
    "Time since the type of record that was synced longest ago was brought up to date.",
    f"""
SELECT extract(epoch FROM now() - min(f.last_success_at)) AS "value"
FROM reporting.freshness f
WHERE f.user_id = {MEMBER} AND f.type IN ('cycle', 'recovery', 'sleep', 'workout')""",
    "s",
    steps=((None, GREEN), (6 * 3600, YELLOW), (24 * 3600, RED)),
    decimals=0,
)
COVERAGE = stat(
    "How many days are complete?",
    "Dates of the range, from the first known one on, whose cycle, recovery and sleep are all scored; "
    "a day that is not over is not asked.",
    f"""
SELECT 100.0 * count(*) FILTER (WHERE d.state = 'complete'
           AND (d.recovery_state, d.sleep_state, d.cycle_state) IS NOT DISTINCT FROM ('SCORED', 'SCORED', 'SCORED'))
           / nullif(max(d.day) - min(d.day) + 1 - count(*) FILTER (WHERE d.state = 'open'), 0) AS "value"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)""",
    "percent",
    steps=((None, RED), (80, YELLOW), (95, GREEN)),
    decimals=0,
)
PENDING = stat(
    "How much does WHOOP still score?",
    "Records that are known and wait for WHOOP's score, whatever their date.",
    f"""
SELECT sum(f.pending)::float8 AS "value"
FROM reporting.freshness f
WHERE f.user_id = {MEMBER}""",
    "none",
    steps=((None, GREEN), (1, YELLOW), (20, RED)),
    decimals=0,
)
BUDGET = stat(
    "How much budget is used?",
    "Requests to WHOOP in the last 24 hours, of all members together, in share of the limit that WHOOP announced or else of its "
    "10,000 a day. A dash for a role that sees one member only.",
    """
SELECT 100.0 * sum(u.taken) / coalesce((SELECT min(b.per_day) FROM reporting.operations_budget b), 10000) AS "value"
FROM reporting.operations_budget_usage u
WHERE u.bucket = 'minute' AND u.at > now() - interval '24 hours'""",
    "percent",
    steps=((None, GREEN), (80, YELLOW), (95, RED)),
    decimals=1,
)
CONNECTION = stat(
    "Is WHOOP connected?",
    "State of the member's grant. Without one what is stored stays and nothing new comes.",
    f"""
SELECT CASE min(f.connection) WHEN 'connected' THEN 'yes' WHEN 'needs_reconnect' THEN 'connect again' ELSE 'no' END AS "value"
FROM reporting.freshness f
WHERE f.user_id = {MEMBER}
HAVING count(*) > 0""",
    "string",
    text=True,
)
NEWEST_DAY = stat(
    "Which day is the newest?",
    "The newest date in the range of which something is known, and whether it is over.",
    newest(
        "to_char(d.day, 'Dy DD Mon') || CASE d.state WHEN 'open' THEN ', so far' WHEN 'pending' THEN ', pending' ELSE '' END"
    ),
    "string",
    text=True,
)

RECOVERY_TODAY = gauge(
    "How recovered am I?",
    "WHOOP's recovery of the newest date; green from 67, yellow from 34. A dash: not scored yet, or no recovery.",
    newest("d.recovery_score"),
    "percent",
    most=100,
    steps=RECOVERY,
)
SLEEP_TODAY = gauge(
    "Did I sleep enough?",
    "WHOOP's sleep performance of the newest date: sleep got against sleep needed.",
    newest("d.sleep_performance_pct"),
    "percent",
    most=100,
    steps=PERFORMANCE,
)
STRAIN_TODAY = gauge(
    "How much strain so far?",
    "WHOOP's strain of the newest date, 0 to 21; it grows until the cycle is over.",
    newest("d.strain"),
    "none",
    most=21,
    steps=only(STRAIN),
    decimals=1,
)
TARGET = stat(
    "What strain suits the day?",
    "The range that suits the recovery of the newest date: 14 to 18 when green, 10 to 14 when yellow, 4 to 10 when "
    "red. Our own convention after WHOOP's advice.",
    f"""
SELECT coalesce(t.low || ' – ' || t.high, t.note) AS "value"
FROM {NEWEST} n CROSS JOIN LATERAL reporting.strain_target({MEMBER}, n.day) t""",
    "string",
    text=True,
    width=4,
    height=7,
    steps=only(STRAIN),
)
VITALS = table(
    "Is my body in its usual range?",
    "The five signals of the newest date against mean and standard deviation (SD) of the 30 days before; outside is "
    "2 SD and more. HRV is compared on its logarithm. Needs 14 days.",
    f"""
SELECT f.label AS "signal", {told("v.value")} AS "now", {told("v.low")} || ' to ' || {told("v.high")} AS "usual",
       v.z AS "SD off", coalesce(v.verdict, v.note, v.state) AS "verdict"
FROM {NEWEST} n CROSS JOIN LATERAL reporting.vitals({MEMBER}, n.day) v
JOIN {figures("hrv_rmssd_ms", "resting_heart_rate_bpm", "respiratory_rate_rpm", "spo2_pct", "skin_temp_celsius")}
    ON f.metric = v.metric
ORDER BY f.place""",
    Column("signal", width=130),
    Column("now", width=75),
    Column("usual", width=130),
    Column("SD off", decimals=1, width=55),
    Column("verdict", words=VERDICTS, width=75),
    width=8,
    height=7,
)

BALANCE = course(
    "Do recovery and strain keep their balance?",
    "Recovery in its bands, and the strain of the same date on the right axis. Strain of a day that is not over is left out.",
    f"""
SELECT m.day::timestamp AS "time",
       CASE WHEN b.band = 'green' THEN m.value END AS "green", CASE WHEN b.band = 'yellow' THEN m.value END AS "yellow",
       CASE WHEN b.band = 'red' THEN m.value END AS "red", s.counted AS "strain"
FROM reporting.metric_days({MEMBER}, 'recovery_score', {FROM}, {TO}) m
JOIN reporting.metric_days({MEMBER}, 'strain', {FROM}, {TO}) s ON s.day = m.day
CROSS JOIN LATERAL (SELECT reporting.recovery_band(m.value) AS band) b
WHERE m.day <= {NEWEST}
ORDER BY m.day""",
    "percent",
    Line("green", GREEN, "bars", opacity=60),
    Line("yellow", YELLOW, "bars", opacity=60),
    Line("red", RED, "bars", opacity=60),
    Line("strain", STRAIN, unit="none", right=True),
    least=0,
    decimals=0,
)
LOAD = course(
    "Do I load more than I am used to?",
    "Mean strain of 7 days over that of the 21 days before (uncoupled), and the ratio of weighted means (EWMA). 0.8 to "
    "1.3 is called usual: a convention, no risk of injury. Needs 14 of 28 days.",
    f"""
SELECT l.day::timestamp AS "time", 0.8 AS "usual from", 1.3 AS "usual to", l.ratio_uncoupled AS "7 days / 21 before",
       l.ratio_ewma AS "EWMA"
FROM reporting.load({RANGE}, 'strain') l
WHERE l.day <= {NEWEST}
ORDER BY l.day""",
    "none",
    *band("usual from", "usual to", GREEN),
    Line("7 days / 21 before", STRAIN),
    Line("EWMA", NEUTRAL, dashed=True, width=1),
    decimals=2,
)
STAGES = course(
    "How did I sleep?",
    "Hours of the main sleep by stage, and the sleep that WHOOP thought needed.",
    f"""
SELECT d.day::timestamp AS "time", d.deep_sleep_s / 3600 AS "deep", d.rem_sleep_s / 3600 AS "REM",
       d.light_sleep_s / 3600 AS "light", d.awake_s / 3600 AS "awake", d.sleep_need_s / 3600 AS "need"
FROM reporting.days d
WHERE d.user_id = {MEMBER} AND $__timeFilter(d.day)
ORDER BY d.day""",
    "suffix: h",
    Line("deep", DEEP, "bars", stacked=True),
    Line("REM", REM, "bars", stacked=True),
    Line("light", LIGHT, "bars", stacked=True),
    Line("awake", AWAKE, "bars", stacked=True),
    Line("need", NEUTRAL, steps=True, width=1),
    least=0,
    decimals=1,
)
UNUSUAL = table(
    "Which days stood out?",
    "Days on which recovery, one of the five signals, sleep or strain was 2 SD and more off the 30 days before, newest "
    "first. No diagnosis.",
    f"""
SELECT coalesce(u.day::text, '–') AS "day", coalesce(u.words, u.note) AS "what was unusual"
FROM reporting.unusual_days({RANGE}) u
ORDER BY u.day DESC NULLS LAST LIMIT 50""",
    Column("day", width=110),
)


def recovery_calendar(title: str, height: int = 8) -> Panel:
    """A column for each week, a row for each day of the week."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    cells = ",\n       ".join(
        f'max(b.score) FILTER (WHERE extract(isodow FROM b.day) = {at}) AS "{day}"' for at, day in enumerate(days, 1)
    )
    return calendar(
        title,
        "Recovery of every date, a column for each week: green from 67, yellow from 34. Empty: none, or calibrating.",
        f"""
SELECT date_trunc('week', b.day::timestamp) AS "time",
       {cells}
FROM reporting.recovery_bands({RANGE}) b
GROUP BY 1 ORDER BY 1""",
        "percent",
        RECOVERY,
        height=height,
    )


STREAKS = table(
    "What runs am I on?",
    "Days in a row, up to the newest date. A day that is pending, open or calibrating neither ends nor lengthens a run.",
    f"""
SELECT s.kind AS "good day", s.current AS "now", s.longest AS "longest", s.longest_to::text AS "until"
FROM {NEWEST} n CROSS JOIN LATERAL reporting.streaks({MEMBER}, {FROM}, n.day) s""",
    Column("now", unit="suffix: d", width=80),
    Column("longest", unit="suffix: d", width=90),
    Column("until", width=110),
    width=12,
    height=9,
)


def glance(title: str, unit: str) -> Panel:
    """Means of whole weeks or months, newest first."""
    needed = {"week": 4, "month": 14}[unit]
    return table(
        title,
        f"Means of each {unit} from {needed} days on; HRV geometric. Good nights are those with a sleep performance of 85 % "
        "and more.",
        f"""
SELECT p.{unit}::text AS "{unit}", p.recovery_score AS "recovery", p.hrv_rmssd_ms AS "HRV",
       p.resting_heart_rate_bpm AS "resting HR", p.sleep_duration_s / 3600 AS "asleep",
       p.sleep_performance_pct AS "performance", p.nights_enough AS "good nights", p.strain AS "strain",
       p.energy_kj / 4.184 AS "energy", p.green AS "green", p.yellow AS "yellow", p.red AS "red"
FROM reporting.{unit}s({RANGE}) p
WHERE p.recovery_score_n + p.strain_n > 0
ORDER BY p.{unit} DESC""",
        Column(unit, width=105),
        Column("recovery", "percent", 0, steps=RECOVERY),
        Column("HRV", "ms", 0),
        Column("resting HR", "suffix: bpm", 0),
        Column("asleep", "suffix: h", 1),
        Column("performance", "percent", 0, steps=PERFORMANCE),
        Column("strain", "none", 1),
        Column("energy", "suffix: kcal", 0),
        Column("green", steps=only(GREEN), width=65),
        Column("yellow", steps=only(YELLOW), width=65),
        Column("red", steps=only(RED), width=65),
        width=24,
        height={"week": 11, "month": 7}[unit],
    )


SLEEP_BALANCE = course(
    "Do I pay my sleep debt back?",
    "Sleep short of the baseline need over 14 nights, our own sum, beside the debt that WHOOP states. They are never added.",
    f"""
SELECT s.day::timestamp AS "time", s.debt_14d_s / 3600 AS "14 nights", s.whoop_debt_s / 3600 AS "WHOOP's debt"
FROM reporting.sleep_debt({RANGE}) s
WHERE s.day <= {NEWEST}
ORDER BY s.day""",
    "suffix: h",
    Line("14 nights", SLEEP, opacity=12),
    Line("WHOOP's debt", NEUTRAL, dashed=True, width=1),
    least=0,
    decimals=1,
)

OVERVIEW = Dashboard(
    uid="circadia-overview",
    title="Overview",
    description="Today, the last months, and how far the figures can be trusted.",
    span="now-90d",
    variables=(MEMBER_VARIABLE,),
    annotations=marks(),
    sections=(
        Section("Can I trust these figures?", (NEWEST_DAY, LAST_SYNC, COVERAGE, PENDING, BUDGET, CONNECTION)),
        Section("The newest day", (RECOVERY_TODAY, SLEEP_TODAY, STRAIN_TODAY, TARGET, VITALS)),
        Section("The last months", (BALANCE, LOAD, STAGES, SLEEP_BALANCE, UNUSUAL, STREAKS)),
        Section(
            "At a glance",
            (
                recovery_calendar("Which days were green?"),
                glance("How were my weeks?", "week"),
                glance("How were my months?", "month"),
            ),
        ),
    ),
)
