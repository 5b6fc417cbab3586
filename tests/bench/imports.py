"""Time to import the application against FastAPI alone (CPU seconds of fresh interpreters, alternating)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

_ROUNDS = 7


def _environment() -> dict[str, str]:
    """The first round may leave bytecode behind, as it does where people run it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _cpu_seconds(module: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=_environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def run() -> None:
    """Print both and their ratio."""
    times = [(_cpu_seconds("fastapi"), _cpu_seconds("circadia.app")) for _ in range(_ROUNDS + 1)][1:]
    fastapi, app = min(each[0] for each in times), min(each[1] for each in times)
    print(f"import fastapi {fastapi:.2f} s, import circadia.app {app:.2f} s, ratio {app / fastapi:.2f} (at most 2.5)")
