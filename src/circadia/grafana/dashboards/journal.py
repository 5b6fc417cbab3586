"""Journal effects: what a yes goes with, and what else moves with a figure."""

from __future__ import annotations

from circadia.domain.trends import DAY_METRICS
from circadia.grafana.colours import GREEN, NEUTRAL, SLEEP, STRAIN, YELLOW
from circadia.grafana.model import Dashboard, Panel, Section
from circadia.grafana.panels import Column, Line, course, stat, table
from circadia.grafana.queries import (
    CHOSEN_PER,
    FROM,
    MEMBER,
    MEMBER_VARIABLE,
    METRIC,
    TO,
    marks,
    metric_variable,
)
from circadia.grafana.shapes import columns, scatter

ANSWERS = f"""
FROM reporting.journal j
WHERE j.user_id = {MEMBER} AND $__timeFilter(j.day)"""
EFFECTS = f"reporting.journal_effects({MEMBER}, {METRIC}, {FROM}, {TO})"
LABELS = ", ".join(f"('{each.name}', '{each.label}')" for each in DAY_METRICS)
FOUND = {
    "higher": ("higher", STRAIN),
    "lower": ("lower", YELLOW),
    "together": ("together", STRAIN),
    "against": ("against", YELLOW),
    "nothing found": ("nothing found", NEUTRAL),
    "not enough": ("not enough", NEUTRAL),
}
NO_CAUSE = "What goes together need not be cause and effect."

COUNT = stat(
    "How many answers are there?",
    "Answers of the journal in the range. They come with an imported export; WHOOP's interface does not give them.",
    f"""
SELECT count(*)::float8 AS "value"{ANSWERS}""",
    "none",
    decimals=0,
    width=6,
)
DAYS = stat(
    "On how many days did I answer?",
    "Dates of the range with an answer.",
    f"""
SELECT count(DISTINCT j.day)::float8 AS "value"{ANSWERS}""",
    "suffix: d",
    decimals=0,
    width=6,
)
TESTED = stat(
    "How many questions can be tested?",
    "Questions with at least 5 days with a yes and 5 with a no on which the chosen figure is known.",
    f"""
SELECT count(*) FILTER (WHERE e.note IS NULL)::float8 AS "value"
FROM {EFFECTS} e""",
    "none",
    decimals=0,
    width=6,
)
FOUND_COUNT = stat(
    "How many of them go with it?",
    "Questions whose yes goes with a higher or lower figure: q < 0.05, corrected for the number of questions "
    "(Benjamini and Hochberg 1995).",
    f"""
SELECT count(*) FILTER (WHERE e.verdict IN ('higher', 'lower'))::float8 AS "value"
FROM {EFFECTS} e""",
    "none",
    steps=((None, NEUTRAL), (1, GREEN)),
    decimals=0,
    width=6,
)
DIFFERENCES = columns(
    "What does a yes go with: ${metric:text}?",
    f"How much the figure differs between days with a yes and days with a no. An answer is about the day before the morning "
    f"whose sleep and recovery it is compared with. {NO_CAUSE}",
    f"""
SELECT e.question AS "question", e.difference / {CHOSEN_PER} AS "difference"
FROM {EFFECTS} e
WHERE e.note IS NULL
ORDER BY e.difference DESC""",
    "none",
    Line("difference", STRAIN),
    across="question",
    sideways=True,
    width=9,
    height=11,
    decimals=1,
)
EFFECT_TABLE = table(
    "How sure is that?",
    "Means of the days with a yes and with a no, the difference with its 95 % interval (Welch 1947), Hedges' g, and q. Needs 5 "
    "days of each.",
    f"""
SELECT e.question AS "question", e.mean_yes / {CHOSEN_PER} AS "yes", e.mean_no / {CHOSEN_PER} AS "no",
       e.difference / {CHOSEN_PER} AS "difference", e.low / {CHOSEN_PER} AS "from", e.high / {CHOSEN_PER} AS "to",
       e.effect_size AS "g", e.q AS "q", e.n_yes AS "days yes", e.n_no AS "days no", e.verdict AS "verdict"
FROM {EFFECTS} e""",
    Column("question", width=210),
    *(Column(name, decimals=1) for name in ("yes", "no", "difference", "from", "to")),
    Column("g", decimals=2),
    Column("q", decimals=3),
    Column("verdict", words=FOUND, width=120),
    width=15,
    height=11,
)
OFTEN = columns(
    "To what do I say yes, and how often?",
    "Days with a yes and days with a no, by question.",
    f"""
SELECT j.question AS "question", count(*) FILTER (WHERE j.answered_yes) AS "yes", count(*) FILTER (WHERE NOT j.answered_yes) AS "no"{ANSWERS}
GROUP BY 1 ORDER BY 2 DESC LIMIT 15""",
    "suffix: d",
    Line("yes", SLEEP),
    Line("no", NEUTRAL),
    across="question",
    sideways=True,
    stacked=True,
    decimals=0,
)
WEEKLY = course(
    "How often did I say yes each week?",
    "Answers with a yes in each week from Monday to Sunday, of all questions.",
    f"""
SELECT date_trunc('week', j.day::timestamp) AS "time", count(*) FILTER (WHERE j.answered_yes)::float8 AS "yes",
       count(*) FILTER (WHERE NOT j.answered_yes)::float8 AS "no"{ANSWERS}
GROUP BY 1 ORDER BY 1""",
    "none",
    Line("yes", SLEEP, "bars", stacked=True),
    Line("no", NEUTRAL, "bars", stacked=True, opacity=35),
    least=0,
    decimals=0,
)


def moving(title: str, lag: int, when: str) -> Panel:
    """What goes with the chosen figure."""
    return table(
        title,
        f"Pearson's r of the chosen figure with every other one {when}, with its 95 % interval and q, corrected for their number. "
        f"What one is made of is left out. Needs 20 days. {NO_CAUSE}",
        f"""
SELECT coalesce(l.label, initcap(replace(c."with", '_', ' '))) AS "figure", c.pearson AS "r", c.low AS "from", c.high AS "to",
       c.q AS "q", c.n AS "days", c.n_effective AS "count as", c.verdict AS "verdict"
FROM reporting.correlations({MEMBER}, {METRIC}, {FROM}, {TO}, {lag}) c
LEFT JOIN (VALUES {LABELS}) l (metric, label) ON l.metric = c."with"
WHERE c.note IS NULL AND NOT c.built_in
ORDER BY abs(c.pearson) DESC LIMIT 15""",
        Column("figure", width=180),
        Column("r", decimals=2),
        Column("from", decimals=2),
        Column("to", decimals=2),
        Column("q", decimals=3),
        Column("verdict", words=FOUND, width=120),
        height=11,
    )


def against(title: str, description: str, other: str, name: str, unit: str, divisor: str, colour: str) -> Panel:
    """The chosen figure over another of the day before."""
    return scatter(
        title,
        description,
        f"""
SELECT c.x{divisor} AS "{name}", c.y / {CHOSEN_PER} AS "chosen figure"
FROM reporting.correlation({MEMBER}, {METRIC}, '{other}', {FROM}, {TO}, 1) c""",
        "none",
        x=Line(name, NEUTRAL, unit=unit),
        y=Line("chosen figure", colour),
    )


JOURNAL = Dashboard(
    uid="circadia-journal",
    title="Journal effects",
    description="What a yes goes with, and what else moves with a figure.",
    span="now-1y",
    variables=(MEMBER_VARIABLE, metric_variable()),
    annotations=marks(),
    sections=(
        Section("The journal", (COUNT, DAYS, TESTED, FOUND_COUNT)),
        Section("What a yes goes with", (DIFFERENCES, EFFECT_TABLE, OFTEN, WEEKLY)),
        Section(
            "What else moves with it",
            (
                moving("What goes with it on the same day?", 0, "of the same day"),
                moving("What of the day before goes with it?", 1, "of the day before"),
                against(
                    "Does it follow the strain of the day before?",
                    "A point for each day: the chosen figure over the strain one day before.",
                    "strain",
                    "strain of the day before",
                    "none",
                    "",
                    STRAIN,
                ),
                against(
                    "Does it follow the sleep of the night before last?",
                    "A point for each day: the chosen figure over the hours asleep one day before.",
                    "sleep_duration_s",
                    "asleep the day before",
                    "suffix: h",
                    " / 3600",
                    SLEEP,
                ),
            ),
        ),
    ),
)
