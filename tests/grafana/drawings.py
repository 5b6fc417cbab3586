"""Panels drawn from their JSON and the rows of their query, about as Grafana draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle, Wedge
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tests.grafana.look import DARK, Answer, Ground, Json, Look, look

mdates: Any = dates
"""Without types of its own."""


def draw(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    """One panel into its place."""
    if not answer.rows:
        axes.axis("off")
        axes.text(
            0.5, 0.5, "No data", color=ground.faint, ha="center", va="center", transform=axes.transAxes, fontsize=9
        )
        return
    _DRAWN[panel["type"]](axes, panel, answer, ground, span)


def _bare(axes: Axes, ground: Ground) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(colors=ground.faint, labelsize=7, length=0)
    axes.grid(True, color=ground.line, linewidth=0.6)
    axes.set_axisbelow(True)


def _stat(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    axes.axis("off")
    settings = look(panel, "value")
    values = [each for each in answer.column("value") if each is not None]
    value = values[-1] if values else None
    text = settings.text(value)
    height = panel["gridPos"]["h"]
    size = min(27, 9 * height, axes.get_window_extent().width / (0.95 * len(text)))
    if panel["options"]["graphMode"] == "area":
        floor = answer.numbers("value")
        colour = settings.colour(value, ground.ink)
        inner = axes.inset_axes((0, 0, 1, 0.42))
        inner.axis("off")
        known = ~np.isnan(floor)
        inner.fill_between(np.flatnonzero(known), floor[known], np.nanmin(floor), color=colour, alpha=0.18, linewidth=0)
        inner.plot(np.flatnonzero(known), floor[known], color=colour, linewidth=0.8)
        inner.margins(0, 0.05)
    axes.text(
        0.5,
        0.62 if panel["options"]["graphMode"] == "area" else 0.5,
        text,
        color=settings.colour(value, ground.ink),
        ha="center",
        va="center",
        transform=axes.transAxes,
        fontsize=size,
        weight="bold",
    )


def _gauge(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    settings = look(panel, "value")
    value = answer.column("value")[-1]
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_xlim(-1.1, 1.1)
    axes.set_ylim(-0.55, 1.1)
    least, most = settings.get("min"), settings.get("max")
    axes.add_patch(Wedge((0, 0), 1, -20, 200, width=0.24, color=ground.line))
    steps = settings.get("thresholds")["steps"]
    for at, step in enumerate(steps):
        since = least if step["value"] is None else step["value"]
        until = steps[at + 1]["value"] if at + 1 < len(steps) else most
        angles = (200 - 220 * (until - least) / (most - least), 200 - 220 * (since - least) / (most - least))
        axes.add_patch(Wedge((0, 0), 1.07, *angles, width=0.04, color=step["color"]))
    if value is not None:
        share = min(1, max(0, (float(value) - least) / (most - least)))
        axes.add_patch(Wedge((0, 0), 1, 200 - 220 * share, 200, width=0.24, color=settings.colour(value, ground.ink)))
    axes.text(
        0,
        0.05,
        settings.text(value),
        color=settings.colour(value, ground.ink),
        ha="center",
        va="center",
        fontsize=17,
        weight="bold",
    )


def _course(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    times = mdates.date2num([_moment(each) for each in answer.column("time")])
    gap = float(np.min(np.diff(times))) if len(times) > 1 else 1.0
    right: Axes | None = None
    on_right = Look()
    ups, downs = np.zeros(len(times)), np.zeros(len(times))
    names = [each for each in answer.names if each != "time"]
    whole = sum((np.nan_to_num(answer.numbers(name)) for name in names), np.zeros(len(times)))
    for name in names:
        settings = look(panel, name)
        values = answer.numbers(name)
        on = axes
        if settings.get("custom.axisPlacement") == "right":
            if right is None:
                right = axes.twinx()
                _bare(right, ground)
                right.grid(False)
            on, on_right = right, settings
        stacking = settings.get("custom.stacking")["mode"]
        if stacking == "percent":
            values = 100 * values / np.where(whole == 0, math.nan, whole)
        base = np.where(np.nan_to_num(values) >= 0, ups, downs) if stacking != "none" else np.zeros(len(times))
        _series(on, settings, times, values, base, gap, answer, ground)
        if stacking != "none":
            ups += np.clip(np.nan_to_num(values), 0, None)
            downs += np.clip(np.nan_to_num(values), None, 0)
    _axis(axes, look(panel, ""))
    if right is not None:
        _axis(right, on_right)
    axes.set_xlim(float(mdates.date2num(span[0])), float(mdates.date2num(span[1])))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.xaxis.get_offset_text().set_visible(False)
    if panel["options"]["legend"]["showLegend"]:
        _legend(
            axes,
            [(n, look(panel, n)) for n in names if not look(panel, n).get("custom.hideFrom", {}).get("legend")],
            ground,
        )


def _series(
    on: Axes, settings: Look, times: Any, values: Any, base: Any, gap: float, answer: Answer, ground: Ground
) -> None:
    colour = settings.colour(None, ground.ink)
    opacity = settings.get("custom.fillOpacity") / 100
    style = settings.get("custom.drawStyle")
    if style == "bars":
        on.bar(times, values, width=0.72 * gap, bottom=base, color=colour, alpha=opacity, linewidth=0)
        return
    if style == "points":
        on.plot(times, values, "o", color=colour, markersize=2, alpha=0.9, linewidth=0)
        return
    stacked = settings.get("custom.stacking")["mode"] != "none"
    top = values + base
    step: Literal["post"] | None = "post" if settings.get("custom.lineInterpolation") == "stepAfter" else None
    lower = settings.get("custom.fillBelowTo")
    if opacity and (lower or stacked or opacity):
        floor = answer.numbers(lower) if lower else base
        if not lower and not stacked and settings.get("min") is None:
            floor = np.full(len(values), np.nanmin(values) - 0.15 * (np.nanmax(values) - np.nanmin(values)))
        on.fill_between(times, floor, top, color=colour, alpha=opacity, linewidth=0, step=step)
    if width := settings.get("custom.lineWidth"):
        dashed = settings.get("custom.lineStyle", {}).get("fill") == "dash"
        drawn = "steps-post" if step else "default"
        on.plot(times, top, color=colour, linewidth=0.75 * width, linestyle="--" if dashed else "-", drawstyle=drawn)


def _axis(axes: Axes, settings: Look) -> None:
    if settings.get("min") is not None:
        axes.set_ylim(bottom=settings.get("min"))
    if settings.get("max") is not None:
        axes.set_ylim(top=settings.get("max"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=settings.get("decimals") == 0))
    plain = Look({name: value for name, value in settings.settings.items() if name != "decimals"})
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain.text(round(float(value), 6))))


def _legend(axes: Axes, shown: Sequence[tuple[str, Look]], ground: Ground) -> None:
    at = 0.0
    width = axes.get_window_extent().width
    for name, settings in shown:
        axes.annotate(
            "━ ",
            (at, 0),
            xytext=(0, -27),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7,
            color=settings.colour(None, ground.ink),
            va="center",
        )
        axes.annotate(
            name,
            (at, 0),
            xytext=(12, -27),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7,
            color=ground.ink,
            va="center",
        )
        at += (30 + 6.1 * len(name)) / width


def _table(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    axes.axis("off")
    axes.set_xlim(0, 1)
    pixels = axes.get_window_extent()
    lines = max(1, int(pixels.height // 22) - 1)
    axes.set_ylim(pixels.height, 0)
    looks = {name: look(panel, name) for name in answer.names}
    fixed = {name: looks[name].get("custom.width") for name in answer.names}
    taken = sum(each for each in fixed.values() if each)
    loose = [name for name in answer.names if not fixed[name]]
    texts = {name: [looks[name].text(each) for each in answer.column(name)[:lines]] for name in answer.names}
    room = max(0.0, pixels.width - taken)
    wide = {name: fixed[name] or room / len(loose) for name in answer.names}
    x = 0.0
    for name in answer.names:
        numeric = any(isinstance(each, (int, float)) for each in answer.column(name))
        where = (x + wide[name] - 12) / pixels.width if numeric else x / pixels.width
        side = "right" if numeric else "left"
        axes.text(where, 11, name, color=ground.faint, fontsize=7.5, va="center", ha=side, weight="bold")
        for at, text in enumerate(texts[name]):
            value = answer.column(name)[at]
            y = 22 * (at + 1.5)
            axes.axhline(y - 11, color=ground.line, linewidth=0.5)
            colour = ground.ink
            if looks[name].get("custom.cellOptions", {}).get("type") == "color-text":
                colour = looks[name].colour(value, ground.ink)
            if looks[name].get("custom.cellOptions", {}).get("type") == "gauge" and value is not None:
                share = min(1.0, float(value) / looks[name].get("max"))
                axes.add_patch(
                    Rectangle(
                        (x / pixels.width, y - 7),
                        0.55 * share * wide[name] / pixels.width,
                        14,
                        color="#4A90E2",
                        alpha=0.55,
                    )
                )
            most = max(3, int(wide[name] / 5.6))
            cut = text if len(text) <= most else text[: most - 1] + "…"
            axes.text(where, y, cut, color=colour, fontsize=7.5, va="center", ha=side)
        x += wide[name]


def _calendar(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    axes.grid(False)
    names = [each for each in answer.names if each != "time"]
    times = mdates.date2num([_moment(each) for each in answer.column("time")])
    gap = float(np.min(np.diff(times))) if len(times) > 1 else 7.0
    for at, name in enumerate(names):
        settings = look(panel, name)
        for time, value in zip(times, answer.column(name), strict=True):
            if value is not None:
                axes.add_patch(
                    Rectangle(
                        (time + 0.08 * gap, at - 0.42),
                        0.84 * gap,
                        0.84,
                        color=settings.colour(value, ground.ink),
                        alpha=0.9,
                        linewidth=0,
                    )
                )
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(times[0], times[-1] + gap)
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m-%d"))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=9))


def _raster(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    axes.grid(False)
    names = [each for each in answer.names if each != "time"]
    times = mdates.date2num([_moment(each) for each in answer.column("time")])
    cells = np.array([answer.numbers(name) for name in names])
    cells[cells <= panel["options"]["filterValues"]["le"]] = math.nan
    edges = np.append(times, times[-1] + 1)
    # Grafana turns its schemes around on dark ground, so that little is always close to the ground
    scheme = panel["options"]["color"]["scheme"] + ("_r" if ground is DARK else "")
    axes.pcolormesh(
        edges,
        np.arange(len(names) + 1),
        cells,
        cmap=scheme,
        vmin=0,
        vmax=panel["options"]["color"]["max"],
        shading="flat",
    )
    axes.set_ylim(len(names), 0)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.set_xlim(float(mdates.date2num(span[0])), float(mdates.date2num(span[1])))
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))


def _columns(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    across = panel["options"]["xField"]
    labels = [str(each) for each in answer.column(across)]
    names = [each for each in answer.names if each != across]
    places = np.arange(len(labels))
    sideways, stacked = panel["options"]["orientation"] == "horizontal", panel["options"]["stacking"] == "normal"
    size = 0.75 if stacked else 0.75 / len(names)
    base = np.zeros(len(labels))
    for at, name in enumerate(names):
        settings = look(panel, name)
        values = np.nan_to_num(answer.numbers(name))
        shift = 0 if stacked else (at - (len(names) - 1) / 2) * size
        colour = settings.colour(None, ground.ink)
        if sideways:
            axes.barh(places + shift, values, size * 0.92, left=base if stacked else 0, color=colour, alpha=0.9)
        else:
            axes.bar(places + shift, values, size * 0.92, bottom=base if stacked else 0, color=colour, alpha=0.9)
        base += values
    shown = look(panel, names[0])
    form = FuncFormatter(lambda value, _: shown.text(float(value)))
    if sideways:
        axes.set_yticks(places, [each if len(each) < 30 else each[:28] + "…" for each in labels])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(form)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    else:
        axes.set_xticks(places, labels)
        axes.yaxis.set_major_formatter(form)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(False, axis="x")
    if panel["options"]["legend"]["showLegend"]:
        _legend(axes, [(name, look(panel, name)) for name in names], ground)


def _scatter(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    series = panel["options"]["series"][0]
    x, y = series["x"]["matcher"]["options"], series["y"]["matcher"]["options"]
    colour = look(panel, y).colour(None, ground.ink)
    axes.scatter(
        answer.numbers(x), answer.numbers(y), s=14, color=colour, alpha=0.45, edgecolors=colour, linewidths=0.7
    )
    axes.set_xlabel(x, color=ground.faint, fontsize=7.5)
    axes.set_ylabel(y, color=ground.faint, fontsize=7.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: look(panel, x).text(float(value))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: look(panel, y).text(float(value))))


def _histogram(axes: Axes, panel: Json, answer: Answer, ground: Ground, span: tuple[datetime, datetime]) -> None:
    _bare(axes, ground)
    values, size = answer.numbers("value"), panel["options"]["bucketSize"]
    edges = np.arange(math.floor(values.min() / size) * size, values.max() + size, size)
    settings = look(panel, "value")
    axes.hist(values, bins=list(edges), color=settings.colour(None, ground.ink), alpha=0.8, rwidth=0.94)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: settings.text(float(value))))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(False, axis="x")


def _moment(value: Any) -> datetime:
    assert isinstance(value, datetime), value
    return value


_DRAWN: dict[str, Callable[[Axes, Json, Answer, Ground, tuple[datetime, datetime]], None]] = {
    "stat": _stat,
    "gauge": _gauge,
    "timeseries": _course,
    "table": _table,
    "status-history": _calendar,
    "heatmap": _raster,
    "barchart": _columns,
    "xychart": _scatter,
    "histogram": _histogram,
}
