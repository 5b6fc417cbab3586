"""Every body of the gateway for the demo user, pinned in tests/fixtures/gateway. `python -m tests.gateway.goldens`
writes the files anew; what it changes has to be wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from circadia.gateway.told import Told
from circadia.gateway.unified import Health, Unified, Upstream
from circadia.gateway.views import health, health_metrics, native, overview, sahha_rows, upstreams
from tests.gateway import demo
from tests.gateway.demo import NOW, TODAY, unified

PLACE = Path(__file__).parents[1] / "fixtures" / "gateway"

_URL = "https://api.prod.whoop.com/oauth/oauth2/auth?response_type=code&client_id=app-one&state=k3v7Vt0m"
_SEEN = datetime(2026, 11, 19, 18, 30, 59, tzinfo=UTC)
_ARCHETYPE = {
    "id": "c1d2a6f0-54b7-5c1d-9f0e-7a2b3c4d5e03",
    "name": "sleep_pattern",
    "value": "early_sleeper",
    "dataType": "ordinal",
    "ordinality": 1,
    "periodicity": "weekly",
    "startDateTime": "2026-11-09T00:00:00-05:00",
    "endDateTime": "2026-11-15T00:00:00-05:00",
    "version": 1,
}


def _one_day(sahha: Told, whoop: Told) -> Unified:
    return unified(sahha, whoop, TODAY)


def _well() -> Health:
    return Health(NOW, Upstream(True, "closed", 0, _SEEN), Upstream(True, "closed", 0, _SEEN, True))


def _ill() -> Health:
    return Health(NOW, Upstream(False, "closed", 0, None), Upstream(True, "open", 5, _SEEN, False))


def _off() -> Health:
    return Health(NOW, Upstream(True, "closed", 2, _SEEN), Upstream(False, "closed", 0, None))


def _metrics(name: str) -> Callable[[], Any]:
    return lambda: health_metrics.view(name, _one_day(demo.sahha(), demo.whoop()), "today")


BODIES: Mapping[str, Callable[[], Any]] = {
    "health": lambda: health.health(unified(demo.sahha(), demo.whoop()), 2),
    "health.sahha_only": lambda: health.health(unified(demo.sahha(), demo.WHOOP_UNCONNECTED), 2),
    "health.whoop_only": lambda: health.health(unified(demo.SAHHA_UNKNOWN, demo.whoop()), 2),
    "health.sahha_unavailable": lambda: health.health(unified(demo.SAHHA_AWAY, demo.whoop()), 2),
    "health.whoop_circuit_open": lambda: health.health(unified(demo.sahha(), demo.WHOOP_AWAY), 2),
    "health.whoop_late": lambda: health.health(unified(demo.sahha(), demo.WHOOP_LATE), 2),
    "health.needs_reconnect": lambda: health.health(unified(demo.sahha(), demo.needs_reconnect()), 2),
    "health.nothing": lambda: health.health(unified(demo.SAHHA_UNKNOWN, demo.WHOOP_UNCONNECTED), 2),
    "health.both_unavailable": lambda: health.health(unified(demo.SAHHA_AWAY, demo.WHOOP_AWAY), 2),
    "health_sources": lambda: health.sources("demo", demo.sahha(), demo.whoop()),
    "health_sources.sahha_only": lambda: health.sources("demo", demo.sahha(), demo.WHOOP_UNCONNECTED),
    "health_sources.whoop_only": lambda: health.sources("demo", demo.SAHHA_UNKNOWN, demo.whoop()),
    "health_sources.whoop_circuit_open": lambda: health.sources("demo", demo.sahha(), demo.WHOOP_AWAY),
    "health_sources.needs_reconnect": lambda: health.sources("demo", demo.sahha(), demo.needs_reconnect()),
    "health_connect": lambda: health.connected("demo", _URL, 600),
    "health_sources.whoop_unheard": lambda: health.sources("demo", demo.sahha(), demo.WHOOP_UNHEARD),
    "health_sources.sahha_unheard": lambda: health.sources("demo", demo.SAHHA_UNHEARD, demo.WHOOP_UNCONNECTED),
    "overview": lambda: overview.overview(_one_day(demo.sahha(), demo.whoop()), "today"),
    "overview.sahha_only": lambda: overview.overview(_one_day(demo.sahha(), demo.WHOOP_UNCONNECTED), "today"),
    "overview.whoop_only": lambda: overview.overview(_one_day(demo.SAHHA_UNKNOWN, demo.whoop()), "11/19/2026"),
    "overview.whoop_late": lambda: overview.overview(_one_day(demo.sahha(), demo.WHOOP_LATE), "today"),
    "sources": lambda: overview.sources("demo", demo.sahha(), demo.whoop(), NOW),
    "sources.trouble": lambda: overview.sources("demo", demo.SAHHA_AWAY, demo.needs_reconnect(), NOW),
    "connect": lambda: overview.connected(_URL, 600),
    "whoop_health": lambda: upstreams.whoop(_well()),
    "whoop_health.circuit_open": lambda: upstreams.whoop(_ill()),
    "whoop_health.disabled": lambda: upstreams.whoop(_off()),
    "detailed": lambda: upstreams.detailed(_well()),
    "detailed.circuit_open": lambda: upstreams.detailed(_ill()),
    "detailed.disabled": lambda: upstreams.detailed(_off()),
    **{f"health_metrics_{name}": _metrics(name) for name in health_metrics.VIEWS},
    "health_metrics_overview.whoop_only": lambda: health_metrics.view(
        "overview", _one_day(demo.SAHHA_UNKNOWN, demo.whoop()), "today"
    ),
    "health_metrics_recovery.sahha_unavailable": lambda: health_metrics.view(
        "recovery", _one_day(demo.SAHHA_AWAY, demo.whoop()), "today"
    ),
    "sahha_scores": lambda: [sahha_rows.score(each, "demo", NOW) for each in demo.SCORES[:2]],
    "sahha_biomarkers": lambda: [sahha_rows.biomarker(each, "demo", NOW) for each in demo.BIOMARKERS[:2]],
    "sahha_archetypes": lambda: [sahha_rows.archetype(_ARCHETYPE, "demo", NOW)],
    "days": lambda: native.days(unified(demo.sahha(), demo.whoop())),
    "days.sahha_unavailable": lambda: native.days(_one_day(demo.SAHHA_AWAY, demo.whoop())),
    "days.whoop_unheard": lambda: native.days(_one_day(demo.sahha(), demo.WHOOP_UNHEARD)),
    "days.nothing": lambda: native.days(_one_day(demo.SAHHA_UNKNOWN, demo.WHOOP_UNCONNECTED)),
}


def golden(name: str) -> Any:
    """A pinned body."""
    return orjson.loads((PLACE / f"{name}.json").read_bytes())


def body(name: str) -> Any:
    """The body as it is made now, through JSON."""
    return orjson.loads(_json(name))


def _json(name: str) -> bytes:
    return orjson.dumps(BODIES[name](), option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    for each in PLACE.glob("*.json"):
        each.unlink()
    for name in BODIES:
        (PLACE / f"{name}.json").write_bytes(_json(name))
