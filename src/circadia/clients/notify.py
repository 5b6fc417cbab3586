"""Telling the owner: a signed webhook, or an e-mail. Neither carries health data or tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import httpx2
import orjson

from circadia.clients.mail import SmtpServer, hand_in
from circadia.clients.signature import signed_headers
from circadia.errors import UpstreamDown

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """One notice as it is told. `id` is the same at its beginning and its end, `delivery_id` at every retry."""

    id: str
    kind: str
    user_id: str | None
    message: str
    remedy: str | None
    raised_at: datetime
    over_at: datetime | None = None

    @property
    def delivery_id(self) -> str:
        """What a receiver recognises a repeated message by."""
        return f"{self.id}_{'over' if self.over_at else 'raised'}"

    def body(self) -> bytes:
        """The JSON of it."""
        return orjson.dumps(self, option=orjson.OPT_SERIALIZE_DATACLASS | orjson.OPT_UTC_Z)


class Channel(Protocol):
    """A way to tell somebody."""

    @property
    def name(self) -> str:
        """What it is called in the table of sendings."""

    async def send(self, message: Message, now: datetime) -> None:
        """Hand a message over. UpstreamDown when it was not taken, in words without secrets."""


@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """A receiver of signed JSON."""

    http: httpx2.AsyncClient
    url: str
    key: bytes
    name: str = "webhook"

    async def send(self, message: Message, now: datetime) -> None:
        """POST it; any 2xx within ten seconds is a yes, a redirect is none."""
        body = message.body()
        headers = signed_headers(self.key, message.delivery_id, int(now.timestamp()), body)
        headers["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self.http.stream(
                    "POST", self.url, content=body, headers=headers, timeout=_TIMEOUT_S, follow_redirects=False
                ) as answer,
            ):
                status = answer.status_code
        except TimeoutError as error:
            raise UpstreamDown("the receiver did not answer within ten seconds") from error
        except httpx2.TransportError as error:
            raise UpstreamDown(f"the receiver cannot be reached ({type(error).__name__})") from error
        if not 200 <= status < 300:
            raise UpstreamDown(f"the receiver answered {status}")


@dataclass(frozen=True, slots=True)
class Email:
    """Somebody's mailbox. `site` is the address of this installation, for whoever has several."""

    server: SmtpServer
    sender: str
    recipients: Sequence[str]
    site: str
    name: str = "email"

    async def send(self, message: Message, now: datetime) -> None:
        """Hand it in, in a thread of its own."""
        await asyncio.to_thread(hand_in, self.server, self.written(message, now))

    def written(self, message: Message, now: datetime) -> EmailMessage:
        """The mail: plain text, recognisable when it comes twice."""
        mail = EmailMessage()
        about = f": {message.user_id}" if message.user_id else ""
        mail["Subject"] = f"Circadia: {message.kind}{about}{' (over)' if message.over_at else ''}"
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message.delivery_id}@{self.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(self._text(message))
        return mail

    def _text(self, message: Message) -> str:
        said = f"{message.message[:1].upper()}{message.message[1:]}."
        lines = [said, f"Since {message.raised_at:%Y-%m-%d %H:%M} UTC."]
        if message.over_at:
            lines = [f"Over since {message.over_at:%Y-%m-%d %H:%M} UTC:", "", *lines]
        elif message.remedy:
            lines += ["", message.remedy]
        return "\n".join([*lines, "", f"-- \nCircadia at {self.site}", ""])
