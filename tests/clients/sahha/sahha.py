"""A Sahha on the wire that answers as told, and a client before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2

from circadia.clients.http import open_client
from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.tokens import Credentials
from circadia.clients.sahha.wire import TIMEOUT_S
from circadia.simulator.clock import StandingClock

SECRET = "the-account's-own-secret"
CREDENTIALS = Credentials("client-id", SECRET)
BASE_URL = "https://sahha.example/"
TOKEN_PATH = "/api/v1/oauth/account/token"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sahha"

Answer = httpx2.Response | httpx2.HTTPError
Exchange = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


def read(name: str) -> Any:
    """A fixture."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


class Sahha:
    """Issues `issued-1`, `issued-2`, …, takes none but the newest, and answers `answers` in turn, the last for ever."""

    def __init__(self, *answers: Answer, token_answers: list[Answer] | None = None, life_s: Any = 86400) -> None:
        self.answers = list(answers) or [httpx2.Response(200, json=[])]
        self.token_answers = token_answers or []
        self.life_s = life_s
        self.issued = 0
        self.token_requests: list[httpx2.Request] = []
        self.requests: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """One exchange."""
        answer = self._token(request) if request.url.path == TOKEN_PATH else self._data(request)
        if isinstance(answer, httpx2.HTTPError):
            raise answer
        return answer

    def _token(self, request: httpx2.Request) -> Answer:
        self.token_requests.append(request)
        if self.token_answers:
            return self.token_answers.pop(0)
        self.issued += 1
        body = {"accountToken": f"issued-{self.issued}", "tokenType": "Account", "expiresIn": self.life_s}
        return httpx2.Response(200, json=body)

    def _data(self, request: httpx2.Request) -> Answer:
        self.requests.append(request)
        if request.headers.get("authorization") != f"account issued-{self.issued}":
            return httpx2.Response(401)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        # an answer that is given twice is read twice
        return answer if isinstance(answer, httpx2.HTTPError) else _copy(answer)

    def tokens_sent(self) -> list[str]:
        """What the data requests were signed with."""
        return [each.headers["authorization"].removeprefix("account ") for each in self.requests]


def _copy(answer: httpx2.Response) -> httpx2.Response:
    return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def client(wire: Exchange, clock: StandingClock, timeout_s: float = TIMEOUT_S) -> SahhaClient:
    """A client whose requests end at `wire`."""
    return SahhaClient(open_client(httpx2.MockTransport(wire)), CREDENTIALS, BASE_URL, clock, timeout_s)
