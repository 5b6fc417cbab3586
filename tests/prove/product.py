"""The product as a process of its own: a worker on a clock that another process moves, meant to be killed.

`python -m tests.prove.product CLOCK_FILE` with the settings in the environment; it makes the file `ready` beside the
clock's when it works.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from circadia import config
from circadia.runtime import open_runtime
from circadia.sync import jobs


class FileClock:
    """A clock that stands at the instant a file names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> datetime:
        return datetime.fromisoformat(self.path.read_text(encoding="ascii"))

    def set(self, instant: datetime) -> None:
        """Move it, for every process that looks."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(instant.isoformat(), encoding="ascii")
        fresh.replace(self.path)

    def advance(self, seconds: float) -> None:
        """Move it ahead; it is `circadia.simulator.clock.Movable`."""
        self.set(self() + timedelta(seconds=seconds))


def ready(clock_file: Path) -> Path:
    """The file that says that the product works."""
    return clock_file.with_name("ready")


async def work(clock_file: Path) -> None:
    """Work until killed."""
    # a proof cannot wait 20 s after each of its kills
    jobs.HEARTBEAT, jobs.STALLED_AFTER, jobs.RESCUE_EVERY = 0.3, 1.5, 0.5
    settings = config.load(os.environ, dotenv=Path(os.devnull))
    async with open_runtime(settings, clock=FileClock(clock_file)) as runtime:
        runtime.jobs.start_worker()
        ready(clock_file).touch()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))
