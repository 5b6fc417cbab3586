"""No file of the repository speaks of the machine it was written on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FOREIGN = ("venv", ".git", ".uv", "node_modules", "__pycache__", "build", "dist", "htmlcov")
_MACHINES = re.compile(rb"(?<![\w.}$~])/(?:work|root|home/[a-z]+|Users/[a-z]+)/[\w.]", flags=re.IGNORECASE)
_INDEXES = re.compile(rb"py" + rb"pi\.org|python" + rb"hosted\.org|https?://[^\s\"']+/simple\b")


def _repository_files() -> Iterator[Path]:
    def inside(directory: Path) -> Iterator[Path]:
        for path in directory.iterdir():
            hidden = path.name.startswith(".") and path.name not in (".ci", ".github", ".importlinter", ".gitignore")
            if path.is_symlink() or path.name in _FOREIGN or (hidden and not path.name.startswith(".env.")):
                continue
            if path.is_dir():
                yield from inside(path)
            else:
                yield path

    yield from inside(ROOT)


def test_no_file_names_a_machine_or_a_package_index() -> None:
    allowed = {ROOT / "uv.lock", ROOT / "script" / "setup"}
    offending = [
        str(path.relative_to(ROOT))
        for path in _repository_files()
        if path not in allowed and (_MACHINES.search(content := path.read_bytes()) or _INDEXES.search(content))
    ]
    assert offending == []


def test_vendored_files_are_those_that_are_listed() -> None:
    place = ROOT / "src" / "circadia" / "web" / "static" / "vendor"
    listed = json.loads((place / "vendored.json").read_text(encoding="utf-8"))
    hashes = {name: digest for each in listed.values() for name, digest in each["files"].items()}
    found = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
    found.pop("vendored.json")
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == hashes
