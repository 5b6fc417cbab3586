"""The files of an export, opened where they lie: a zip, a folder or a single CSV.

Nothing is ever written: entries of a zip are read as streams. What could harm (a path that leaves the archive, a
link, an encrypted entry, a file that unpacks to far more than an export holds) is refused by its name, and the
rest stays readable.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ENTRIES = 64
"""Most files in a zip, or CSVs in a folder; an export has four."""
MAX_FILE_BYTES = 256 * 2**20
"""Most bytes one file may unpack to. Ten years of WHOOP data are about 5 MB."""
MAX_TOTAL_BYTES = 2 * MAX_FILE_BYTES
MAX_RATIO = 200
"""Most bytes out of one packed byte, for entries above 1 MiB. CSV packs to a tenth or so."""

_MIB = 2**20
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, ValueError)
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_AGAIN = "request the export again in the WHOOP app and import the zip as it arrives"


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read: the file, the physical line (1 = header; None = the whole file), and one sentence.

    The sentence names columns, never a value.
    """

    file: str
    line: int | None
    message: str


class Refused(Exception):
    """Why a file is not read, as a sentence for the member; `line` where it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Entry:
    """One CSV: its name for people, and how to open it. Reading it raises Refused, nothing else."""

    name: str
    open: Callable[[], io.BufferedReader]


@dataclass(frozen=True, slots=True)
class Contents:
    """The CSVs of an export and what was refused.

    `privacy_package` is true if it is laid out as WHOOP's answer to a privacy request, with a `Health` directory.
    """

    files: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    privacy_package: bool = False


def printable(name: str) -> str:
    """A name from outside, fit for a terminal and a log: no control characters, at most 200 characters."""
    return "".join(each if each.isprintable() else "?" for each in name[:200])


@contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """The contents of the zip, folder or CSV at `path`. Refused if nothing in it can be read."""
    try:
        zipped = path.is_file() and _is_zip(path)
        contents = None if zipped else _on_disk(path)
    except OSError as error:
        raise Refused(f"The file cannot be opened ({error.strerror}): check that you may read it.") from error
    if contents is not None:
        yield contents
        return
    with _zip(path) as contents:
        yield contents


def _on_disk(path: Path) -> Contents:
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise Refused("There is no such file: check the path, and quote it if it holds spaces.")
    return Contents((Entry(printable(path.name), _file(path)),))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _MAGIC or path.suffix.casefold() == ".zip"


def _folder(path: Path) -> Contents:
    inside = sorted(path.iterdir())
    folders = [each for each in inside if each.is_dir() and not each.is_symlink() and not _hidden(each.name)]
    inside += [each for folder in folders for each in sorted(folder.iterdir())]
    csvs = [each for each in inside if _is_csv(each.name) and (each.is_file() or each.is_symlink())]
    privacy = any(each.name.casefold() == "health" for each in (path, *folders))
    if privacy and len(csvs) > MAX_ENTRIES:
        return Contents((), (), privacy)
    if len(csvs) > MAX_ENTRIES:
        raise Refused(f"The folder holds more than {MAX_ENTRIES} CSV files: name the export's own folder.")
    files, problems = [], []
    for each in csvs:
        name = printable(each.relative_to(path).as_posix())
        if each.is_symlink():
            problems.append(Problem(name, None, "A link is not followed: put the file itself there."))
        else:
            files.append(Entry(name, _file(each)))
    return Contents(tuple(files), tuple(problems), privacy)


@contextmanager
def _zip(path: Path) -> Iterator[Contents]:
    with _ArchiveFile(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise Refused(f"The zip is damaged or not a zip: {_AGAIN}.") from error
        with archive:
            yield _listing(archive)


def _listing(archive: zipfile.ZipFile) -> Contents:
    infos = [each for each in archive.infolist() if not each.filename.endswith("/")]
    privacy = any("health" in (part.casefold() for part in _parts(each)[:-1]) for each in infos)
    accepted, problems = [], []
    for info in infos[: MAX_ENTRIES + 1]:
        if why := _refusal(info):
            problems.append(Problem(printable(info.filename), None, why))
        elif _is_csv(info.filename) and "__MACOSX" not in _parts(info):
            accepted.append(info)
    if len(infos) <= MAX_ENTRIES and sum(info.file_size for info in accepted) <= MAX_TOTAL_BYTES:
        return Contents(tuple(_entry(archive, info) for info in accepted), tuple(problems), privacy)
    if privacy:
        return Contents((), (), privacy)
    raise Refused(
        f"The zip holds more than {MAX_ENTRIES} files or {MAX_TOTAL_BYTES // _MIB} MiB, which no export does: {_AGAIN}."
    )


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    return Entry(printable(info.filename), _opener(lambda: archive.open(info)))


def _refusal(info: zipfile.ZipInfo) -> str | None:
    parts = _parts(info)
    if ".." in parts or info.filename[:1] in ("/", "\\") or parts[0].endswith(":"):
        return f"The path leaves the archive, so it is not read: {_AGAIN}."
    if stat.S_ISLNK(info.external_attr >> 16):
        return f"A link in an archive is not followed: {_AGAIN}."
    if info.flag_bits & _ENCRYPTED:
        return "The entry is encrypted: unpack the zip with its password and import the folder."
    if info.compress_type not in _PACKINGS:
        return "The entry is packed in a way WHOOP does not use: unpack the zip and import the folder."
    if info.file_size > MAX_FILE_BYTES:
        return f"The file is larger than {MAX_FILE_BYTES // _MIB} MiB, which no export is: {_AGAIN}."
    if info.file_size > _MIB and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        return f"The entry unpacks to over {MAX_RATIO} times its size, as no export does: {_AGAIN}."
    return None


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    return tuple(info.filename.replace("\\", "/").split("/"))


def _is_csv(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() == ".csv" and not _hidden(PurePosixPath(name).name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _file(path: Path) -> Callable[[], io.BufferedReader]:
    return _opener(lambda: path.open("rb"))


def _opener(open_bytes: Callable[[], IO[bytes]]) -> Callable[[], io.BufferedReader]:
    def reader() -> io.BufferedReader:
        try:
            return io.BufferedReader(_Bounded(open_bytes()))
        except _DAMAGE as error:
            raise Refused(f"The file cannot be opened: check that you may read it, or {_AGAIN}.") from error

    return reader


class _ArchiveFile(io.FileIO):
    """A zip on disk that gives at most 1 MiB in one read.

    zipfile reads an archive's whole directory in one call and makes an object of each entry: without this a small
    hostile file could fill the memory before its entries can be counted.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            here = self.tell()
            size = max(0, self.seek(0, io.SEEK_END) - here)
            self.seek(here)
        if size > _MIB:
            raise zipfile.BadZipFile("one read of more than a directory can hold")
        return super().read(size) or b""


class _Bounded(io.RawIOBase):
    """A stream that ends with Refused when it is damaged or longer than MAX_FILE_BYTES, whatever it declared."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MAX_FILE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._stream.read(len(view))
        except _DAMAGE as error:
            raise Refused(f"The file is damaged from here on: {_AGAIN}.") from error
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"The file is larger than {MAX_FILE_BYTES // _MIB} MiB, which no export is: {_AGAIN}.")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
