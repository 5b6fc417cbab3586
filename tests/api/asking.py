"""A GET as a server hands it to the application: the answer is seen while it comes, may be stopped, and given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.api.conftest import Api


class Answer:
    """What has come so far. `taking` is clear while whoever asked reads nothing more of the body."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.taking = asyncio.Event()
        self.gone = asyncio.Event()
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        """Nothing is sent after the request but that its sender went away."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.body":
            self.begun.set()
            await self.taking.wait()
            self.body += message["body"]


@asynccontextmanager
async def asking(api: Api, path: str, headers: Mapping[str, str]) -> AsyncIterator[tuple[Answer, asyncio.Task[None]]]:
    """The answer once its body begins, not taken yet, and the request."""
    answer = Answer()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    serving = asyncio.ensure_future(api.app(scope, answer.receive, answer.send))
    try:
        async with asyncio.timeout(20):
            await answer.begun.wait()
        yield answer, serving
    finally:
        answer.gone.set()
        answer.taking.set()
        await serving
