"""When a source's trouble is the whole answer."""

from __future__ import annotations

from circadia.errors import UpstreamDown
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.told import FAILED, State
from circadia.gateway.unified import Unified


def nothing_because_of_sahha(unified: Unified) -> UpstreamDown | None:
    """The error to answer when Sahha is in trouble and neither it nor WHOOP has anything; None otherwise."""
    if unified.sahha.available or unified.whoop.available:
        return None
    return of_sahha(unified.sahha.state, unified.sahha.error)


def of_sahha(state: State, error: str | None, lacking: str = "nothing is at hand") -> UpstreamDown | None:
    """Sahha's trouble as an error; None if it has none. `lacking` says why what is stored does not do."""
    return _trouble(state, error, f"Sahha does not answer and {lacking}", kind="sahha_service_error")


def of_whoop(state: State, error: str | None) -> UpstreamDown | None:
    """The WHOOP service's trouble as an error; None if it has none."""
    return _trouble(state, error, "WHOOP's data cannot be had", kind="whoop_service_error")


def _trouble(state: State, error: str | None, what: str, *, kind: str) -> UpstreamDown | None:
    if state not in FAILED:
        return None
    raised = CircuitOpen if state == "circuit_open" else UpstreamDown
    said = error or state.replace("_", " ")
    # a message has no full stop of its own: where there is one, it has been said what to do
    remedy = None if said.endswith(".") else "Ask again in a moment."
    return raised(f"{what}: {said}", kind=kind, remedy=remedy)
