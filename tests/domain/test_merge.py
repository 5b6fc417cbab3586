"""The merge: who wins and why, what stays visible, and what holds whatever is said in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circadia.domain import sahha_readings, whoop_readings
from circadia.domain.merge import begun, combined, completeness, core_metrics, due, merged, own, summary
from circadia.domain.metrics import BY_NAME, METRICS, Metric, Policy, parse_policy
from circadia.domain.readings import SOURCES, Merged, Observation, Reading, Source, Value
from circadia.domain.sahha import Biomarker

DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
BOTH: tuple[Source, ...] = ("sahha", "whoop")


def say(
    source: Source, metric: str, value: Value, ago: float = 1, *, day: date = DAY, now: datetime = NOON, **more: Any
) -> Observation:
    """A word heard `ago` hours before now."""
    return Observation(day, metric, source, value, now - timedelta(hours=ago), **more)


def on(*said: Observation, now: datetime = NOON, **more: Any) -> dict[str, Merged]:
    return merged(said, now=now, expected=BOTH, **more)[DAY]


def one(*said: Observation, **more: Any) -> Merged:
    (found,) = on(*said, **more).values()
    return found


def lost(found: Merged) -> list[tuple[Source, Value, str]]:
    return [(each.reading.source, each.reading.value, each.why) for each in found.lost]


def test_the_first_in_order_stands_and_the_other_stays_visible() -> None:
    found = one(say("sahha", "resting_heart_rate_bpm", 57.0), say("whoop", "resting_heart_rate_bpm", 54.0))
    assert (found.reading.value, found.sources, found.why) == (54.0, ("whoop",), "whoop comes first")
    assert lost(found) == [("sahha", 57.0, "whoop comes first")]
    assert found.reading.unit == "bpm"
    steps = one(say("sahha", "steps", 8000), say("whoop", "steps", 9000))
    assert (steps.reading.value, lost(steps)) == (8000, [("whoop", 9000, "sahha comes first")])


def test_zero_is_a_value() -> None:
    assert one(say("whoop", "naps", 0)).reading.value == 0
    assert one(say("sahha", "steps", 0), say("whoop", "steps", 900)).reading.value == 0
    assert one(say("sahha", "readiness_score", 40.0), say("whoop", "readiness_score", 0.0)).reading.value == 0.0


@pytest.mark.parametrize(
    ("more", "quality"),
    [
        ({}, "measured"),
        ({"estimated": True}, "estimated"),
        ({"estimated": True, "unsettled": "calibrating"}, "provisional"),
        ({"unsettled": "open", "ago": 7}, "stale"),
        ({"ago": 6}, "measured"),
    ],
)
def test_the_worst_that_can_be_said_of_it_is_its_quality(more: dict[str, Any], quality: str) -> None:
    assert one(say("sahha", "steps", 8000, **more)).reading.quality == quality


def test_what_is_stale_gives_way() -> None:
    words = say("sahha", "steps", 3000, 7, unsettled="intraday"), say("whoop", "steps", 9000, 1, unsettled="open")
    found = one(*words)
    assert (found.reading.value, found.reading.quality, found.why) == (9000, "provisional", "sahha is stale")
    assert lost(found) == [("sahha", 3000, "stale: heard more than 6 h before")]
    patient = one(*words, overrides={"steps": parse_policy("steps", {"fresh_for_s": 8 * 3600})})
    assert patient.reading.value == 3000
    both = one(say("sahha", "steps", 3000, 8), say("whoop", "steps", 2000, 7))
    assert (both.reading.value, both.why) == (3000, "all are stale, and sahha comes first")
    assert lost(both) == [("whoop", 2000, "sahha comes first")]


def test_a_date_that_is_over_does_not_age() -> None:
    later = NOON + timedelta(days=30)
    evening = say("sahha", "steps", 8000, -9)
    assert one(evening, now=later).reading.quality == "measured"
    assert one(evening, now=later).reading.age_s == 30 * 86400 - 9 * 3600
    assert one(say("sahha", "steps", 3000), now=later).reading.quality == "stale"


def test_a_date_ends_where_the_person_was() -> None:
    """Heard at 19:00 in Sydney: the date was over five hours later. The same instant in London, at eight in the
    morning: it went on for sixteen hours."""
    sydney = timezone(timedelta(hours=11))
    word = Observation(DAY, "steps", "sahha", 8000, datetime(2026, 11, 19, 19, tzinfo=sydney))
    assert one(word, now=NOON + timedelta(days=3)).reading.quality == "measured"
    in_london = Observation(DAY, "steps", "sahha", 8000, word.observed_at.astimezone(UTC))
    assert one(in_london, now=NOON + timedelta(days=3)).reading.quality == "stale"


def test_a_clock_ahead_of_ours_makes_nothing_younger_than_now() -> None:
    assert one(say("sahha", "steps", 1, -0.5)).reading.age_s == 0


def test_of_two_words_of_one_source_the_later_stands() -> None:
    found = one(say("sahha", "steps", 100, 3), say("sahha", "steps", 300, 1), say("sahha", "steps", 200, 2))
    assert found.reading.value == 300
    assert lost(found) == [("sahha", 200, "sahha has said otherwise since"), ("sahha", 100, lost(found)[0][2])]
    twice = one(say("sahha", "steps", 100), say("sahha", "steps", 100))
    assert (twice.reading.value, twice.lost) == (100, ())


def test_why_tells_a_silent_source_from_one_that_is_not_there() -> None:
    word = say("sahha", "readiness_score", 70.0)
    assert one(word).why == "whoop has none for this date"
    assert merged([word], now=NOON, expected={"sahha"})[DAY]["readiness_score"].why == "only sahha is connected"
    assert one(say("sahha", "activity_score", 70.0)).why == "only sahha tells it"


MEAN = {name: parse_policy(name, {"how": "mean"}) for name in ("resting_heart_rate_bpm", "steps")}


def test_a_mean_is_of_what_is_fresh_and_shows_its_parts() -> None:
    name = "resting_heart_rate_bpm"
    found = one(say("sahha", name, 57.0, 5), say("whoop", name, 54.0, 2), overrides=MEAN)
    assert (found.reading.value, found.reading.quality, found.sources) == (55.5, "estimated", ("whoop", "sahha"))
    assert found.reading.age_s == 5 * 3600
    assert found.why == "mean of whoop and sahha"
    assert lost(found) == [("whoop", 54.0, "part of the mean"), ("sahha", 57.0, "part of the mean")]
    stale = one(say("sahha", name, 57.0, 50), say("whoop", name, 54.0, 2), overrides=MEAN)
    assert (stale.reading.value, stale.reading.quality, stale.sources) == (54.0, "measured", ("whoop",))
    earlier = one(say("sahha", name, 57.0), say("whoop", name, 54.0), say("whoop", name, 99.0, 2), overrides=MEAN)
    assert (earlier.reading.value, lost(earlier)[2:]) == (55.5, [("whoop", 99.0, "whoop has said otherwise since")])
    whole = one(say("sahha", "steps", 8000, unsettled="intraday"), say("whoop", "steps", 9001), overrides=MEAN)
    assert (whole.reading.value, whole.reading.quality) == (8500, "provisional")


def test_nothing_is_counted_twice() -> None:
    name = "resting_heart_rate_bpm"
    echo = say("sahha", name, 57.0, via=("whoop",))
    found = one(echo, say("whoop", name, 54.0), overrides=MEAN)
    assert (found.reading.value, found.sources) == (54.0, ("whoop",))
    assert lost(found) == [("sahha", 57.0, "it came by way of whoop, which speaks for itself")]
    sahha_first = {name: parse_policy(name, {"how": "mean", "sources": ["sahha"]})}
    assert one(echo, say("whoop", name, 54.0), overrides=sahha_first).why == "sahha came by way of it"
    assert one(echo, overrides=MEAN).reading.via == ("whoop",)
    stale = one(echo, say("whoop", name, 54.0, 50), overrides=MEAN)
    assert (stale.reading.value, stale.reading.via) == (57.0, ("whoop",))


def test_a_policy_of_fewer_sources_silences_nobody() -> None:
    only_whoop = {"steps": Policy(("whoop",), timedelta(hours=6))}
    assert one(say("sahha", "steps", 8000), overrides=only_whoop).reading.value == 8000
    found = one(say("sahha", "steps", 8000), say("whoop", "steps", 9000), overrides=only_whoop)
    assert (found.reading.value, lost(found)) == (9000, [("sahha", 8000, "whoop comes first")])


def test_metrics_come_in_the_order_of_the_catalogue_and_dates_in_theirs() -> None:
    said = [
        say("whoop", "strain", 9.0),
        say("sahha", "steps", 5, day=DAY - timedelta(days=1)),
        say("whoop", "sleep_score", 80.0),
    ]
    found = merged(said, now=NOON)
    assert [*found] == [DAY - timedelta(days=1), DAY]
    assert [*found[DAY]] == ["sleep_score", "strain"]
    assert merged([say("sahha", "not_yet_known", 1.0)], now=NOON) == {DAY: {}}


def test_the_documented_example_of_merging_a_night() -> None:
    """Sahha's 7.5 h, 88 % and 1.8 h of deep sleep, WHOOP's 27000 s, 92 % and 85: WHOOP's where both speak."""
    window = {"start_at": NOON - timedelta(hours=18), "end_at": NOON + timedelta(hours=6, seconds=-1)}
    night = [
        ("sleep_duration", "7.5", "hour"),
        ("sleep_efficiency", "88", "percentage"),
        ("sleep_deep_duration", "1.8", "hour"),
    ]
    sahha = [
        Biomarker.model_validate(
            {"id": f"{i:032x}", "category": "sleep", "type": type_, "value": value, "unit": unit}
            | {"value_type": "double", **window}
        )
        for i, (type_, value, unit) in enumerate(night)
    ]
    row = {"date": "2026-11-19", "score_state": "SCORED", "end_time": "2026-11-19T06:30:00.000Z"}
    whoop = {"sleep": {"data": [row | {"duration_seconds": 27000, "efficiency_percentage": 92, "sleep_score": 85}]}}
    said = (
        *sahha_readings.observations([], [(each, NOON) for each in sahha]),
        *whoop_readings.observations(whoop),
    )
    found = on(*said)
    assert {name: each.reading.value for name, each in found.items()} == {
        "sleep_duration_s": 7.5 * 3600,
        "sleep_efficiency_pct": 92,
        "deep_sleep_s": 1.8 * 3600,
        "sleep_score": 85,
        "sleep_end_at": datetime(2026, 11, 19, 6, 30, tzinfo=UTC),
    }
    assert {each.reading.source for each in found.values()} == {"sahha", "whoop"}
    assert lost(found["sleep_efficiency_pct"]) == [("sahha", 88, "whoop comes first")]


def test_a_summary_is_the_newest_that_is_fresh_else_the_newest() -> None:
    before = DAY - timedelta(days=1)
    days = merged(
        [
            say("whoop", "readiness_score", 60.0, 5),
            say("whoop", "readiness_score", 50.0, 29, day=before),
            say("whoop", "sleep_score", 90.0, 29, day=before),
            say("sahha", "steps", 4000, 8),
            say("sahha", "weight_kg", 70.0, 500, day=DAY - timedelta(days=21)),
        ],
        now=NOON,
    )
    found = {name: (each.reading.value, each.reading.quality) for name, each in summary(days, now=NOON).items()}
    assert found == {
        "readiness_score": (60.0, "measured"),
        "sleep_score": (90.0, "measured"),
        "steps": (4000, "stale"),
        "weight_kg": (70.0, "measured"),
    }
    much_later = summary(days, now=NOON + timedelta(days=9))
    assert (much_later["sleep_score"].reading.value, much_later["sleep_score"].reading.quality) == (90.0, "stale")
    patient = {"steps": parse_policy("steps", {"fresh_for_s": 86400})}
    fresh = summary(merged([say("sahha", "steps", 4000, 8)], now=NOON, overrides=patient), now=NOON, overrides=patient)
    assert fresh["steps"].reading.quality == "measured"


def test_a_source_is_found_among_winners_losers_and_parts() -> None:
    name = "resting_heart_rate_bpm"
    said = say("sahha", name, 57.0), say("sahha", name, 99.0, 3), say("whoop", name, 54.0)
    for overrides in ({}, MEAN):
        day = on(*said, overrides=overrides)
        values = [each.value for source in BOTH if (each := own(day, name, source))]
        assert values == [57.0, 54.0]
    assert own(on(said[0]), name, "whoop") is None
    assert own({}, name, "whoop") is None


def test_completeness_is_what_is_there_of_what_the_connected_sources_should_tell() -> None:
    assert {"strain", "hrv_rmssd_ms"} <= {*core_metrics({"whoop"})}
    assert "strain" not in core_metrics({"sahha"})
    assert {*core_metrics(BOTH)} == {*core_metrics({"sahha"})} | {*core_metrics({"whoop"})}
    whole = on(*(say(each.core[0], each.name, 1.0) for each in METRICS if each.core))
    assert completeness(whole, BOTH) == 1.0
    wanted = core_metrics({"sahha"})
    assert completeness(on(say("whoop", "sleep_score", 0.0)), {"sahha"}) == 1 / len(wanted)
    assert completeness({}, BOTH) == 0.0
    assert completeness(whole, set()) is None


def test_a_date_that_goes_on_lacks_nothing_before_its_night_is_told() -> None:
    assert completeness({}, BOTH, over=False) is None
    walked = on(say("sahha", "steps", 12))
    assert (due(walked, BOTH, over=False), completeness(walked, BOTH, over=False)) == (("steps",), 1.0)
    assert completeness(walked, BOTH) == 1 / len(core_metrics(BOTH))
    for name in ("sleep_end_at", "readiness_score", "sleep_latency_s", "spo2_pct"):
        awake = on(say("sahha", "steps", 12), say("sahha", name, NOON if name == "sleep_end_at" else 1.0))
        assert due(awake, BOTH, over=False) == core_metrics(BOTH), name
    assert not any(begun(on(say("sahha", name, 1.0))) for name in ("activity_score", "weight_kg", "vo2_max"))


def test_the_combined_figures_of_both_sources() -> None:
    before = DAY - timedelta(days=1)
    said = [
        say("sahha", "readiness_score", 40.0),
        say("sahha", "sleep_score", 50.0),
        say("sahha", "activity_score", 0.0),
        say("whoop", "readiness_score", 71.0),
        say("whoop", "sleep_score", 90.0),
        say("whoop", "sleep_score", 80.0, 29, day=before),
        say("sahha", "sleep_score", 10.0, 29, day=before),
    ]
    found = combined(merged(said, now=NOON), now=NOON)
    assert (found.recovery_readiness, found.sleep_quality, found.activity_level) == (71.0, 85.0, 0.0)
    assert found.overall_score == 52.0
    assert found.data_completeness == 100


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ([], (None, None, None, None, 0)),
        ([say("sahha", "sleep_score", 0.0)], (0.0, None, 0.0, None, 25)),
        ([say("whoop", "sleep_score", 90.0)], (90.0, None, 90.0, None, 0)),
        ([say("whoop", "readiness_score", 0.0), say("whoop", "sleep_score", 90.0)], (45.0, 0.0, 90.0, None, 25)),
        ([say("sahha", name, 60.0) for name in ("readiness_score", "activity_score")], (60.0, 60.0, None, 60.0, 50)),
    ],
)
def test_the_combined_figures_count_nulls_and_not_zeros(
    said: list[Observation], figures: tuple[float | None, ...]
) -> None:
    found = combined(merged(said, now=NOON), now=NOON)
    assert figures == (
        found.overall_score,
        found.recovery_readiness,
        found.sleep_quality,
        found.activity_level,
        found.data_completeness,
    )


# --- whatever is said, in whatever order ----------------------------------------------------------------------------

_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=10)), timezone(timedelta(hours=-8))])
_INSTANTS = st.builds(
    lambda hours, zone: (NOON - timedelta(hours=hours)).astimezone(zone), st.integers(-20, 90), _ZONES
)
_METRICS = st.sampled_from(
    [BY_NAME[name] for name in ("steps", "sleep_score", "sleep_end_at", "strain", "hrv_rmssd_ms")]
)


@st.composite
def words(draw: st.DrawFn) -> Observation:
    metric: Metric = draw(_METRICS)
    source: Source = draw(st.sampled_from(metric.sources))
    numbers: st.SearchStrategy[Value] = st.integers(0, 100) if metric.kind == "int" else st.floats(0, 100)
    value: Value = draw(_INSTANTS if metric.kind == "instant" else numbers)
    return Observation(
        DAY - timedelta(days=draw(st.integers(0, 2))),
        metric.name,
        source,
        value,
        draw(_INSTANTS),
        draw(st.booleans()),
        draw(st.sampled_from((None, "pending", "intraday"))),
        draw(st.sampled_from(((), tuple(each for each in SOURCES if each != source)))),
    )


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Policy]:
    def policy(metric: Metric) -> Policy:
        means = ["choose", "mean"] if metric.numeric and len(metric.sources) > 1 else ["choose"]
        return parse_policy(
            metric.name,
            {
                "sources": draw(st.permutations(metric.sources)),
                "fresh_for_s": draw(st.sampled_from((3600, 40 * 3600))),
                "how": draw(st.sampled_from(means)),
            },
        )

    return {metric.name: policy(metric) for metric in draw(st.lists(_METRICS, max_size=3))}


_SAID = st.lists(words(), max_size=14)
some = settings(max_examples=60, deadline=None, derandomize=True)


def told(days: dict[date, dict[str, Merged]]) -> set[tuple[date, str, Source, Value, datetime]]:
    """Every reading of the days that is one source's own word."""
    return {
        (day, name, each.source, each.value, each.observed_at)
        for day, metrics in days.items()
        for name, found in metrics.items()
        for each in (*([found.reading] if len(found.sources) == 1 else []), *(lost.reading for lost in found.lost))
    }


@some
@given(_SAID, policies(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(
    said: list[Observation], overrides: dict[str, Policy], random: Any
) -> None:
    shuffled = [*said, *said]
    random.shuffle(shuffled)
    assert repr(merged(shuffled, now=NOON, overrides=overrides)) == repr(merged(said, now=NOON, overrides=overrides))


@some
@given(_SAID, policies())
def test_all_that_was_said_is_told_and_nothing_else(said: list[Observation], overrides: dict[str, Policy]) -> None:
    days = merged(said, now=NOON, overrides=overrides)
    assert told(days) == {(each.day, each.metric, each.source, each.value, each.observed_at) for each in said}
    for metrics in days.values():
        for name, found in metrics.items():
            parts = [own(metrics, name, source) for source in found.sources]
            assert parts
            assert None not in parts
            readings: list[Reading] = [found.reading, *(each.reading for each in found.lost)]
            assert {each.unit for each in readings} == {BY_NAME[name].unit}
            if len(parts) > 1:
                values: list[Any] = [each.value for each in parts if each]
                # a mean of whole numbers is whole, and of floats no nearer than they are
                assert min(values) - 1e-9 <= found.reading.value <= max(values) + 1e-9
                assert found.reading.quality in ("estimated", "provisional")


@some
@given(_SAID, policies())
def test_a_source_more_removes_no_reading(said: list[Observation], overrides: dict[str, Policy]) -> None:
    whole = merged(said, now=NOON, overrides=overrides)
    for source in SOURCES:
        alone = merged([each for each in said if each.source == source], now=NOON, overrides=overrides)
        assert told(alone) <= told(whole)
        for day, metrics in alone.items():
            assert metrics.keys() <= whole[day].keys()
            for name, found in metrics.items():
                assert own(whole[day], name, source) == found.reading
            part, all_ = completeness(metrics, BOTH), completeness(whole[day], BOTH)
            assert part is not None
            assert all_ is not None
            assert part <= all_ <= 1


@some
@given(_SAID, policies(), _METRICS)
def test_a_missing_metric_leaves_the_others_alone(
    said: list[Observation], overrides: dict[str, Policy], missing: Metric
) -> None:
    whole = merged(said, now=NOON, overrides=overrides)
    without = merged([each for each in said if each.metric != missing.name], now=NOON, overrides=overrides)
    rest = {day: {name: each for name, each in found.items() if name != missing.name} for day, found in whole.items()}
    assert without == {day: found for day, found in rest.items() if found}


@some
@given(_SAID, policies())
def test_what_stands_is_the_best_that_the_policy_knows(said: list[Observation], overrides: dict[str, Policy]) -> None:
    for metrics in merged(said, now=NOON, overrides=overrides).values():
        for name, found in metrics.items():
            policy = overrides.get(name, BY_NAME[name].policy)
            asked = [each for source in policy.sources if (each := own(metrics, name, source))]
            if found.reading.quality == "stale":
                assert {each.quality for each in asked} == {"stale"}
            if policy.how == "choose":
                assert found.reading == next((each for each in asked if each.quality != "stale"), asked[0])


def test_a_source_that_could_not_be_asked_is_not_said_to_have_nothing() -> None:
    told = [say("sahha", "steps", 8000)]
    nobody: tuple[Source, ...] = ()
    whoop: tuple[Source, ...] = ("whoop",)
    why = {
        troubled: merged(told, now=NOON, expected=("sahha", "whoop"), troubled=troubled)[DAY]["steps"].why
        for troubled in (nobody, whoop)
    }
    assert why == {nobody: "whoop has none for this date", whoop: "whoop could not be asked"}
