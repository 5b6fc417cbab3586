"""`python -m tests.prove NAME [options]` proves one thing at size; `--all --minutes N` a slice of everything.

Exit code 1 when something was not as it has to be; the figures printed name the seed that shows it again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import sys
import time
from collections.abc import Sequence

import structlog

from tests import postgres
from tests.postgres import Server
from tests.prove import alerts, budget, converge, dashboard, gateway, intake, release, takeover, truth

PROOFS = {
    "truth": truth,
    "converge": converge,
    "intake": intake,
    "budget": budget,
    "takeover": takeover,
    "gateway": gateway,
    "alerts": alerts,
    "release": release,
    "dashboard": dashboard,
}
"""Each has `arguments(parser)`, and `run(server, options)` and `slice_(server, seed)`, which tell whether it held."""


async def all_within(server: Server, minutes: float, seed: int) -> bool:
    """Slices of every proof in turn, each with a seed of its own, until the time is up; every proof at least once."""
    deadline = time.monotonic() + 60 * minutes
    for number in itertools.count():
        for proof in PROOFS.values():
            if not await proof.slice_(server, seed + number):
                return False
            if number and time.monotonic() > deadline:
                return True
    raise AssertionError("unreachable")


def main(words: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="script/prove", description=__doc__)
    parser.add_argument("--all", action="store_true", help="slices of every proof")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long --all goes on")
    parser.add_argument("--first-seed", type=int, default=1, help="seed of the first slice of --all")
    names = parser.add_subparsers(dest="name", metavar="NAME")
    for name, proof in PROOFS.items():
        summary = (proof.__doc__ or "").splitlines()[0]
        proof.arguments(names.add_parser(name, help=summary, description=summary))
    options = parser.parse_args(words)
    if options.all == bool(options.name):
        parser.error(f"name one proof ({', '.join(PROOFS)}) or --all")
    logging.disable(logging.CRITICAL)  # what breaks on purpose is not worth a line
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    directory = postgres.new_directory()
    try:
        with postgres.serve(directory) as server:
            if options.all:
                held = asyncio.run(all_within(server, options.minutes, options.first_seed))
            else:
                held = asyncio.run(PROOFS[options.name].run(server, options))
    finally:
        postgres.remove_directory(directory)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
