"""Lanes: the priority classes of requests to WHOOP, the first goes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Lane = Literal["person", "webhook", "scheduled", "reconcile", "backfill"]


@dataclass(frozen=True, slots=True)
class LaneRules:
    """What the requests of a lane may take, and how long they wait.

    share     how much of the minute's window may be filled, by whoever, when the lane takes a unit; the rest is kept
              for the lanes before it
    day_share the same of the day's window, in which a smaller reserve is as many units
    at_once   how much of its share of the minute may go in one burst; beyond that its units go evenly, so that they
              also come free evenly, and a person who finds the reserve used up waits for the next and not for a minute
    patience  how long a request waits for its unit before it is put off
    """

    share: float
    day_share: float
    at_once: float
    patience: timedelta


LANES: dict[Lane, LaneRules] = {
    "person": LaneRules(share=1.0, day_share=1.0, at_once=1.0, patience=timedelta(seconds=65)),
    "webhook": LaneRules(share=0.95, day_share=0.99, at_once=0.5, patience=timedelta(seconds=30)),
    "scheduled": LaneRules(share=0.9, day_share=0.98, at_once=0.5, patience=timedelta(seconds=5)),
    "reconcile": LaneRules(share=0.85, day_share=0.85, at_once=0.5, patience=timedelta(seconds=2)),
    "backfill": LaneRules(share=0.8, day_share=0.8, at_once=0.5, patience=timedelta(seconds=2)),
}
"""In the order in which they go. A person waits a little longer than a minute's window needs to open."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a request was told that asked for its unit: to go (`wait_s` is None), or to come back in `wait_s` seconds
    with its `ticket`, which keeps its place; without a ticket that is longer than it would wait."""

    wait_s: float | None
    ticket: int | None = None


def above(lane: Lane) -> list[Lane]:
    """The lanes that go before this one."""
    lanes = list(LANES)
    return lanes[: lanes.index(lane)]
