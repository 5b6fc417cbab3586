"""Contact sheets: each dashboard as one picture, drawn from its JSON and what its queries give."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import psycopg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from circadia.grafana.dashboards import DASHBOARDS
from circadia.grafana.model import Dashboard
from tests import postgres
from tests.grafana.drawings import draw
from tests.grafana.expand import Asked, moment
from tests.grafana.look import DARK, LIGHT, Answer, Ground
from tests.grafana.stock import MEMBERS, fill

Json = dict[str, Any]
_WIDTH, _ROW, _GAP, _HEAD, _TOP = 1440, 38, 8, 30, 60
"""Pixels: of the page, of a row of Grafana's grid, between panels, above what a panel shows, of the page's head."""


def sheets(
    url: str, directory: Path, now: datetime, ground: Ground = DARK, dashboards: Sequence[Dashboard] = DASHBOARDS
) -> list[Path]:
    """Draw dashboards of a filled database; returns the pictures."""
    mpl.use("agg")
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    with psycopg.connect(url, autocommit=True) as connection:
        for dashboard in dashboards:
            path = directory / f"{dashboard.uid}.png"
            _drawn(connection, dashboard.json(), now, ground).savefig(path, facecolor=ground.page)
            made.append(path)
    return made


def draw_all(directory: Path, *, days: int, light: bool) -> None:
    """Fill a database of our own, and draw."""
    now = datetime.now(UTC).replace(microsecond=0)
    with postgres.serve_alone() as server:
        url = server.create()
        fill(url, now=now, days=days)
        for path in sheets(url, directory, now, LIGHT if light else DARK):
            print(path)


def asked(dashboard: Json, now: datetime) -> Asked:
    """What stands above a dashboard when it is opened: its range, the first member, its first choices."""
    chosen = {each["name"]: each["current"].get("value", MEMBERS[0]) for each in dashboard["templating"]["list"]}
    return Asked(moment(dashboard["time"]["from"], now), moment(dashboard["time"]["to"], now), chosen)


def _drawn(connection: psycopg.Connection, dashboard: Json, now: datetime, ground: Ground) -> Figure:
    above = asked(dashboard, now)
    labels = {each["name"]: each["current"].get("text", MEMBERS[0]) for each in dashboard["templating"]["list"]}
    texts = Asked(above.since, above.until, labels)
    height = _TOP + _ROW * max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard["panels"]) + _GAP
    figure = Figure(figsize=(_WIDTH / 100, height / 100), dpi=100)
    chosen = "   ".join(f"{each['label']}: {labels[each['name']]}" for each in dashboard["templating"]["list"][1:])
    figure.text(0.011, 1 - 20 / height, dashboard["title"], color=ground.ink, fontsize=15, weight="bold", va="center")
    figure.text(0.011, 1 - 44 / height, chosen, color=ground.faint, fontsize=9, va="center")
    figure.text(
        0.989,
        1 - 44 / height,
        f"{dashboard['time']['from']} to {dashboard['time']['to']}",
        color=ground.faint,
        fontsize=9,
        va="center",
        ha="right",
    )
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        x, y = place["x"] * _WIDTH / 24 + _GAP / 2, height - _TOP - _ROW * place["y"] - _GAP / 2
        w, h = place["w"] * _WIDTH / 24 - _GAP, _ROW * place["h"] - _GAP
        if panel["type"] == "row":
            figure.text(
                x / _WIDTH,
                (y - 18) / height,
                f"⌄  {panel['title']}",
                color=ground.ink,
                fontsize=10,
                weight="bold",
                va="center",
            )
            continue
        figure.patches.append(
            FancyBboxPatch(
                (x, y - h),
                w,
                h,
                boxstyle="round,pad=0,rounding_size=3",
                facecolor=ground.panel,
                edgecolor=ground.line,
                linewidth=0.8,
                transform=None,
                zorder=-1,
            )
        )
        title = texts.interpolated(panel["title"])
        figure.text(
            (x + 9) / _WIDTH,
            (y - 15) / height,
            textwrap.shorten(title, int(w / 7), placeholder="…"),
            color=ground.ink,
            fontsize=8.5,
            va="center",
        )
        left, below = (52, 46) if panel["type"] not in {"stat", "gauge", "table"} else (10, 6)
        if panel["type"] == "barchart" and panel["options"]["orientation"] == "horizontal":
            left = 190
        right = 50 if any("custom.axisPlacement" in each for each in _changed(panel)) else 16 if left > 10 else 10
        axes = figure.add_axes(
            (
                (x + left) / _WIDTH,
                (y - h + below) / height,
                (w - left - right) / _WIDTH,
                (h - below - _HEAD) / height,
            )
        )
        axes.set_facecolor(ground.panel)
        found = connection.execute(
            above.expanded(panel["targets"][0]["rawSql"], panel.get("maxDataPoints", 1000)).encode()
        )
        answer = Answer([each.name for each in found.description or ()], found.fetchall())
        draw(axes, panel, answer, ground, (above.since, above.until))
    return figure


def _changed(panel: Json) -> list[list[str]]:
    """The names of the settings that are different for each column that has its own."""
    return [[found["id"] for found in each["properties"]] for each in panel["fieldConfig"]["overrides"]]
