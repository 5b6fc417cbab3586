"""What a monitor reads: what this process has counted, and how the installation stands as its database has it.

The database is looked at when somebody asks, at most once in some seconds and never for long. Every process that serves
WHOOP's part tells the same of the installation, wherever the workers are; rules take the greatest.
docs/reference/prometheus.md lists every metric.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Metric, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from circadia import __version__, metrics
from circadia.errors import Misconfigured, UpstreamDown
from circadia.runtime import GatewayRuntime, Runtime
from circadia.standing import backed_up, standing
from circadia.storage import migrate

_KEPT_S = 5.0
_LONGEST_S = 3.0


class Scrape:
    """The metrics of one application. `part` is what it serves; `kept_s` is how long a look at the database is good."""

    def __init__(self, runtime: GatewayRuntime, part: str, *, kept_s: float = _KEPT_S) -> None:
        self._runtime = runtime
        self._kept_s = kept_s
        self._info = InfoMetricFamily("circadia", "This process", {"part": part, "version": __version__})
        self._seen: list[Metric] = []
        self._looks_again_at = 0.0
        self._looking = asyncio.Lock()

    async def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        await self.refresh()
        return generate_latest(self)

    async def refresh(self) -> None:
        """Look at the database, unless somebody has a moment ago. What cannot be seen is not told, but that."""
        async with self._looking:
            if asyncio.get_running_loop().time() < self._looks_again_at:
                return
            try:
                async with asyncio.timeout(_LONGEST_S):
                    self._seen = await self._look()
            except (UpstreamDown, TimeoutError):
                self._seen = [_up(seen=False)]
            self._looks_again_at = asyncio.get_running_loop().time() + self._kept_s

    def collect(self) -> Iterator[Metric]:
        """What was counted and seen; it is a collector of Prometheus' client."""
        yield self._info
        yield from metrics.REGISTRY.collect()
        yield from self._pool()
        yield from self._seen

    @asynccontextmanager
    async def served(self, host: str, port: int) -> AsyncIterator[None]:
        """Without a key, by Prometheus' own small server, which answers in threads. Misconfigured where it cannot
        listen."""
        registry = CollectorRegistry(support_collectors_without_names=True)
        registry.register(_FromThread(self, asyncio.get_running_loop()))
        try:
            server, thread = start_http_server(port, addr=host, registry=registry)
        except OSError as error:
            raise Misconfigured(
                f"metrics cannot be served on {host} port {port}: {error.strerror or error}",
                remedy="Give each process on a machine a METRICS_PORT of its own, or take the variable away.",
            ) from error
        try:
            yield
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            thread.join()

    async def _look(self) -> list[Metric]:
        runtime = self._runtime
        found = await migrate.revision(runtime.db)
        schema = GaugeMetricFamily(
            "circadia_schema_current",
            "1 where the database's schema is the one this version needs",
            float(found == runtime.revision),
        )
        seen: list[Metric] = [_up(seen=True), schema]
        if migrate.fits(found, runtime.revision):
            seen += await backed_up(runtime)
            if isinstance(runtime, Runtime):
                seen += await standing(runtime)
        return seen

    def _pool(self) -> Iterator[Metric]:
        stats = self._runtime.db.pool.get_stats()
        idle = stats.get("pool_available", 0)
        connections = GaugeMetricFamily(
            "circadia_database_pool_connections", "This process's connections to the database", labels=["state"]
        )
        connections.add_metric(["idle"], idle)
        connections.add_metric(["busy"], stats.get("pool_size", 0) - idle)
        yield connections
        yield GaugeMetricFamily(
            "circadia_database_pool_waiting",
            "Deeds that wait for a connection now",
            stats.get("requests_waiting", 0),
        )
        for name, help_, value in (
            ("requests", "Connections that were asked for", stats.get("requests_num", 0)),
            ("refused", "Connections that did not come in time", stats.get("requests_errors", 0)),
            ("wait_seconds", "Time that was waited for connections", stats.get("requests_wait_ms", 0) / 1000),
        ):
            yield CounterMetricFamily(f"circadia_database_pool_{name}", help_, value)


class _FromThread:
    """A scrape's collector for another thread than its event loop's."""

    def __init__(self, scrape: Scrape, loop: asyncio.AbstractEventLoop) -> None:
        self._scrape = scrape
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        asyncio.run_coroutine_threadsafe(self._scrape.refresh(), self._loop).result()
        return self._scrape.collect()


def _up(*, seen: bool) -> Metric:
    return GaugeMetricFamily("circadia_database_up", "1 while the database answers this process", float(seen))
