"""What Grafana makes of a query before PostgreSQL sees it: variables in the browser, macros in the data source.

Written from the documentation of Grafana's PostgreSQL data source and of its variable syntax. Whatever is not known
there is refused, as Grafana refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)(?::(\w+))?\}")
_MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")
_SPAN = re.compile(r"now(?:([+-]\d+)([smhdwMy]))?")
_INTERVALS = ("1m", "2m", "5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "7d")
_DAYS = {"d": 1.0, "w": 7.0, "M": 30.4375, "y": 365.25, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands above the panels when they are drawn: the range, and the variables by name."""

    since: datetime
    until: datetime
    variables: Mapping[str, str | Sequence[str]]

    def expanded(self, sql: str, points: int = 1000) -> str:
        """The statement that reaches PostgreSQL, for a panel that wants so many points at most."""
        return _MACRO.sub(self._macro, self.interpolated(sql).replace("$__interval", self._interval(points)))

    def _interval(self, points: int) -> str:
        wanted = (self.until - self.since).total_seconds() / points
        return next((each for each in _INTERVALS if _seconds(each) >= wanted), _INTERVALS[-1])

    def interpolated(self, text: str) -> str:
        """A text with the variables put in; what is no variable stays as it is, for the macros."""

        def put(found: re.Match[str]) -> str:
            name = found[1] or found[2] or found[4]
            if name not in self.variables:
                if found[1] is not None and name.startswith("__"):
                    return found[0]
                raise AssertionError(f"no variable is called {name}: {text}")
            return _formatted(self.variables[name], found[3] or found[5])

        return _VARIABLE.sub(put, text)

    def _macro(self, found: re.Match[str]) -> str:
        name, words = found[1], [each.strip() for each in found[2].split(",")]
        since, until = (f"'{each.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z'" for each in (self.since, self.until))
        if name == "__timeFrom":
            return since
        if name == "__timeTo":
            return until
        if name == "__timeFilter" and words[0]:
            return f"{words[0]} BETWEEN {since} AND {until}"
        if name in {"__timeGroup", "__timeGroupAlias"} and len(words) >= 2:
            seconds = _seconds(words[1].strip("'"))
            alias = ' AS "time"' if name.endswith("Alias") else ""
            return f"floor(extract(epoch from {words[0]})/{seconds})*{seconds}{alias}"
        raise AssertionError(f"Grafana knows no macro like {found[0]}")


def _formatted(value: str | Sequence[str], form: str | None) -> str:
    values = [value] if isinstance(value, str) else list(value)
    if form == "sqlstring":
        return ",".join("'" + each.replace("'", "''") + "'" for each in values)
    if form in {"raw", "text", "csv", None}:
        return ",".join(values)
    raise AssertionError(f"unknown format of a variable: {form}")


def _seconds(interval: str) -> int:
    found = re.fullmatch(r"(\d+)([smhdw])", interval)
    assert found is not None, interval
    return round(int(found[1]) * _DAYS[found[2]] * 86400)


def moment(word: str, now: datetime) -> datetime:
    """An end of a range in Grafana's words, as `now-90d`; months and years are about as long as they are."""
    found = _SPAN.fullmatch(word)
    assert found is not None, word
    return now + timedelta(days=int(found[1] or 0) * _DAYS[found[2] or "d"])
