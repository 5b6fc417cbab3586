"""Backups: the whole database in one sealed file, kept in a directory or a bucket, and put back into an empty database.

A file is, sealed and compressed, one line of JSON that says what is in it, and the rows of one table after another. The
keys that tokens are sealed with are not in it.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Protocol, cast

from pydantic import TypeAdapter

from circadia import __version__
from circadia.clients.buckets import Bucket
from circadia.domain.retention import Keep
from circadia.errors import Conflict, Misconfigured, NotFound, UpstreamDown
from circadia.storage import copies
from circadia.storage.copies import Inventory, Table, Told
from circadia.storage.sealed_stream import Opening, Sealing

_NAME = "circadia-%Y%m%dT%H%M%S.%fZ.backup"
"""To the microsecond, so that no two are called alike: credentials that may only add to a place cannot look first."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: its name in its place, its size in bytes, and the older ones that went for it; `hindered`
    is why they could not all go. `noted` says whether the database could be told; one that is only read cannot."""

    name: str
    size: int
    tables: int
    rows: int
    removed: tuple[str, ...]
    hindered: str | None
    noted: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """What was put into a database, every table of it compared by its checksum."""

    revision: str
    tables: int
    rows: int


@dataclass(frozen=True, slots=True)
class Restored(Copied):
    """The same from a backup; `made_at` is the instant that its rows are of."""

    name: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a backup."""

    made_at: datetime
    version: str
    inventory: Inventory


_HEAD = TypeAdapter(_Head)


class Place(Protocol):
    """Where backups are kept, each under its name. `scratch` is where an unfinished one is written."""

    @property
    def scratch(self) -> Path: ...

    def names(self) -> list[str]: ...

    def put(self, file: Path, name: str) -> None: ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]: ...

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of this machine or mounted on it."""

    path: Path

    @property
    def scratch(self) -> Path:
        """In the same file system, so that a finished file only changes its name."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.path

    def names(self) -> list[str]:
        """Every file in it."""
        return [each.name for each in self.path.iterdir() if each.is_file()]

    def put(self, file: Path, name: str) -> None:
        """Take a file in; it is there whole or not at all."""
        file.replace(self.path / name)

    def open(self, name: str) -> IO[bytes]:
        """Read a file."""
        return (self.path / name).open("rb")

    def remove(self, name: str) -> None:
        """Delete a file."""
        (self.path / name).unlink(missing_ok=True)


def place_of(text: str) -> Place:
    """The place written as a directory or as `s3://bucket/prefix`."""
    return Bucket(text) if text.startswith("s3:") else Directory(Path(text))


def find(text: str) -> tuple[Place, str]:
    """The backup that is written as itself, or the newest of the place that is. NotFound when there is none."""
    before, _, last = text.rpartition("/")
    if not text.startswith("s3:"):
        path = Path(text)
        if path.is_file():
            return Directory(path.parent), path.name
    elif _made_at(last):
        return Bucket(before), last
    place = place_of(text)
    with _usable():
        newest = max((name for name in place.names() if _made_at(name)), default=None)
    if newest is None:
        raise NotFound(f"there is no backup in {text}", remedy="Name a backup, or the place where they are.")
    return place, newest


def back_up(url: str, place: Place, key: bytes, now: datetime, keep: Keep | None, told: Told) -> Backup:
    """Seal a snapshot of a database into a new file of `place` and note in the database that it was made; then remove
    what `keep` does not keep. What hinders that does not undo the backup: where files are safe from an intruder, nobody
    may remove any.

    Raises:
        Misconfigured: the place cannot be used, or the database has another version's schema.
        UpstreamDown: the bucket's server does not answer.
    """
    name = now.astimezone(UTC).strftime(_NAME)
    with _usable(), tempfile.TemporaryDirectory(prefix=".circadia-", dir=place.scratch) as scratch:
        unfinished = Path(scratch) / name
        with copies.opened(url) as source:
            inventory = source.inventory
            with _sealed(unfinished, key) as stream:
                stream.write(_HEAD.dump_json(_Head(now, __version__, inventory)) + b"\n")
                for table in inventory.tables:
                    stream.writelines(source.text(table))
                    told(table.name, inventory.contents[table.name].rows)
        size = unfinished.stat().st_size
        place.put(unfinished, name)
    noted = copies.note(url, now, inventory.rows, size)
    removed, hindered = _prune(place, keep) if keep else ((), None)
    return Backup(name, size, len(inventory.tables), inventory.rows, removed, hindered, noted)


def restore(place: Place, name: str, key: bytes, url: str, told: Told) -> Restored:
    """Put a backup into an empty database, all of it or nothing, and bring that to this version's schema.

    Raises:
        Conflict: the database is not empty.
        Invalid: the file is no backup, or damaged.
        Misconfigured: it was made with another key, or by a version that this one does not know.
    """
    with _usable(), place.open(name) as file:
        stream = io.BufferedReader(gzip.GzipFile(fileobj=io.BufferedReader(Opening(file, key))))
        head = _HEAD.validate_json(stream.readline())
        inventory = head.inventory

        def text(table: Table) -> Iterator[bytes]:
            return islice(stream, inventory.contents[table.name].rows)

        def require_end() -> None:
            if stream.read(1):
                raise Conflict("the backup has more rows than it says: nothing was kept")

        copies.fill(url, inventory, text, told, require_end)
    return Restored(inventory.revision, len(inventory.tables), inventory.rows, name, head.made_at)


def move(source_url: str, target_url: str, told: Told) -> Copied:
    """Copy a database that nobody writes to into an empty one, all of it or nothing.

    Raises:
        Conflict: Circadia runs on it, somebody writes to it, or the other one is not empty.
        Misconfigured: it has another version's schema.
    """
    copies.require_alone(source_url)
    with copies.opened(source_url, still=True) as source:
        inventory = source.inventory
        copies.fill(target_url, inventory, source.text, told, lambda: copies.require_alone(source_url))
    return Copied(inventory.revision, len(inventory.tables), inventory.rows)


@contextmanager
def _usable() -> Iterator[None]:
    """What the operating system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Misconfigured(
            f"the place of the backups cannot be used:{where} {error.strerror or error}",
            remedy="Check that it exists, has room, and belongs to whom Circadia runs as.",
        ) from error


@contextmanager
def _sealed(path: Path, key: bytes) -> Iterator[gzip.GzipFile]:
    """A compressed, sealed file that only its owner reads; whole and on the disk at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        sealing = Sealing(file, key)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=cast("IO[bytes]", sealing)) as stream:
            yield stream
        sealing.finish()
        file.flush()
        os.fsync(file.fileno())


def _made_at(name: str) -> datetime | None:
    """When a backup with such a name was made; None for a file that is not called like one."""
    try:
        return datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _prune(place: Place, keep: Keep) -> tuple[tuple[str, ...], str | None]:
    """What was removed, and what kept more from being."""
    removed: list[str] = []
    try:
        with _usable():
            made = {at: name for name in place.names() if (at := _made_at(name))}
            for at in sorted(made.keys() - keep.kept(made)):
                place.remove(made[at])
                removed.append(made[at])
    except (Misconfigured, UpstreamDown) as error:
        return tuple(removed), error.sentence
    return tuple(removed), None
