"""A shell in which what a page tells people to type is carried out, and in which `circadia` starts at once.

The program spends most of a short command's time on its imports. Here one process has them already and forks itself
for each command; `circadia` on the shell's path hands over arguments, environment, directory and streams.

    python -m tests.docs.shell SOCKET      that process
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import circadia
from circadia.cli import main

_ASIDE = ("circadia.__main__", "circadia.simulator", "circadia.storage.migrations")
_LONGEST_S = 60
_CALLER = """#!{python} -ISE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({place!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(line, [len(told).to_bytes(4, "big")], [0, 1, 2])
    line.sendall(told)
    sys.exit(int.from_bytes(line.recv(1), "big"))
"""


@dataclass(frozen=True)
class Ended:
    """What a block has printed, stdout and stderr together, and how it ended."""

    code: int
    said: str


@dataclass(frozen=True)
class Shell:
    """A shell with settings in a directory. `meant` are names in the pages and what they stand for here; `answer` is
    what a person types when a command has said a line."""

    directory: Path
    programs: Path
    settings: Mapping[str, str]
    meant: Mapping[str, str]
    answer: Callable[[str], str | None]

    def run(self, block: str) -> Ended:
        """Carry out a block of commands; the first that fails ends it."""
        for named, here in self.meant.items():
            block = re.sub(rf"(?<![\w.-]){re.escape(named)}(?![\w-])", here.replace("\\", r"\\"), block)
        with subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", "-c", block],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            env=self._environment(),
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if (typed := self.answer(line)) is not None:
                    process.stdin.write(typed + "\n")
                    process.stdin.flush()
        return Ended(process.returncode, said)

    def _environment(self) -> dict[str, str]:
        path = f"{self.programs}:{os.environ['PATH']}"
        return {**os.environ, "HOME": str(self.directory), **self.settings, "PATH": path}


@contextmanager
def prepared() -> Iterator[Path]:
    """A directory with `circadia` in it, ready to be called for as long as the context lasts."""
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as short:  # the path of a socket has to be
        directory = Path(short)
        caller, place = directory / "circadia", directory / "line"
        caller.write_text(_CALLER.format(python=sys.executable, place=str(place)))
        caller.chmod(0o755)
        with subprocess.Popen([sys.executable, "-m", __name__, place], cwd=root, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                yield directory
            finally:
                process.kill()


def _serve(place: str) -> None:
    """Fork for each command, until killed."""
    for found in pkgutil.walk_packages(circadia.__path__, "circadia."):
        if not found.name.startswith(_ASIDE):
            importlib.import_module(found.name)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen()
        os.write(1, b"ready\n")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
        while True:
            line, _ = door.accept()
            with line:
                if os.fork() == 0:
                    _answer(line)


def _answer(line: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(line, 4, 3)
    with line.makefile("rb") as told:
        arguments, directory, environment = json.loads(told.read(int.from_bytes(size, "big")))
    command = os.fork()
    if command == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _command(arguments, directory, environment)
    _, status = os.waitpid(command, 0)
    line.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


def _command(arguments: list[str], directory: str, environment: dict[str, str]) -> None:
    signal.alarm(_LONGEST_S)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["circadia", *arguments]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
