"""Spans and figures of requests reach a collector where the standard variables name one."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.cli.terminal import Terminal

KEY = "k" * 32


@dataclass
class Collector:
    """What has been sent to it."""

    url: str
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Span]:
        return [
            span for each in self.traces for of in each.resource_spans for in_ in of.scope_spans for span in in_.spans
        ]

    def figures(self) -> set[str]:
        found = [in_ for each in self.metrics for of in each.resource_metrics for in_ in of.scope_metrics]
        return {figure.name for each in found for figure in each.metrics}


@contextmanager
def collector() -> Iterator[Collector]:
    class Receives(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                made.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                made.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receives) as server:
        made = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def test_what_was_asked_is_told_to_a_collector(connected: Terminal) -> None:
    with collector() as told:
        traced = connected.with_settings(SERVICE_API_KEY=KEY, OTEL_EXPORTER_OTLP_ENDPOINT=told.url)
        with traced.start("serve", "--port", "0", "--no-worker") as service:
            url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
            with httpx2.Client(base_url=url, trust_env=False, headers={"X-API-Key": KEY}) as http:
                assert http.get("/api/v1/whoop/daily-data/alice").status_code == 200
                assert http.get("/auth/link/a-secret-of-one-use").status_code < 500
            assert service.stop().code == 0
    assert [each.name for each in told.spans()] == ["GET /api/v1/whoop/daily-data/{user_id}"]
    assert "http.server.request.duration" in told.figures()
    sent = b"".join([each.SerializeToString() for each in told.traces])
    sent += b"".join([each.SerializeToString() for each in told.metrics])
    assert b"circadia" in sent
    assert not [secret for secret in (KEY.encode(), b"a-secret-of-one-use") if secret in sent]
