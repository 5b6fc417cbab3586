"""The catalogue of metrics keeps its own rules, the reference page says the same, and overrides are read strictly."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from circadia.domain.metrics import BY_NAME, METRICS, Policy, parse_policy, policy_for
from circadia.errors import Invalid
from circadia.served import VIEWS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

_ENDINGS = {
    "_score": "0..100",
    "_s": "s",
    "_ms": "ms",
    "_bpm": "bpm",
    "_rpm": "rpm",
    "_pct": "%",
    "_kcal": "kcal",
    "_at": "instant",
    "_celsius": "°C",
    "_kg": "kg",
    "_m": "m",
    "_mg_dl": "mg/dL",
    "_mmhg": "mmHg",
}


def test_a_name_tells_its_unit() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        ending = max((each for each in _ENDINGS if metric.name.endswith(each)), key=len, default=None)
        if ending is not None:
            assert metric.unit == _ENDINGS[ending], metric.name
        else:
            assert metric.unit not in {*_ENDINGS.values()}, metric.name


def test_the_sources_of_a_metric_are_those_that_tell_it() -> None:
    for metric in METRICS:
        telling = {source for source, where in (("sahha", metric.sahha), ("whoop", metric.whoop)) if where}
        assert {*metric.sources} == telling
        assert {*metric.core} <= telling
        assert metric.numeric or metric.policy.how == "choose"
    for source in ("sahha", "whoop"):
        places = [place for metric in METRICS for place in getattr(metric, source).split()]
        assert len(places) == len({*places})


def test_the_whoop_service_has_the_parts_that_are_named() -> None:
    assert {place.split(".")[0] for metric in METRICS for place in metric.whoop.split()} < VIEWS.keys()


def test_the_reference_page_is_the_catalogue() -> None:
    rows = re.findall(r"^\| (`.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    told = [tuple(cell.strip() for cell in row.split("|")) for row in rows]
    assert told == [
        (
            f"`{each.name}`",
            each.unit,
            ", ".join(f"**{source}**" if source in each.core else source for source in each.sources),
            f"{each.policy.fresh_for.total_seconds() / 3600:g} h",
            each.policy.how,
            ", ".join(f"`{place}`" for place in each.sahha.split()),
            ", ".join(f"`{place}`" for place in each.whoop.split()),
            each.about,
        )
        for each in METRICS
    ]


def test_an_override_changes_what_it_names() -> None:
    steps = BY_NAME["steps"]
    assert steps.sources == ("sahha", "whoop")
    assert parse_policy("steps", {"sources": ["whoop"]}) == Policy(("whoop", "sahha"), steps.policy.fresh_for)
    assert parse_policy("steps", {"fresh_for_s": 60}) == Policy(steps.sources, timedelta(minutes=1))
    assert parse_policy("steps", {"how": "mean"}) == Policy(steps.sources, steps.policy.fresh_for, "mean")
    whole = {"sources": ["whoop", "sahha"], "fresh_for_s": 3600, "how": "mean"}
    assert parse_policy("steps", whole).as_json() == whole
    assert policy_for(steps, {"steps": parse_policy("steps", whole)}).how == "mean"
    assert policy_for(steps, {"strain": Policy(("whoop",), timedelta(1))}) is steps.policy


@pytest.mark.parametrize(
    ("metric", "given", "said"),
    [
        ("stepps", {"how": "mean"}, "no metric 'stepps'"),
        ("steps", {}, "not nothing"),
        ("steps", {"order": ["whoop"]}, "not order"),
        ("steps", {"sources": ["garmin"]}, "'garmin' is no source; there are sahha and whoop"),
        ("steps", {"sources": [["whoop"]]}, "is no source"),
        ("steps", {"sources": []}, "a list of different sources"),
        ("steps", {"sources": "whoop"}, "a list of different sources"),
        ("steps", {"sources": ["whoop", "whoop"]}, "a list of different sources"),
        ("strain", {"sources": ["sahha", "whoop"]}, "sahha does not tell it, only whoop"),
        ("steps", {"fresh_for_s": 0}, "whole number of seconds"),
        ("steps", {"fresh_for_s": True}, "whole number of seconds"),
        ("steps", {"fresh_for_s": 1.5}, "whole number of seconds"),
        ("steps", {"fresh_for_s": 10**12}, "whole number of seconds"),
        ("steps", {"how": "median"}, "choose or mean"),
        ("steps", {"how": ["mean"]}, "choose or mean"),
        ("strain", {"how": "mean"}, "numbers of several sources"),
        ("sleep_end_at", {"how": "mean"}, "numbers of several sources"),
    ],
)
def test_an_override_that_cannot_be_is_refused(metric: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=re.escape(said)) as refused:
        parse_policy(metric, given)
    assert refused.value.kind == "invalid_policy"
