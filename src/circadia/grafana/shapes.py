"""Visualisations that compare groups and spreads instead of following time: columns, scatter, raster, histogram."""

from __future__ import annotations

from circadia.grafana.colours import NEUTRAL
from circadia.grafana.model import Json, Panel
from circadia.grafana.panels import Line

_HIDE_NOTHING = {"legend": False, "tooltip": False, "viz": False}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}


def columns(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *lines: Line,
    across: str,
    width: int = 12,
    height: int = 9,
    decimals: int | None = None,
    stacked: bool = False,
    sideways: bool = False,
) -> Panel:
    """A group of bars for each row, which the column `across` names."""
    defaults: Json = {
        "color": {"mode": "fixed", "fixedColor": NEUTRAL},
        "custom": {
            "lineWidth": 0,
            "fillOpacity": 85,
            "gradientMode": "none",
            "axisPlacement": "auto",
            "axisLabel": "",
            "axisBorderShow": False,
            "axisCenteredZero": False,
            "scaleDistribution": {"type": "linear"},
            "thresholdsStyle": {"mode": "off"},
            "hideFrom": _HIDE_NOTHING,
        },
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return Panel(
        title,
        description,
        "barchart",
        sql,
        unit,
        width,
        height,
        defaults=defaults,
        overrides=tuple((line.name, {"color": {"mode": "fixed", "fixedColor": line.colour}}) for line in lines),
        options={
            "xField": across,
            "orientation": "horizontal" if sideways else "vertical",
            "stacking": "normal" if stacked else "none",
            "groupWidth": 0.75,
            "barWidth": 0.92,
            "barRadius": 0.05,
            "fullHighlight": False,
            "showValue": "never",
            "xTickLabelRotation": 0,
            "xTickLabelSpacing": 0,
            "legend": {**_LEGEND, "showLegend": len(lines) > 1},
            "tooltip": {"mode": "multi", "sort": "none", "hideZeros": False},
        },
    )


def scatter(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    x: Line,
    y: Line,
    width: int = 12,
    height: int = 9,
) -> Panel:
    """A point for each row. The names and units of the axes are those of the columns `x` and `y`."""
    matched: Json = {
        "frame": {"matcher": {"id": "byIndex", "options": 0}},
        "x": {"matcher": {"id": "byName", "options": x.name}},
        "y": {"matcher": {"id": "byName", "options": y.name}},
    }
    return Panel(
        title,
        description,
        "xychart",
        sql,
        unit,
        width,
        height,
        defaults={
            "color": {"mode": "fixed", "fixedColor": y.colour},
            "custom": {
                "show": "points",
                "pointSize": {"fixed": 6},
                "pointShape": "circle",
                "pointStrokeWidth": 1,
                "fillOpacity": 45,
                "axisPlacement": "auto",
                "axisBorderShow": False,
                "scaleDistribution": {"type": "linear"},
                "hideFrom": _HIDE_NOTHING,
            },
        },
        overrides=tuple(
            (each.name, {"custom.axisLabel": each.name} | ({"unit": each.unit} if each.unit else {})) for each in (x, y)
        ),
        options={
            "mapping": "manual",
            "series": [matched],
            "legend": {**_LEGEND, "showLegend": False},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def raster(title: str, description: str, sql: str, unit: str, *, most: float, scheme: str, width: int = 24) -> Panel:
    """A cell for each time and column, the stronger the more. The columns stand one above the other in their order."""
    return Panel(
        title,
        description,
        "heatmap",
        sql,
        unit,
        width,
        10,
        "time_series",
        {"custom": {"scaleDistribution": {"type": "linear"}, "hideFrom": _HIDE_NOTHING}},
        options={
            "calculate": False,
            "cellGap": 1,
            "cellRadius": 0,
            "cellValues": {"unit": unit, "decimals": 0},
            "color": {
                "mode": "scheme",
                "scheme": scheme,
                "scale": "exponential",
                "exponent": 0.5,
                "fill": "dark-orange",
                "steps": 64,
                "reverse": False,
                "min": 0,
                "max": most,
            },
            "filterValues": {"le": 1e-9},
            "rowsFrame": {"layout": "unknown"},
            "showValue": "never",
            "yAxis": {"axisPlacement": "left", "reverse": True},
            "legend": {"show": True},
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
        },
    )


def histogram(
    title: str, description: str, sql: str, unit: str, *, bucket: float, colour: str, width: int = 12, height: int = 9
) -> Panel:
    """How often which value of the column `value` comes."""
    return Panel(
        title,
        description,
        "histogram",
        sql,
        unit,
        width,
        height,
        defaults={
            "color": {"mode": "fixed", "fixedColor": colour},
            "custom": {
                "fillOpacity": 80,
                "lineWidth": 0,
                "gradientMode": "none",
                "stacking": {"mode": "none", "group": "A"},
                "hideFrom": _HIDE_NOTHING,
            },
        },
        options={
            "bucketSize": bucket,
            "combine": False,
            "legend": {**_LEGEND, "showLegend": False},
            "tooltip": {"mode": "multi", "sort": "none", "hideZeros": False},
        },
    )
