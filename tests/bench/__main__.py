"""`python -m tests.bench [NAME ...]`: imports, reads, ingest, memory, capacity, interference, gateway,
dashboard, grafana, load; all of them without a name. Options after a single name are that bench's own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from tests.bench import capacity, dashboard, gateway, grafana, imports, ingest, interference, memory, reads, soak

BENCHES: dict[str, Callable[..., Awaitable[None]]] = {
    "imports": imports.run,
    "ingest": ingest.run,
    "reads": reads.run,
    "memory": memory.run,
    "capacity": capacity.run,
    "interference": interference.run,
    "gateway": gateway.run,
    "dashboard": dashboard.run,
    "grafana": grafana.run,
    "load": soak.run,
}


def main() -> int:
    """Run the benches that are named."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all without a name")
    own = next((index for index, each in enumerate(sys.argv) if index > 1 and each.startswith("-")), len(sys.argv))
    names, options = parser.parse_args(sys.argv[1:own]).names, sys.argv[own:]
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no bench is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    for name in names or BENCHES:
        print(f"== {name}", flush=True)
        asyncio.run(_run(BENCHES[name](options) if options else BENCHES[name]()))
    return 0


async def _run(bench: Awaitable[None]) -> None:
    await bench


if __name__ == "__main__":
    sys.exit(main())
