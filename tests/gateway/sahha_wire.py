"""A Sahha on the wire that has what it is given, answers as told, and can be made to wait or to fail."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx2

from tests.clients.sahha.sahha import TOKEN_PATH

Json = dict[str, Any]
_LISTS = {"score": "score", "biomarker": "biomarker", "archetypes": "archetype"}
_SPACE = UUID(int=7)


def offset_text(hours: int) -> str:
    """An offset as an instant carries it."""
    return f"{'-' if hours < 0 else '+'}{abs(hours):02}:00"


def score(day: date, value: float | None, type_: str = "readiness", hours: int = 0, **changes: Any) -> Json:
    """A score of a day of somebody so many hours east of Greenwich."""
    return {
        "id": str(uuid5(_SPACE, f"{type_} {day}")), "type": type_, "state": "medium", "score": value, "factors": [],
        "dataSources": ["sleep"], "scoreDateTime": f"{day}T00:00:00{offset_text(hours)}", "version": 1,
    } | changes  # fmt: skip


def biomarker(day: date, type_: str, value: str, hours: int = 0, **changes: Any) -> Json:
    """A biomarker of a day, a count unless told otherwise."""
    zone = offset_text(hours)
    return {
        "id": str(uuid5(_SPACE, f"{type_} {day}")), "category": "activity", "type": type_, "periodicity": "daily",
        "aggregation": "total", "value": value, "unit": "count", "valueType": "integer",
        "startDateTime": f"{day}T00:00:00{zone}", "endDateTime": f"{day}T23:59:59{zone}",
    } | changes  # fmt: skip


def night(day: date, minutes: int, hours: int = 0, **changes: Any) -> Json:
    """How long somebody slept in the night before a day."""
    zone = offset_text(hours)
    window = {
        "startDateTime": f"{day - timedelta(days=1)}T18:00:00{zone}",
        "endDateTime": f"{day}T17:59:59{zone}",
    }
    about = {"category": "sleep", "unit": "minute"}
    return biomarker(day, "sleep_duration", str(minutes), hours, **(about | window | changes))


class FakeSahha:
    """`have` is what it has of everybody by kind; `asked` counts the requests by the last word of their path before the
    person. A request is answered by `failure` where there is one for its kind, and waits while `hold` is on; one for a
    kind of `hung` has no end. `called` is everybody's external id, if it is not the one that is asked for."""

    def __init__(self) -> None:
        self.have: dict[str, list[Json]] = {"score": [], "biomarker": [], "archetype": []}
        self.sources: list[str] = ["com.apple.health"]
        self.asked: Counter[str] = Counter()
        self.windows: list[tuple[str, date, date]] = []
        self.failures: dict[str, httpx2.Response | httpx2.HTTPError] = {}
        self.hung: set[str] = set()
        self.called: str | None = None
        self._free = asyncio.Event()
        self._free.set()

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    def fail(self, answer: httpx2.Response | httpx2.HTTPError, *kinds: str) -> None:
        """Answer like this whatever is asked, or only some kinds of things."""
        self.failures = dict.fromkeys(kinds or ("profile", "score", "biomarker", "archetypes"), answer)

    def recover(self) -> None:
        self.failures = {}

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == TOKEN_PATH:
            return httpx2.Response(200, json={"accountToken": "token", "expiresIn": 86400})
        *_, kind, external_id = request.url.path.split("/")
        self.asked[kind] += 1
        await self._free.wait()
        if kind in self.hung:
            await asyncio.Event().wait()
        failure = self.failures.get(kind)
        if isinstance(failure, httpx2.HTTPError):
            raise failure
        if failure is not None:
            return httpx2.Response(failure.status_code, headers=failure.headers, content=failure.content)
        if kind == "profile":
            sources = [{"sourceName": each, "deviceType": "phone"} for each in self.sources]
            return httpx2.Response(200, json={"externalId": self.called or external_id, "dataSources": sources})
        return self._list(kind, request.url.params)

    def _list(self, kind: str, asked: httpx2.QueryParams) -> httpx2.Response:
        first, last = (date.fromisoformat(asked[name]) for name in ("startDateTime", "endDateTime"))
        self.windows.append((kind, first, last))
        found = [each for each in self.have[_LISTS[kind]] if first <= _day(each) <= last]
        found.sort(key=_day, reverse=True)
        return httpx2.Response(200, content=json.dumps(found)) if found else httpx2.Response(204)


def _day(record: Json) -> date:
    text: str = record.get("endDateTime") or record["scoreDateTime"]
    return date.fromisoformat(text[:10])


def a_week(today: date) -> FakeSahha:
    """A Sahha that has a week of everybody: a score, steps and a night of each day."""
    fake = FakeSahha()
    for n in range(7):
        day = today - timedelta(n)
        fake.have["score"].append(score(day, n / 10))
        fake.have["biomarker"] += [biomarker(day, "steps", str(1000 * n)), night(day, 400 + n)]
    return fake
