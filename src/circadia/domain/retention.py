"""Which copies of a series stay: the newest of each of the last days, weeks and months that have one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

_RULE = re.compile(r"(\d{1,4})([dwm])")
_PERIODS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "d": lambda at: (at.year, at.month, at.day),
    "w": lambda at: at.isocalendar()[:2],
    "m": lambda at: (at.year, at.month),
}


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks (from Monday) and months have their newest copy kept."""

    periods: tuple[tuple[str, int], ...]

    def kept(self, made: Iterable[datetime]) -> set[datetime]:
        """Those that stay, the newest always. Periods without a copy do not count, so a pause removes nothing."""
        newest_first = sorted(made, reverse=True)
        kept = set(newest_first[:1])
        for unit, count in self.periods:
            newest_of: dict[tuple[int, ...], datetime] = {}
            for at in newest_first:
                newest_of.setdefault(_PERIODS[unit](at), at)
            kept.update(list(newest_of.values())[:count])
        return kept


def parse_keep(text: str) -> Keep:
    """A rule written `7d,4w,12m`, each unit at most once; ValueError says what is allowed."""
    found = [_RULE.fullmatch(part.strip()) for part in text.split(",")]
    periods = tuple((each[2], int(each[1])) for each in found if each and int(each[1]))
    if len(periods) != len(found) or len({unit for unit, _ in periods}) != len(periods):
        raise ValueError("write how many days, weeks and months: 7d,4w,12m")
    return Keep(periods)
