"""What a demo shows while it comes up and when it is ready."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is."""

    service: str
    simulator: str
    sahha: str
    database: str
    api_key: str
    directory: Path
    settings: Path


class Screen:
    """The steps of a demo as they happen. With `stderr` stdout stays free for data."""

    def __init__(self, *, stderr: bool) -> None:
        self._console = Console(stderr=stderr, highlight=False)

    def title(self, sentence: str) -> None:
        """What this is."""
        self._console.print(Text(sentence, style="bold"), soft_wrap=True)

    def step(self, sentence: str) -> None:
        """Something has happened."""
        self._console.print(Text.assemble(("✓ ", "green"), sentence), soft_wrap=True)

    def note(self, sentence: str) -> None:
        """Something worth knowing."""
        self._console.print(Text.assemble(("· ", "dim"), (sentence, "dim")), soft_wrap=True)

    def histories(self) -> Progress:
        """A bar for each member's history; its field `told` says how far back it is."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def ready(self, addresses: Addresses, user_id: str, newest: date, signin: str) -> None:
        """Where everything is, and what to try."""
        lines = (
            ("Dashboard", f"{signin}  (signs you in as {user_id}, once, within 15 minutes)"),
            ("Service", addresses.service),
            ("API docs", f"{addresses.service}/docs"),
            ("Simulated WHOOP", addresses.simulator),
            ("Simulated Sahha", addresses.sahha),
            ("Database", addresses.database),
            ("API key", addresses.api_key),
            ("Data", f"{addresses.directory}  (kept; `circadia demo --reset` begins anew)"),
        )
        self._console.print()
        for name, text in lines:
            self._console.print(Text.assemble("  ", (f"{name:<17}", "bold"), text), soft_wrap=True)
        self._console.print("\nTry it:", style="bold")
        key = f"-H 'X-API-Key: {addresses.api_key}'"
        week_ago = newest - timedelta(days=6)
        week = f"from={week_ago}&to={newest}"
        for path in (
            f"unified/{user_id}/days?{week}",
            f"whoop/daily-data/{user_id}?date={newest}",
            f"whoop/days/{user_id}?{week}",
        ):
            self._console.print(Text(f"  curl {key} '{addresses.service}/api/v1/{path}'"), soft_wrap=True)
        command = f"(set -a; . {shlex.quote(str(addresses.settings))}; circadia gateway check {user_id})"
        self._console.print(Text(f"  {command}"), soft_wrap=True)
        self._console.print("\nCtrl-C stops it.", style="dim")
