"""A circuit breaker: an upstream that fails again and again is left alone for a while, then tried once.

The state is this process's own: another process finds out by itself. Timeouts, connection errors, 5xx and answers that
cannot be read are failures (`UpstreamDown`, `UnexpectedReply`); an upstream that refuses, limits or has nothing is at
work; a caller that stops waiting, or could not ask (`Unsent`), says nothing about it. Threshold and pause are those of
the one figure the field's documents have: five failures in a row, thirty seconds.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

import structlog

from circadia import metrics
from circadia.clock import Clock, system_clock
from circadia.errors import CircadiaError, UnexpectedReply, Unsent, UpstreamDown

log = structlog.get_logger()

CircuitState = Literal["closed", "open", "half_open"]

CALLED: Mapping[str, str] = {"sahha": "Sahha", "whoop": "the WHOOP service"}
"""What people call an upstream, by its name in metrics and logs."""

THRESHOLD = 5
OPEN_S = 30.0

FAILURES = (UpstreamDown, UnexpectedReply)


class CircuitOpen(UpstreamDown):
    """The upstream is being left alone: nothing was asked."""

    kind = "circuit_open"


class Breaker:
    """Guards the calls to one upstream. `clock` counts seconds and never goes back; `now` dates the last success."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic, now: Clock = system_clock) -> None:
        self.name = name
        self._clock = clock
        self._now = now
        self._opened_at: float | None = None
        self._trying = False
        self.failure_count = 0
        self.last_success_at: datetime | None = None
        metrics.breaker_open(name, open_=False)

    @property
    def state(self) -> CircuitState:
        """`half_open` from the end of the pause until a trial has succeeded."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._clock() - self._opened_at >= OPEN_S else "open"

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """One call to the upstream; CircuitOpen when none may be made."""
        trial = self._admit()
        try:
            yield
        except Unsent:
            raise
        except FAILURES as error:
            self._failed(trial, error)
            raise
        except CircadiaError:
            self._answered(trial)
            raise
        else:
            self._answered(trial)
            self.last_success_at = self._now()
        finally:
            if trial:
                self._trying = False

    def check(self) -> None:
        """CircuitOpen when no call may be made now."""
        if self.state == "open" or self._trying:
            raise CircuitOpen(
                f"{CALLED.get(self.name, self.name)} has failed {self.failure_count} times in a row; "
                "it is left alone for half a minute and then tried again"
            )

    def _admit(self) -> bool:
        """Whether this call is the trial."""
        self.check()
        self._trying = self.state == "half_open"
        return self._trying

    def _failed(self, trial: bool, error: CircadiaError) -> None:
        metrics.count_upstream_failure(self.name, error.kind)
        if self._opened_at is not None and not trial:
            return  # one that was sent before the circuit opened
        self.failure_count += 1
        if trial or self.failure_count >= THRESHOLD:
            if self._opened_at is None:
                log.warning(
                    "circuit.opened",
                    upstream=self.name,
                    failures=self.failure_count,
                    kind=error.kind,
                    reason=type(error.__cause__ or error).__name__,
                )
            self._opened_at = self._clock()
            metrics.breaker_open(self.name, open_=True)

    def _answered(self, trial: bool) -> None:
        if self._opened_at is not None:
            if not trial:
                return
            log.info("circuit.closed", upstream=self.name)
            self._opened_at = None
            metrics.breaker_open(self.name, open_=False)
        self.failure_count = 0
