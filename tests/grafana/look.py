"""How values look: Grafana's grounds and units, colours by value, and texts shown as other texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

Json = dict[str, Any]

_STEPS = ((86400 * 7, "week"), (86400, "day"), (3600, "hour"), (60, "min"))
_SIGNS = {"percent": "%", "ms": " ms", "celsius": " °C"}


@dataclass(frozen=True, slots=True)
class Ground:
    """The colours of Grafana's own surfaces."""

    page: str
    panel: str
    line: str
    ink: str
    faint: str


DARK = Ground("#111217", "#181b1f", "#2c3036", "#d5d8de", "#8e939c")
LIGHT = Ground("#f4f5f5", "#ffffff", "#dfe2e6", "#24292e", "#6b7280")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave."""

    names: list[str]
    rows: Sequence[Sequence[Any]]

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        at = self.names.index(name)
        return [row[at] for row in self.rows]

    def numbers(self, name: str) -> np.ndarray[Any, Any]:
        """The same as numbers; NaN: none."""
        return np.array([math.nan if each is None else float(each) for each in self.column(name)])


@dataclass
class Look:
    """The settings of one column of a panel."""

    settings: Json = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """A setting by its dotted name."""
        return self.settings.get(name, default)

    def mapped(self, value: Any) -> Json | None:
        """The text and colour that stand for a value, if any."""
        for each in self.get("mappings", []):
            if each["type"] == "value" and str(value) in each["options"]:
                found: Json = each["options"][str(value)]
                return found
            if each["type"] == "range" and isinstance(value, (int, float)):
                limits = each["options"]
                if limits["from"] <= value <= limits["to"]:
                    return dict(limits["result"])
        return None

    def text(self, value: Any) -> str:
        """A value in words."""
        if value is None:
            return str(self.get("noValue", ""))
        if mapped := self.mapped(value):
            return str(mapped["text"])
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M}"
        if isinstance(value, (str, bool)):
            return str(value)
        return self._number(float(value))

    def _number(self, value: float) -> str:
        unit, decimals = str(self.get("unit", "none")), self.get("decimals")
        if unit == "s":
            for size, word in _STEPS:
                if abs(value) >= size:
                    return f"{value / size:.{1 if decimals is None else decimals}f} {word}s"
            return f"{value:.{1 if decimals is None else decimals}f} s"
        if unit == "short" and abs(value) >= 1000:
            return f"{value / 1000:.{1 if decimals is None else decimals}f} K"
        text = f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"
        return text + (unit.removeprefix("suffix:") if unit.startswith("suffix:") else _SIGNS.get(unit, ""))

    def colour(self, value: Any, ink: str) -> str:
        """The colour of a value."""
        mapped = self.mapped(value)
        if mapped and "color" in mapped:
            return str(mapped["color"])
        chosen = self.get("color", {})
        if chosen.get("mode") == "fixed":
            return str(chosen["fixedColor"])
        if chosen.get("mode") == "thresholds" and not isinstance(value, (str, type(None))):
            found = ink
            for step in self.get("thresholds", {}).get("steps", []):
                if step["value"] is None or float(value) >= step["value"]:
                    found = step["color"]
            return str(found)
        if chosen.get("mode") == "thresholds" and self.get("thresholds"):
            return str(self.get("thresholds")["steps"][0]["color"])
        return ink


def look(panel: Json, column: str) -> Look:
    """The settings of a column: the panel's, and on top of them those that name it."""
    defaults = panel["fieldConfig"]["defaults"]
    settings = {name: value for name, value in defaults.items() if name != "custom"}
    settings |= {f"custom.{name}": value for name, value in defaults.get("custom", {}).items()}
    for each in panel["fieldConfig"]["overrides"]:
        if each["matcher"]["options"] == column:
            settings |= {found["id"]: found["value"] for found in each["properties"]}
    return Look(settings)
