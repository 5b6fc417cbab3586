"""What an app and its users do: connect over OAuth and read, all of it over HTTP."""

from __future__ import annotations

import asyncio
from datetime import date
from types import TracebackType
from typing import Any, Self

import httpx2

from circadia.clients.http import USER_AGENT
from circadia.errors import UnexpectedReply

_LOOK_EVERY_S = 0.1


class Visitor:
    """An app with a key, and its users' browser."""

    def __init__(self, url: str, api_key: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers={"User-Agent": USER_AGENT},
            timeout=30.0,
            trust_env=False,
            follow_redirects=False,
        )
        self._key = {"X-API-Key": api_key}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def connected(self, user_id: str) -> bool:
        """Whether a user is connected already."""
        return bool((await self._get(f"/internal/auth/status/{user_id}"))["connected"])

    async def connect(self, user_id: str, whoop_user_id: int) -> None:
        """Begin in the app, consent at WHOOP as one of its members, come back with the browser's cookie."""
        begun = _good(await self._http.post(f"/internal/auth/connect/{user_id}", headers=self._key)).json()
        answer = {"sim_member": str(whoop_user_id), "sim_consent": "allow"}
        consent = httpx2.URL(begun["authorization_url"]).copy_merge_params(answer)
        granted = _good(await self._http.get(consent))
        _good(await self._http.get(granted.headers["location"]))
        if not await self.connected(user_id):
            raise UnexpectedReply(f"{user_id} came back from the consent and is not connected")

    async def first_day(self, user_id: str) -> dict[str, Any]:
        """The newest day, as soon as there is one."""
        while True:
            document = await self._get(f"/api/v1/whoop/daily-data/{user_id}")
            if document["cycle"] is not None or document["sleep"] is not None:
                return document
            await asyncio.sleep(_LOOK_EVERY_S)

    async def standing(self, user_id: str) -> Standing:
        """How far a user's history is."""
        return Standing(await self._get(f"/api/v1/whoop/sync-status/{user_id}"))

    async def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = _good(await self._http.get(path, headers=self._key)).json()
        return found


class Standing:
    """What `sync-status` says of one user, as far as a demo shows it."""

    def __init__(self, told: dict[str, Any]) -> None:
        types = [each for each in told["types"].values() if each["history"]["reached_at"]]
        self._coming = [each["history"]["reached_at"] for each in types if not each["history"]["complete"]]
        self._reached = [each["history"]["reached_at"] for each in types]
        self._backfill = (told["backfill"] or {}).get("state")
        self.records = sum(each["total_records"] for each in told["types"].values())

    @property
    def complete(self) -> bool:
        """Whether the last backfill has brought everything."""
        return self._backfill == "succeeded"

    @property
    def failed(self) -> bool:
        """Whether the last backfill has brought nothing."""
        return self._backfill == "failed"

    @property
    def back_to(self) -> date | None:
        """The date down to which every type is here; once all are here whole, the oldest record's."""
        reached = max(self._coming) if self._coming else min(self._reached, default=None)
        return date.fromisoformat(reached[:10]) if reached else None


def _good(response: httpx2.Response) -> httpx2.Response:
    if response.is_error:
        raise UnexpectedReply(f"{response.url.path} answered {response.status_code}: {response.text[:500]}")
    return response
