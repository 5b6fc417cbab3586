"""Prometheus metrics of this process, and of the one that works for it; no label ever names a member."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_REQUESTS = Histogram(
    "circadia_http_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
_RECORDS = Counter(
    "circadia_sync_records", "Records synced, by type and what became of them", ["type", "result"], registry=REGISTRY
)
_TYPES = Counter("circadia_sync_types", "Types synced, by type and how it ended", ["type", "ended"], registry=REGISTRY)
_RUNS = Counter("circadia_runs", "Runs that have ended, by kind and how", ["kind", "ended"], registry=REGISTRY)
_RENEWALS = Counter(
    "circadia_token_renewals", "Token pairs that were renewed, or why they were not", ["ended"], registry=REGISTRY
)
_BREAKERS = Gauge(
    "circadia_breaker_open",
    "1 while this process leaves an upstream alone because it failed again and again, until a trial has succeeded",
    ["upstream"],
    registry=REGISTRY,
)
_UPSTREAM_FAILURES = Counter(
    "circadia_upstream_failures",
    "Calls to an upstream that this process counts as failed, by kind",
    ["upstream", "kind"],
    registry=REGISTRY,
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_children: dict[tuple[str, str, int], Histogram] = {}
_relayed: list[Callable[[bytes], None]] = []


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """One request answered. A method that nobody knows is `other`: a caller may call it anything."""
    key = (method if method in _METHODS else "other", route, status)
    child = _children.get(key)
    if child is None:
        child = _children[key] = _REQUESTS.labels(key[0], route, str(status))
    child.observe(seconds)


def count_sync(type_name: str, ended: str, records: dict[str, int]) -> None:
    """One type synced: `records` by result (written, unchanged, deleted, rejected)."""
    _TYPES.labels(type_name, ended).inc()
    for result, count in records.items():
        if count:
            _RECORDS.labels(type_name, result).inc(count)
    _tell("sync", type_name, ended, records)


def count_run(kind: str, ended: str) -> None:
    """One run has come to its end."""
    _RUNS.labels(kind, ended).inc()
    _tell("run", kind, ended)


def count_renewal(ended: str) -> None:
    """One token pair was `renewed`, or could not be: then the kind of the error."""
    _RENEWALS.labels(ended).inc()
    _tell("renewal", ended)


def breaker_open(upstream: str, *, open_: bool) -> None:
    """An upstream's circuit has opened or closed."""
    _BREAKERS.labels(upstream).set(open_)


def count_upstream_failure(upstream: str, kind: str) -> None:
    """One call to an upstream failed."""
    _UPSTREAM_FAILURES.labels(upstream, kind).inc()


def relay(tell: Callable[[bytes], None]) -> None:
    """Tell, line by line, what is counted here, for the process that this one works for."""
    _relayed.append(tell)


def count_told(line: bytes) -> None:
    """Count what another process has told."""
    what, *told = json.loads(line)
    _COUNTS[what](*told)


def _tell(what: str, *told: Any) -> None:
    for tell in _relayed:
        tell(json.dumps([what, *told]).encode() + b"\n")


_COUNTS: dict[str, Callable[..., None]] = {"sync": count_sync, "run": count_run, "renewal": count_renewal}
"""What a worker counts and its server shows."""
