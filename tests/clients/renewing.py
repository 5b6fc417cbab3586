"""A process that wants a member's token, and may be killed while it renews it.

`python -m tests.clients.renewing CLOCK_FILE MEMBER_ID` with the settings in the environment; prints `asks`, and then
the version of the pair it may use, or the name of the error.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from circadia import config
from circadia.errors import CircadiaError
from circadia.runtime import open_runtime
from tests.prove.product import FileClock


async def want(clock_file: Path, member_id: int) -> None:
    """Ask once."""
    settings = config.load(os.environ, dotenv=Path(os.devnull))
    async with open_runtime(settings, clock=FileClock(clock_file)) as runtime:
        print("asks", flush=True)
        try:
            token = await runtime.tokens.usable(member_id)
        except CircadiaError as error:
            print(type(error).__name__, flush=True)
        else:
            print(token.version, flush=True)


if __name__ == "__main__":
    asyncio.run(want(Path(sys.argv[1]), int(sys.argv[2])))
