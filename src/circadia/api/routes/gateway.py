"""The gateway's routes in the order in which they have to be asked: `/health/detailed` and `/health/sources/…` would
be taken for user ids by those after them."""

from __future__ import annotations

from fastapi import APIRouter

from circadia.api.routes import health_combined, health_metrics, sahha, sahha_insights, unified, unified_health

ROUTERS: tuple[APIRouter, ...] = (
    unified_health.router,
    health_combined.router,
    health_metrics.router,
    sahha.router,
    sahha_insights.router,
    unified.router,
)
