"""For how long a link to WHOOP is believed, and what makes it forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from circadia.errors import UnexpectedReply
from circadia.gateway.links import CONNECTED_S, CONSENT_S, OTHERWISE_S, Link, Links
from tests.gateway.wires import Seconds

CONNECTED = Link("connected", datetime(2026, 11, 1, 9, tzinfo=UTC))
UNLINKED = Link("not_connected")


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def links(seconds: Seconds) -> Links:
    return Links(seconds)


def put(links: Links, link: Link, user_id: str = "alice") -> None:
    links.put(user_id, link, links.now() - 0.1)


def test_connected_for_a_minute_otherwise_for_a_quarter_of_it(links: Links, seconds: Seconds) -> None:
    assert (CONNECTED_S, OTHERWISE_S) == (60, 15)
    for link, lifetime in [(CONNECTED, CONNECTED_S), (UNLINKED, OTHERWISE_S), (Link("needs_reconnect"), OTHERWISE_S)]:
        put(links, link)
        assert links.get("bob") is None
        seconds.now += lifetime - 0.001
        assert links.get("alice") is link
        seconds.now += 0.001
        assert links.get("alice") is None
        assert links.last("alice") is link


def test_a_drop_forgets_it_and_the_answers_on_their_way(links: Links, seconds: Seconds) -> None:
    put(links, CONNECTED)
    asked_at = links.now()
    seconds.now += 1
    links.drop("alice")
    assert links.get("alice") is links.last("alice") is None
    links.put("alice", CONNECTED, asked_at)
    assert links.get("alice") is None
    seconds.now += 1
    links.put("alice", UNLINKED, links.now())
    assert links.get("alice") is UNLINKED


def test_a_consent_that_was_begun_may_end_unseen(links: Links, seconds: Seconds) -> None:
    put(links, UNLINKED)
    links.begun("alice")
    for _ in range(2):
        seconds.now += CONSENT_S / 2 - 1
        put(links, UNLINKED)
        assert links.get("alice") is None
    put(links, CONNECTED)
    assert links.get("alice") is CONNECTED
    seconds.now += CONSENT_S
    put(links, UNLINKED)
    assert links.get("alice") is UNLINKED


def test_what_the_whoop_service_says() -> None:
    since = "2026-11-01T09:00:00Z"
    assert Link.of({"connected": True, "state": "connected", "connection_date": since}) == CONNECTED
    assert Link.of({"connected": False, "state": "needs_reconnect"}).exists
    assert Link.of({"connected": True}) == Link("connected")
    assert not Link.of({"connected": False}).exists
    for told in ({}, {"state": "asleep"}, {"connected": None}):
        with pytest.raises(UnexpectedReply):
            Link.of(told)
