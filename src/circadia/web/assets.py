"""The files of the pages: compressed once, named by what they hold, so that a browser asks for none of them twice."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_PLAIN = "text/plain; charset=utf-8"
_PACKED_ALREADY = {".png"}
_VERSION = re.compile(r"[0-9a-f]{12}")
_IMPORT = re.compile(r"""(?:from|^import)\s*["'](\.[^"']+)["']""", re.MULTILINE)
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent. `packed` is its gzip form, None where that gains nothing."""

    stamp: tuple[int, int]
    kind: str
    content: bytes
    packed: bytes | None
    tag: str


class Assets:
    """The files below a directory. A file that changed is read anew."""

    def __init__(self, root: Path = STATIC) -> None:
        self._root = root.resolve()
        self._read: dict[Path, Asset] = {}
        self.version = self._hash()
        """Twelve digits that stand for the content of all files together: the first part of every address."""

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for name in self.names("."):
            digest.update(name.encode() + b"\0" + (self._root / name).read_bytes())
        return digest.hexdigest()[:12]

    def names(self, below: str) -> list[str]:
        """The files below a directory, by their paths from the root."""
        place = self._root / below
        return sorted(each.relative_to(self._root).as_posix() for each in place.rglob("*") if each.is_file())

    def text(self, name: str) -> str:
        """A file as text."""
        return (self._root / name).read_text(encoding="utf-8")

    def modules(self, *names: str) -> list[str]:
        """The modules that some modules need, themselves included, in the order in which they are met."""
        found: list[str] = []
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name in found:
                continue
            found.append(name)
            for relative in _IMPORT.findall(self.text(name)):
                target = (self._root / PurePosixPath(name).parent / relative).resolve()
                waiting.append(target.relative_to(self._root).as_posix())
        return found

    async def answer(self, path: str, request: Request) -> Response:
        """A file, with or without a version before its path; 404 where there is none. An address with the version in
        force is good for ever, any other is checked each time."""
        version, _, rest = path.partition("/")
        versioned = rest != "" and _VERSION.fullmatch(version) is not None
        asset = await asyncio.to_thread(self._load, rest if versioned else path)
        if asset is None:
            return Response("Not found", 404, media_type=_PLAIN)
        cache = _FOR_GOOD if versioned and version == self.version else "no-cache"
        return sent(asset.content, asset.kind, request, cache=cache, packed=asset.packed, tag=asset.tag)

    def _load(self, name: str) -> Asset | None:
        try:
            path = (self._root / name).resolve(strict=True)
            stat = path.stat()
        except (OSError, ValueError):  # none of that name, and names that no file system takes
            return None
        if not path.is_relative_to(self._root) or not path.is_file():
            return None
        known = self._read.get(path)
        if known is None or known.stamp != (stat.st_mtime_ns, stat.st_size):
            content = path.read_bytes()
            packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(content, 9, mtime=0)
            kind = _TYPES.get(path.suffix, _PLAIN)
            known = Asset((stat.st_mtime_ns, stat.st_size), kind, content, packed, tag_of(content))
            self._read[path] = known
        return known


def tag_of(content: bytes) -> str:
    """The ETag of some content."""
    return f'"{hashlib.sha256(content).hexdigest()[:24]}"'


def sent(
    content: bytes,
    kind: str,
    request: Request,
    *,
    cache: str,
    packed: bytes | None = None,
    tag: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Content as an answer: 304 to who has it, gzip to who takes it."""
    tag = tag or tag_of(content)
    told = {"ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding", **(headers or {})}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=told)
    if packed is not None and len(packed) < len(content) and "gzip" in request.headers.get("accept-encoding", ""):
        content, told = packed, {**told, "Content-Encoding": "gzip"}
    return Response(content, headers=told, media_type=kind)
