"""How a long walk tells how far it is, and is told to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from circadia.sync.outcome import Outcome, Report

Progress = Callable[[str, Outcome, datetime | None], Awaitable[None]]
"""Told after each page: the type, its outcome so far, the start of the oldest record that is here or was compared. It
may raise `Stopping`."""


class Stopping(Exception):
    """A walk ends after the page it has stored and goes on another time. `report` tells what has ended before."""

    def __init__(self, report: Report | None = None) -> None:
        super().__init__()
        self.report = report or Report({}, {})
