"""What every test stands on: a real PostgreSQL, a clock that is moved by hand, a simulated WHOOP, the product between.

Nothing of the developer's environment is read: its variables are taken away and the working directory is an empty one.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import httpx2
import pytest
import stamina

from circadia.clock import Clock
from circadia.runtime import Runtime, open_runtime
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import Client, Limits, WhoopSimulator
from circadia.simulator.world import Quirks
from circadia.storage.postgres import Database
from circadia.sync.pace import Pace
from tests import postgres, simulated
from tests.databases import Databases
from tests.postgres import Server
from tests.simulated import CLIENT, ROOMY, Stage, Wire

PACE = Pace()
_PLACE = "TESTS_POSTGRES_DIRECTORY"


def pytest_configure(config: pytest.Config) -> None:
    for name in os.environ.keys() - simulated.surroundings().keys():
        del os.environ[name]
    if not hasattr(config, "workerinput"):
        os.environ[_PLACE] = str(postgres.new_directory())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and (place := os.environ.pop(_PLACE, None)):
        postgres.remove_directory(Path(place))


def pytest_collection_finish() -> None:
    """What has been imported stays, so that no collection of garbage goes through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(autouse=True)
def _away_from_the_checkout(_nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` in the developer's working directory is not this test's."""
    monkeypatch.chdir(_nowhere)


@pytest.fixture(autouse=True)
def _retries_without_waiting() -> Iterator[None]:
    """As many tries as in production, without the pauses between them."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The session's PostgreSQL, shared by all workers of pytest-xdist."""
    with postgres.serve(Path(os.environ[_PLACE])) as server:
        yield server


@pytest.fixture(scope="session")
def _databases(postgres_server: Server) -> Iterator[Databases]:
    made = Databases(postgres_server)
    yield made
    made.close()


@pytest.fixture
def database_url(_databases: Databases) -> Iterator[str]:
    """An empty, migrated database of this test's own."""
    url = _databases.take()
    yield url
    _databases.give_back(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The fresh database, opened."""
    database = Database(database_url, size=8)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def clock() -> StandingClock:
    """2026-11-20T12:00Z until it is advanced."""
    return StandingClock(simulated.EPOCH)


class NewSimulator(Protocol):
    """`simulated.new_simulator` on this test's clock."""

    def __call__(
        self,
        *,
        members: int = 1,
        days: int = 60,
        seed: int = 1,
        quirks: Quirks | None = None,
        limits: Limits = ROOMY,
        client: Client = CLIENT,
    ) -> WhoopSimulator: ...


@pytest.fixture
def simulator(clock: StandingClock) -> NewSimulator:
    """Makes a simulated WHOOP on this test's clock."""
    return partial(simulated.new_simulator, clock)


class OpenRuntime(Protocol):
    """Opens the product against a simulator, on the test's clock and database unless told otherwise."""

    def __call__(
        self,
        simulator: WhoopSimulator,
        *,
        url: str | None = None,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        pace: Pace = PACE,
    ) -> Awaitable[Runtime]: ...


@pytest.fixture
async def runtime(database_url: str, clock: StandingClock) -> AsyncIterator[OpenRuntime]:
    """Opens runtimes on this test's database (or `url`) and closes them at its end."""
    standing = clock
    async with AsyncExitStack() as stack:

        async def open_one(
            simulator: WhoopSimulator,
            *,
            url: str | None = None,
            clock: Clock | None = None,
            transport: httpx2.AsyncBaseTransport | None = None,
            settings: Mapping[str, str] = MappingProxyType({}),
            pace: Pace = PACE,
        ) -> Runtime:
            return await stack.enter_async_context(
                open_runtime(
                    simulated.settings_for(url or database_url, **settings),
                    clock=clock or standing,
                    transport=transport or simulated.wire(simulator),
                    pace=pace,
                )
            )

        yield open_one


class NewStage(Protocol):
    """Connects a member; keywords other than `asked` and `settings` are those of `simulated.new_simulator`."""

    def __call__(
        self,
        *,
        members: int = 1,
        days: int = 60,
        seed: int = 1,
        quirks: Quirks | None = None,
        asked: Mapping[str, str] = MappingProxyType({}),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Awaitable[Stage]: ...


@pytest.fixture
def stage(runtime: OpenRuntime, clock: StandingClock) -> NewStage:
    """Connects the first member of a simulated WHOOP as user `alice`."""

    async def connected(
        *,
        members: int = 1,
        days: int = 60,
        seed: int = 1,
        quirks: Quirks | None = None,
        asked: Mapping[str, str] = MappingProxyType({}),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Stage:
        whoop = simulated.new_simulator(clock, members=members, days=days, seed=seed, quirks=quirks)
        line = Wire(whoop)
        product = await runtime(whoop, transport=line, settings=settings)
        account = whoop.state.world.user_ids[0]
        finished = await simulated.connect(product, whoop, "alice", account, **asked)
        whoop.traffic.reset()
        return Stage(whoop, clock, product, line, finished.grant)

    return connected
