"""One renewal in flight per member over real processes, also when one of them is killed in the middle of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from circadia.runtime import Runtime, open_runtime
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World
from circadia.storage import members
from tests import simulated
from tests.pairs import TOKEN
from tests.postgres import Server
from tests.prove.product import FileClock
from tests.prove.stage import PLENTY, serving

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@dataclass
class Gate:
    """A WHOOP whose first renewal is kept: before it is carried out, or before it is answered."""

    inside: ASGIApp
    kept: Literal["request", "answer"] | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    renewals: int = 0

    @property
    def app(self) -> ASGIApp:
        """WHOOP as others reach it."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != TOKEN:
            await self.inside(scope, receive, send)
            return
        self.renewals += 1
        first = self.renewals == 1

        async def held(message: Message) -> None:
            if first and self.kept == "answer" and message["type"] == "http.response.start":
                await self._keep()
            await send(message)

        if first and self.kept == "request":
            await self._keep()
            await Response(status_code=502)(scope, receive, send)
            return
        await self.inside(scope, receive, held)

    async def _keep(self) -> None:
        self.came.set()
        await self.opened.wait()


@dataclass
class Processes:
    """A member whose token has run out, and processes that want it."""

    gate: Gate
    clock: FileClock
    runtime: Runtime
    member_id: int
    environment: dict[str, str]

    @asynccontextmanager
    async def one(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start one; it has asked, or is about to."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.clients.renewing", str(self.clock.path), str(self.member_id),
            cwd=ROOT, env=self.environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert await said(process) == "asks"
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()

    async def state(self) -> tuple[str, str | None]:
        """The connection's state and reason."""
        grant = await members.grant(self.runtime.db, self.member_id)
        assert grant is not None
        return grant.state, grant.reason


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        lines = [line.decode().strip() async for line in _first(process.stdout)]
    return lines[0]


async def _first(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while line := await stream.readline():
        if not line.lstrip().startswith((b"20", b"{")):  # a line of the log
            yield line
            return


@asynccontextmanager
async def expired(
    server: Server, directory: Path, kept: Literal["request", "answer"] | None
) -> AsyncIterator[Processes]:
    """A member who connected an hour and a minute ago."""
    clock = FileClock(directory / "clock")
    clock.set(simulated.EPOCH)
    world = World(seed=1, members=1, days=2, epoch=simulated.EPOCH)
    whoop = WhoopSimulator(world, clock=clock, limits=PLENTY, clients=(simulated.CLIENT,))
    async with AsyncExitStack() as stack:
        database = server.create()
        stack.callback(server.drop, database)
        gate = Gate(whoop.app)
        url = await stack.enter_async_context(serving(gate))
        changes = {"WHOOP_API_BASE_URL": f"{url}/developer", "WHOOP_OAUTH_BASE_URL": f"{url}/oauth/oauth2"}
        runtime = await stack.enter_async_context(
            open_runtime(simulated.settings_for(database, **changes), clock=clock)
        )
        done = await simulated.connect(runtime, whoop, "alice", world.user_ids[0])
        clock.advance(3660)
        gate.kept, gate.renewals = kept, 0
        stack.callback(gate.opened.set)
        environment = simulated.surroundings() | simulated.environment_for(database, **changes)
        yield Processes(gate, clock, runtime, done.grant.member_id, environment)


async def test_processes_that_want_the_same_token_renew_it_once(postgres_server: Server, tmp_path: Path) -> None:
    async with (
        expired(postgres_server, tmp_path, "answer") as here,
        here.one() as one,
        here.one() as two,
    ):
        await here.gate.came.wait()
        await asyncio.sleep(0.5)  # time for the other to do what it should not
        assert here.gate.renewals == 1
        here.gate.opened.set()
        assert [await said(each) for each in (one, two)] == ["2", "2"]
        assert here.gate.renewals == 1


async def test_a_killed_process_leaves_its_renewal_to_the_next_after_its_slot(
    postgres_server: Server, tmp_path: Path
) -> None:
    """kill -9 after the refresh token was sent, before WHOOP carried it out."""
    async with expired(postgres_server, tmp_path, "request") as here, here.one() as first:
        await here.gate.came.wait()
        async with here.one() as second:
            first.kill()
            await first.wait()
            here.clock.advance(74)
            await asyncio.sleep(0.5)
            assert here.gate.renewals == 1, "its slot is still held"
            here.clock.advance(2)
            assert await said(second) == "2"
            assert here.gate.renewals == 2
            assert await here.state() == ("connected", None)
        assert (await here.runtime.tokens.usable(here.member_id)).version == 2


async def test_a_grant_that_died_with_its_process_is_told_once_with_the_reason(
    postgres_server: Server, tmp_path: Path
) -> None:
    """kill -9 between WHOOP's rotation and its answer: the new pair is nowhere, and WHOOP says so for certain."""
    async with expired(postgres_server, tmp_path, "answer") as here, here.one() as first:
        await here.gate.came.wait()
        first.kill()
        await first.wait()
        here.clock.advance(76)
        async with here.one() as second, here.one() as third:
            assert [await said(each) for each in (second, third)] == ["GrantLost", "GrantLost"]
        assert await here.state() == ("needs_reconnect", "WHOOP answered 400 invalid_request")
        changed = await here.runtime.db.row("SELECT changed_at FROM connections")
        asked, at = here.gate.renewals, here.clock()
        here.clock.advance(600)
        async with here.one() as fourth:
            assert await said(fourth) == "GrantLost"
        assert await here.runtime.db.row("SELECT changed_at FROM connections") == changed == (at,)
        assert here.gate.renewals <= asked + 1
