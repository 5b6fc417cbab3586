"""The commands that the containers start with, started: in an empty directory, as an account that owns nothing, with
what is in the image and nothing else."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import mkdtemp
from time import sleep

import httpx2
import pytest

from tests.cli.terminal import Running
from tests.deploy.files import DEMO, ROOT, TEAM, blueprint, environment, services, stage
from tests.deploy.installed import Installed, install
from tests.postgres import Server

DOMAINS = {"API_DOMAIN": "api.example.org", "SERVICE_DOMAIN": "whoop.example.org"}
READY = r'"event": "(serve|worker)\.ready"'


@contextmanager
def _directory() -> Iterator[Path]:
    """One that other accounts may enter, which those of pytest are not."""
    made = Path(mkdtemp(prefix="circadia-deploy-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    with _directory() as directory:
        yield install(directory)


@pytest.fixture
def place() -> Iterator[Path]:
    with _directory() as directory:
        yield directory


@contextmanager
def _empty(server: Server) -> Iterator[str]:
    url = server.create("template0")
    yield url
    server.drop(url)


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    with _empty(postgres_server) as url:
        yield url


class Composed:
    """The services of a compose file, with its paths and hosts put where they are here."""

    def __init__(self, installed: Installed, names: tuple[str, ...], directory: Path) -> None:
        self.services = services(names)
        self._installed = installed
        self._secrets = directory / "secrets"
        self._places: dict[str, str] = {"/secrets": str(self._secrets)}
        self._secrets.mkdir()
        installed.give(self._secrets)

    def move(self, place: str, here: str) -> None:
        """Where something of the containers' is here."""
        self._places[place] = here

    def has(self, name: str, secret: str) -> None:
        """A secret that is there before the first start."""
        path = self._secrets / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(secret)
        for each in (path, path.parent):
            self._installed.give(each)

    def secret(self, name: str) -> str:
        """One that was made."""
        return (self._secrets / name).read_text().strip()

    def set_up(self) -> list[str]:
        """Run `setup`; what it made."""
        done = self._installed.run(self._here(self.services["setup"]["command"]), {})
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def settings(self, name: str, **more: str) -> dict[str, str]:
        told = environment(self.services[name], **DOMAINS)
        return dict(zip(told, self._here(list(told.values())), strict=True)) | more

    def run(self, name: str, command: list[str], **more: str) -> CompletedProcess[str]:
        """Run another command in a service, to its end."""
        return self._installed.run(self._here(command), self.settings(name, **more))

    def start(self, name: str, until: str = READY, **more: str) -> ExitStack:
        """Start a service and wait until it says that it is ready."""
        with ExitStack() as stack:
            command = self._here(self.services[name]["command"])
            self.last: Running = stack.enter_context(self._installed.start(command, self.settings(name, **more)))
            self.last.stderr(until)
            return stack.pop_all()

    def _here(self, words: list[str]) -> list[str]:
        made = []
        for word in words:
            for place, here in self._places.items():
                word = re.sub(rf"(?<!\d){re.escape(place)}(?!\d)", here, word)
            made.append(word)
        return made


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def _healthy(installed: Installed, port: str) -> bool:
    """What the image's own check says."""
    (check,) = (each.rest for each in stage("circadia") if each.word == "HEALTHCHECK")
    return installed.run(json.loads(check.split("CMD ")[1]), {"PORT": port}).returncode == 0


def test_one_person_and_a_simulated_whoop(
    installed: Installed, postgres_server: Server, database_url: str, place: Path
) -> None:
    composed, port, whoop = Composed(installed, DEMO, place), _free_port(), _free_port()
    composed.has("circadia/database_url", database_url)
    made = composed.set_up()
    assert "circadia/token_encryption_keys" in made
    assert "circadia/database_url" not in made
    world = place / "world"
    world.mkdir()
    installed.give(world)
    for there, here in (
        ("8000", port),
        ("8090", whoop),
        ("180", "20"),
        ("0.0.0.0", "127.0.0.1"),
        ("/var/lib/circadia", str(world)),
    ):
        composed.move(there, here)
    assert not _healthy(installed, port)
    with composed.start("circadia"):
        served = composed.last
        assert _healthy(installed, port)
        key = {"X-API-Key": composed.secret("circadia/service_api_key")}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=key, trust_env=False) as http:
            assert http.get("/").json()["part"] == "all"
            assert http.get("/api/v1/instance").json()["simulated"]
            with composed.start("simulator", until="demo-2 is connected"):
                answers = (http.get("/api/v1/whoop/daily-data/demo").json() for _ in iter(lambda: sleep(0.05), 0))
                assert next(each for each in answers if each["sleep"])["user_id"] == "demo"
                assert served.stop().code == 0
    assert [each.name for each in world.iterdir()] == ["world.json"]
    with _empty(postgres_server) as elsewhere:
        backups = place / "backups"
        backups.mkdir()
        installed.give(backups)
        composed.move("/backups", str(backups))
        key = {"CIRCADIA_BACKUP_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
        page = (ROOT / "docs/how-to/install-for-one-person.md").read_text(encoding="utf-8")
        backing_up, restoring = re.findall(r'"\$PWD/backups:/backups" -e CIRCADIA_BACKUP_KEY circadia (.*)', page)
        assert composed.run("circadia", backing_up.split(), **key).returncode == 0
        composed.has("circadia/database_url", elsewhere)
        restored = composed.run("circadia", restoring.split(), **key)
        assert "and every checksum agrees" in restored.stdout, restored.stderr
    assert list((installed.directory / "empty").iterdir()) == []


def test_a_team(installed: Installed, postgres_server: Server, database_url: str, place: Path) -> None:
    composed, whoop, gateway = Composed(installed, TEAM, place), _free_port(), _free_port()
    other = postgres_server.create()
    composed.has("circadia/database_url", database_url)
    composed.has("gateway/database_url", other)
    composed.set_up()
    assert composed.secret("gateway/token_encryption_keys") != composed.secret("circadia/token_encryption_keys")
    composed.move("circadia:8001", f"127.0.0.1:{whoop}")
    composed.move("0.0.0.0", "127.0.0.1")
    metrics = {"worker": _free_port(), "circadia": _free_port(), "gateway": _free_port()}
    started: list[Running] = []
    with ExitStack() as stack:
        for name, port in (("worker", None), ("circadia", whoop), ("gateway", gateway)):
            told = {"PORT": port, "HOST": "127.0.0.1"} if port else {}
            stack.enter_context(composed.start(name, METRICS_PORT=metrics[name], **told))
            started.append(composed.last)
        assert _healthy(installed, whoop)
        assert _healthy(installed, gateway)
        http = stack.enter_context(httpx2.Client(trust_env=False))
        for port in metrics.values():
            assert http.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
        mine = {"X-API-Key": composed.secret("gateway/whoop_service_api_key")}
        assert http.get(f"http://127.0.0.1:{whoop}/api/v1/admin/keys", headers=mine).status_code == 403
        key = composed.secret("gateway/service_api_key")
        answer = http.get(f"http://127.0.0.1:{gateway}/api/v1/health/nobody", headers={"X-API-Key": key}).json()
        assert answer["data"]["sources"]["whoop"] == {"available": False, "reason": "not_connected"}
        assert [each.stop().code for each in reversed(started)] == [0, 0, 0]
    postgres_server.drop(other)


def test_render(installed: Installed, postgres_server: Server) -> None:
    """Both commands of each service, with what the blueprint sets and what Render and its owner would."""
    given = {
        "TOKEN_ENCRYPTION_KEYS": "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        **dict.fromkeys(("WHOOP_CLIENT_ID", "SAHHA_CLIENT_ID"), "of-the-app"),
        **dict.fromkeys(("WHOOP_CLIENT_SECRET", "SAHHA_CLIENT_SECRET", "SAHHA_WEBHOOK_SECRET"), "of-the-app-alone"),
    }
    made: list[str] = []
    with ExitStack() as stack:
        started = []
        for service in blueprint()["services"]:
            made.append(postgres_server.create())
            address = f"https://{service['name']}.onrender.com"
            told = {"RENDER_EXTERNAL_URL": address}
            for each in service["envVars"]:
                match each:
                    case {"value": value}:
                        told[each["key"]] = value
                    case {"fromDatabase": _}:
                        told[each["key"]] = made[-1]
                    case {"fromService": {"envVarKey": "RENDER_EXTERNAL_URL", "name": other}}:
                        told[each["key"]] = f"https://{other}.onrender.com"
                    case {"sync": False}:
                        told[each["key"]] = given[each["key"]]
                    case _:
                        told[each["key"]] = "made-by-render-itself"
            told["PORT"] = _free_port()
            before = installed.run(shlex.split(service["preDeployCommand"]), told)
            assert (before.returncode, "https" in before.stderr) == (0, False), before.stderr
            running = stack.enter_context(installed.start(shlex.split(service["dockerCommand"]), told))
            assert json.loads(running.stderr(r'(.*"serve\.ready".*)\n')[1])["url"] == address
            started.append(running)
        assert [each.stop().code for each in started] == [0, 0]
    for url in made:
        postgres_server.drop(url)
