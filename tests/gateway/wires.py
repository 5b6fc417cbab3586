"""A WHOOP service at the wire: answers from a few day documents, and breaks as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import httpx2

from circadia.api import examples
from circadia.clients.whoop_service import WhoopService
from circadia.gateway.breaker import Breaker
from circadia.gateway.links import Links
from circadia.gateway.whoop import WhoopSource
from circadia.gateway.whoop_reading import Fetch
from circadia.served import Person, Stored
from circadia.storage.whoop_links import LinkMemory

TODAY = date(2026, 11, 20)
FIRST = date(2026, 11, 18)
KEY = "key-of-the-gateway"
SINCE = "2026-11-01T09:00:00Z"
PARTS = ["recovery", "sleep", "workouts", "cycles", "profile"]

Body = dict[str, Any]
Fault = Callable[[httpx2.Request], httpx2.Response]


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def answers(status: int, body: Any = None, **headers: str) -> Fault:
    """The same answer to everything."""
    return lambda _request: httpx2.Response(
        status,
        json=body if body is not None else {},
        headers={name.replace("_", "-"): v for name, v in headers.items()},
    )


def garbage(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, text="<html>please wait</html>")


def dead(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


def cut_off(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.RemoteProtocolError("server disconnected", request=request)


def day(of: date) -> Body:
    """A day document with everything; the 19th has no recovery yet, and before the 18th there is nothing."""
    document = deepcopy(examples.DAY) | {"date": of.isoformat(), "as_of": "2026-11-20T11:00:00.000Z"}
    document["workouts"] = [
        {"id": f"w-{of.day}", "sport": "running", "state": "SCORED", "start_at": f"{of}T16:00:00.000Z"}
        | {"end_at": f"{of}T17:00:00.000Z", "duration_ms": 3_600_000, "strain": 10.5, "average_hr_bpm": 140}
        | {"max_hr_bpm": 171, "calories": 500, "distance_m": None}
    ]
    if of < FIRST or of > TODAY:
        document |= {"recovery": None, "sleep": None, "cycle": None, "workouts": []}
        document["missing"] = [{"part": part, "reason": "no_data", "remedy": "None."} for part in PARTS[:2]]
    if of == date(2026, 11, 19):
        document["recovery"] = None
        document["missing"] = [{"part": "recovery", "reason": "pending_score", "remedy": "It comes by itself."}]
    return document


class WhoopWire(httpx2.AsyncBaseTransport):
    """`faults` by route (`status`, `all`, a part, `connect`, `*`) answer in its place; the routes in `held` wait until
    `let_go`, all of them `latency_s`. `state` is everybody's connection."""

    def __init__(self) -> None:
        self.state = "connected"
        self.asked: list[str] = []
        self.waits: dict[str, int] = {}
        self.faults: dict[str, Fault] = {}
        self.held: set[str] = set()
        self.latency_s = 0.0
        self._free = asyncio.Event()

    def let_go(self) -> None:
        self.held.clear()
        self._free.set()

    def count(self, route: str) -> int:
        return self.asked.count(route)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        route = "disconnect" if request.method == "DELETE" else request.url.path.split("/")[-2]
        self.asked.append(route)
        if wait_ms := request.url.params.get("wait_ms"):
            self.waits[route] = int(wait_ms)
        await asyncio.sleep(self.latency_s)
        if {route, "*"} & self.held:
            await self._free.wait()
        if fault := self.faults.get(route) or self.faults.get("*"):
            return fault(request)
        if request.headers.get("x-api-key") != KEY:
            return httpx2.Response(401, json={})
        return self._answer(route, request)

    def _answer(self, route: str, request: httpx2.Request) -> httpx2.Response:
        user_id = request.url.path.split("/")[-1]
        if route == "status":
            connected = self.state == "connected"
            told = {"user_id": user_id, "connected": connected, "state": self.state, "connection_date": SINCE}
            return httpx2.Response(200, json=told)
        if route == "connect":
            started = {"user_id": user_id, "authorization_url": "https://whoop.example/auth", "state": "s"}
            return httpx2.Response(200, json=started | {"expires_in": 600})
        if route == "disconnect":
            self.state = "not_connected"
            return httpx2.Response(200, json={"user_id": user_id, "connected": False})
        if route == "profile":
            return httpx2.Response(200, json=examples.PROFILE | {"user_id": user_id})
        if route == "health":
            return httpx2.Response(200, json={"status": "ready"})
        found = self._stored(user_id, request.url.params)
        body = found.everything(examples.PROFILE | {"user_id": user_id}) if route == "all" else found.part(route)
        if body is None:
            return httpx2.Response(404, json={"type": "urn:circadia:problem:no_data"} | found.standing_of(route))
        return httpx2.Response(200, json=body)

    def _stored(self, user_id: str, asked: httpx2.QueryParams) -> Stored:
        first, last = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
        days = [last - timedelta(n) for n in range((last - first).days + 1)]
        documents = [day(each) | {"connection": self.state} for each in days]
        return Stored(Person(user_id, 1, TODAY, timedelta(hours=-5)), first, last, documents)


def service(wire: httpx2.AsyncBaseTransport, timeout_s: float = 0.2, key: str = KEY) -> WhoopService:
    """The client of a WHOOP service at the end of a wire."""
    return WhoopService(httpx2.AsyncClient(transport=wire), "http://whoop-service.example:8001", key, timeout_s)


class Whoop:
    """WHOOP as a source over a wire, with the clock of its breaker and of its links."""

    def __init__(
        self,
        fetch: Fetch = "parallel",
        *,
        timeout_s: float = 0.2,
        key: str = KEY,
        memory: LinkMemory | None = None,
    ) -> None:
        self.wire = WhoopWire()
        self.seconds = Seconds()
        self.breaker = Breaker("whoop", self.seconds)
        self.links = Links(self.seconds)
        link = service(self.wire, timeout_s, key)
        self.source = WhoopSource(link, self.breaker, self.links, fetch=fetch, memory=memory)
