"""What callers show, looked up: service keys and sessions. What was good is believed for a moment without asking."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from circadia.clock import Clock
from circadia.config import Settings
from circadia.domain.members import ApiKey
from circadia.errors import Unauthenticated, UpstreamDown
from circadia.storage import keys, sessions
from circadia.storage.envelope import Keyring
from circadia.storage.postgres import Database
from circadia.storage.sessions import Session

_REMEMBERED_S = 3.0
"""What was good is believed this long, so that a revocation works within five seconds everywhere."""

_MOST_REMEMBERED = 1000
_LAST_USE_EVERY_S = 60.0
_PATIENCE_S = 3.0

Found = TypeVar("Found")


class _Remembered(Generic[Found]):
    """What texts stand for, by their hash. `good` says whether something remembered has not run out since."""

    def __init__(
        self, look_up: Callable[[str], Awaitable[Found | None]], good: Callable[[Found], bool], patience_s: float
    ) -> None:
        self._look_up = look_up
        self._good = good
        self._patience_s = patience_s
        self._held: OrderedDict[bytes, tuple[float, Found]] = OrderedDict()
        self._drops = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def find(self, presented: str) -> tuple[Found | None, bool]:
        """What a text stands for, and whether that was asked just now."""
        digest = _digest(presented)
        now = asyncio.get_running_loop().time()
        known = self._held.get(digest)
        if known is not None and now - known[0] < _REMEMBERED_S and self._good(known[1]):
            return known[1], False
        drops = self._drops
        found = await self._ask(presented)
        self._held.pop(digest, None)
        if found is not None and drops == self._drops:  # else it may be the one that has ended meanwhile
            self._held[digest] = (now, found)
        while len(self._held) > _MOST_REMEMBERED:
            self._held.popitem(last=False)
        return found, True

    def drop(self, ended: Callable[[Found], bool]) -> None:
        """Forget what has ended, so that it is asked for again."""
        self._drops += 1
        for digest in [digest for digest, (_at, found) in self._held.items() if ended(found)]:
            del self._held[digest]

    async def _ask(self, presented: str) -> Found | None:
        # a server that hangs would take seconds to hear that the look-up was given up, so it is left behind
        asking = asyncio.ensure_future(self._look_up(presented))
        self._tasks.add(asking)
        asking.add_done_callback(self._answered)
        await asyncio.wait([asking], timeout=self._patience_s)
        if not asking.done():
            raise UpstreamDown("the database does not answer, so it cannot be checked who is asking")
        return asking.result()

    def _answered(self, task: asyncio.Future[Found | None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody may wait any more

    async def close(self) -> None:
        """Let look-ups that are under way finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def given_keys(settings: Settings) -> dict[str, ApiKey]:
    """The keys that settings give, by their text. They are known without the database."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    given = (
        (settings.gateway_api_key, ApiKey("gateway", "GATEWAY_API_KEY", frozenset({"write"}), epoch)),
        (settings.service_api_key, ApiKey("bootstrap", "SERVICE_API_KEY", frozenset({"admin"}), epoch)),
    )
    return {secret.get_secret_value(): key for secret, key in given if secret is not None}


class Keys:
    """Checks presented keys against those that were given and the database. A look-up may take `patience_s` seconds."""

    def __init__(
        self,
        db: Database,
        keyring: Keyring,
        clock: Clock,
        given: Mapping[str, ApiKey],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._given = [(_digest(text), key) for text, key in given.items()]
        self._remembered = _Remembered(self._look_up, self._not_expired, patience_s)
        self._touched: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def check(self, presented: str) -> ApiKey:
        """The key behind a text; Unauthenticated when it is none."""
        key = await self.find(presented)
        if key is None:
            raise Unauthenticated(
                "the key is not valid: unknown, revoked or expired",
                kind="invalid_key",
                remedy="`circadia keys list` shows the good ones; `circadia keys create` makes a new one.",
            )
        return key

    async def find(self, presented: str) -> ApiKey | None:
        """The key behind a text, if it is one that is good now."""
        key, fresh = await self._remembered.find(presented)
        if key is not None and fresh:
            self._note_use(key)
        return key

    async def _look_up(self, presented: str) -> ApiKey | None:
        digest = _digest(presented)
        for known, key in self._given:
            if hmac.compare_digest(digest, known):
                return key
        return await keys.check(self._db, self._keyring, presented, self._clock())

    def _not_expired(self, key: ApiKey) -> bool:
        return key.expires_at is None or key.expires_at > self._clock()

    def _note_use(self, key: ApiKey) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._touched.get(key.id, float("-inf")) < _LAST_USE_EVERY_S:
            return
        self._touched[key.id] = now
        task = asyncio.create_task(keys.touch(self._db, key, self._clock()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let look-ups and notes of use that are under way finish."""
        await asyncio.gather(self._remembered.close(), *self._tasks, return_exceptions=True)


class Sessions:
    """Checks presented session tokens against the database. A look-up may take `patience_s` seconds."""

    def __init__(self, db: Database, clock: Clock, *, patience_s: float = _PATIENCE_S) -> None:
        self._db = db
        self._clock = clock
        self._remembered = _Remembered(self._look_up, lambda session: session.good(clock()), patience_s)

    async def check(self, presented: str) -> Session:
        """The session behind a token; Unauthenticated, in the same words for all reasons, when it is none."""
        session, _fresh = await self._remembered.find(presented)
        if session is None:
            raise Unauthenticated("you are not signed in any more", kind="session_over", remedy="Sign in again.")
        return session

    def forget(self, user_id: str) -> None:
        """Believe no session of a person without asking again: one has ended here, and is out at once."""
        self._remembered.drop(lambda session: session.person.user_id == user_id)

    async def _look_up(self, presented: str) -> Session | None:
        return await sessions.check(self._db, presented, self._clock())

    async def close(self) -> None:
        """Let look-ups that are under way finish."""
        await self._remembered.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
