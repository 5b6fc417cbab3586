"""OpenTelemetry is there where the environment asks for it, and never tells of an address that opens something."""

from __future__ import annotations

import sys

import pytest

from circadia import telemetry
from circadia.errors import Misconfigured

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def surround(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> None:
    """Set these variables, and have the optional packages missing."""
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    for each in ("opentelemetry.sdk", "opentelemetry.exporter"):
        monkeypatch.setitem(sys.modules, each, None)


@pytest.mark.parametrize(
    "one", [*ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]
)
async def test_wanted_and_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch, one: str) -> None:
    surround(monkeypatch, {one: "http://127.0.0.1:1"})
    with pytest.raises(Misconfigured, match="not installed") as caught:
        async with telemetry.exporting():
            pass
    assert "circadia[otel]" in str(caught.value.remedy)


@pytest.mark.parametrize(
    "names",
    [
        {},
        ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
async def test_nothing_is_needed_where_nothing_is_wanted(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, str]
) -> None:
    surround(monkeypatch, names)
    async with telemetry.exporting():
        pass


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/whoop/daily-data/alice", True),
        ("/webhooks/whoop", True),
        ("/auth/link/one-time-secret", False),
        ("/auth/callback", False),
        ("/welcome", False),
        ("/", False),
    ],
)
def test_pages_have_no_spans(path: str, *, told: bool) -> None:
    assert telemetry.untold({"type": "http", "path": path}) is not told
