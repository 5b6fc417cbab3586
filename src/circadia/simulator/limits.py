"""Rate windows of one app, and the headers that speak of them.

WHOOP allows 100 requests in a minute and 10,000 in 24 hours per app, shared by all its members, and says so in
three headers of which the first number is the window nearest to exhaustion. Whether its windows are fixed or
rolling is not documented; these roll by exact time stamps, the strictest reading.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

MINUTE = 60.0
DAY = 86_400.0


@dataclass(frozen=True)
class Limits:
    """Requests allowed to one app in any 60 s and in any 86,400 s."""

    per_minute: int = 100
    per_day: int = 10_000


DEFAULT_LIMITS = Limits()


class Verdict(NamedTuple):
    """Whether a request may pass, and the `X-RateLimit-*` headers of its answer."""

    allowed: bool
    headers: dict[str, str]


class RollingWindow:
    """Time stamps of the last `seconds`, in an array of doubles: a million cost 8 MB, each step is amortised O(1)."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._stamps = array("d")
        self._head = 0

    def count(self, now: float) -> int:
        """Stamps younger than the window."""
        stamps = self._stamps
        if self._head < len(stamps) and stamps[self._head] <= now - self.seconds:
            self._head = bisect_right(stamps, now - self.seconds, self._head)
            if self._head > 1024 and self._head * 2 > len(stamps):
                del stamps[: self._head]
                self._head = 0
        return len(stamps) - self._head

    def add(self, now: float) -> None:
        """Count one more at `now`; a clock set back counts as standing still."""
        stamps = self._stamps
        stamps.append(max(now, stamps[-1]) if stamps else now)

    def until_next_leaves(self, now: float) -> float:
        """Seconds until the oldest stamp leaves; the whole window when it is empty."""
        if self._head >= len(self._stamps):
            return self.seconds
        return max(0.0, self._stamps[self._head] + self.seconds - now)


class RateWindows:
    """Both windows of one app. A refused request spends nothing of them, but counts in `peak_minute`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.refused = 0
        self.peak_minute = 0
        self._minute = RollingWindow(MINUTE)
        self._day = RollingWindow(DAY)
        self._arrivals = RollingWindow(MINUTE)

    def admit(self, now: float) -> Verdict:
        """Count a request that arrives at `now` (seconds since the epoch)."""
        self._arrivals.add(now)
        self.peak_minute = max(self.peak_minute, self._arrivals.count(now))
        allowed = self._minute.count(now) < self.limits.per_minute and self._day.count(now) < self.limits.per_day
        if allowed:
            self._minute.add(now)
            self._day.add(now)
        else:
            self.refused += 1
        return Verdict(allowed, self.headers(now))

    def headers(self, now: float) -> dict[str, str]:
        """The three headers; `Remaining` and `Reset` (seconds) speak of the window named first.

        At equal shares that is the day, whose wait is the longer.
        """
        limits = self.limits
        minute_left = max(0, limits.per_minute - self._minute.count(now))
        day_left = max(0, limits.per_day - self._day.count(now))
        day_is_tighter = day_left * limits.per_minute <= minute_left * limits.per_day
        window, limit, left = (
            (self._day, limits.per_day, day_left) if day_is_tighter else (self._minute, limits.per_minute, minute_left)
        )
        return {
            "X-RateLimit-Limit": (f"{limit}, {limits.per_minute};window=60, {limits.per_day};window=86400"),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(max(1, ceil(window.until_next_leaves(now)))),
        }

    def exhausted_headers(self, now: float) -> dict[str, str]:
        """Headers of a refusal that was ordered rather than earned."""
        return self.headers(now) | {"X-RateLimit-Remaining": "0"}

    def reset_peak(self) -> None:
        """Start the record of the busiest minute again."""
        self.peak_minute = 0
        self.refused = 0
        self._arrivals = RollingWindow(MINUTE)
