"""What somebody sends to the webhooks' door who does not know the secret, or knows it and sends nonsense."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from circadia.simulator.deliveries import sign

SECRET = "secret-of-the-app"
_KINDS = tuple(f"{noun}.{verb}" for noun in ("sleep", "recovery", "workout") for verb in ("updated", "deleted"))
_SIGNATURE, _STAMP = "X-WHOOP-Signature", "X-WHOOP-Signature-Timestamp"
_DAY_MS = 24 * 3600 * 1000


@dataclass
class Knock:
    """One request: header lines and a body; `promised` is the length it claims where that is not the body's."""

    headers: list[tuple[str, str]]
    body: bytes
    promised: int | None = None

    def request(self) -> bytes:
        """As it goes over the wire."""
        length = len(self.body) if self.promised is None else self.promised
        lines = [("Host", "door"), ("Content-Type", "application/json"), ("Content-Length", str(length)), *self.headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        return f"POST /webhooks/whoop HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self.body

    @property
    def whole(self) -> bool:
        """Whether the sender stays for the answer."""
        return self.promised is None


class Sender:
    """Makes webhooks about `accounts`, good ones and others, the same for the same seed and present."""

    def __init__(self, seed: int, accounts: int, now: datetime) -> None:
        self._rng = random.Random(seed)
        self._accounts = accounts
        self._now_ms = int(now.timestamp() * 1000)

    def good(self) -> Knock:
        """One as WHOOP would send it."""
        return self._signed(orjson.dumps(self._payload()))

    def bad(self) -> tuple[str, Knock]:
        """One that must not be taken, and what is wrong with it."""
        change = self._rng.choice(_CHANGES)
        return change.__name__.lstrip("_"), change(self)

    def flipped(self, data: bytes) -> bytes:
        """With one bit changed."""
        at, bit = self._rng.randrange(len(data)), 1 << self._rng.randrange(8)
        return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]

    def _payload(self, **changes: Any) -> dict[str, Any]:
        identity = {"id": self._uuid(), "type": self._rng.choice(_KINDS), "trace_id": self._uuid()}
        return {"user_id": self._rng.randrange(self._accounts), **identity, **changes}

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _signed(self, body: bytes, secret: str = SECRET, late_ms: int = 0) -> Knock:
        stamp = str(self._now_ms - late_ms)
        return Knock([(_SIGNATURE, sign(secret, stamp, body)), (_STAMP, stamp)], body)

    def _body_bit(self) -> Knock:
        knock = self.good()
        return Knock(knock.headers, self.flipped(knock.body))

    def _signature_bit(self) -> Knock:
        knock = self.good()
        signature = self.flipped(knock.headers[0][1].encode()).decode("latin-1")
        return Knock([(_SIGNATURE, signature), knock.headers[1]], knock.body)

    def _stamp_bit(self) -> Knock:
        knock = self.good()
        stamp = self.flipped(knock.headers[1][1].encode()).decode("latin-1")
        return Knock([knock.headers[0], (_STAMP, stamp)], knock.body)

    def _shorter_body(self) -> Knock:
        knock = self.good()
        return Knock(knock.headers, knock.body[: self._rng.randrange(len(knock.body))])

    def _shorter_signature(self) -> Knock:
        knock = self.good()
        signature = knock.headers[0][1][: self._rng.randrange(44)]
        return Knock([(_SIGNATURE, signature), knock.headers[1]], knock.body)

    def _header_missing(self) -> Knock:
        knock = self.good()
        return Knock([self._rng.choice(knock.headers)], knock.body)

    def _header_twice(self) -> Knock:
        knock = self.good()
        name, value = self._rng.choice(knock.headers)
        again = self._rng.choice((value, value[::-1], ""))
        headers = [*knock.headers, (name, again)]
        self._rng.shuffle(headers)
        return Knock(headers, knock.body)

    def _gone_amid_body(self) -> Knock:
        knock = self.good()
        return Knock(knock.headers, knock.body[: self._rng.randrange(len(knock.body))], len(knock.body))

    def _another_secret(self) -> Knock:
        return self._signed(orjson.dumps(self._payload()), self._rng.choice(("", "secret", SECRET.upper())))

    def _another_s_signature(self) -> Knock:
        return Knock(self.good().headers, self.good().body)

    def _with_a_dot(self) -> Knock:
        body, stamp = self.good().body, str(self._now_ms)
        return Knock([(_SIGNATURE, sign(SECRET, f"{stamp}.", body)), (_STAMP, stamp)], body)

    def _too_old(self) -> Knock:
        late = self._rng.choice((1, -1)) * self._rng.randrange(_DAY_MS + 120_000, 400 * _DAY_MS)
        return self._signed(orjson.dumps(self._payload()), late_ms=late)

    def _odd_stamp(self) -> Knock:
        body = self.good().body
        stamp = self._rng.choice(("", "now", "-1", "9" * 15, "9" * 300, "0x10", "1e12", f"{self._now_ms}.0"))
        return Knock([(_SIGNATURE, sign(SECRET, stamp, body)), (_STAMP, stamp)], body)

    def _huge(self) -> Knock:
        return self._signed(orjson.dumps(self._payload(padding="x" * self._rng.randrange(65_536, 300_000))))

    def _not_utf8(self) -> Knock:
        body = orjson.dumps(self._payload(trace_id="trace"))
        return self._signed(body.replace(b"trace", self._rng.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"))))

    def _not_json(self) -> Knock:
        nonsense = (b"", b"{", b"null", b"[]", b'"text"', b"[" * 50_000, b'{"user_id":1e400}', b"\x00" * 100)
        return self._signed(self._rng.choice(nonsense))

    def _wrong_type(self) -> Knock:
        field = self._rng.choice(("user_id", "id", "type", "trace_id"))
        values: list[Any] = [None, True, [], {}, 1.5, [1], {"a": 1}, "", "\x00", "x" * 1000]
        return self._signed(orjson.dumps(self._payload(**{field: self._rng.choice(values)})))

    def _field_missing(self) -> Knock:
        payload = self._payload()
        del payload[self._rng.choice(list(payload))]
        return self._signed(orjson.dumps(payload))

    def _too_great(self) -> Knock:
        body = orjson.dumps(self._payload(user_id=7))
        return self._signed(body.replace(b":7,", f":{self._rng.choice((2**63, 2**64, 10**30))},".encode(), 1))


_CHANGES: tuple[Callable[[Sender], Knock], ...] = (
    Sender._body_bit, Sender._signature_bit, Sender._stamp_bit, Sender._shorter_body, Sender._shorter_signature,
    Sender._header_missing, Sender._header_twice, Sender._gone_amid_body, Sender._another_secret,
    Sender._another_s_signature, Sender._with_a_dot, Sender._too_old, Sender._odd_stamp, Sender._huge,
    Sender._not_utf8, Sender._not_json, Sender._wrong_type, Sender._field_missing, Sender._too_great,
)  # fmt: skip
