"""Logging: one structured line per event, on stderr, as JSON or for a console.

Events are called `noun.verb`; `request`, `user` and `run` are bound by whoever knows them. Tokens, secrets and health
values have no place in a line; the names that could carry one are cut out here all the same.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import stamina.instrumentation
import structlog

from circadia.errors import CircadiaError

_SECRET_NAMES = (
    "token",
    "secret",
    "password",
    "authorization",
    "api_key",
    "code",
    "state",
    "email",
    "raw",
    "signature",
)
_HIDDEN = "[hidden]"


def _without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name != "event" and any(name == each or name.endswith(f"_{each}") for each in _SECRET_NAMES):
            event[name] = _HIDDEN
    return event


def _tell_of_a_retry(details: stamina.instrumentation.RetryDetails) -> None:
    error = details.caused_by
    kind = error.kind if isinstance(error, CircadiaError) else type(error).__name__
    wait_s = round(details.wait_for, 2)
    structlog.get_logger().debug("upstream.retried", upstream=details.name, kind=kind, wait_s=wait_s)


def configure(level: str, style: str) -> None:
    """Set up this process's log; libraries' warnings come through the same lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    exceptions = [structlog.processors.format_exc_info] if style == "json" else []
    threshold = logging.getLevelName(level)
    structlog.configure(
        processors=[*shared, *exceptions, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    stamina.instrumentation.set_on_retry_hooks([_tell_of_a_retry])
    # a traceback with local variables would show tokens and health values: only plain ones are printed
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *exceptions, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[out], force=True)
    # a driver's or client's debug lines would carry parameters and headers
    for noisy in ("httpx2", "httpcore2", "psycopg", "psycopg.pool", "uvicorn.access", "procrastinate"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
