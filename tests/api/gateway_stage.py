"""The application between a simulated WHOOP and a simulated Sahha of the same world, over the wire as ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from circadia.simulator.sahha.sahha import SahhaSimulator
from tests.api.conftest import Api, Serve

_HOST = "sahha.example"
SAHHA = {
    "SAHHA_CLIENT_ID": "gateway-tests",
    "SAHHA_CLIENT_SECRET": "secret-of-gateway-tests",
    "SAHHA_API_BASE_URL": f"http://{_HOST}",
}


@dataclass
class Both:
    """An application with both sources. `alice` is at both once WHOOP is connected, `bob` at Sahha alone."""

    api: Api
    sahha: SahhaSimulator

    async def ask(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON of an answer, whose status has to be this one."""
        answer = await self.api.http.get(path, params=query)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    def sahha_is_down(self) -> None:
        """Everything at Sahha answers 500 from now on."""
        self.api.wire.others[_HOST] = httpx2.MockTransport(lambda _request: httpx2.Response(500))

    def sahha_is_up(self) -> None:
        """Sahha answers again."""
        self.api.wire.others[_HOST] = httpx2.ASGITransport(app=self.sahha.app)


async def both(serve: Serve, *, connected: bool = True, days: int = 14, **settings: str) -> Both:
    """Start it."""
    wanted: dict[str, Any] = SAHHA | settings
    api = await serve(days=days, members=2, worker=connected, **wanted)
    world = api.simulator.state.world
    sahha = SahhaSimulator(
        world,
        clock=api.clock,
        accounts=dict(zip(("alice", "bob"), world.user_ids, strict=True)),
        client_id=SAHHA["SAHHA_CLIENT_ID"],
        client_secret=SAHHA["SAHHA_CLIENT_SECRET"],
    )
    stage = Both(api, sahha)
    stage.sahha_is_up()
    if connected:
        await api.connected("alice")
    return stage
