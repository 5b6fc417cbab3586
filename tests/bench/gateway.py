"""The gateway under 50 users at once, all of them answered: what a second source costs, and a slow or a broken one.

Users with both sources against users whom only Sahha knows, and against the same application's constant JSON behind the
same middleware; slices alternate in one run, the load comes from a process of its own. Everything is stored, so nobody
asks Sahha. Then, one request at a time, Sahha has to be asked over slow wires: both sources at once against the slower
one alone, and one after the other. At last the load again while the WHOOP service is gone and the breaker open.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx2

from circadia import logs
from tests.bench.gateway_served import CONSTANT
from tests.bench.load import latencies
from tests.bench.memory import resident_mb
from tests.postgres import serve_alone
from tests.prove.gateway_answers import ask, native, states
from tests.prove.gateway_proxy import Fault
from tests.prove.gateway_stack import KEY, People, Program, Stack, client, open_stack, simulated_whoop

_USERS = 50
_SLICE_S, _ROUNDS = 2.0, 5
_ASKED = 10
_SERVED = (sys.executable, "-m", "tests.bench.gateway_served")

_NAMES = {"constant": "constant", "sahha": "Sahha only", "both": "both"}
_KINDS = tuple(_NAMES)

Figures = dict[str, tuple[float, float, float]]
"""Requests a second, p50 and p99 (ms) by who asked."""


async def run() -> None:
    """Print rates, times, ratios and memory."""
    logs.configure("ERROR", "json")
    with tempfile.TemporaryDirectory() as directory, serve_alone() as server:
        async with simulated_whoop(Path(directory), count=2 * _USERS + 1, seed=1) as whoop:
            accounts = whoop.told["members"]
            both = {f"both-{number}": account for number, account in enumerate(accounts[:_USERS])}
            sahha_only = {f"sahha-{number}": account for number, account in enumerate(accounts[_USERS:-1])}
            people = People(len(accounts), 1, both | {"whoop-0": accounts[-1]}, both | sahha_only)
            async with open_stack(whoop, people, {"sahha": server, "whoop": server}, command=_SERVED) as stack:
                await _stored(stack)
                await _slow(stack)
                await _broken(stack)


async def _stored(stack: Stack) -> None:
    """As two services, and as the one process that does everything."""
    print("-- stored, gateway and WHOOP service apart")
    _compare(await _measured(stack.gateway, _KINDS))
    own = {name: value for name, value in stack.settings.items() if not name.startswith("WHOOP_SERVICE_")}
    print("-- stored, all in one process")
    async with _served(stack, "all", own | {"DATABASE_URL": stack.urls["whoop"]}) as alone:
        _compare(await _measured(alone, _KINDS))


async def _broken(stack: Stack) -> None:
    """The WHOOP service is gone, and the breaker knows."""
    print("-- breaker open")
    before = (await _measured(stack.gateway, ("sahha",)))["sahha"]
    await stack.upstreams["whoop"].way.cut()
    while states(await ask(stack.http, native("both-0")))["whoop"] != "circuit_open":
        await asyncio.sleep(0.1)
    after = await _measured(stack.gateway, ("sahha", "both"))
    _ratio("both, breaker open / Sahha only before", after["both"], before)
    _ratio("both, breaker open / Sahha only then", after["both"], after["sahha"])


async def _slow(stack: Stack) -> None:
    """Both have to be asked over slow wires. In turn that may take longer than the deadline would allow."""
    patient = {"GATEWAY_FETCH": "sequential", "GATEWAY_DEADLINE": "10"}
    async with _served(stack, "gateway", stack.settings | patient) as sequential:
        for slower, latencies_s in (("sahha-0", (0.5, 0.3)), ("whoop-0", (0.3, 0.5))):
            ways = [stack.upstreams[each].way for each in ("sahha", "whoop")]
            for way, seconds in zip(ways, latencies_s, strict=True):
                way.fault = Fault(delay_s=seconds)
            print(f"-- asked, Sahha's wire {latencies_s[0]} s, the WHOOP service's {latencies_s[1]} s")
            async with client(sequential) as http:
                alone = await _one_by_one(stack, stack.http, slower)
                at_once = await _one_by_one(stack, stack.http, "both-0")
                in_turn = await _one_by_one(stack, http, "both-0")
            print(f"slower source alone {alone:.3f} s, both at once {at_once:.3f} s, in turn {in_turn:.3f} s (medians)")
            print(f"at once / slower alone {at_once / alone:.2f} (at most 1.2)", flush=True)
            for way in ways:
                way.fault = None


async def _one_by_one(stack: Stack, http: httpx2.AsyncClient, user_id: str) -> float:
    """The median time of a user's answer, in seconds, when Sahha has to be asked each time. The first, which also gets
    what is kept for long, does not count."""
    took = []
    for _ in range(1 + _ASKED):
        await stack.age()
        answer = await ask(http, native(user_id))
        took.append(answer.took_s)
    told = states(answer)
    assert set(told.values()) in ({"ok"}, {"ok", "not_connected"}), told
    return median(took[1:])


@asynccontextmanager
async def _served(stack: Stack, part: str, settings: Mapping[str, str]) -> AsyncIterator[Program]:
    """Another process of the product beside the stack's."""
    program = Program([*_SERVED, "--only", part], settings, stack.directory)
    program.start()
    try:
        await program.ready()
        yield program
    finally:
        program.end()


async def _measured(program: Program, kinds: Sequence[str]) -> Figures:
    """Slices of all kinds in turn, printed."""
    async with client(program) as http:
        for kind in kinds:  # what is not stored yet is fetched now
            for path in _paths(kind):
                (await http.get(path)).raise_for_status()
    seen: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(_ROUNDS):
        for kind, times in seen.items():
            times += await latencies(program.port, _paths(kind), connections=_USERS, seconds=_SLICE_S, key=KEY)
    figures = {kind: _figures(times) for kind, times in seen.items()}
    for kind, (rate, p50, p99) in figures.items():
        answers = len(seen[kind])
        print(f"{_NAMES[kind]:11} {rate:7,.0f}/s  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {answers} answers, all 200")
    print(f"{resident_mb('VmRSS', program.pid):.0f} MB of memory, {resident_mb('VmHWM', program.pid):.0f} at most")
    return figures


def _paths(kind: str) -> list[str]:
    if kind == "constant":
        return [CONSTANT]
    return [f"/api/v1/health/{kind}-{number}?days=7" for number in range(_USERS)]


def _figures(times: list[float]) -> tuple[float, float, float]:
    times.sort()
    return len(times) / (_SLICE_S * _ROUNDS), times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3


def _compare(figures: Figures) -> None:
    for other in ("sahha", "constant"):
        _ratio(f"both / {_NAMES[other]}", figures["both"], figures[other])


def _ratio(name: str, one: tuple[float, float, float], other: tuple[float, float, float]) -> None:
    rate, p50, p99 = (each / per for each, per in zip(one, other, strict=True))
    print(f"{name}: rate {rate:.2f}, p50 {p50:.2f}, p99 {p99:.2f}", flush=True)
