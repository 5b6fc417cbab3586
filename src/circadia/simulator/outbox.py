"""Webhooks on their way: which event goes to which app, when, and how often it was tried."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from circadia.simulator.posting import Posting
from circadia.simulator.world import Event, World

RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (1, 4, 10, 20, 25))
"""Five retries in an hour; WHOOP tells the number and the span, not the steps."""
KEPT = 1000


@dataclass(slots=True, kw_only=True)
class Delivery(Posting):
    """One event for one app. All its attempts share the `trace_id`."""

    trace_id: str
    client_id: str
    user_id: int
    type: str
    id: str
    first_timestamp_ms: int | None = None

    def payload(self) -> dict[str, Any]:
        """The JSON object that is sent."""
        return {"user_id": self.user_id, "id": self.id, "type": self.type, "trace_id": self.trace_id}


class Outbox:
    """Pending deliveries in order of their events, finished ones as a short history."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        """Events up to and including this instant have been taken."""
        self._taken_at_until: Counter[Event] = Counter()
        self.pending: list[Delivery] = []
        self.finished: deque[Delivery] = deque(maxlen=KEPT)

    def take(self, world: World, now: datetime) -> list[Event]:
        """Events since the last take. An instant already taken may still gain events: a mutation happens *now*."""
        events = world.events(self.until - timedelta(microseconds=1), now)
        fresh = list((Counter(events) - self._taken_at_until).elements())
        at_now = Counter(event for event in events if event.at == now)
        if now > self.until:
            self.until, self._taken_at_until = now, at_now
        else:
            self._taken_at_until |= at_now
        return fresh

    def post(self, event: Event, client_id: str) -> None:
        """Queue an event for an app under a new trace id."""
        self.pending.append(
            Delivery(
                trace_id=str(uuid4()),
                client_id=client_id,
                user_id=event.user_id,
                type=event.type,
                id=event.id,
                due_at=event.at,
            )
        )

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Move what is no longer pending to the history."""
        self.finished.extend(d for d in deliveries if d.state != "pending")
        self.pending = [d for d in self.pending if d.state == "pending"]

    def forget(self, user_id: int, client_id: str | None = None) -> None:
        """Drop what is pending for a member whose consent ended."""
        for delivery in self.pending:
            if delivery.user_id == user_id and client_id in (None, delivery.client_id):
                delivery.state = "dropped"
        self.finish(self.pending)

    def dump(self) -> dict[str, Any]:
        """A JSON-ready copy of the mark and what is pending."""
        return {"until": self.until, "pending": [asdict(d) for d in self.pending]}

    def restore(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave, after JSON."""
        self.until = datetime.fromisoformat(dumped["until"]) + timedelta(microseconds=1)
        self.pending = [
            Delivery(**entry | {"due_at": datetime.fromisoformat(entry["due_at"])}) for entry in dumped["pending"]
        ]
