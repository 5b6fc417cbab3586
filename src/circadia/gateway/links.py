"""How users' links to WHOOP stand, remembered for a moment so that not every read asks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from circadia.domain.members import ConnectionState
from circadia.errors import UnexpectedReply

CONNECTED_S = 60.0
OTHERWISE_S = 15.0

CONSENT_S = 600.0
"""A consent that was begun may be finished for so long, and nobody tells us when."""

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Link:
    """A user's link to WHOOP. Stored data are there while it exists, whether or not WHOOP still accepts it."""

    state: ConnectionState
    connected_at: datetime | None = None

    @property
    def exists(self) -> bool:
        """Whether the user has agreed to be shown from WHOOP."""
        return self.state != "not_connected"

    @classmethod
    def of(cls, told: dict[str, Any]) -> Link:
        """What the WHOOP service says under `state`, or only under `connected`; UnexpectedReply if it says neither."""
        connected = told.get("connected")
        said = told.get("state") or ("connected" if connected else None if connected is None else "not_connected")
        state = next((each for each in get_args(ConnectionState) if each == said), None)
        if state is None:
            raise UnexpectedReply("the WHOOP service does not say whether the user is connected")
        since = told.get("connection_date")
        try:
            return cls(state, datetime.fromisoformat(since) if isinstance(since, str) else None)
        except ValueError:
            raise UnexpectedReply("the WHOOP service does not say when the user was connected") from None


class Links:
    """Links by user id. `clock` counts seconds and never goes back. Without `kept` none is remembered for reads: asking
    costs next to nothing where the WHOOP service is in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, kept: bool = True) -> None:
        self._clock = clock
        self._kept = kept
        self._known: OrderedDict[str, tuple[float, Link]] = OrderedDict()
        self._dropped: OrderedDict[str, float] = OrderedDict()
        self._begun: OrderedDict[str, float] = OrderedDict()

    def now(self) -> float:
        """The clock's present, to be given to `put`."""
        return self._clock()

    def get(self, user_id: str) -> Link | None:
        """A link that was told of a moment ago."""
        known = self._known.get(user_id)
        if known is None or not self._kept or self._clock() >= known[0]:
            return None
        return known[1]

    def last(self, user_id: str) -> Link | None:
        """A link as it was last told of, however long ago."""
        known = self._known.get(user_id)
        return known[1] if known else None

    def put(self, user_id: str, link: Link, asked_at: float) -> None:
        """Remember a link, unless something has happened to it since `asked_at`, or a consent may change it unseen."""
        if asked_at <= self._dropped.get(user_id, float("-inf")):
            return
        connected = link.state == "connected"
        if not connected and self._clock() - self._begun.get(user_id, float("-inf")) < CONSENT_S:
            return
        self._known[user_id] = self._clock() + (CONNECTED_S if connected else OTHERWISE_S), link
        _trim(self._known, user_id)

    def drop(self, user_id: str) -> None:
        """Forget a link, and whatever answer about it is still on its way."""
        self._known.pop(user_id, None)
        self._dropped[user_id] = self._clock()
        _trim(self._dropped, user_id)

    def ended(self, user_id: str) -> None:
        """A link was ended through us: no consent begun before it counts."""
        self.drop(user_id)
        self._begun.pop(user_id, None)

    def begun(self, user_id: str) -> None:
        """A consent was begun."""
        self.drop(user_id)
        self._begun[user_id] = self._clock()
        _trim(self._begun, user_id)


def _trim(remembered: OrderedDict[str, Any], newest: str) -> None:
    remembered.move_to_end(newest)
    while len(remembered) > _MOST:
        remembered.popitem(last=False)
