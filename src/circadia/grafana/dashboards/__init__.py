"""All dashboards, in the order in which one would look at them."""

from __future__ import annotations

from circadia.grafana.dashboards.journal import JOURNAL
from circadia.grafana.dashboards.long_term import LONG_TERM
from circadia.grafana.dashboards.operations import OPERATIONS
from circadia.grafana.dashboards.overview import OVERVIEW
from circadia.grafana.dashboards.recovery import RECOVERY_DASHBOARD
from circadia.grafana.dashboards.sleep import SLEEP_DASHBOARD
from circadia.grafana.dashboards.strain import STRAIN_DASHBOARD
from circadia.grafana.model import Dashboard

DASHBOARDS: tuple[Dashboard, ...] = (
    OVERVIEW,
    SLEEP_DASHBOARD,
    RECOVERY_DASHBOARD,
    STRAIN_DASHBOARD,
    LONG_TERM,
    JOURNAL,
    OPERATIONS,
)
