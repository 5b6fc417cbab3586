"""Sahha's API for an account's profiles: lists by external id over local dates, read defensively.

An answer is a bare list, newest window first, not paged. Nothing is `200 []` or `204`, as Sahha pleases. Source:
Sahha's documentation, and recorded answers of its sandbox where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from circadia.clients.http import json_of
from circadia.clients.sahha.parsing import Listing, Model, listing, reasons
from circadia.clients.sahha.tokens import AccountToken, Credentials, refused
from circadia.clients.sahha.wire import TIMEOUT_S, Wire
from circadia.clock import Clock
from circadia.domain.freshness import LONGEST
from circadia.domain.sahha import (
    CATEGORIES,
    SCORE_TYPES,
    Archetype,
    Biomarker,
    Comparison,
    Integration,
    Profile,
    Score,
    Trend,
)
from circadia.errors import Invalid, NotFound, UnexpectedReply

_NO_PATH = frozenset({"", ".", ".."})
_Pairs = list[tuple[str, str]]


class SahhaClient:
    """One account's reads, under a token that is renewed as needed; each is made within a `turn`. `external_id` is the
    app's own id of a person, `first` and `last` are the person's local dates, both included.

    All of them raise: Unreachable and UpstreamDown (no answer, 5xx), UnexpectedReply (no JSON, or not of the documented
    shape), RateLimited, Misconfigured of kind `sahha_credentials` (they or their fresh token are refused), NotFound of
    kind `unknown_profile` or `profile_gone`, Invalid (any other 4xx)."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        credentials: Credentials,
        base_url: str,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._wire = Wire(http, base_url, clock, timeout_s)
        self._token = AccountToken(self._wire, credentials)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """A place among the few calls that are under way at a time. RateLimited while a pause that Sahha asked for
        lasts: then nothing is sent."""
        return self._wire.turn()

    async def close(self) -> None:
        """Give up a token that is on its way."""
        await self._token.close()

    async def scores(self, external_id: str, first: date, last: date) -> Listing[Score]:
        """The scores of all types, by the day they are for."""
        return await self._over(Score, "/profile/score", external_id, first, last, _repeated("types", SCORE_TYPES))

    async def biomarkers(
        self, external_id: str, first: date, last: date, categories: Sequence[str] = CATEGORIES
    ) -> Listing[Biomarker]:
        """The biomarkers of some categories, by the date their window ends on."""
        wanted = _repeated("categories", categories)
        return await self._over(Biomarker, "/profile/biomarker", external_id, first, last, wanted)

    async def archetypes(self, external_id: str, first: date, last: date) -> Listing[Archetype]:
        """The archetypes of weeks and months."""
        return await self._over(Archetype, "/profile/archetypes", external_id, first, last, [])

    async def trends(self, external_id: str, first: date, last: date) -> Listing[Trend]:
        """How scores, factors and biomarkers moved."""
        return await self._over(Trend, "/profile/insight/trend", external_id, first, last, [])

    async def comparisons(self, external_id: str, first: date, last: date) -> Listing[Comparison]:
        """Scores and biomarkers against others."""
        return await self._over(Comparison, "/profile/insight/comparison", external_id, first, last, [])

    async def integrations(self, external_id: str) -> Listing[Integration]:
        """The cloud integrations of a profile."""
        began_at = self._wire.now()
        return listing(Integration, await self._list("/profile/integration", external_id, []), began_at)

    async def profile(self, external_id: str) -> Profile:
        """What the account holds about a profile, the names of its data's sources among it."""
        body = await self._json("/account/profile", external_id, [])
        if body == []:
            raise _unknown()
        try:
            return Profile.model_validate(body)
        except ValidationError as error:
            raise UnexpectedReply(f"Sahha's profile cannot be read: {reasons(error)}") from None

    async def _over(
        self, model: type[Model], path: str, external_id: str, first: date, last: date, wanted: _Pairs
    ) -> Listing[Model]:
        """A list over a range, newest part first, in as many requests as it takes."""
        began_at = self._wire.now()
        elements: list[Any] = []
        for since, until in _parts(first, last):
            dates = [("startDateTime", since.isoformat()), ("endDateTime", until.isoformat())]
            elements += await self._list(path, external_id, [*wanted, *dates])
        return listing(model, elements, began_at)

    async def _list(self, path: str, external_id: str, parameters: _Pairs) -> list[Any]:
        body = await self._json(path, external_id, parameters)
        if not isinstance(body, list):
            raise UnexpectedReply(f"Sahha's answer to {path} is no list")
        return body

    async def _json(self, path: str, external_id: str, parameters: _Pairs) -> Any:
        """The body; an empty list when there is none (204)."""
        response = await self._signed(f"{path}/{_segment(external_id)}", parameters)
        match response.status_code:
            case httpx2.codes.OK:
                return json_of(response)
            case httpx2.codes.NO_CONTENT:
                return []
            case httpx2.codes.NOT_FOUND:
                raise _unknown()
            case httpx2.codes.GONE:
                raise NotFound("Sahha has removed this profile", kind="profile_gone")
            case status if 400 <= status < 500:
                raise Invalid(f"Sahha answered {status} to a request for {path}")
            case status:
                raise UnexpectedReply(f"Sahha answered {status} to a request for {path}")

    async def _signed(self, path: str, parameters: _Pairs) -> httpx2.Response:
        """An answer to a request that a token was taken for: a refused one is replaced once."""
        for _ in range(2):
            token = await self._token.usable()
            headers = {"Authorization": f"account {token}"}
            response = await self._wire.request("GET", path, parameters=parameters, headers=headers)
            if response.status_code != httpx2.codes.UNAUTHORIZED:
                return response
            self._token.drop(token)
        raise refused("Sahha refuses a token that it issued a moment ago")


def _repeated(name: str, values: Sequence[str]) -> _Pairs:
    return [(name, each) for each in values]


def _parts(first: date, last: date) -> Iterator[tuple[date, date]]:
    """A range in parts of at most `LONGEST`, the newest first."""
    while first <= last:
        since = max(first, last - LONGEST + timedelta(days=1))
        yield since, last
        last = since - timedelta(days=1)


def _segment(external_id: str) -> str:
    """An external id in a path. One that would make another path of it is nobody's."""
    try:
        segment = quote(external_id, safe="")
    except UnicodeEncodeError:
        raise _unknown() from None
    if segment in _NO_PATH:
        raise _unknown()
    return segment


def _unknown() -> NotFound:
    return NotFound("Sahha does not know this profile", kind="unknown_profile")
