"""How this process gets on with its sources: its breakers' state is its own and no other's."""

from __future__ import annotations

from typing import Any

from circadia.gateway.unified import Health, Upstream
from circadia.gateway.views.standing import instant

Body = dict[str, Any]

SERVICE = "hos-fapi-hm-sahha-main"
"""What readers of `/api/v1/health/detailed` know the entry point as."""


def detailed(health: Health) -> Body:
    """Both sources. `healthy` as long as no circuit is open and the WHOOP service is reached."""
    good = all(_fine(each) for each in (health.sahha, health.whoop))
    return {
        "service": SERVICE,
        "status": "healthy" if good else "degraded",
        "sahha_integration": {
            "status": _word(health.sahha, "healthy", "degraded", "not_configured"),
            **_circuit(health.sahha),
        },
        "whoop_integration": {
            "enabled": health.whoop.enabled,
            **_circuit(health.whoop),
            "service_reachable": health.whoop.reachable,
        },
        "timestamp": instant(health.now),
    }


def whoop(health: Health) -> Body:
    """The WHOOP service."""
    return {
        "whoop_service": _word(health.whoop, "available", "unavailable", "disabled"),
        "circuit_breaker_status": health.whoop.circuit,
        "integration_enabled": health.whoop.enabled,
        "last_successful_request": instant(health.whoop.last_success_at),
    }


def _circuit(upstream: Upstream) -> Body:
    return {
        "circuit_open": upstream.circuit == "open",
        "circuit_state": upstream.circuit,
        "failure_count": upstream.failure_count,
        "last_successful_request": instant(upstream.last_success_at),
    }


def _fine(upstream: Upstream) -> bool:
    return not upstream.enabled or (upstream.circuit == "closed" and upstream.reachable is not False)


def _word(upstream: Upstream, good: str, bad: str, off: str) -> str:
    if not upstream.enabled:
        return off
    return good if _fine(upstream) else bad
