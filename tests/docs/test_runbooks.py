"""What the runbooks tell people to type is typed here, in front of a simulated WHOOP.

Every block of commands in `docs/runbooks` runs, and in `docs/how-to` those that are marked: ```sh run. What is typed
for containers runs without them: as what follows `docker compose … SERVICE`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from circadia.storage.envelope import Keyring
from tests.cli.conftest import Whoop, whoop
from tests.cli.terminal import Running, Terminal
from tests.deploy.files import ONE_PERSON, TEAM, mounts, services
from tests.docs.shell import Shell, prepared
from tests.postgres import Server
from tests.prove.gateway_proxy import free_port
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
    *("back-up-and-restore", "move-the-database", "recover-from-a-disaster", "release-without-downtime", "rotate-keys"),
    *("run-more-workers", "run-the-gateway-apart", "upgrade", "use-grafana", "use-supabase", "use-your-own-postgresql"),
)
"""These want the installation stopped, or another one."""

_GOES_ON = re.compile(r"^((?:[A-Z_]+=\S+ )*)circadia ((?:serve|worker)\b.*)\n", flags=re.MULTILINE)
_IN_COMPOSE = re.compile(
    r"docker compose (?P<files>(?:-f \S+ )*)(?:exec|run) "
    r"(?:(?:-[ve] (?:\"[^\"]*\"|\S+)|--?[\w-]+) )*(?:\\\n *)?(?P<service>[a-z][a-z-]*)(?P<command>.*)"
)


def blocks(page: Path) -> list[str]:
    """The blocks of a page that run."""
    mark = "(?: run)?" if page.parent.name == "runbooks" else " run"
    return re.findall(rf"^ *```sh{mark}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


PAGES = sorted(each for place in ("runbooks", "how-to") for each in (DOCS / place).glob("*.md") if blocks(each))


def carried_out(shell: Shell, blocks: list[str]) -> str:
    """Carry out blocks of commands, one after the other; what was said."""
    said = ""
    for typed in blocks:
        block = _IN_COMPOSE.sub(r"env\g<command>", typed)
        ended = shell.run(block)
        # a doctor who finds something ends with 1
        assert ended.code == 0 or (ended.code == 1 and " doctor " in block), f"{block}\n{ended.said}"
        assert "Traceback" not in ended.said, f"{block}\n{ended.said}"
        said += ended.said
    return said


@contextmanager
def going_on(terminal: Terminal, block: str, **told: str) -> Iterator[list[Running]]:
    """What a block of commands starts for good. `told` are settings beside those in the block."""
    with ExitStack() as stack:
        running = []
        for variables, words in _GOES_ON.findall(block):
            there = terminal.with_settings(**told, **dict(each.split("=", 1) for each in variables.split()))
            running.append(stack.enter_context(there.start(*shlex.split(words))))
        assert running, block
        yield running


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
        inside = {"python": sys.executable, "os.environ['PORT']": str(urlsplit(url).port)}
        yield copy.where(**addresses, **inside, **dict.fromkeys(("replay 12", "replay 4711"), f"replay {found[0]}"))


@pytest.fixture
def stopped(house: House, tmp_path: Path) -> Iterator[House]:
    """An installation that does not run."""
    with _copy(house, tmp_path) as copy:
        yield copy.where(**{"/var/backups/circadia": "backups", "s3://my-backups/circadia": "backups"})


def test_every_page_is_carried_out() -> None:
    names = {each.stem for each in PAGES}
    assert names >= set(ALONE)
    # what these tell to do is done in Prometheus, at WHOOP or by other pages
    without = {"renewals-fail", "webhooks-refused"}
    assert {each.stem for each in (DOCS / "runbooks").glob("*.md")} - names == without


@pytest.mark.parametrize("page", sorted((DOCS / "runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_says_how_it_is_done_in_containers(page: Path) -> None:
    heading = "## Where to type" if page.stem == "index" else "[Where to type](index.md#where-to-type)"
    assert heading in page.read_text(encoding="utf-8")


def test_what_is_typed_in_compose_names_its_services_and_what_they_have() -> None:
    named = set()
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for found in _IN_COMPOSE.finditer(text):
            files = tuple(found["files"].replace("-f", "").split()) or ONE_PERSON
            service = services(TEAM if "export COMPOSE_FILE=" in text else files).get(found["service"], {})
            secrets = re.findall(r"/secrets/\w+", found["command"])
            assert service, f"{page.name}: {found[0]}"
            assert set(secrets) <= set(mounts(service)), f"{page.name}: {found[0]}"
            named.add(found["service"])
    assert named >= {"circadia", "worker", "gateway", "postgres", "setup", "backup"}


@pytest.mark.parametrize("page", [each for each in PAGES if each.stem not in ALONE], ids=lambda page: page.stem)
def test_a_page(page: Path, served: House) -> None:
    asked_for_before = {each for earlier in PAGES[: PAGES.index(page)] for each in blocks(earlier)}
    told = [each for each in blocks(page) if each not in asked_for_before]
    assert "no_such_route" not in carried_out(served.shell, told)


def test_back_up_and_restore(stopped: House) -> None:
    *first, restoring_in_a_container = blocks(HOW_TO / "back-up-and-restore.md")
    with stopped.empty() as url, stopped.empty() as new_machine:
        house = stopped.where(**{"postgresql://circadia@db.example.org/restored": url, "/backups": "backups"})
        assert carried_out(house.shell, first).count("and every checksum agrees") == 1
        assert "alice" in house.with_settings(DATABASE_URL=url).run("circadia status").said
        there = house.with_settings(DATABASE_URL=new_machine)
        assert "and every checksum agrees" in carried_out(there, [restoring_in_a_container])


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
    making, rotating, putting_in_front, taking_away, service_keys = (
        each.replace("/secrets/circadia", os.fspath(stopped.shell.directory))
        for each in blocks(HOW_TO / "rotate-keys.md")
    )
    both = stopped.with_settings(TOKEN_ENCRYPTION_KEYS=f"{_SECOND_KEY},{KEYS}")
    assert "k2" in carried_out(both, [making, rotating, service_keys])
    alone = stopped.with_settings(TOKEN_ENCRYPTION_KEYS=_SECOND_KEY)
    assert alone.run("circadia sync alice --type profile --wait").code == 0

    file = stopped.shell.directory / "token_encryption_keys"
    file.write_text(f"{_SECOND_KEY.replace('k2', 'k1')}\n")
    carried_out(stopped.shell, [putting_in_front])
    assert Keyring.parse(file.read_text()).kids == ("k2", "k1")
    carried_out(stopped.shell, [taking_away])
    assert Keyring.parse(file.read_text()).kids == ("k2",)
    assert file.stat().st_mode & 0o777 == 0o600


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


def test_release_without_downtime(stopped: House) -> None:
    starting, *then = blocks(HOW_TO / "release-without-downtime.md")
    for port in ("8001", "8002", "9464", "9465"):
        free = str(free_port())
        starting, *then = (each.replace(port, free) for each in (starting, *then))
    ports = re.findall(r"--port (\d+)", starting)
    with going_on(stopped.terminal, starting) as both:
        for each in both:
            each.stderr('"serve.ready"')
        carried_out(stopped.shell, then)
        for port in ports:
            asked = httpx2.post(
                f"http://127.0.0.1:{port}/auth/signin", headers={"Origin": "https://whoop.example.org"}, trust_env=False
            )
            assert asked.status_code == 200, asked.text


def test_run_more_workers(stopped: House) -> None:
    one, service, another, looking = blocks(HOW_TO / "run-more-workers.md")
    with going_on(stopped.terminal, one + another + service, PORT="0") as (*workers, serving):
        for each in workers:
            each.stderr('"worker.ready"')
        url = serving.stderr(r'"url": "(http://127.0.0.1:\d+)"')[1]
        assert '"status":"ready"' in carried_out(stopped.where(**{"http://127.0.0.1:8000": url}).shell, [looking])
        assert [each.stop().code for each in workers] == [0, 0]


def test_run_the_gateway_apart(stopped: House) -> None:
    whoop, gateway, looking = (each.splitlines(keepends=True) for each in blocks(HOW_TO / "run-the-gateway-apart.md"))
    ports = str(free_port()), str(free_port())
    with stopped.empty() as url:
        made = re.search(r"^circadia_\S+$", carried_out(stopped.shell, whoop[:1]), flags=re.MULTILINE)
        assert made is not None
        settings = {
            "DATABASE_URL": url,
            "TOKEN_ENCRYPTION_KEYS": _SECOND_KEY,
            "PUBLIC_URL": "https://api.example.org",
            "WHOOP_SERVICE_URL": f"http://127.0.0.1:{ports[0]}",
            "WHOOP_SERVICE_API_KEY": made[0],
        }
        meant = {"http://127.0.0.1:8000": f"http://127.0.0.1:{ports[1]}", "user-42": "alice"}
        shell = replace(stopped.shell, settings=settings, meant=meant)
        carried_out(shell, gateway[:1])
        with (
            going_on(stopped.terminal, whoop[1], PUBLIC_URL="https://whoop.example.org", PORT=ports[0]) as (one,),
            going_on(replace(stopped.terminal, settings=settings), gateway[1], PORT=ports[1]) as (other,),
        ):
            for each in (one, other):
                each.stderr('"serve.ready"')
            said = carried_out(shell, ["".join(looking)])
    assert '"part":"gateway"' in said
    assert "only whoop is connected" in said


def test_use_grafana(stopped: House) -> None:
    role = f"grafana_of_{urlsplit(stopped.url).path[1:]}"
    house = stopped.where(**{"grafana owner": f"grafana owner --role {role}"})
    try:
        carried_out(house.shell, blocks(HOW_TO / "use-grafana.md"))
        everybody, one = ((house.shell.directory / name).read_text() for name in ("circadia.yaml", "alice.yaml"))
        assert "db.example.org:5432" in everybody
        assert role in everybody
        assert "orgId: 2" in one
    finally:
        house.shell.run(f"circadia grafana revoke alice; circadia grafana revoke {role}")


def test_use_your_own_postgresql(stopped: House) -> None:
    page = HOW_TO / "use-your-own-postgresql.md"
    making, bringing_up_to_date, moving = blocks(page)
    assert Keyring.parse(carried_out(stopped.shell, [making])).kids == ("k1",)
    name = f"own_{urlsplit(stopped.url).path[1:]}"
    text = re.sub(r"\b(circadia|reader)\b", lambda found: f"{name}_{found[0]}", page.read_text(encoding="utf-8"))
    set_up, reading = re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    with psycopg.connect(stopped.server.url, autocommit=True) as server:
        try:
            for statement in (*set_up.split(";\n")[:-1], reading.split(";\n")[0]):
                server.execute(statement.encode())
                if role := re.match(r"CREATE ROLE (\w+)", statement):  # a superuser, which this is not, needs no grant
                    server.execute(f"GRANT {role[1]} TO CURRENT_USER".encode())
            there = f"{server.info.host}:{server.info.port}/{name}_circadia"
            url = f"postgresql://{name}_circadia:choose%20one@{there}"
            house = stopped.where(**{"postgresql://circadia:password@db.example.org:5432/circadia": url})
            assert "and every checksum agrees" in carried_out(house.shell, [moving])
            assert "and as described" in carried_out(house.with_settings(DATABASE_URL=url), [bringing_up_to_date])
            with psycopg.connect(url, autocommit=True) as own:
                own.execute("".join(re.findall(r"^GRANT .*?;\n", reading, re.MULTILINE | re.DOTALL)).encode())
            with psycopg.connect(f"postgresql://{name}_reader:choose%20one@{there}") as reader:
                assert reader.execute("SELECT user_id FROM members").fetchall() == [("alice",)]
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute("SELECT 1 FROM tokens")
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name}_circadia WITH (FORCE)".encode())
            server.execute(f"DROP ROLE IF EXISTS {name}_circadia, {name}_reader".encode())
