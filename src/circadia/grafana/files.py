"""The files that Grafana provisions, and the page that lists all panels; written by `script/grafana`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from circadia.grafana.dashboards import DASHBOARDS
from circadia.grafana.model import Dashboard

_INTRODUCTION = """# Grafana's panels

What each panel of the dashboards in `deploy/grafana` asks and how it answers. This page and the dashboards are written
by `script/grafana` from `src/circadia/grafana`; `script/grafana --check` says whether they are up to date.
[Use Grafana](../how-to/use-grafana.md) tells how to set it up. Formulas and their sources are in [Trends](trends.md).

Panels read the schema `reporting` and nothing else: its views and the functions of the analyses. Dates are drawn at
midnight UTC, and the dashboards are in UTC, so that a date is the member's own date wherever they and you are.
"""


def files() -> dict[str, str]:
    """Contents by path from the top of the repository."""
    found = {
        f"deploy/grafana/dashboards/{each.uid}.json": json.dumps(each.json(), indent=2, ensure_ascii=False) + "\n"
        for each in DASHBOARDS
    }
    found["docs/reference/grafana.md"] = "\n".join([_INTRODUCTION, *_chapters()])
    return found


def _chapters() -> Iterator[str]:
    for dashboard in DASHBOARDS:
        yield f"## {dashboard.title}\n"
        yield f"{dashboard.description} Range at first: `{dashboard.span}`. Address: `/d/{dashboard.uid}`.\n"
        yield from _rows(dashboard)


def _rows(dashboard: Dashboard) -> Iterator[str]:
    yield "| Panel | Unit | What it shows |"
    yield "|---|---|---|"
    for panel in dashboard.panels:
        unit = panel.unit.removeprefix("suffix:").strip()
        unit = {"none": "", "string": "", "short": "", "percent": "%", "celsius": "°C"}.get(unit, unit)
        title = panel.title.replace("${metric:text}", "the chosen figure")
        yield f"| {title} | {unit} | {panel.description} |"
    yield ""
