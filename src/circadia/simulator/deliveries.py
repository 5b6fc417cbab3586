"""Sends webhooks: signed, with one second to answer, five retries in an hour."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from datetime import datetime
from uuid import uuid4

import httpx2
import orjson

from circadia.simulator.faults import Fault
from circadia.simulator.outbox import RETRY_DELAYS, Delivery
from circadia.simulator.posting import post, struck
from circadia.simulator.state import Client, State

ANSWER_SECONDS = 1.0


def sign(client_secret: str, timestamp_ms: str, body: bytes) -> str:
    """`X-WHOOP-Signature`: base64 of HMAC-SHA256 over the time stamp's text and the raw body, nothing between."""
    digest = hmac.new(client_secret.encode(), timestamp_ms.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def signed(client_secret: str, timestamp_ms: str, body: bytes) -> dict[str, str]:
    """The headers of a webhook."""
    return {
        "Content-Type": "application/json",
        "X-WHOOP-Signature": sign(client_secret, timestamp_ms, body),
        "X-WHOOP-Signature-Timestamp": timestamp_ms,
    }


class Courier:
    """Takes the world's events to the apps whose members consented."""

    def __init__(self, state: State, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._state = state
        self._transport = transport
        self._turn = asyncio.Lock()
        self.forged: list[int | None] = []
        """What receivers answered to forged webhooks: a status, None for no answer."""

    async def deliver_due(self) -> int:
        """Queue new events and try everything due by the clock, one after another; returns how many got a 2xx."""
        async with self._turn:
            state, now = self._state, self._state.clock()
            queued = self._queue(now)
            batch = struck([d for d in state.outbox.pending if d.due_at <= now], self._fault, now)
            delivered = 0
            if batch:
                async with httpx2.AsyncClient(
                    transport=self._transport, timeout=ANSWER_SECONDS, headers={"User-Agent": "WHOOP"}
                ) as http:
                    for delivery in batch:
                        if delivery.forged:
                            await self._forge(http, delivery, now)
                        delivered += await self._attempt(http, delivery, now)
            if batch or queued:
                state.outbox.finish(state.outbox.pending)
                state.save()
            return delivered

    def _queue(self, now: datetime) -> int:
        state = self._state
        queued = 0
        for event in state.outbox.take(state.world, now):
            for client in state.clients.values():
                since = state.grants.consents.get((client.client_id, event.user_id))
                if (
                    client.webhook_url is not None
                    and state.switches.webhooks
                    and since is not None
                    and since <= event.at
                ):
                    state.outbox.post(event, client.client_id)
                    queued += 1
        return queued

    def _fault(self, delivery: Delivery) -> Fault | None:
        return self._state.faults.for_webhook(type=delivery.type, user_id=delivery.user_id)

    async def _forge(self, http: httpx2.AsyncClient, delivery: Delivery, now: datetime) -> None:
        """Somebody else's webhook: it says that the record is deleted, and does not know the app's secret."""
        client = self._state.clients.get(delivery.client_id)
        delivery.forged = False
        if client is None or client.webhook_url is None:
            return
        noun = delivery.type.partition(".")[0]
        body = orjson.dumps(delivery.payload() | {"type": f"{noun}.deleted", "trace_id": str(uuid4())})
        stamp = str(int(now.timestamp() * 1000))
        headers = signed("a guess", stamp, body)
        self.forged.append(await post(http, client.webhook_url, body, headers, ANSWER_SECONDS))

    async def _attempt(self, http: httpx2.AsyncClient, delivery: Delivery, now: datetime) -> bool:
        client = self._state.clients.get(delivery.client_id)
        if client is None or client.webhook_url is None or delivery.state == "dropped":
            delivery.state = "dropped"
            return False
        body = orjson.dumps(delivery.payload())
        delivery.attempts += 1
        headers = self._headers(client, delivery, body, now)
        status = await post(http, client.webhook_url, body, headers, ANSWER_SECONDS)
        if delivery.state != "pending":  # consent ended meanwhile, or this was the second of a duplicate
            return False
        if status is not None and 200 <= status < 300:
            delivery.state, delivery.last_status = "delivered", status
            return True
        delivery.failed(now, status, RETRY_DELAYS)
        return False

    def _headers(self, client: Client, delivery: Delivery, body: bytes, now: datetime) -> dict[str, str]:
        stamp = int(now.timestamp() * 1000)
        if delivery.first_timestamp_ms is None:
            delivery.first_timestamp_ms = stamp
        text = str(stamp if self._state.switches.resign_retries else delivery.first_timestamp_ms)
        return signed(client.client_secret, text, body)
