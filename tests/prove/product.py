"""The product as a process of its own: a worker on a clock that another process moves, meant to be killed.

`python -m tests.prove.product CLOCK_FILE [unhurried]` with the settings in the environment; it makes the file `ready`
beside the clock's when it works. Unhurried it takes as long as in production to find out that another has died.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from circadia import config
from circadia.runtime import open_runtime
from circadia.sync.pace import Pace


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

    async def sleep(self, seconds: float) -> None:
        """Wait for so many of this clock's seconds."""
        until = self() + timedelta(seconds=seconds)
        while self() < until:
            await asyncio.sleep(0.02)


def ready(clock_file: Path) -> Path:
    """The file that says that the product works."""
    return clock_file.with_name("ready")


HURRIED = Pace(heartbeat_s=0.3, dead_after_s=1.5, rescue_every_s=0.5)
"""A proof cannot wait 20 s after each of its kills."""


async def work(clock_file: Path, pace: Pace) -> None:
    """Work until killed."""
    settings = config.load(os.environ, dotenv=Path(os.devnull))
    clock = FileClock(clock_file)
    async with open_runtime(settings, clock=clock, sleep=clock.sleep, pace=pace) as runtime:
        runtime.jobs.start_worker()
        ready(clock_file).touch()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), Pace() if sys.argv[2:] == ["unhurried"] else HURRIED))
