"""What a dashboard is, and its JSON as Grafana provisions it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Format = Literal["time_series", "table"]

SCHEMA_VERSION = 41
WIDTH = 24
"""Columns of Grafana's grid."""
DATASOURCE: Json = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}
ANYWHERE = "now+14h"
"""The end of a range that holds the present date wherever on earth it is: dates are drawn at midnight UTC."""
RANGES = (
    ("4 weeks", "now-28d"),
    ("3 months", "now-90d"),
    ("6 months", "now-6M"),
    ("1 year", "now-1y"),
    ("3 years", "now-3y"),
    ("10 years", "now-10y"),
)
"""What is offered beside the calendar: what it is called, and its beginning."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One question and its answer.

    unit        Grafana's id of the unit, or `suffix:` and a word
    defaults    further defaults of the fields; `custom` is what the visualisation calls its own
    overrides   by column, as `(name, properties)`
    points      how many it shows at most: what Grafana makes `$__interval` of
    """

    title: str
    description: str
    type: str
    sql: str
    unit: str
    width: int
    height: int
    format: Format = "table"
    defaults: Json = field(default_factory=dict)
    overrides: tuple[tuple[str, Json], ...] = ()
    options: Json = field(default_factory=dict)
    points: int | None = None

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at a place of the grid."""
        told: Json = {} if self.points is None else {"maxDataPoints": self.points}
        return told | {
            "id": number,
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {
                "defaults": {"unit": self.unit, "noValue": "–", **self.defaults},
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": name},
                        "properties": [{"id": each, "value": value} for each, value in properties.items()],
                    }
                    for name, properties in self.overrides
                ],
            },
            "options": self.options,
            "targets": [_target(self.sql, self.format)],
        }


@dataclass(frozen=True, slots=True)
class Section:
    """A titled row of panels, laid out from left to right and top to bottom."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """What can be chosen above the panels.

    sql       gives the choices, each a text; without it `choices` are them, as label and value
    """

    name: str
    label: str
    description: str
    sql: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    def json(self) -> Json:
        """The variable: one value at a time, the first one at first."""
        told: Json = {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "multi": False,
            "includeAll": False,
            "hide": 0,
            "skipUrlSync": False,
        }
        if self.sql:
            # read anew with the dashboard, so that a member who is gone is not asked for
            return told | {
                "type": "query",
                "datasource": DATASOURCE,
                "query": self.sql,
                "definition": self.sql,
                "refresh": 1,
                "sort": 0,
                "regex": "",
                "current": {},
                "options": [],
            }
        options = [{"text": text, "value": value, "selected": at == 0} for at, (text, value) in enumerate(self.choices)]
        return told | {
            "type": "custom",
            "query": ", ".join(f"{text} : {value}" for text, value in self.choices),
            "current": {"text": self.choices[0][0], "value": self.choices[0][1], "selected": True},
            "options": options,
        }


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks on the time axis of every panel. `sql` gives time and text."""

    name: str
    colour: str
    sql: str
    enabled: bool

    def json(self) -> Json:
        """The annotation, with a switch above the panels."""
        return {
            "name": self.name,
            "datasource": DATASOURCE,
            "enable": self.enabled,
            "hide": False,
            "iconColor": self.colour,
            "target": _target(self.sql, "table"),
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of Grafana. Its `uid` is its address and never changes; it shows `span` until `until` at first."""

    uid: str
    title: str
    description: str
    span: str
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    until: str = ANYWHERE
    refresh: str = "15m"
    ranges: tuple[tuple[str, str], ...] = RANGES

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All its panels, in order."""
        return tuple(panel for section in self.sections for panel in section.panels)

    def json(self) -> Json:
        """The whole page."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["circadia"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "weekStart": "monday",
            # a date is midnight UTC; in any other zone it would be drawn a day off
            "timezone": "utc",
            "time": {"from": self.span, "to": self.until},
            "timepicker": {
                "quick_ranges": [{"display": word, "from": since, "to": self.until} for word, since in self.ranges]
            },
            "refresh": self.refresh,
            "templating": {"list": [_source(), *(each.json() for each in self.variables)]},
            "annotations": {"list": [each.json() for each in self.annotations]},
            "links": [_others()],
            "panels": list(_placed(self.sections)),
        }


def _target(sql: str, form: Format) -> Json:
    return {
        "refId": "A",
        "datasource": DATASOURCE,
        "format": form,
        "rawQuery": True,
        "editorMode": "code",
        "rawSql": sql,
    }


def _source() -> Json:
    return {
        "name": "datasource",
        "label": "Database",
        "description": "Where Circadia keeps its data",
        "type": "datasource",
        "query": DATASOURCE["type"],
        "regex": "",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "skipUrlSync": False,
        "current": {"text": "Circadia", "value": "circadia", "selected": True},
        "options": [],
    }


def _others() -> Json:
    return {
        "type": "dashboards",
        "title": "Circadia",
        "tags": ["circadia"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": False,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "The other dashboards",
        "url": "",
    }


def _placed(sections: Sequence[Section]) -> Iterator[Json]:
    number, y = 0, 0
    for section in sections:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
            "panels": [],
        }
        x, y, tallest = 0, y + 1, 0
        for panel in section.panels:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.json(number, x, y)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
