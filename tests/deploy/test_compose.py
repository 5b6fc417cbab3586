"""The compose files: valid, closed to the network, without a secret in them, and asking for what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from circadia.api.routes.imports import LARGEST
from circadia.cli import app as commands
from circadia.cli import secrets
from circadia.config import NAMES, SECRETS
from tests.deploy.files import DEMO, ONE_PERSON, ROOT, TEAM, compose, environment, mounts, services

ALL = (ONE_PERSON, DEMO, TEAM)
ONCE = {"setup", "grafana-role", "database"}
DOMAINS = {"API_DOMAIN": "api.example.org", "SERVICE_DOMAIN": "whoop.example.org"}


def _every() -> Iterator[tuple[str, dict[str, Any]]]:
    for names in ALL:
        yield from services(names).items()


def _ours() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, each) for name, each in _every() if each["image"].startswith("circadia"))


@pytest.mark.parametrize("names", [*ALL, ("compose.demo.yaml",), ("compose.production.yaml",)])
def test_the_files_are_as_the_specification_says(names: tuple[str, ...]) -> None:
    schema = json.loads((ROOT / "tests/vendor/compose-spec/compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.validate(compose(names), schema)


@pytest.mark.parametrize("names", ALL)
def test_what_a_service_names_is_there(names: tuple[str, ...]) -> None:
    model = compose(names)
    used = set()
    for name, service in model["services"].items():
        assert set(service.get("depends_on", ())) <= set(model["services"]), name
        for source in mounts(service).values():
            if not source.startswith("."):
                used.add(source)
    assert used == set(model["volumes"])


@pytest.mark.parametrize("names", ALL)
def test_waiting_ends(names: tuple[str, ...]) -> None:
    """What is waited for to end ends, what is waited for to be healthy says so, and nobody waits for themselves."""
    found = services(names)
    for name, service in found.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                assert found[other]["restart"] == "no", (name, other)
            if how["condition"] == "service_healthy":
                assert not found[other].get("healthcheck", {}).get("disable"), (name, other)
    done: set[str] = set()
    while len(done) < len(found):
        ready = {name for name, each in found.items() if set(each.get("depends_on", ())) <= done} - done
        assert ready, set(found) - done
        done |= ready


def test_only_tls_can_be_reached_from_outside() -> None:
    for name, service in _every():
        ports = [str(each) for each in service.get("ports", ())]
        if name == "tls":
            assert {each.split(":")[0] for each in ports} == {"80", "443"}
        else:
            assert all(each.startswith("127.0.0.1:") for each in ports), name
    assert "ports" not in services(TEAM)["circadia"]


def test_services_have_time_to_end_and_no_rights() -> None:
    for name, service in _every():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        if name in ONCE:
            assert service["restart"] == "no", name
        elif name != "simulator":
            assert service["restart"] == "unless-stopped", name
            assert service["stop_grace_period"] == "60s", name
    for name, service in _ours():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["init"], name


def test_no_secret_stands_in_a_file() -> None:
    for name, service in _every():
        for variable, text in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL", variable):
                simulated = service["environment"].get("WHOOP_CLIENT_ID") == "circadia-demo"
                assert text.startswith(("/secrets/", "${")) or simulated, (name, variable)


@pytest.mark.parametrize("names", ALL)
def test_every_secret_is_made_and_mounted_where_it_is_read(names: tuple[str, ...]) -> None:
    found = services(names)
    made = secrets.TEAM if "--team" in found["setup"]["command"] else secrets.ONE_PERSON
    set_up = mounts(found["setup"])
    assert {f"/secrets/{each.split('/')[0]}" for each in made} == {
        each for each in set_up if each.startswith("/secrets/")
    }
    for name, service in found.items():
        told = json.dumps([service.get("environment", {}), service.get("command"), service.get("entrypoint")])
        for directory, file in re.findall(r"/secrets/(\w+)/(\w+)", told):
            assert f"{directory}/{file}" in made, name
            assert mounts(service)[f"/secrets/{directory}"] == set_up[f"/secrets/{directory}"], name


@pytest.mark.parametrize("names", ALL)
def test_who_has_which_secrets(names: tuple[str, ...]) -> None:
    """What a program holds is lost with it. A directory is mounted where all of it may be known, and nowhere else."""
    held: dict[str, set[str]] = {}
    for name, service in services(names).items():
        for place in mounts(service):
            if place.startswith("/secrets/") and name != "setup":
                held.setdefault(place.removeprefix("/secrets/"), set()).add(name)
    assert held.pop("circadia") == {"circadia"} | ({"worker"} if names == TEAM else set()) | (
        {"simulator"} if names == DEMO else set()
    )
    assert held.pop("postgres") == {"postgres", "database"}
    assert held.pop("grafana") == {"grafana"}
    assert held.pop("grafana_role") == {"grafana-role"}
    assert held == ({"gateway": {"gateway"}, "backup": {"backup"}} if names == TEAM else {})


def test_nobody_but_their_maker_is_a_superuser() -> None:
    for name, service in _every():
        if name not in ("postgres", "database"):
            assert "superuser" not in json.dumps(service), name
    (postgres,) = {json.dumps(each["environment"], sort_keys=True) for name, each in _every() if name == "postgres"}
    assert "POSTGRES_USER" not in postgres


def test_metrics_need_no_key_and_are_inside() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    for job in scraped:
        assert "authorization" not in job
        (where,) = job["dns_sd_configs"]
        service = services(TEAM)[where["names"][0]]
        told = environment(service, **DOMAINS)
        assert (told["METRICS_HOST"], told["METRICS_PORT"]) == ("0.0.0.0", str(where["port"]))
        assert "ports" not in service


def test_memory_for_files_has_an_end_and_an_import_fits() -> None:
    for name, service in _ours():
        (size,) = re.findall(r"^/tmp:size=(\d+)g$", "\n".join(service["tmpfs"]), flags=re.MULTILINE)
        assert LARGEST < int(size) * 2**30 <= 2 * LARGEST, name


def test_settings_of_our_services_exist() -> None:
    for name, service in _ours():
        told = environment(service, **DOMAINS)
        for variable in told:
            assert variable in NAMES or variable.removesuffix("_FILE") in SECRETS, (name, variable)


def test_commands_of_our_services_exist() -> None:
    root: Any = typer.main.get_command(commands)
    for name, service in _ours():
        told = service["command"]
        lines = re.findall(r"circadia .*", told[2]) if told[0] == "sh" else [" ".join(told)]
        for line in lines:
            _, *words = line.split()
            command = root
            while words and words[0] in getattr(command, "commands", {}):
                command = command.commands[words.pop(0)]
            options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            assert not hasattr(command, "commands"), (name, line)
            assert {word for word in words if word.startswith("--")} <= options, (name, line)


def test_files_that_are_mounted_exist() -> None:
    for name, service in _every():
        for source in mounts(service).values():
            if source.startswith("."):
                assert (ROOT / source).exists(), (name, source)


def test_the_production_files_ask_for_their_names_and_urls_are_of_them() -> None:
    found = services(TEAM)
    with pytest.raises(KeyError):
        environment(found["gateway"])
    assert environment(found["gateway"], **DOMAINS)["PUBLIC_URL"] == "https://api.example.org"
    for name in ("circadia", "worker"):
        assert environment(found[name], **DOMAINS)["PUBLIC_URL"] == "https://whoop.example.org"
