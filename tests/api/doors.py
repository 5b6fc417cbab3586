"""Browsers at the doors: what a person does there, over HTTP alone but for the link that the owner hands them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from circadia.storage import links, people
from circadia.storage.links import LinkKind
from tests.api.conftest import ORIGIN, Api

FROM_US = {"Origin": ORIGIN}


async def claimed(api: Api, user_id: str = "owner") -> None:
    """An installation that somebody owns."""
    async with api.db.begin() as connection:
        await people.claim(connection, user_id, api.clock())


async def link(api: Api, kind: LinkKind, user_id: str | None = None) -> str:
    """The token of a new one-time link."""
    async with api.db.begin() as connection:
        token, _end = await links.make(connection, kind, user_id, "test", api.clock())
    return token


async def use(browser: httpx2.AsyncClient, token: str, **headers: str) -> httpx2.Response:
    """The button of a one-time link's page."""
    return await browser.post("/auth/link", data={"token": token}, headers=FROM_US | headers)


@asynccontextmanager
async def entered(api: Api, user_id: str, kind: LinkKind = "signin") -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in which somebody has signed in by a link; it says where its requests come from."""
    async with api.browser() as browser:
        answer = await use(browser, await link(api, kind, user_id))
        assert answer.status_code == 303, answer.text
        browser.headers.update(FROM_US)
        yield browser


async def by_whoop(
    api: Api, browser: httpx2.AsyncClient, account: int | None = None, consent: str = "allow", **asked: Any
) -> httpx2.Response:
    """A sign-in with WHOOP up to where the browser comes back; `asked` goes to `POST /auth/signin`."""
    begun = await browser.post("/auth/signin", json=asked, headers=FROM_US)
    assert begun.status_code == 200, begun.text
    back = await api.consent(begun.json()["authorization_url"], account, sim_consent=consent)
    return await browser.get("/auth/callback", params=back)


async def whoami(browser: httpx2.AsyncClient) -> dict[str, Any]:
    """What `GET /api/v1/me` says."""
    answer = await browser.get("/api/v1/me")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deeds(api: Api, user_id: str | None = None) -> list[str]:
    """What the audit has, oldest first: of one user, or everything."""
    found = await api.db.rows(
        "SELECT deed FROM audit WHERE %(user)s::text IS NULL OR user_id = %(user)s ORDER BY id", {"user": user_id}
    )
    return [each[0] for each in found]
