"""Who is calling: service keys in `X-API-Key` or as a bearer token."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from circadia.clock import Clock
from circadia.domain.members import ApiKey, KeyScope
from circadia.errors import Forbidden, Unauthenticated, UpstreamDown
from circadia.storage import keys
from circadia.storage.envelope import Keyring
from circadia.storage.postgres import Database

_REMEMBERED_S = 3.0
"""A key that was good is believed this long, so that a revocation works within five seconds everywhere."""

_MOST_REMEMBERED = 1000
_LAST_USE_EVERY_S = 60.0


class Keys:
    """Checks presented keys against the database, remembering good ones for a moment. A look-up may take `patience_s`
    seconds."""

    def __init__(
        self, db: Database, keyring: Keyring, clock: Clock, bootstrap: str | None, *, patience_s: float = 3.0
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._patience_s = patience_s
        self._bootstrap = hashlib.sha256(bootstrap.encode()).digest() if bootstrap else None
        self._good: OrderedDict[bytes, tuple[float, ApiKey]] = OrderedDict()
        self._touched: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def check(self, presented: str) -> ApiKey:
        """The key behind a text; Unauthenticated when it is none."""
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        now = asyncio.get_running_loop().time()
        known = self._good.get(digest)
        if known is not None and now - known[0] < _REMEMBERED_S and not _expired(known[1], self._clock()):
            return known[1]
        key = await self._look_up(presented, digest)
        if key is None:
            self._good.pop(digest, None)
            raise Unauthenticated(
                "the key is not valid: unknown, revoked or expired",
                kind="invalid_key",
                remedy="`circadia keys list` shows the good ones; `circadia keys create` makes a new one.",
            )
        self._good[digest] = (now, key)
        while len(self._good) > _MOST_REMEMBERED:
            self._good.popitem(last=False)
        self._note_use(key, now)
        return key

    async def _look_up(self, presented: str, digest: bytes) -> ApiKey | None:
        if self._bootstrap is not None and hmac.compare_digest(digest, self._bootstrap):
            return ApiKey("bootstrap", "SERVICE_API_KEY", frozenset({"admin"}), datetime(1970, 1, 1, tzinfo=UTC))
        # a server that hangs would take seconds to hear that the look-up was given up, so it is left behind
        asking = asyncio.create_task(keys.check(self._db, self._keyring, presented, self._clock()))
        self._tasks.add(asking)
        asking.add_done_callback(self._looked_up)
        await asyncio.wait([asking], timeout=self._patience_s)
        if not asking.done():
            raise UpstreamDown("the database does not answer, so the key cannot be checked")
        return asking.result()

    def _looked_up(self, task: asyncio.Task[ApiKey | None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody may wait any more

    def _note_use(self, key: ApiKey, now: float) -> None:
        if now - self._touched.get(key.id, float("-inf")) < _LAST_USE_EVERY_S:
            return
        self._touched[key.id] = now
        task = asyncio.create_task(keys.touch(self._db, key, self._clock()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let notes of use that are under way finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _expired(key: ApiKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now


def presented_key(request: Request) -> str | None:
    """What a request shows: `X-API-Key`, else the bearer token."""
    if text := request.headers.get("x-api-key"):
        return text
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() or None if scheme.lower() == "bearer" else None


def _requires(scope: KeyScope) -> Callable[[Request], Awaitable[ApiKey]]:
    async def caller(request: Request) -> ApiKey:
        text = presented_key(request)
        if text is None:
            raise Unauthenticated(
                "this needs a service key",
                kind="no_key",
                remedy="Send it as X-API-Key or as a bearer token; `circadia keys create` makes one.",
            )
        key: ApiKey = await request.app.state.keys.check(text)
        if not key.allows(scope):
            raise Forbidden(f"the key lacks the scope {scope}", kind="scope_too_small")
        return key

    return caller


_read = _requires("read")


async def _gateway_reader(request: Request) -> ApiKey | None:
    """The key of a reader; nobody is asked for one under GATEWAY_ANONYMOUS."""
    return None if request.app.state.runtime.settings.gateway_anonymous else await _read(request)


Reader = Annotated[ApiKey, Depends(_read)]
GatewayReader = Annotated[ApiKey | None, Depends(_gateway_reader)]
Writer = Annotated[ApiKey, Depends(_requires("write"))]
Admin = Annotated[ApiKey, Depends(_requires("admin"))]

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "`circadia keys create` makes one",
    },
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same key as a bearer token"},
}
OPEN: dict[str, Any] = {"security": []}
"""`openapi_extra` of a route that needs no key."""
