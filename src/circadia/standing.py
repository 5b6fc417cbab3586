"""How the installation stands, as metrics: a handful of statements, however many members there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from prometheus_client import Metric
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily

from circadia.domain.lanes import LANES
from circadia.runtime import GatewayRuntime, Runtime, installation
from circadia.storage import budget, figures, overview
from circadia.storage.budget import Usage
from circadia.storage.figures import Ages
from circadia.storage.postgres import Connection
from circadia.storage.runs import RunKind

AGES_S = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 172800.0, 604800.0)
"""Bounds of the histogram of ages, seconds: five minutes to a week. The objective's is the day."""

_Values = dict[tuple[str, ...], float]
"""Of a metric, by the values of its labels."""

_STATES = ("connected", "needs_reconnect", "not_connected")
_UNANSWERED = ("waiting", "parked", "unknown")


async def standing(runtime: Runtime) -> list[Metric]:
    """Connections, freshness, what fails, what waits, the budget. Where nothing is asked for by itself, nothing is due
    or stale. UpstreamDown when the database does not answer."""
    now = runtime.clock()
    asks = runtime.settings.sync_plan.name != "manual"
    async with runtime.db.connection() as connection:
        backlog = await overview.backlog(connection, now)
        found = [*await _members(connection), *_runs(backlog["runs"], now), *await _webhooks(connection, now)]
        if asks:
            found += await _promised(connection, backlog["due"], now)
    alive, _ = await overview.workers(runtime.db)
    found.append(_gauge("circadia_worker_alive", "1 while a worker anywhere gives signs of life", alive))
    if runtime.settings.whoop_client_id is not None:
        found += _budget(runtime, await budget.usage(runtime.db, runtime.app, now), now)
    return found


async def backed_up(runtime: GatewayRuntime) -> list[Metric]:
    """How old the last backup of the database is; nothing before the first."""
    async with runtime.db.connection() as connection:
        last = await overview.last_backup(connection)
    if last is None:
        return []
    age = _age(runtime.clock(), last["made_at"])
    return [_gauge("circadia_backup_age_seconds", "How long ago the last backup was made", age)]


async def _members(connection: Connection) -> list[Metric]:
    states = await figures.connections(connection)
    return [
        _by(
            "circadia_connections",
            "Members by the state of their connection",
            ["state"],
            {(each,): states.get(each, 0) for each in _STATES},
        ),
        _by(
            "circadia_members_failing",
            "Connected members of whom a type could not be synced, by the kind of the error",
            ["kind"],
            _named(await figures.failing(connection)),
        ),
        _by(
            "circadia_deletions_held",
            "Deletions that are held back until the owner decides",
            ["type"],
            _named(await figures.held(connection)),
        ),
        _by("circadia_rejects", "Records that could not be read", ["type"], _named(await figures.rejected(connection))),
    ]


async def _promised(connection: Connection, due: Mapping[str, Any], now: datetime) -> list[Metric]:
    return [
        _ages(await figures.ages(connection, now, AGES_S)),
        _gauge("circadia_due_types", "Types of members that are due now", due["types"]),
        _gauge("circadia_due_oldest_seconds", "How long the longest has been due", _age(now, due["oldest_at"])),
    ]


async def _webhooks(connection: Connection, now: datetime) -> list[Metric]:
    webhooks = await overview.webhooks(connection)
    waits = _age(now, webhooks["waiting_since"])
    found: list[Metric] = [
        _by(
            "circadia_deliveries",
            "Webhooks stored that are not answered, by state",
            ["state"],
            {(each,): webhooks[each] for each in _UNANSWERED},
        ),
        _gauge("circadia_delivery_oldest_seconds", "How long the longest of the waiting webhooks waits", waits),
    ]
    if webhooks["last_seen_at"] is not None:
        age = _age(now, webhooks["last_seen_at"])
        found.append(_gauge("circadia_webhook_age_seconds", "How long ago the last webhook came", age))
    return found


def _runs(runs: Mapping[str, Mapping[str, Any]], now: datetime) -> list[Metric]:
    counts: _Values = {}
    oldest: _Values = {}
    for kind in get_args(RunKind):
        known = runs.get(kind, {"queued": 0, "running": 0, "oldest_at": None})
        counts |= {(kind, state): known[state] for state in ("queued", "running")}
        oldest[(kind,)] = _age(now, known["oldest_at"])
    return [
        _by("circadia_runs_open", "Runs that have not ended", ["kind", "state"], counts),
        _by("circadia_run_oldest_seconds", "How long ago the oldest of them was asked for", ["kind"], oldest),
    ]


def _budget(runtime: Runtime, used: Usage, now: datetime) -> list[Metric]:
    per_minute, per_day = installation(runtime.settings).limits(used)
    lanes = sorted({*LANES, *used.taken})
    windows = {"minute": (used.taken_last_minute, used.refused_last_minute), "day": (used.taken, used.refused)}
    spent: dict[str, _Values] = {
        what: {(lane, window): float(both[place].get(lane, 0)) for window, both in windows.items() for lane in lanes}
        for place, what in enumerate(("taken", "refused"))
    }
    paused = max((used.paused_until or now) - now, timedelta(0))
    return [
        _by(
            "circadia_budget_used",
            "Requests to WHOOP within the window",
            ["window"],
            {("minute",): used.minute, ("day",): used.day},
        ),
        _by(
            "circadia_budget_limit",
            "Most requests within the window: ours, or WHOOP's where that is lower",
            ["window"],
            {("minute",): per_minute or 0, ("day",): per_day or 0},
        ),
        _by("circadia_budget_taken", "Requests within the window by lane", ["lane", "window"], spent["taken"]),
        _by(
            "circadia_budget_refused",
            "Requests within the window that were put off or made to wait, by lane",
            ["lane", "window"],
            spent["refused"],
        ),
        _gauge("circadia_budget_paused_seconds", "How long WHOOP wants nothing sent yet", paused.total_seconds()),
    ]


def _ages(found: Ages) -> Metric:
    buckets = [(str(bound), float(count)) for bound, count in zip(AGES_S, found.at_most, strict=True)]
    return GaugeHistogramMetricFamily(
        "circadia_copy_age_seconds",
        "How old the connected members' copies are",
        buckets=[*buckets, ("+Inf", float(found.count))],
        gsum_value=found.sum_s,
    )


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, float(value))


def _by(name: str, help_: str, labels: Sequence[str], values: _Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def _named(counts: Mapping[str, int]) -> _Values:
    return {(name,): count for name, count in sorted(counts.items())}


def _age(now: datetime, at: datetime | None) -> float:
    return max((now - at).total_seconds(), 0.0) if at is not None else 0.0
