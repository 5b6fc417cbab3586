"""The visualisations that the dashboards are made of, each with the settings that all panels of its kind share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from circadia.grafana.colours import NEUTRAL, PLAIN, Steps
from circadia.grafana.model import Json, Panel

_HIDE_NOTHING = {"legend": False, "tooltip": False, "viz": False}


@dataclass(frozen=True, slots=True)
class Line:
    """How a column is drawn over time.

    fill_to   the column down to which it is filled, for bands
    right     on an axis of its own at the right, with its own unit
    """

    name: str
    colour: str
    kind: Literal["line", "points", "bars", "edge"] = "line"
    unit: str | None = None
    width: int = 2
    opacity: int | None = None
    dashed: bool = False
    right: bool = False
    stacked: bool = False
    fill_to: str | None = None
    steps: bool = False
    hidden: bool = False

    def properties(self) -> Json:
        """What is different for this column."""
        found: Json = {
            "color": {"mode": "fixed", "fixedColor": self.colour},
            "custom.drawStyle": {"edge": "line"}.get(self.kind, self.kind),
            "custom.lineWidth": 0 if self.kind in {"edge", "bars"} else self.width,
            "custom.fillOpacity": {"bars": 85}.get(self.kind, 0) if self.opacity is None else self.opacity,
        }
        if self.kind == "points":
            found |= {"custom.showPoints": "always", "custom.pointSize": 4}
        if self.unit is not None:
            found["unit"] = self.unit
        if self.dashed:
            found["custom.lineStyle"] = {"fill": "dash", "dash": [6, 6]}
        if self.right:
            found["custom.axisPlacement"] = "right"
        if self.stacked:
            found["custom.stacking"] = {"mode": "normal", "group": "A"}
        if self.fill_to is not None:
            found["custom.fillBelowTo"] = self.fill_to
        if self.steps:
            found["custom.lineInterpolation"] = "stepAfter"
        if self.hidden:
            found["custom.hideFrom"] = {"legend": True, "tooltip": False, "viz": False}
        return found


def band(low: str, high: str, colour: str) -> tuple[Line, Line]:
    """The filled stretch between two columns."""
    return Line(low, colour, "edge", hidden=True), Line(high, colour, "edge", opacity=16, fill_to=low, hidden=True)


def thresholds(steps: Steps) -> Json:
    """Grafana's form of colours by value."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]}


def words(choices: Mapping[str, tuple[str, str]]) -> list[Json]:
    """Texts shown as other texts, and in a colour."""
    return [
        {
            "type": "value",
            "options": {
                value: {"text": text, "color": colour, "index": at}
                for at, (value, (text, colour)) in enumerate(choices.items())
            },
        }
    ]


def stat(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    steps: Steps = PLAIN,
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    text: bool = False,
    spark: bool = False,
) -> Panel:
    """One figure: the column `value`. With `spark` the query gives it over time, and the newest is told."""
    defaults: Json = {"color": {"mode": "thresholds"}, "thresholds": thresholds(steps)}
    if decimals is not None:
        defaults["decimals"] = decimals
    return Panel(
        title,
        description,
        "stat",
        sql,
        unit,
        width,
        height,
        "time_series" if spark else "table",
        defaults,
        options={
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": "/^value$/" if text else ""},
            "colorMode": "value",
            "graphMode": "area" if spark else "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "value",
            "wideLayout": True,
            "showPercentChange": False,
        },
    )


def gauge(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    most: float,
    steps: Steps,
    width: int = 4,
    height: int = 7,
    decimals: int = 0,
) -> Panel:
    """One figure, the column `value`, on a scale from 0."""
    return Panel(
        title,
        description,
        "gauge",
        sql,
        unit,
        width,
        height,
        defaults={
            "color": {"mode": "thresholds"},
            "thresholds": thresholds(steps),
            "min": 0,
            "max": most,
            "decimals": decimals,
        },
        options={
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
            "orientation": "auto",
            "showThresholdLabels": False,
            "showThresholdMarkers": True,
            "sizing": "auto",
        },
    )


def course(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *lines: Line,
    width: int = 12,
    height: int = 9,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    mappings: Sequence[Json] = (),
    legend: bool = True,
    percent: bool = False,
    points: int | None = None,
) -> Panel:
    """Columns over time. `percent` shows stacked columns as shares of their sum."""
    defaults: Json = {
        "color": {"mode": "fixed", "fixedColor": NEUTRAL},
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 2,
            "fillOpacity": 0,
            "gradientMode": "none",
            "showPoints": "never",
            "pointSize": 4,
            "spanNulls": False,
            "insertNulls": False,
            "barAlignment": 0,
            "barWidthFactor": 0.7,
            "axisPlacement": "auto",
            "axisLabel": "",
            "axisBorderShow": False,
            "axisColorMode": "text",
            "axisCenteredZero": False,
            "scaleDistribution": {"type": "linear"},
            "stacking": {"mode": "none", "group": "A"},
            "thresholdsStyle": {"mode": "off"},
            "hideFrom": _HIDE_NOTHING,
        },
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if least is not None:
        defaults["min"] = least
    if most is not None:
        defaults["max"] = most
    if mappings:
        defaults["mappings"] = list(mappings)
    overrides = [(line.name, line.properties()) for line in lines]
    if percent:
        for _, found in overrides:
            found["custom.stacking"] = {"mode": "percent", "group": "A"}
    return Panel(
        title,
        description,
        "timeseries",
        sql,
        unit,
        width,
        height,
        "time_series",
        defaults,
        tuple(overrides),
        {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": legend, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none", "hideZeros": False},
        },
        points,
    )


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a table is shown. `bar` is the value that fills the cell; `words` colours texts."""

    name: str
    unit: str | None = None
    decimals: int | None = None
    width: int | None = None
    steps: Steps | None = None
    bar: float | None = None
    words: Mapping[str, tuple[str, str]] | None = None

    def properties(self) -> Json:
        """What is different for this column."""
        found: Json = {}
        if self.unit is not None:
            found["unit"] = self.unit
        if self.decimals is not None:
            found["decimals"] = self.decimals
        if self.width is not None:
            found["custom.width"] = self.width
        if self.steps is not None:
            found |= {"color": {"mode": "thresholds"}, "thresholds": thresholds(self.steps)}
            found["custom.cellOptions"] = {"type": "color-text"}
        if self.bar is not None:
            found |= {"min": 0, "max": self.bar, "custom.cellOptions": {"type": "gauge", "mode": "basic"}}
        if self.words is not None:
            found |= {"mappings": words(self.words), "custom.cellOptions": {"type": "color-text"}}
        return found


def table(
    title: str,
    description: str,
    sql: str,
    *columns: Column,
    unit: str = "none",
    width: int = 12,
    height: int = 9,
) -> Panel:
    """Rows as they come."""
    return Panel(
        title,
        description,
        "table",
        sql,
        unit,
        width,
        height,
        defaults={
            "color": {"mode": "fixed", "fixedColor": NEUTRAL},
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": False},
        },
        overrides=tuple((column.name, column.properties()) for column in columns),
        options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": [], "fields": ""}},
    )


def calendar(
    title: str,
    description: str,
    sql: str,
    unit: str,
    steps: Steps,
    *,
    width: int = 24,
    height: int = 8,
    decimals: int = 0,
) -> Panel:
    """A cell for each time and column, coloured by its value."""
    return Panel(
        title,
        description,
        "status-history",
        sql,
        unit,
        width,
        height,
        "time_series",
        {
            "color": {"mode": "thresholds"},
            "thresholds": thresholds(steps),
            "decimals": decimals,
            "custom": {"fillOpacity": 90, "lineWidth": 0, "axisPlacement": "auto", "hideFrom": _HIDE_NOTHING},
        },
        options={
            "rowHeight": 0.85,
            "colWidth": 0.85,
            "showValue": "never",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
            "tooltip": {"mode": "single", "sort": "none", "hideZeros": False},
        },
    )
