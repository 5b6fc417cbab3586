"""OpenTelemetry's spans and figures of requests, where the standard OTEL_* variables ask for them.

FastAPI makes them by itself; here they get somewhere to go. Circadia's own metrics are Prometheus', which a collector
scrapes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from starlette.types import Scope

from circadia import __version__
from circadia.errors import Misconfigured

_TOLD = ("/api/", "/internal/", "/webhooks/")
_PACKAGES = ("sdk", "exporter")


def untold(scope: Scope) -> bool:
    """Whether a request has no span: pages' addresses can carry a one-time link or WHOOP's code."""
    return not scope["path"].startswith(_TOLD)


@asynccontextmanager
async def exporting() -> AsyncIterator[None]:
    """Send meanwhile what the environment asks for, by OTLP over HTTP, and the last of it at the end. Misconfigured
    where it asks and the packages are not there."""
    signals = [each for each in ("TRACES", "METRICS") if _wanted(each)]
    if not signals:
        yield
        return
    if not all(find_spec(f"opentelemetry.{each}") for each in _PACKAGES):
        raise Misconfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed",
            remedy="Install circadia[otel], or set OTEL_SDK_DISABLED=true.",
        )
    ends = [_BEGIN[each]() for each in signals]
    try:
        yield
    finally:
        await asyncio.gather(*(asyncio.to_thread(each) for each in ends))


def _wanted(signal: str) -> bool:
    """Whether there is an address for a signal that is not switched off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get(f"OTEL_{signal}_EXPORTER") == "none":
        return False
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{each}ENDPOINT") for each in ("", f"{signal}_"))


def _resource() -> dict[str, str]:
    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "circadia"}
    return name | {"service.version": __version__}


def _traces() -> Callable[[], None]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create(_resource()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    end: Callable[[], None] = provider.shutdown
    return end


def _metrics() -> Callable[[], None]:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
        OTLPMetricExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.resources import Resource

    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())]
    provider = MeterProvider(readers, resource=Resource.create(_resource()), shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    end: Callable[[], None] = provider.shutdown
    return end


_BEGIN: dict[str, Callable[[], Callable[[], None]]] = {"TRACES": _traces, "METRICS": _metrics}
