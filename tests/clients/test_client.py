"""The data API's client against a wire that answers as told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from circadia import __version__
from circadia.clients.governor import Governor, Limits
from circadia.clients.governor import Window as RateWindow
from circadia.clients.http import json_of, open_client
from circadia.clients.whoop.auth import MemberAuth
from circadia.clients.whoop.client import Page, WhoopClient, instant
from circadia.domain.lanes import Lane, Turn
from circadia.domain.members import Token
from circadia.domain.windows import Window
from circadia.errors import RateLimited, ScopeMissing, UnexpectedReply, UpstreamDown
from circadia.simulator.clock import StandingClock

PATH = "/v2/cycle"
Answer = Callable[[httpx2.Request], httpx2.Response]


class Unlimited:
    """A budget that grants everything, unless told otherwise, and remembers who asked."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.members: list[int | None] = []
        self.paused: list[float] = []
        self.turn = Turn(None)

    async def take(self, lane: Lane, member_id: int | None, patience_s: float, ticket: int | None) -> Turn:
        self.lanes.append(lane)
        self.members.append(member_id)
        return self.turn

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    async def learn(self, per_minute: int | None, per_day: int | None) -> None:
        raise AssertionError(f"nothing lower was announced than {per_minute}, {per_day}")

    async def compare(self, window: RateWindow, limit: int, left: int, on_its_way: timedelta) -> None:
        raise AssertionError(f"nothing was said of {left} of the {window}'s {limit}")


class Signed(httpx2.Auth):
    """Some member's signature."""


def client(answer: Answer, clock: StandingClock, budget: Unlimited | None = None) -> WhoopClient:
    http = open_client(httpx2.MockTransport(answer))
    governor = Governor(budget or Unlimited(), Limits(100, 10_000), clock)
    return WhoopClient(http, governor, "https://whoop.example/developer/", clock)


def answering(*bodies: Any, seen: list[httpx2.Request] | None = None) -> Answer:
    """Answers with these bodies in turn, then with the last for ever."""
    left = list(bodies)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        return httpx2.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return answer


async def walked(held: WhoopClient, window: Window | None = None) -> list[Page]:
    window = window or Window(None, held.now())
    return [page async for page in held.pages(PATH, Signed(), window, "backfill")]


async def test_a_walk_follows_the_tokens_and_pins_its_window(clock: StandingClock) -> None:
    seen: list[httpx2.Request] = []
    budget = Unlimited()
    answer = answering(
        {"records": [1, 2], "next_token": "a b+c/=="}, {"records": [3], "next_token": "z"}, {"records": [4]}, seen=seen
    )
    window = Window(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), clock())
    pages = await walked(client(answer, clock, budget), window)
    assert [page.records for page in pages] == [[1, 2], [3], [4]]
    assert [page.last for page in pages] == [False, False, True]
    assert [page.fetched_at for page in pages] == [clock()] * 3
    pinned = {"limit": "25", "end": "2026-11-20T12:00:00.000Z", "start": "2025-12-31T22:00:00.000Z"}
    assert [dict(each.url.params) for each in seen] == [
        pinned, pinned | {"nextToken": "a b+c/=="}, pinned | {"nextToken": "z"},
    ]  # fmt: skip
    assert b"nextToken=a%20b%2Bc%2F" in seen[1].url.raw_path or b"nextToken=a+b%2Bc%2F" in seen[1].url.raw_path
    assert budget.lanes == ["backfill"] * 3
    assert {each.headers["user-agent"] for each in seen} == {f"circadia/{__version__}"}
    assert str(seen[0].url).startswith("https://whoop.example/developer/v2/cycle?")


async def test_a_page_is_handed_on_before_the_next_is_asked_for(clock: StandingClock) -> None:
    seen: list[httpx2.Request] = []
    held = client(answering({"records": [1], "next_token": "a"}, {"records": []}, seen=seen), clock)
    async for page in held.pages(PATH, Signed(), Window(None, clock()), "person"):
        assert page.records == [1]
        break
    assert len(seen) == 1


@pytest.mark.parametrize("last", [{}, {"next_token": None}, {"next_token": ""}])
async def test_every_form_of_no_next_page(clock: StandingClock, last: dict[str, Any]) -> None:
    assert [page.last for page in await walked(client(answering({"records": [1]} | last), clock))] == [True]


@pytest.mark.parametrize(
    "bodies",
    [
        [{"records": [1], "next_token": "a"}, {"records": [2], "next_token": "a"}],
        [{"records": [1], "next_token": "a"}, {"records": [1], "next_token": "b"}],
        [{"records": [], "next_token": "a"}],
        [{"records": [1], "next_token": 7}],
        [{"records": [1], "next_token": ["a"]}],
        [{"records": {}}],
        [{"next_token": "a"}],
        [[]],
        ["text"],
    ],
    ids=str,
)
async def test_a_walk_that_goes_round_or_is_none(clock: StandingClock, bodies: list[Any]) -> None:
    seen: list[httpx2.Request] = []
    with pytest.raises(UnexpectedReply):
        await walked(client(answering(*bodies, seen=seen), clock))
    assert len(seen) <= 2


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [
        (400, UnexpectedReply, 1),
        (401, UnexpectedReply, 1),
        (403, ScopeMissing, 1),
        (409, UnexpectedReply, 1),
        (429, RateLimited, 1),
        (500, UpstreamDown, 4),
        (503, UpstreamDown, 4),
        (301, UnexpectedReply, 1),
    ],
)
async def test_what_a_status_means_and_how_often_it_is_tried(
    clock: StandingClock, status: int, error: type[Exception], tries: int
) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, text="Authorization was not valid")

    held = client(answer, clock)
    with pytest.raises(error):
        await held.document(PATH, Signed(), "person")
    assert len(seen) == tries
    assert held.reachability.status == status
    assert held.reachability.seen_at == clock()


async def test_a_document_that_is_not_there(clock: StandingClock) -> None:
    held = client(lambda _request: httpx2.Response(404), clock)
    assert await held.document(PATH, Signed(), "person") is None
    assert [page.records for page in await walked(held)] == [[]]


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError])
async def test_a_wire_that_breaks(clock: StandingClock, error: type[httpx2.TransportError]) -> None:
    tries = 0

    def answer(_request: httpx2.Request) -> httpx2.Response:
        nonlocal tries
        tries += 1
        raise error("broken")

    held = client(answer, clock)
    with pytest.raises(UpstreamDown, match=error.__name__):
        await held.document(PATH, Signed(), "person")
    assert tries == 4
    assert held.reachability.status is None


TOKEN = Token("access", None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), 1)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (404, True), (401, False)])
async def test_whether_whoop_takes_a_token(clock: StandingClock, status: int, taken: bool) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status)

    assert await client(answer, clock).accepts(TOKEN) is taken
    assert seen[0].headers["authorization"] == "Bearer access"


class Renewing(MemberAuth):
    """A member's signature that is refused once."""

    def __init__(self) -> None:
        self.member_id = 7

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        assert (yield request).status_code == 401
        yield request


async def test_the_request_after_a_renewal_takes_a_unit_of_its_own(clock: StandingClock) -> None:
    answers = [httpx2.Response(401), httpx2.Response(200, json={})]
    budget = Unlimited()
    held = client(lambda _request: answers.pop(0), clock, budget)
    assert await held.document(PATH, Renewing(), "webhook") == {}
    assert (budget.lanes, budget.members) == (["webhook"] * 2, [7] * 2)
    await client(answering({}), clock, budget).document(PATH, Signed(), "person")
    assert budget.members[2:] == [None], "nobody's own"


async def test_nothing_is_sent_without_a_unit(clock: StandingClock) -> None:
    seen: list[httpx2.Request] = []
    budget = Unlimited()
    budget.turn = Turn(30.0)
    with pytest.raises(RateLimited) as caught:
        await client(answering({}, seen=seen), clock, budget).accepts(TOKEN, patience=timedelta(0))
    assert caught.value.until == clock() + timedelta(seconds=30)
    assert seen == []


@pytest.mark.parametrize("body", [[], {}, {"user_id": "7"}])
async def test_a_profile_without_an_id_is_none(clock: StandingClock, body: Any) -> None:
    with pytest.raises(UnexpectedReply, match="user_id"):
        await client(answering(body), clock).profile_of(TOKEN)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_revocation(clock: StandingClock, status: int) -> None:
    await client(lambda _request: httpx2.Response(status), clock).revoke(httpx2.Auth())


@pytest.mark.parametrize("status", [401, 404])
async def test_a_revocation_nobody_knows_to_be_done(clock: StandingClock, status: int) -> None:
    with pytest.raises(UnexpectedReply):
        await client(lambda _request: httpx2.Response(status), clock).revoke(httpx2.Auth())


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'"\\ud83d"', "\ud83d"),
        (b"1180591620717411303424", 1180591620717411303424),
        ('"é"'.encode(), "é"),
    ],
)
def test_json_as_it_comes(content: bytes, value: Any) -> None:
    assert json_of(httpx2.Response(200, content=content)) == value


@pytest.mark.parametrize("content", [b"", b"<html>", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_no_json(content: bytes) -> None:
    with pytest.raises(UnexpectedReply, match="no JSON"):
        json_of(httpx2.Response(200, content=content))


def test_an_instant_is_written_in_utc_with_milliseconds() -> None:
    east = datetime(2026, 3, 29, 3, 0, 0, 123456, timezone(timedelta(hours=5, minutes=30)))
    assert instant(east) == "2026-03-28T21:30:00.123Z"


async def test_a_walk_of_empty_pages_ends(clock: StandingClock) -> None:
    """Pages may be empty between others; tokens that lead nowhere, ever new ones, are no walk."""
    bodies = [{"records": [], "next_token": f"t{number}"} for number in range(50)]
    seen: list[httpx2.Request] = []
    with pytest.raises(UnexpectedReply, match="empty page"):
        await walked(client(answering(*bodies, seen=seen), clock))
    assert len(seen) == 3
    sparse = [{"records": [{"id": 1}] if number % 3 == 2 else [], "next_token": f"t{number}"} for number in range(7)]
    for number, each in enumerate(sparse):
        each["records"] = [{"id": number}] if each["records"] else []
    found = await walked(client(answering(*sparse, {"records": []}), clock))
    assert [each.records for each in found if each.records] == [[{"id": 2}], [{"id": 5}]]
