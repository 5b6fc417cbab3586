"""What an analysis is: a question to the days of a member, and what is said about its answer everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["date", "metric", "number", "word"]
Needs = Literal["first", "last", "metric", "with", "day", "by", "lag", "nights", "before_first", "before_last"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of an analysis. `default` is taken when nothing is said; None: it has to be said.

    choices   the words allowed, where there are few
    """

    name: Needs
    kind: Kind
    about: str
    default: str | int | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the answer and its unit: "" for words, dates and counts; "metric" for that of the metric asked (or of
    the row's `metric`), "by" for that of the metric named by `by`."""

    name: str
    unit: str
    about: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis. The database computes it (`reporting.<function>`), and nothing else does.

    function    takes the user id, then the parameters in their order, and gives rows with the columns in their order
    minimum     observations below which every figure is null and `note` says how many there are and are needed
    formula     how it is computed; source: who says so, or that it is our own convention
    """

    name: str
    title: str
    about: str
    formula: str
    source: str
    minimum: int
    function: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Figure, ...]


FIRST = Parameter("first", "date", "First date")
LAST = Parameter("last", "date", "Last date, included")
METRIC = Parameter("metric", "metric", "Name of a day's figure")
NOTE = Figure("note", "", "Why there is no figure, in words; null when there is one")
