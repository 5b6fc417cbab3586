"""The directory of a demo: what it was begun with, and that nobody else's data is ever taken for a demo."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dotenv import dotenv_values

from circadia import config
from circadia.config import Settings, default_data_dir
from circadia.errors import Misconfigured
from circadia.simulator.sahha import serve as sahha
from circadia.simulator.serve import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from circadia.storage.embedded import EmbeddedPostgres

PER_MINUTE, PER_DAY = 6000, 1_000_000
"""The demo's request limits on both sides. WHOOP's own (100 and 10,000) would make two years of history a matter of
minutes."""

_MARK, _LOCK, _WORLD, _SETTINGS = "demo.json", "demo.lock", "simulator.json", "demo.env"
_DEFAULTS = {"members": 3, "days": 730, "seed": 1}
_REAL = (
    "WHOOP_CLIENT_ID",
    "WHOOP_CLIENT_SECRET",
    "WHOOP_CLIENT_SECRET_PREVIOUS",
    "SAHHA_CLIENT_ID",
    "SAHHA_CLIENT_SECRET",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a demo stays true to over restarts."""

    members: int
    days: int
    seed: int
    api_key: str


@dataclass(frozen=True, slots=True)
class Home:
    """A demo's directory, locked by this process."""

    directory: Path
    kept: Kept

    @property
    def world(self) -> Path:
        """Where the simulator keeps its state."""
        return self.directory / _WORLD

    def told(self, *, port: int, simulator_url: str, sahha_url: str) -> dict[str, str]:
        """The settings that make the service and the command line those of this demo; also kept in a file beside the
        data, for a shell to read."""
        told = {
            "CIRCADIA_DATA_DIR": os.fspath(self.directory),
            "ENVIRONMENT": "development",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WHOOP_CLIENT_ID": DEMO_CLIENT_ID,
            "WHOOP_CLIENT_SECRET": DEMO_CLIENT_SECRET,
            "WHOOP_API_BASE_URL": f"{simulator_url}/developer",
            "WHOOP_OAUTH_BASE_URL": f"{simulator_url}/oauth/oauth2",
            **sahha.settings(sahha_url),
            "RATE_LIMIT_PER_MINUTE": str(PER_MINUTE),
            "RATE_LIMIT_PER_DAY": str(PER_DAY),
            "SERVICE_API_KEY": self.kept.api_key,
            "SIGNUP": "invite",
        }
        lines = (f"{name}={shlex.quote(text)}\n" for name, text in told.items())
        _write(self.settings_file, "".join(lines))
        return told

    @property
    def settings_file(self) -> Path:
        """Where `told` is kept."""
        return self.directory / _SETTINGS

    def settings(self, told: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
        """The service's settings: what was told, plus how to log. Nothing else of the surroundings counts."""
        logged = {name: environment[name] for name in ("LOG_LEVEL", "LOG_FORMAT") if name in environment}
        return config.load({"LOG_LEVEL": "WARNING", **logged, **told}, dotenv=Path(os.devnull))


def refuse_real_credentials(environment: Mapping[str, str]) -> None:
    """A demo next to real credentials could only be a mistake: Misconfigured."""
    written = {**dotenv_values(".env", interpolate=False), **environment}
    found = [each for name in _REAL for each in (name, f"{name}_FILE") if written.get(each)]
    if found:
        raise Misconfigured(
            f"the demo does not run where real credentials are set ({', '.join(found)})",
            remedy="Unset them for it, or run `circadia serve` to use them.",
        )


def directory_of(environment: Mapping[str, str]) -> Path:
    """CIRCADIA_DATA_DIR, else a place of its own below the default data directory."""
    named = environment.get("CIRCADIA_DATA_DIR")
    return (Path(named).expanduser() if named else default_data_dir(environment) / "demo").resolve()


@contextmanager
def opened(directory: Path, wanted: Mapping[str, int | None], *, reset: bool) -> Iterator[Home]:
    """The demo in `directory`, begun there if need be, for this process alone.

    Raises:
        Misconfigured: the directory holds something else, another demo runs on it, or it was begun otherwise.
    """
    try:
        _make(directory)
        with _locked(directory):
            if reset:
                _wipe(directory)
            yield Home(directory, _kept(directory, wanted))
    except OSError as error:
        raise Misconfigured(
            f"the demo cannot keep its data in {directory}: {error.strerror or error}",
            remedy="Set CIRCADIA_DATA_DIR to a directory of your own.",
        ) from error


def _make(directory: Path) -> None:
    """Make it; refuse one with anything else inside. Root's lets the account through that runs PostgreSQL for it."""
    before = os.umask(0o022 if os.geteuid() == 0 else 0o077)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)
    if not (directory / _MARK).exists() and any(each.name != _LOCK for each in directory.iterdir()):
        raise Misconfigured(
            f"{directory} holds something that is no demo, which is left alone",
            remedy="Set CIRCADIA_DATA_DIR to an empty directory, or unset it.",
        )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"a demo is running on {directory} already",
                remedy="Stop it first, or set another CIRCADIA_DATA_DIR.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _wipe(directory: Path) -> None:
    """Remove everything but the lock; a server that a killed demo left behind is stopped first."""
    if (directory / "postgres.secret").exists():
        with suppress(Misconfigured), EmbeddedPostgres(directory):
            pass
    for each in directory.iterdir():
        if each.name in (_LOCK, _MARK):
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    (directory / _MARK).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """A file that only this account reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _kept(directory: Path, wanted: Mapping[str, int | None]) -> Kept:
    path = directory / _MARK
    if not path.exists():
        chosen = _DEFAULTS | {name: value for name, value in wanted.items() if value is not None}
        kept = Kept(**chosen, api_key=f"demo-{secrets.token_urlsafe(24)}")
        _write(path, json.dumps(asdict(kept)))
        return kept
    try:
        kept = Kept(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"{path} is damaged", remedy="`circadia demo --reset` begins anew.") from error
    differing = [
        f"--{name} {getattr(kept, name)}" for name, value in wanted.items() if value not in (None, getattr(kept, name))
    ]
    if differing:
        raise Misconfigured(
            f"the demo in {directory} was begun with {' and '.join(differing)}",
            remedy="Leave these options out to go on with it, or add --reset to begin anew.",
        )
    return kept
