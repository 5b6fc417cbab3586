"""What goes with what: correlations, effects, comparisons, days that stand out.

Days are not independent of one another, so every test counts them for as many as they are worth (`n_effective`), and
where many are made at once they are judged by the share of findings that would be false (`q`).
"""

from __future__ import annotations

from circadia.domain import metrics, trends
from circadia.domain.analyses.analysis import FIRST, LAST, METRIC, NOTE, Analysis, Figure, Parameter

OTHERS = (
    *trends.BY_NAME,
    *(each.name for each in metrics.METRICS if each.sahha and each.numeric and each.name not in trends.BY_NAME),
)
"""What a figure may be compared with: WHOOP's, and those that only Sahha tells."""

_RANGE = (FIRST, LAST)
_LAG = Parameter(
    "lag",
    "number",
    "How many days before the figure's the other one's is: 0 the same day, 1 the day before",
    0,
    ("0", "1", "2", "3", "4", "5", "6", "7"),
)
_WELCH = "Welch 1947; Hedges 1981"
_MANY = "Benjamini & Hochberg 1995"
_CARRY = (
    "n_effective = n (1 - ab) / (1 + ab), rounded down, with a and b the autocorrelations of the two from one day to "
    "the next (never above n)"
)
_N_EFFECTIVE = Figure("n_effective", "", "For how many independent days they count")
_NEEDED = Figure("needed", "", "Days needed")
_P = Figure("p", "", "Probability of as much by chance alone, 0..1")
_Q = Figure("q", "", "p corrected for the number of tests: the share of false findings, 0..1")
_EFFECT = (
    Figure("difference", "metric", "What the second mean has more than the first"),
    Figure("low", "metric", "Lower end of its 95 % interval"),
    Figure("high", "metric", "Upper end of its 95 % interval"),
    Figure("effect_size", "", "Hedges' g: the difference in standard deviations"),
)
_CORRELATION = (
    Figure("n", "", "Days on which both are known"),
    _NEEDED,
    _N_EFFECTIVE,
    Figure("pearson", "", "Correlation, -1..1"),
    Figure("low", "", "Lower end of its 95 % interval"),
    Figure("high", "", "Upper end of its 95 % interval"),
    Figure("spearman", "", "Correlation of the ranks, -1..1"),
    _P,
)
_CORRELATED = (
    f"Pearson's r with {_CARRY}; 95 % interval by Fisher's z with n_effective; p by Student's t with n_effective - 2 "
    "degrees of freedom. Spearman's rho with mean ranks for ties. HRV on ln."
)

INSIGHTS: tuple[Analysis, ...] = (
    Analysis(
        name="correlations",
        title="What moves together",
        about="A figure with every other one, of the same day or of days before. That two move together does not tell "
        "why. What is made of the other, or of the same, is marked as built in.",
        formula=f"{_CORRELATED} q by Benjamini-Hochberg over all with enough days that are not built in; found where "
        "q < 0.05.",
        source=f"Pyper & Peterman 1998, Can. J. Fish. Aquat. Sci. 55; {_MANY}",
        minimum=20,
        function="correlations",
        parameters=(METRIC, *_RANGE, _LAG),
        columns=(
            Figure("with", "", "The other figure"),
            Figure("source", "", "Who tells it: whoop, or sahha where WHOOP does not"),
            *_CORRELATION,
            _Q,
            Figure("built_in", "", "Whether one is made of the other, or both of the same"),
            Figure("verdict", "", "together, against, nothing found, built in or not enough"),
            NOTE,
        ),
    ),
    Analysis(
        name="correlation",
        title="Two figures, day by day",
        about="The days behind one correlation, for a scatter plot.",
        formula="x is the other figure `lag` days before the day, y the figure of the day; only days with both.",
        source="Circadia's own convention",
        minimum=1,
        function="correlation",
        parameters=(METRIC, Parameter("with", "word", "Name of the other figure", None, OTHERS), *_RANGE, _LAG),
        columns=(
            Figure("day", "", "Date of y"),
            Figure("x", "", "The other figure, in its unit"),
            Figure("y", "metric", "The figure"),
        ),
    ),
    Analysis(
        name="strain-recovery",
        title="Strain and the next recovery",
        about="Whether the recovery of a morning goes with the strain of the day before.",
        formula=f"As `correlations`, of recovery with strain one day before: {_CORRELATED} Found where p < 0.05.",
        source="Pyper & Peterman 1998, Can. J. Fish. Aquat. Sci. 55; 20 days are our own convention",
        minimum=20,
        function="strain_recovery",
        parameters=_RANGE,
        columns=(*_CORRELATION, Figure("verdict", "", "together, against, nothing found or not enough"), NOTE),
    ),
    Analysis(
        name="journal-effects",
        title="Journal",
        about="How a figure differs between days with a yes and days with a no, for every question of the journal. An "
        "answer is given in the morning about the day before, so it is compared with the sleep and the recovery of the "
        "date of that morning.",
        formula="Welch's t test of the days with a yes against those with a no; interval and p from n_effective, where "
        f"{_CARRY}, here of the answers and of the figure off its mean. Hedges' g from the days as they are. q by "
        "Benjamini-Hochberg over all questions with enough; found where q < 0.05. HRV on ln: means are geometric, the "
        "interval is of the ratio, told from the mean of the days with a no.",
        source=f"{_WELCH}; {_MANY}; 5 days each are our own convention",
        minimum=5,
        function="journal_effects",
        parameters=(METRIC, *_RANGE),
        columns=(
            Figure("question", "", "As in the export"),
            Figure("n_yes", "", "Days with a yes and the figure"),
            Figure("n_no", "", "Days with a no and the figure"),
            Figure("needed", "", "Days needed of each"),
            _N_EFFECTIVE,
            Figure("mean_yes", "metric", "Mean of the days with a yes"),
            Figure("mean_no", "metric", "Mean of the days with a no"),
            *_EFFECT,
            _P,
            _Q,
            Figure("verdict", "", "higher (with a yes), lower, nothing found or not enough"),
            NOTE,
        ),
    ),
    Analysis(
        name="compare",
        title="Two periods",
        about="A figure in one stretch of time against an earlier one.",
        formula="Welch's t test; interval and p from n_effective = n (1 - r) / (1 + r), rounded down, of each stretch, "
        "r the autocorrelation of the figure off its mean from one day to the next (0 when negative). Hedges' g of the "
        "days as they are; negligible below 0.2, small below 0.5, medium below 0.8, large. HRV on ln: means are "
        "geometric, the interval is of the ratio, told from the earlier mean; SD of the values.",
        source=f"{_WELCH}; Cohen 1988 for the sizes; Bartlett 1935 for r; 7 days each are our own convention",
        minimum=7,
        function="compare",
        parameters=(
            METRIC,
            Parameter("before_first", "date", "First date of the earlier stretch"),
            Parameter("before_last", "date", "Last date of the earlier stretch, included"),
            *_RANGE,
        ),
        columns=(
            Figure("n_before", "", "Days of the earlier stretch that count"),
            Figure("mean_before", "metric", "Mean of the earlier stretch"),
            Figure("sd_before", "metric", "Its standard deviation"),
            Figure("n", "", "Days of the later stretch that count"),
            Figure("mean", "metric", "Mean of the later stretch"),
            Figure("sd", "metric", "Its standard deviation"),
            Figure("needed", "", "Days needed of each"),
            _N_EFFECTIVE,
            *_EFFECT,
            Figure("size", "", "negligible, small, medium or large"),
            _P,
            Figure("verdict", "", "higher, lower, no difference found or not enough"),
            Figure("good", "", "Whether that is for the better; null where it is neither"),
            NOTE,
        ),
    ),
    Analysis(
        name="unusual-days",
        title="Unusual days",
        about="Days on which recovery, one of the body's five signals, sleep or strain was far off the 30 days before. "
        "The hint says that several signs of strain came together for two days; it is no diagnosis.",
        formula="|z| >= 2, with z as in `series`. Hint: on the day and on the day before resting heart rate z >= 1.5, "
        "HRV z <= -1.5, and respiratory rate or skin temperature z >= 1.5.",
        source="WHOOP's Health Monitor compares with a personal baseline; the limits are our own convention",
        minimum=14,
        function="unusual_days",
        parameters=_RANGE,
        columns=(
            Figure("day", "", "Date; null in the one row that says there are too few days"),
            Figure("metrics", "", "What was far off: a list of metric, value and z"),
            Figure("illness_hint", "", "Whether several signs of strain came together for the second day"),
            Figure("words", "", "The same in words"),
            NOTE,
        ),
    ),
)
