"""What an address asks of an analysis: the words of its query as the arguments of its function.

A stretch is `from` and `to` here as everywhere in the API, where SQL, whose words these are, has `first` and `last`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from circadia.api.deps import a_date, no_future
from circadia.domain.analyses import ANALYSES
from circadia.domain.analyses.analysis import Analysis, Parameter
from circadia.domain.trends import BY_NAME as METRICS
from circadia.errors import Invalid

MOST_DAYS = 20 * 366
_DEFAULT_DAYS = 28
_LARGEST_NUMBER = 366
_LONGEST_WORD = 64

_DAY = timedelta(days=1)
_QUERY = {"first": "from", "last": "to", "before_first": "before_from", "before_last": "before_to"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Dates from `first` to `last`, both included."""

    first: date
    last: date

    def before(self) -> Stretch:
        """The equally many dates before these."""
        last = self.first - _DAY
        return Stretch(last - (self.last - self.first), last)


def query_name(parameter: Parameter) -> str:
    """What a parameter is called in an address."""
    return _QUERY.get(parameter.name, parameter.name)


def stretch(
    first: str | None, last: str | None, standard: Stretch, now: datetime, names: tuple[str, str] = ("from", "to")
) -> Stretch:
    """The dates asked for. Without `last` they end where `standard` does; without `first` there are as many as there.
    Invalid for what is no date, lies in the future, is the wrong way round or too long."""
    begin = None if first is None else no_future(a_date(first, names[0]), now, names[0])
    end = (
        max(standard.last, begin or standard.last) if last is None else no_future(a_date(last, names[1]), now, names[1])
    )
    begin = begin or end - (standard.last - standard.first)
    if end < begin:
        raise Invalid(f"`{names[1]}` lies before `{names[0]}`", kind="invalid_range")
    if (end - begin).days >= MOST_DAYS:
        raise Invalid(f"a range has {MOST_DAYS} days at most", kind="invalid_range")
    return Stretch(begin, end)


def newest_days(newest: date) -> Stretch:
    """The dates that are meant when none are named."""
    return Stretch(newest - (_DEFAULT_DAYS - 1) * _DAY, newest)


def metric_name(said: str, name: str = "metric") -> str:
    """A day's figure; Invalid, with the names there are, for anything else."""
    if said not in METRICS:
        known = ", ".join(METRICS)
        raise Invalid(f"`{said}` in `{name}` is no figure of a day; there are {known}", kind="unknown_metric")
    return said


def arguments(analysis: Analysis, said: Mapping[str, str], newest: date, now: datetime) -> dict[str, date | int | str]:
    """The arguments of an analysis by what they are called in an address, in the order of its parameters.

    Dates that are not named are those up to `newest`, or those before the ones compared with. Invalid for what the
    analysis does not know or needs and was not told."""
    known = [query_name(each) for each in analysis.parameters]
    if unknown := sorted(set(said) - set(known)):
        raise Invalid(f"{analysis.name} has no `{unknown[0]}`; it has {', '.join(known)}", kind="invalid_argument")
    asked = stretch(said.get("from"), said.get("to"), newest_days(newest), now)
    before = stretch(said.get("before_from"), said.get("before_to"), asked.before(), now, ("before_from", "before_to"))
    dates = {
        "from": asked.first,
        "to": asked.last,
        "before_from": before.first,
        "before_to": before.last,
        "day": no_future(a_date(said["day"], "day"), now, "day") if "day" in said else newest,
    }
    return {
        name: dates[name] if each.kind == "date" else _argument(each, said.get(name))
        for each, name in zip(analysis.parameters, known, strict=True)
    }


def _argument(parameter: Parameter, said: str | None) -> int | str:
    given = said if said is not None else parameter.default
    if given is None:
        raise Invalid(f"`{parameter.name}` has to be said: {parameter.about}", kind="invalid_argument")
    if parameter.choices and str(given) not in parameter.choices:
        raise Invalid(f"`{parameter.name}` is one of {', '.join(parameter.choices)}", kind="invalid_argument")
    if parameter.kind == "metric":
        return metric_name(str(given), parameter.name)
    if parameter.kind == "number":
        return _number(parameter, str(given))
    if len(str(given)) > _LONGEST_WORD or not str(given).isprintable():
        raise Invalid(f"`{parameter.name}` is one word", kind="invalid_argument")
    return str(given)


def _number(parameter: Parameter, given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and int(given) <= _LARGEST_NUMBER):
        raise Invalid(f"`{parameter.name}` is a whole number, 0 to {_LARGEST_NUMBER}", kind="invalid_argument")
    return int(given)


def as_json(analysis: Analysis) -> dict[str, Any]:
    """An analysis as it is told, its parameters as they are called in an address."""
    told = asdict(analysis)
    told["parameters"] = [asdict(each) | {"name": query_name(each)} for each in analysis.parameters]
    return told


def as_openapi() -> list[dict[str, Any]]:
    """The parameters of all analyses, described once each."""
    described: dict[str, dict[str, Any]] = {}
    for analysis in ANALYSES:
        for each in analysis.parameters:
            name = query_name(each)
            found = described.setdefault(name, {"about": each.about, "of": []})
            found["of"].append(analysis.name)
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "string"},
            "description": f"{found['about']} ({', '.join(found['of'])})",
        }
        for name, found in described.items()
    ]
