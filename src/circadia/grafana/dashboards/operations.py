"""Operations: freshness, runs, budget, webhooks, jobs and errors. Shows nothing to a role that sees one member only."""

from __future__ import annotations

from circadia.domain.lanes import LANES
from circadia.grafana.colours import BREATH, GREEN, HRV, NEUTRAL, RED, REM, STRAIN, YELLOW
from circadia.grafana.dashboards.overview import BUDGET
from circadia.grafana.model import Dashboard, Section
from circadia.grafana.panels import Column, Line, course, stat, table
from circadia.grafana.shapes import columns, histogram

TYPES = "('cycle', 'recovery', 'sleep', 'workout')"
STALEST = f"""(
    SELECT m.user_id, m.connection, extract(epoch FROM now() - min(f.last_success_at))::float8 AS age
    FROM reporting.operations_members m
    LEFT JOIN reporting.freshness f ON f.user_id = m.user_id AND f.type IN {TYPES}
    GROUP BY m.user_id, m.connection) a"""
AGE = ((None, GREEN), (6 * 3600.0, YELLOW), (24 * 3600.0, RED))
NONE_IS_GOOD = ((None, GREEN), (1.0, RED))
LANE_COLOURS = dict(zip(LANES, (STRAIN, REM, GREEN, YELLOW, NEUTRAL), strict=True))
BUCKET = """to_timestamp($__timeGroup({0}, '$__interval')) AS "time\""""
POINTS = 96
STATES = {
    "connected": ("connected", GREEN),
    "needs_reconnect": ("connect again", RED),
    "not_connected": ("not connected", NEUTRAL),
}

CONNECTED = stat(
    "How many members are connected?",
    "Members with a grant that works.",
    """
SELECT count(*) FILTER (WHERE m.connection = 'connected')::float8 AS "value"
FROM reporting.operations_members m""",
    "none",
    decimals=0,
)
RECONNECT = stat(
    "Who has to connect again?",
    "Members whose grant is dead at WHOOP for certain.",
    """
SELECT count(*) FILTER (WHERE m.connection = 'needs_reconnect')::float8 AS "value"
FROM reporting.operations_members m""",
    "none",
    steps=NONE_IS_GOOD,
    decimals=0,
)
OLDEST = stat(
    "How old is the oldest copy?",
    "Of the connected members: the longest time since a type of record was brought up to date.",
    f"""
SELECT max(a.age) AS "value"
FROM {STALEST}
WHERE a.connection = 'connected'""",
    "s",
    steps=AGE,
    decimals=0,
)
BACKLOG = stat(
    "How many jobs are due and wait?",
    "Jobs that could begin now and have not; more than a few for long means too few workers.",
    """
SELECT count(*)::float8 AS "value"
FROM reporting.operations_jobs j
WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())""",
    "none",
    steps=((None, GREEN), (50, YELLOW), (500, RED)),
    decimals=0,
)
WORKERS = stat(
    "How many workers live?",
    "Workers that were heard of within the last minute.",
    """
SELECT count(*)::float8 AS "value"
FROM reporting.operations_workers w
WHERE w.last_heartbeat > now() - interval '1 minute'""",
    "none",
    steps=((None, RED), (1, GREEN)),
    decimals=0,
)

_BY_LANE = ",\n       ".join(f"sum(u.{{0}}) FILTER (WHERE u.lane = '{lane}')::float8 AS \"{lane}\"" for lane in LANES)


def by_lane(column: str) -> str:
    """Units of the budget over time, a column for each lane."""
    return f"""
SELECT {BUCKET.format("u.at")},
       {_BY_LANE.format(column)}
FROM reporting.operations_budget_usage u
WHERE u.bucket = 'minute' AND $__timeFilter(u.at)
GROUP BY 1 ORDER BY 1"""


TAKEN = course(
    "Who used the budget?",
    "Requests to WHOOP by lane; the lane named first goes first.",
    by_lane("taken"),
    "none",
    *(Line(lane, colour, "bars", stacked=True) for lane, colour in LANE_COLOURS.items()),
    least=0,
    decimals=0,
    points=POINTS,
)
REFUSED = course(
    "Who had to wait for the budget?",
    "Requests that found no unit within their patience and were put off, by lane.",
    by_lane("refused"),
    "none",
    *(Line(lane, colour, "bars", stacked=True) for lane, colour in LANE_COLOURS.items()),
    least=0,
    decimals=0,
    points=POINTS,
)
RUNS = course(
    "How did the runs end?",
    "Syncs, backfills, reconciliations and imports by the time they were asked for, and how they stand.",
    f"""
SELECT {BUCKET.format("r.created_at")},
       count(*) FILTER (WHERE r.state = 'succeeded')::float8 AS "succeeded", count(*) FILTER (WHERE r.state = 'partial')::float8 AS "partial",
       count(*) FILTER (WHERE r.state = 'failed')::float8 AS "failed",
       count(*) FILTER (WHERE r.state IN ('queued', 'running'))::float8 AS "under way"
FROM reporting.operations_runs r
WHERE $__timeFilter(r.created_at)
GROUP BY 1 ORDER BY 1""",
    "none",
    Line("succeeded", GREEN, "bars", stacked=True),
    Line("partial", YELLOW, "bars", stacked=True),
    Line("failed", RED, "bars", stacked=True),
    Line("under way", NEUTRAL, "bars", stacked=True),
    least=0,
    decimals=0,
    points=POINTS,
)
DURATIONS = course(
    "How long do runs take?",
    "Median and 95th percentile of the runs that are over, by the time they were asked for.",
    f"""
SELECT {BUCKET.format("r.created_at")}, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_s) AS "median",
       percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_s) AS "95 %"
FROM reporting.operations_runs r
WHERE $__timeFilter(r.created_at) AND r.finished_at IS NOT NULL
GROUP BY 1 ORDER BY 1""",
    "s",
    Line("median", STRAIN),
    Line("95 %", NEUTRAL, dashed=True, width=1),
    least=0,
    points=POINTS,
)
DELIVERIES = course(
    "What came of the webhooks?",
    "Deliveries by the time they came, and their state: settled, waiting for a run, about an account nobody has connected, "
    "or parked because they cannot be answered.",
    f"""
SELECT {BUCKET.format("d.received_at")},
       count(*) FILTER (WHERE d.state = 'settled')::float8 AS "settled", count(*) FILTER (WHERE d.state = 'waiting')::float8 AS "waiting",
       count(*) FILTER (WHERE d.state = 'unknown')::float8 AS "unknown", count(*) FILTER (WHERE d.state = 'parked')::float8 AS "parked"
FROM reporting.operations_deliveries d
WHERE $__timeFilter(d.received_at)
GROUP BY 1 ORDER BY 1""",
    "none",
    Line("settled", GREEN, "bars", stacked=True),
    Line("waiting", YELLOW, "bars", stacked=True),
    Line("unknown", NEUTRAL, "bars", stacked=True),
    Line("parked", RED, "bars", stacked=True),
    least=0,
    decimals=0,
    points=POINTS,
)
ANSWERED = course(
    "How fast are webhooks answered?",
    "Median and 95th percentile from a webhook's coming to its data being here, of those that are settled.",
    f"""
SELECT {BUCKET.format("d.received_at")},
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.settled_at - d.received_at)::float8) AS "median",
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.settled_at - d.received_at)::float8) AS "95 %"
FROM reporting.operations_deliveries d
WHERE $__timeFilter(d.received_at) AND d.state = 'settled'
GROUP BY 1 ORDER BY 1""",
    "s",
    Line("median", STRAIN),
    Line("95 %", NEUTRAL, dashed=True, width=1),
    least=0,
    points=POINTS,
)
EVENTS = columns(
    "Which webhooks come?",
    "Deliveries of the range by the type of their event.",
    """
SELECT d.type AS "event", count(*)::float8 AS "deliveries"
FROM reporting.operations_deliveries d
WHERE $__timeFilter(d.received_at)
GROUP BY 1 ORDER BY 2 DESC LIMIT 12""",
    "none",
    Line("deliveries", HRV),
    across="event",
    width=8,
    sideways=True,
    decimals=0,
)
ERRORS = columns(
    "Which errors come most?",
    "Errors of the runs of the range, by kind.",
    """
SELECT r.error AS "error", count(*)::float8 AS "runs"
FROM reporting.operations_runs r
WHERE $__timeFilter(r.created_at) AND r.error IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC LIMIT 12""",
    "none",
    Line("runs", RED),
    across="error",
    width=8,
    sideways=True,
    decimals=0,
)
AGES = histogram(
    "How fresh are the members?",
    "How many connected members were last brought up to date how many hours ago, in steps of one hour.",
    f"""
SELECT a.age / 3600 AS "value"
FROM {STALEST}
WHERE a.connection = 'connected' AND a.age IS NOT NULL""",
    "suffix: h",
    bucket=1,
    colour=BREATH,
    width=8,
)
FAILED = table(
    "Which runs failed last?",
    "The newest runs of the range that failed or ended in part, with what they met.",
    """
SELECT to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS "asked for", r.user_id AS "member", r.kind AS "kind",
       r.lane AS "lane", r.state AS "state", r.attempt AS "attempt", r.duration_s AS "took", coalesce(r.error_message, r.error) AS "error"
FROM reporting.operations_runs r
WHERE $__timeFilter(r.created_at) AND r.state IN ('failed', 'partial')
ORDER BY r.created_at DESC LIMIT 100""",
    Column("asked for", width=150),
    Column("state", words={"failed": ("failed", RED), "partial": ("partial", YELLOW)}, width=90),
    Column("took", "s", 1, width=90),
    width=24,
)
MEMBERS = table(
    "How does each member stand?",
    "The oldest copy first: age of the type that was brought up to date longest ago, what waits for a score, whether the whole "
    "history is here, and failures in a row.",
    f"""
SELECT m.user_id AS "member", m.connection AS "connection", extract(epoch FROM now() - min(f.last_success_at))::float8 AS "age",
       sum(f.pending)::float8 AS "pending", CASE WHEN bool_and(f.history_complete) THEN 'whole' ELSE 'under way' END AS "history",
       min(f.history_from)::date::text AS "from", max(f.failures) AS "failures", string_agg(DISTINCT f.error, ', ') AS "errors",
       CASE WHEN m.pushed_at IS NOT NULL THEN to_char(m.pushed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') END AS "last webhook"
FROM reporting.operations_members m
LEFT JOIN reporting.freshness f ON f.user_id = m.user_id AND f.type IN {TYPES}
GROUP BY m.user_id, m.connection, m.pushed_at
ORDER BY 3 DESC NULLS FIRST LIMIT 1000""",
    Column("connection", words=STATES, width=130),
    Column("age", "s", 1, steps=AGE),
    Column("pending", "none", 0),
    width=24,
)
QUEUES = table(
    "What do the queues hold?",
    "Jobs by queue and state, and how long the one that is due longest has waited.",
    """
SELECT j.queue AS "queue", j.status AS "state", count(*) AS "jobs",
       max(extract(epoch FROM now() - j.scheduled_at)) FILTER (WHERE j.status = 'todo' AND j.scheduled_at <= now())::float8 AS "waited"
FROM reporting.operations_jobs j
WHERE j.status IN ('todo', 'doing', 'failed')
GROUP BY 1, 2 ORDER BY 1, 2""",
    Column("waited", "s", 0),
    width=8,
)
NOTICES = table(
    "What needs a person?",
    "Notices that are not over, and what to do about each.",
    """
SELECT to_char(n.raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS "since", n.kind AS "notice", n.user_id AS "member",
       n.message AS "what", n.remedy AS "remedy"
FROM reporting.operations_notices n
WHERE n.over_at IS NULL
ORDER BY n.raised_at DESC LIMIT 200""",
    Column("since", width=150),
    Column("notice", width=120),
    Column("member", width=120),
    Column("remedy", width=200),
    width=16,
)

OPERATIONS = Dashboard(
    uid="circadia-operations",
    title="Operations",
    description="Freshness, runs, budget, webhooks, jobs and errors of the whole installation. A role that sees one member "
    "only sees nothing here.",
    span="now-24h",
    until="now",
    refresh="1m",
    ranges=(
        ("6 hours", "now-6h"),
        ("24 hours", "now-24h"),
        ("2 days", "now-2d"),
        ("7 days", "now-7d"),
        ("30 days", "now-30d"),
    ),
    sections=(
        Section("Now", (CONNECTED, RECONNECT, OLDEST, BUDGET, BACKLOG, WORKERS)),
        Section("Members", (MEMBERS, NOTICES, QUEUES)),
        Section("Runs", (RUNS, DURATIONS, FAILED)),
        Section("Budget", (TAKEN, REFUSED)),
        Section("Webhooks and errors", (DELIVERIES, ANSWERED, EVENTS, ERRORS, AGES)),
    ),
)
