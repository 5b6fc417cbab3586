"""The command line as a person at a terminal drives it: the installed program, its streams, signals and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("circadia")
WAIT_S = 60


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """The one line of JSON on stdout."""
        assert self.code in (0, 1), self.stderr
        assert self.stdout.count("\n") == 1
        return json.loads(self.stdout)

    def refused_at_the_end(self, *words: str) -> bool:
        """Whether its last line refuses with code 3 and these words."""
        assert (self.code, self.stdout) == (3, ""), self
        last = self.stderr.splitlines()[-1]
        return last.startswith("circadia: ") and all(word in last for word in words)

    def refused(self, *words: str) -> bool:
        """Whether it ended with code 3 and a sentence with these words, without a traceback and without data."""
        assert (self.code, self.stdout) == (3, ""), self
        assert "Traceback" not in self.stderr
        assert all(line.startswith("circadia: ") for line in self.stderr.splitlines()), self.stderr
        return all(word in self.stderr for word in words)


class Running:
    """A command that goes on until it is told to stop; its streams are files that grow."""

    def __init__(self, process: subprocess.Popen[str], out: Path, err: Path) -> None:
        self.process = process
        self._out, self._err = out, err

    def stdout(self, pattern: str, wait_s: float = WAIT_S) -> re.Match[str]:
        """Wait until stdout says something."""
        return self._until(self._out, pattern, wait_s)

    def stderr(self, pattern: str) -> re.Match[str]:
        """Wait until stderr says something."""
        return self._until(self._err, pattern)

    def type(self, line: str) -> None:
        """Answer a question of the command."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.close()

    def ended(self) -> Said:
        """Wait for its own end."""
        return Said(self.process.wait(WAIT_S), self._out.read_text(), self._err.read_text())

    def stop(self, number: int = signal.SIGTERM) -> Said:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.ended()

    def _until(self, file: Path, pattern: str, wait_s: float = WAIT_S) -> re.Match[str]:
        deadline = time.monotonic() + wait_s
        while True:
            alive = self.process.poll() is None
            if found := re.search(pattern, file.read_text()):
                return found
            if not alive or time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r}:\n{self._out.read_text()}\n{self._err.read_text()}")
            time.sleep(0.05)


@dataclass(frozen=True)
class Terminal:
    """A shell with settings, in an empty directory of its own."""

    directory: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def with_settings(self, **settings: str) -> Terminal:
        """The same with more settings."""
        return Terminal(self.directory, {**self.settings, **settings})

    def run(self, *arguments: str, stdin: str = "") -> Said:
        """Run a command to its end."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            cwd=self.directory,
            env=self._environment(),
        )
        return Said(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, *arguments: str) -> Iterator[Running]:
        """Run a command that is still there afterwards; it is killed if a test leaves it behind."""
        stem = f"{arguments[0]}-{time.monotonic_ns()}"
        out, err = self.directory / f"{stem}.out", self.directory / f"{stem}.err"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [PROGRAM, *arguments],
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                text=True,
                cwd=self.directory,
                env=self._environment(),
            )
        with process:
            try:
                yield Running(process, out, err)
            finally:
                process.kill()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": os.fspath(self.directory), **self.settings}
