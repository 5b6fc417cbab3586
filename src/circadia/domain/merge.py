"""The merge: what several sources say of a date becomes one reading per metric, and nothing that was said is lost.

It is arithmetic over observations: the same words give the same days in whatever order they arrive. Why it is so is in
docs/explanation/merge.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from statistics import fmean
from typing import Any

from circadia.domain.metrics import BY_NAME, METRICS, Metric, Policy, policy_for
from circadia.domain.readings import Lost, Merged, MergedDay, Observation, Quality, Reading, Source

_DAY = timedelta(days=1)
_DEFAULTS: Mapping[str, Policy] = {}

_OF_THE_NIGHT = frozenset(
    metric.name
    for metric in METRICS
    if any(place.startswith(("sleep/", "sleep.", "recovery.")) for place in f"{metric.sahha} {metric.whoop}".split())
)
"""What is told at waking: WHOOP has it in recovery or sleep, or Sahha in sleep."""


def merged(
    observations: Iterable[Observation],
    *,
    now: datetime,
    overrides: Mapping[str, Policy] = _DEFAULTS,
    expected: Collection[Source] = (),
    troubled: Collection[Source] = (),
) -> dict[date, dict[str, Merged]]:
    """The dates that anybody speaks of, oldest first, each with its metrics in the order of the catalogue.

    `now` is aware, and so are the observations' instants, which carry the offset of where the person was. `expected`
    are the connected sources and `troubled` those of them that could not be asked, by which `why` tells a silent source
    from one that is not there.
    """
    words: dict[date, dict[str, list[Observation]]] = {}
    for each in observations:
        words.setdefault(each.day, {}).setdefault(each.metric, []).append(each)
    judge = _Judge(now, expected, troubled)
    return {
        day: {
            metric.name: judge.merge(metric, policy_for(metric, overrides), told)
            for metric in METRICS
            if (told := words[day].get(metric.name))
        }
        for day in sorted(words)
    }


def summary(
    days: Mapping[date, MergedDay], *, now: datetime, overrides: Mapping[str, Policy] = _DEFAULTS
) -> dict[str, Merged]:
    """How things stand at `now`: per metric the newest date whose reading is still fresh, else the newest, stale."""
    newest: dict[str, Merged] = {}
    fresh: dict[str, Merged] = {}
    for day in sorted(days, reverse=True):
        for name, each in days[day].items():
            newest.setdefault(name, each)
            if name not in fresh and now - each.reading.observed_at <= policy_for(BY_NAME[name], overrides).fresh_for:
                fresh[name] = each
    return {
        metric.name: fresh.get(metric.name) or replace(last, reading=replace(last.reading, quality="stale"))
        for metric in METRICS
        if (last := newest.get(metric.name))
    }


def own(day: MergedDay, metric: str, source: Source) -> Reading | None:
    """A source's own reading of a metric, whether it stands, lost or went into a mean."""
    found = day.get(metric)
    if found is None or found.sources == (source,):
        return found.reading if found else None
    return next((each.reading for each in found.lost if each.reading.source == source), None)


def core_metrics(expected: Collection[Source]) -> tuple[str, ...]:
    """The metrics that a day of somebody with these sources connected should have."""
    return tuple(each.name for each in METRICS if any(source in expected for source in each.core))


def begun(day: MergedDay) -> bool:
    """Whether the night has been told: a date begins with the waking that dates it."""
    return not _OF_THE_NIGHT.isdisjoint(day)


def due(day: MergedDay, expected: Collection[Source], *, over: bool = True) -> tuple[str, ...]:
    """The core metrics that the day should have by now. While the date is not over and its night has not been told,
    those are the ones that are there already."""
    core = core_metrics(expected)
    return core if over or begun(day) else tuple(name for name in core if name in day)


def completeness(day: MergedDay, expected: Collection[Source], *, over: bool = True) -> float | None:
    """Which share, 0..1, of the metrics that are due from the connected sources the day has, from whichever source;
    None when none is."""
    wanted = due(day, expected, over=over)
    return sum(name in day for name in wanted) / len(wanted) if wanted else None


@dataclass(frozen=True, slots=True)
class Combined:
    """The four figures of some dates in one, 0..100 throughout; None is not known. `data_completeness` is the
    documented count of factors (0, 25, 50, 75 or 100): Sahha's readiness, sleep and activity, and WHOOP's recovery."""

    overall_score: float | None
    recovery_readiness: float | None
    sleep_quality: float | None
    activity_level: float | None
    data_completeness: float


def combined(days: Mapping[date, MergedDay], *, now: datetime, overrides: Mapping[str, Policy] = _DEFAULTS) -> Combined:
    """The combined block. Readiness and activity are the newest; sleep is the mean over the dates where WHOOP's counts,
    else the newest; the overall score is the mean of those there are. Zero is a score like any other."""
    latest = summary(days, now=now, overrides=overrides)
    readiness, activity = (_number(latest.get(name)) for name in ("readiness_score", "activity_score"))
    night = latest.get("sleep_score")
    sleep = _number(night)
    if night is not None and night.sources == ("whoop",):
        sleep = fmean(_scores(days, "sleep_score", "whoop"))
    there = [each for each in (readiness, sleep, activity) if each is not None]
    factors = sum(bool(_scores(days, name, source)) for name, source in _FACTORS)
    return Combined(fmean(there) if there else None, readiness, sleep, activity, factors / len(_FACTORS) * 100)


_FACTORS: tuple[tuple[str, Source], ...] = (
    ("readiness_score", "sahha"),
    ("sleep_score", "sahha"),
    ("activity_score", "sahha"),
    ("readiness_score", "whoop"),
)


def _number(found: Merged | None) -> float | None:
    return found.reading.value if found is not None and isinstance(found.reading.value, int | float) else None


def _scores(days: Mapping[date, MergedDay], name: str, source: Source) -> list[float]:
    """A source's own figures, one per date that has one."""
    readings = (own(day, name, source) for day in days.values())
    return [each.value for each in readings if each is not None and isinstance(each.value, int | float)]


@dataclass(frozen=True, slots=True)
class _Judge:
    """One merge's moment: what it is judged at, and who could have spoken."""

    now: datetime
    expected: Collection[Source]
    troubled: Collection[Source]

    def merge(self, metric: Metric, policy: Policy, words: Sequence[Observation]) -> Merged:
        """One metric of one date, from all that was said about it (at least one word)."""
        if len(words) == 1:
            reading = self.reading(metric, policy, words[0])
            return Merged(metric.name, reading, (reading.source,), self.alone(metric, reading.source))
        last: dict[Source, Reading] = {}
        lost: list[Lost] = []
        for source in dict.fromkeys((*policy.sources, *metric.sources)):
            latest, *earlier = _by_age([each for each in words if each.source == source]) or (None,)
            if latest is not None:
                last[source] = self.reading(metric, policy, latest)
            lost += (Lost(self.reading(metric, policy, each), f"{source} has said otherwise since") for each in earlier)
        fresh = [each for each in last.values() if each.quality != "stale"]
        if policy.how == "mean" and metric.numeric:
            apart = _independent(fresh)
            if len(apart) > 1:
                return _mean(metric, apart, [*last.values()], lost, policy)
            fresh = apart or fresh
        winner = fresh[0] if fresh else next(iter(last.values()))
        beaten = [Lost(each, _why_not(each, winner, policy)) for each in last.values() if each is not winner]
        return Merged(
            metric.name, winner, (winner.source,), self.why(metric, winner, [*last.values()]), (*beaten, *lost)
        )

    def reading(self, metric: Metric, policy: Policy, word: Observation) -> Reading:
        """A word judged: how old it is now, and how good it was for its date."""
        age = self.now - word.observed_at
        return Reading(
            word.value,
            metric.unit,
            word.source,
            word.observed_at,
            self.quality(policy, word, age),
            max(int(age.total_seconds()), 0),
            word.unsettled,
            word.via,
        )

    def quality(self, policy: Policy, word: Observation, age: timedelta) -> Quality:
        """Stale is what had been heard too long before now, or before its date was over where that was earlier."""
        if age > policy.fresh_for and min(self.now, self.end_of(word)) - word.observed_at > policy.fresh_for:
            return "stale"
        if word.unsettled:
            return "provisional"
        return "estimated" if word.estimated else "measured"

    def end_of(self, word: Observation) -> datetime:
        """The end of the word's date, where the person was then."""
        return datetime.combine(word.day + _DAY, time.min, word.observed_at.tzinfo)

    def alone(self, metric: Metric, source: Source) -> str:
        """Why the only source that spoke stands."""
        others = [each for each in metric.sources if each != source]
        if not others:
            return f"only {source} tells it"
        silent = [each for each in others if each in self.expected]
        if unheard := [each for each in silent if each in self.troubled]:
            return f"{' and '.join(unheard)} could not be asked"
        return f"{' and '.join(silent)} has none for this date" if silent else f"only {source} is connected"

    def why(self, metric: Metric, winner: Reading, asked: Sequence[Reading]) -> str:
        """Why a reading stands."""
        if len(asked) == 1:
            return self.alone(metric, winner.source)
        if winner.quality == "stale":
            return f"all are stale, and {winner.source} comes first"
        first = asked[0]
        if winner is first:
            return f"{winner.source} comes first"
        return f"{first.source} is stale" if first.quality == "stale" else f"{first.source} came by way of it"


def _by_age(words: Sequence[Observation]) -> Sequence[Observation]:
    """A source's words without repetitions, the latest observed first; the same whatever order they came in."""
    if len(words) < 2:
        return words

    def key(word: Observation) -> tuple[Any, ...]:
        seen = word.observed_at
        return -seen.timestamp(), word.unsettled or "", word.estimated, word.via, str(word.value), str(seen)

    found: list[Observation] = []
    for each in sorted(words, key=key):
        if not found or each != found[-1]:
            found.append(each)
    return found


def _independent(readings: Sequence[Reading]) -> list[Reading]:
    """Those that did not come by way of another one among them: nothing is counted twice."""
    speaking = {each.source for each in readings}
    return [each for each in readings if not speaking & ({*each.via} - {each.source})]


def _mean(
    metric: Metric, parts: Sequence[Reading], asked: Sequence[Reading], lost: list[Lost], policy: Policy
) -> Merged:
    """The mean of several readings, as old as the oldest of them."""
    oldest = min(parts, key=lambda each: each.observed_at)
    value = fmean(each.value for each in parts if isinstance(each.value, int | float))
    unsettled = next((each.unsettled for each in parts if each.unsettled), None)
    reading = replace(
        oldest,
        value=round(value) if metric.kind == "int" else value,
        source=parts[0].source,
        quality="provisional" if unsettled else "estimated",
        unsettled=unsettled,
        via=(),
    )
    sources = tuple(each.source for each in parts)
    others = [Lost(each, "part of the mean" if each in parts else _why_not(each, parts[0], policy)) for each in asked]
    return Merged(metric.name, reading, sources, f"mean of {' and '.join(sources)}", (*others, *lost))


def _why_not(reading: Reading, winner: Reading, policy: Policy) -> str:
    if reading.quality == "stale" and winner.quality != "stale":
        return f"stale: heard more than {policy.fresh_for.total_seconds() / 3600:g} h before"
    if policy.how == "mean" and winner.source in reading.via:
        return f"it came by way of {winner.source}, which speaks for itself"
    return f"{winner.source} comes first"
