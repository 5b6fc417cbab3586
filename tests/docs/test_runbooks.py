"""What the runbooks tell people to type is typed here, in front of a simulated WHOOP.

Every block of commands in `docs/runbooks` runs, and in `docs/how-to` those that are marked: ```sh run.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.cli.conftest import Whoop, whoop
from tests.cli.terminal import Terminal
from tests.docs.shell import Shell, prepared
from tests.postgres import Server
from tests.simulated import KEYS

__all__ = ["whoop"]

pytestmark = pytest.mark.xdist_group("runbooks")

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = DOCS / "how-to"
KEY = "key-of-the-runbooks-and-of-nobody-else"
BACKUP_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_SECOND_KEY = "k2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
USER_ID = "5f0c9f5e-6c39-4b5c-9a44-3f6e2f5b0d11"
"""The user of the page about Supabase."""

_ISSUER = "https://project.supabase.example/auth/v1"
_SECRET = "a secret that this issuer and nobody else has"
_DELIVERY = """INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state, error)
               SELECT 'whoop', 'trace-of-the-runbooks', 'sleep.updated', gen_random_uuid(), whoop_user_id, now(),
                      'parked', 'WHOOP did not answer'
               FROM connections RETURNING id"""
ALONE = (
    "back-up-and-restore", "move-the-database", "recover-from-a-disaster", "rotate-keys", "upgrade", "use-supabase"
)  # fmt: skip
"""These want the installation stopped, or another one."""


def blocks(page: Path) -> list[str]:
    """The blocks of a page that run."""
    mark = "(?: run)?" if page.parent.name == "runbooks" else " run"
    return re.findall(rf"^ *```sh{mark}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


PAGES = sorted(each for place in ("runbooks", "how-to") for each in (DOCS / place).glob("*.md") if blocks(each))


def carried_out(shell: Shell, blocks: list[str]) -> str:
    """Carry out blocks of commands, one after the other; what was said."""
    said = ""
    for block in blocks:
        ended = shell.run(block)
        # a doctor who finds something ends with 1
        assert ended.code == 0 or (ended.code == 1 and " doctor " in block), f"{block}\n{ended.said}"
        assert "Traceback" not in ended.said, f"{block}\n{ended.said}"
        said += ended.said
    return said


@dataclass(frozen=True)
class House:
    """An installation in which alice is connected, and a terminal in it."""

    terminal: Terminal
    shell: Shell
    server: Server

    @property
    def url(self) -> str:
        return self.terminal.settings["DATABASE_URL"]

    def with_settings(self, **settings: str) -> Shell:
        """Its shell with other settings."""
        return replace(self.shell, settings={**self.shell.settings, **settings})

    def where(self, **meant: str) -> House:
        """The same, where some more names of the pages stand for something."""
        return replace(self, shell=replace(self.shell, meant={**self.shell.meant, **meant}))

    @contextmanager
    def empty(self) -> Iterator[str]:
        """A database without anything."""
        url = self.server.create("template0")
        yield url
        self.server.drop(url)


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    with prepared() as directory:
        yield directory


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Server, whoop: Whoop, programs: Path
) -> Iterator[House]:
    """The installation that the others are copies of."""
    settings = {
        "DATABASE_URL": postgres_server.create(),
        "TOKEN_ENCRYPTION_KEYS": KEYS,
        "SERVICE_API_KEY": KEY,
        "CIRCADIA_BACKUP_KEY": BACKUP_KEY,
        "AUTH_JWT_ISSUER": _ISSUER,
        "AUTH_JWT_AUDIENCE": "authenticated",
        "AUTH_JWT_SECRET": _SECRET,
        **whoop.settings,
    }

    def consent(line: str) -> str | None:
        asked = re.fullmatch(r"\s+(http\S+/oauth2/auth\?\S+)\n", line)
        return asked and whoop.consent(asked[1], whoop.accounts[0])

    directory = tmp_path_factory.mktemp("house")
    shell = Shell(directory, programs, {**settings, "KEY": KEY, "TOKEN": _token()}, {}, consent)
    assert shell.run("circadia connect alice --headless").code == 0
    made = shell.run("circadia keys create old --scope read --json")
    house = House(Terminal(directory, settings), shell, postgres_server)
    yield house.where(**{"USER": "alice", "me": "alice", "0d9f3a1b22c4": json.loads(made.said)["id"]})
    postgres_server.drop(house.url)


@contextmanager
def _copy(house: House, directory: Path) -> Iterator[House]:
    url = house.server.create(urlsplit(house.url).path[1:])
    settings = {"DATABASE_URL": url}
    shell = replace(house.shell, directory=directory, settings={**house.shell.settings, **settings})
    yield House(Terminal(directory, {**house.terminal.settings, **settings}), shell, house.server)
    house.server.drop(url)


def _token() -> str:
    """An access token as Supabase hands it to an app's user."""
    claims = {"iss": _ISSUER, "aud": "authenticated", "sub": USER_ID, "exp": int(time.time()) + 3600}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(_SECRET))


@pytest.fixture(scope="module")
def served(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation that is running."""
    with (
        _copy(house, tmp_path_factory.mktemp("served")) as copy,
        copy.terminal.start("serve", "--port", "0") as service,
        psycopg.connect(copy.url, autocommit=True) as connection,
    ):
        url = service.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        found = connection.execute(_DELIVERY).fetchone()
        assert found is not None
        addresses = dict.fromkeys(("http://127.0.0.1:8000", "https://whoop.example.org"), url)
        yield copy.where(**addresses, **dict.fromkeys(("replay 12", "replay 4711"), f"replay {found[0]}"))


@pytest.fixture
def stopped(house: House, tmp_path: Path) -> Iterator[House]:
    """An installation that does not run."""
    with _copy(house, tmp_path) as copy:
        yield copy.where(**{"/var/backups/circadia": "backups", "s3://my-backups/circadia": "backups"})


def test_every_page_is_carried_out() -> None:
    names = {each.stem for each in PAGES}
    assert names >= set(ALONE)
    # what these tell to do is done in Prometheus, at WHOOP or by other pages
    without = {"index", "renewals-fail", "webhooks-refused"}
    assert {each.stem for each in (DOCS / "runbooks").glob("*.md")} - names == without


@pytest.mark.parametrize("page", [each for each in PAGES if each.stem not in ALONE], ids=lambda page: page.stem)
def test_a_page(page: Path, served: House) -> None:
    asked_for_before = {each for earlier in PAGES[: PAGES.index(page)] for each in blocks(earlier)}
    told = [each for each in blocks(page) if each not in asked_for_before]
    assert "no_such_route" not in carried_out(served.shell, told)


def test_back_up_and_restore(stopped: House) -> None:
    with stopped.empty() as url:
        house = stopped.where(**{"postgresql://circadia@db.example.org/restored": url})
        said = carried_out(house.shell, blocks(HOW_TO / "back-up-and-restore.md"))
        assert "and every checksum agrees" in said
        assert "alice" in house.with_settings(DATABASE_URL=url).run("circadia status").said


def test_move_the_database(stopped: House) -> None:
    moving, *then = blocks(HOW_TO / "move-the-database.md")
    with stopped.empty() as url:
        old = "postgresql://circadia:password@db.example.org:5432/circadia?sslmode=require"
        house = stopped.where(**{old: url})
        assert "and every checksum agrees" in carried_out(house.shell, [moving])
        assert "alice" in carried_out(house.with_settings(DATABASE_URL=url), then)


def test_recover_from_a_disaster(stopped: House) -> None:
    assert stopped.shell.run("circadia backup --to backups").code == 0
    with stopped.empty() as url, stopped.empty() as thrown_away:
        house = stopped.where(**{"postgresql://circadia@localhost/rehearsal": thrown_away})
        page = HOW_TO / "recover-from-a-disaster.md"
        said = carried_out(house.with_settings(DATABASE_URL=url), blocks(page))
    assert said.count("and every checksum agrees") == 2
    assert "alice" in said


def test_rotate_keys(stopped: House) -> None:
    both = stopped.with_settings(TOKEN_ENCRYPTION_KEYS=f"{_SECOND_KEY},{KEYS}")
    assert "k2" in carried_out(both, blocks(HOW_TO / "rotate-keys.md"))
    alone = stopped.with_settings(TOKEN_ENCRYPTION_KEYS=_SECOND_KEY)
    assert alone.run("circadia sync alice --type profile --wait").code == 0


def test_upgrade(stopped: House) -> None:
    assert "and as described" in carried_out(stopped.shell, blocks(HOW_TO / "upgrade.md"))


def test_use_supabase(served: House) -> None:
    page = HOW_TO / "use-supabase.md"
    making, *asking = blocks(page)
    statements = re.findall(r"^ *```sql\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]
    with served.empty() as url, psycopg.connect(url, autocommit=True) as connection:
        database, role = connection.info.dbname, f"role_of_{connection.info.dbname}"
        for named, here in (("circadia", role), ("SE postgres", f"SE {database}"), ("TO postgres", "TO CURRENT_USER")):
            statements = statements.replace(named, here)
        connection.execute(statements.encode())
        uri = f"postgresql://{role}:choose%20one@{connection.info.host}:{connection.info.port}/{database}"
        assert "and as described" in carried_out(served.with_settings(DATABASE_URL=uri), [making])
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tableowner = %s", (role,))
        assert found.fetchall() == [(role,)]
    with psycopg.connect(served.server.url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {role}".encode())
    assert f'"user_id":"{USER_ID}"' in carried_out(served.shell, asking)
