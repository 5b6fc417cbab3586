"""Sends webhooks: what has changed since the last look, one object each, signed, retried for an hour."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import orjson

from circadia.simulator.faults import Fault
from circadia.simulator.posting import Posting, post, struck
from circadia.simulator.sahha.items import DATA_LOG_EVENT, EVENTS, Item
from circadia.simulator.sahha.profiles import ACCOUNT_ID, Profile
from circadia.simulator.sahha.state import State
from circadia.simulator.sahha.windows import SYNC_EVERY, text, utc_text

ANSWER_SECONDS = 30.0
RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30))
"""Sahha publishes neither number nor steps."""
LOOKS_EVERY = timedelta(minutes=1)
"""Sahha tells of new data within about a minute."""
LOOKS_BACK = timedelta(days=2)
"""How old a day may be whose changes are told."""
ARCHETYPES_BACK = timedelta(days=8)
KEPT = 1000


def sign(secret: str, body: bytes) -> str:
    """`X-Signature`: lower-case hex of HMAC-SHA256 over the raw body, keyed with the secret's text."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(slots=True, kw_only=True)
class Delivery(Posting):
    """One event of one profile; `body` is sent as it stands at every attempt."""

    external_id: str
    type: str
    body: bytes = field(repr=False)

    def headers(self, secret: str, body: bytes) -> dict[str, str]:
        """Whose it is, what it is, and the signature."""
        return {
            "Content-Type": "application/json",
            "X-External-Id": self.external_id,
            "X-Event-Type": self.type,
            "X-Signature": sign(secret, body),
        }

    def forgery(self, now: datetime) -> bytes:
        """The same object with other values, as if calculated now."""
        other: dict[str, Any] = {"score": 0.01, "state": "minimal", "value": "1", "dataLogs": []}
        told = orjson.loads(self.body)
        lies = {name: value for name, value in other.items() if name in told}
        return orjson.dumps(told | lies | {"createdAtUtc": utc_text(now)})


class Courier:
    """Watches the profiles and tells the receiver what became new or other."""

    def __init__(
        self, state: State, receiver: tuple[str, str] | None, transport: httpx2.AsyncBaseTransport | None
    ) -> None:
        self._state = state
        self.receiver = receiver
        """URL and secret; None sends nothing."""
        self._transport = transport
        self._turn = asyncio.Lock()
        self._told: dict[str, dict[str, dict[str, Any]]] = {}
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._archetypes: dict[str, tuple[datetime, list[Item]]] = {}
        self.pending: list[Delivery] = []
        self.finished: deque[Delivery] = deque(maxlen=KEPT)
        self.forged: list[int | None] = []
        """What the receiver answered to forged webhooks: a status, None for no answer."""
        if receiver is not None:
            self._look(state.clock())

    async def deliver_due(self) -> int:
        """Queue what has changed and try everything due by the clock, one after another; returns how many got a 2xx."""
        async with self._turn:
            now = self._state.clock()
            if self.receiver is None or not self._state.switches.webhooks:
                return 0
            self.pending += self._look(now)
            batch = struck([each for each in self.pending if each.due_at <= now], self._fault, now)
            delivered = 0
            if batch:
                agent = {"User-Agent": "Sahha"}
                async with httpx2.AsyncClient(transport=self._transport, timeout=ANSWER_SECONDS, headers=agent) as http:
                    for delivery in batch:
                        delivered += await self._attempt(http, delivery, now, *self.receiver)
            self.finished.extend(each for each in self.pending if each.state != "pending")
            self.pending = [each for each in self.pending if each.state == "pending"]
            return delivered

    def _look(self, now: datetime) -> list[Delivery]:
        """What differs from the last look. A profile's first look is what was always there."""
        if now - self._looked_at < LOOKS_EVERY:
            return []
        self._looked_at = now
        found: list[Delivery] = []
        for external_id, profile in self._state.profiles.items():
            if profile.member is None:
                continue
            items = self._recent(profile, now)
            known = self._told.get(external_id)
            self._told[external_id] = {item.payload["id"]: item.payload for item in items}
            if known is None:
                continue
            fresh = [item for item in items if known.get(item.payload["id"]) != item.payload]
            found += [self._event(profile, item, now) for item in sorted(fresh, key=_by_change)]
            found += [_log(profile, item, now) for item in fresh if item.name == "steps"]
        return found

    def _recent(self, profile: Profile, now: datetime) -> list[Item]:
        state, today = self._state, profile.today(now)
        first, last = today - LOOKS_BACK, today + timedelta(days=1)
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._archetypes.get(profile.external_id, (None, []))[0] != hour:  # they change once a week
            found = state.archetypes(profile, today - ARCHETYPES_BACK, today, now)
            self._archetypes[profile.external_id] = hour, found
        return [
            *state.scores(profile, first, last, now),
            *state.biomarkers(profile, first, last, now),
            *self._archetypes[profile.external_id][1],
        ]

    def _event(self, profile: Profile, item: Item, now: datetime) -> Delivery:
        body = orjson.dumps(item.announced(profile))
        return Delivery(due_at=now, external_id=profile.external_id, type=EVENTS[item.kind], body=body)

    def _fault(self, delivery: Delivery) -> Fault | None:
        return self._state.faults.for_webhook(type=delivery.type, user_id=delivery.external_id)

    async def _attempt(
        self, http: httpx2.AsyncClient, delivery: Delivery, now: datetime, url: str, secret: str
    ) -> bool:
        if delivery.forged:
            delivery.forged = False
            lie = delivery.forgery(now)
            self.forged.append(await post(http, url, lie, delivery.headers("a guess", lie), ANSWER_SECONDS))
        delivery.attempts += 1
        headers = delivery.headers(secret, delivery.body)
        status = await post(http, url, delivery.body, headers, ANSWER_SECONDS)
        if delivery.state != "pending":  # the second of a duplicate
            return False
        if status is not None and 200 <= status < 300:
            delivery.state, delivery.last_status = "delivered", status
            return True
        delivery.failed(now, status, RETRY_DELAYS)
        return False


def _by_change(item: Item) -> tuple[datetime, date, str]:
    return item.changed_at, item.day, item.name


def _log(profile: Profile, item: Item, now: datetime) -> Delivery:
    """The device's own log behind a new count of steps."""
    until = item.changed_at
    zone = profile.zone(now)
    log: dict[str, Any] = {
        "id": profile.id_of("log", "steps", until.isoformat()),
        "parentId": None,
        "value": float(item.payload["value"]),
        "unit": "count",
        "source": "com.apple.health",
        "recordingMethod": "AUTOMATICALLY_RECORDED",
        "deviceType": "iPhone15,2",
        "startDateTime": text(until - SYNC_EVERY, zone),
        "endDateTime": text(until, zone),
        "additionalProperties": {},
    }
    body = {
        "logType": "activity",
        "dataType": "steps",
        "profileId": str(profile.profile_id),
        "accountId": str(ACCOUNT_ID),
        "externalId": profile.external_id,
        "receivedAtUtc": utc_text(now),
        "dataLogs": [log],
    }
    return Delivery(due_at=now, external_id=profile.external_id, type=DATA_LOG_EVENT, body=orjson.dumps(body))
