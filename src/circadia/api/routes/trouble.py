"""When Sahha's trouble is the whole answer."""

from __future__ import annotations

from circadia.errors import UpstreamDown
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.core import Unified
from circadia.gateway.told import FAILED, State


def nothing_because_of_sahha(unified: Unified) -> UpstreamDown | None:
    """The error to answer when Sahha is in trouble and neither it nor WHOOP has anything; None otherwise."""
    if unified.sahha.available or unified.whoop.available:
        return None
    return of_sahha(unified.sahha.state, unified.sahha.error)


def of_sahha(state: State, error: str | None) -> UpstreamDown | None:
    """Sahha's trouble as an error; None if it has none."""
    if state not in FAILED:
        return None
    raised = CircuitOpen if state == "circuit_open" else UpstreamDown
    message = f"Sahha does not answer and nothing is stored: {error or state.replace('_', ' ')}"
    return raised(message, kind="sahha_service_error", remedy="Ask again in a moment.")
