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
from circadia.cli import beside, listening, secrets
from circadia.config import FOR_COMPOSE, NAMES, SECRETS
from tests.deploy.files import (
    DEMO,
    ONE_PERSON,
    ROOT,
    TEAM,
    compose,
    environment,
    image_environment,
    mounts,
    passed_on,
    services,
    stage,
)

ALL = (ONE_PERSON, DEMO, TEAM)
ONCE = {"setup", "grafana-role", "database"}
DOMAINS = {"API_DOMAIN": "api.example.org", "SERVICE_DOMAIN": "whoop.example.org"}
CONNECTIONS = 21
"""What a process takes of the database at most: its pool, and one that listens."""

RUN = re.compile(r"^docker compose.* (?:run|exec) (?:-[\w-]+ (?:\S*[$=_]\S* )?)*([a-z-]+) ?(.*)$", re.MULTILINE)
"""A command in a service, as pages have it. The value of an option has a character that no service's name has."""

UNUSED_BY_A_GATEWAY = {
    *("WHOOP_CLIENT_ID", "WHOOP_CLIENT_SECRET", "WHOOP_CLIENT_SECRET_PREVIOUS", "WHOOP_REDIRECT_URL"),
    *("WHOOP_API_BASE_URL", "WHOOP_OAUTH_BASE_URL", "RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_DAY", "SYNC_PLAN"),
    *("SIGNUP", "REDIRECT_URLS", "GATEWAY_API_KEY"),
    *("AUTH_JWT_ISSUER", "AUTH_JWT_AUDIENCE", "AUTH_JWT_JWKS_URL", "AUTH_JWT_SECRET"),
    *("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "ALERT_EMAIL_TO", "ALERT_EMAIL_FROM", "SMTP_URL"),
    "CIRCADIA_BACKUP_KEY",
}
"""What the WHOOP service reads alone, and backups."""


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
def test_the_image_is_built_once_and_first(names: tuple[str, ...]) -> None:
    """Compose builds for each service that says `build`, all at once, and two cannot make the same image."""
    found = services(names)
    assert [name for name, each in found.items() if "build" in each] == ["setup"]
    for name, service in found.items():
        if service["image"] == found["setup"]["image"]:
            assert service["pull_policy"] == "never", name


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
            assert service["stop_grace_period"] == ("90s" if name == "worker" else "60s"), name
    for name, service in _every():
        assert service["read_only"], name
    for name, service in _ours():
        assert service["cap_drop"] == ["ALL"], name
        assert service["init"], name


def test_the_worker_beside_a_server_and_the_answers_under_way_end_in_time() -> None:
    (allowed,) = {each["stop_grace_period"] for name, each in services(ONE_PERSON).items() if name == "circadia"}
    assert float(allowed.removesuffix("s")) > beside.END_S + listening.GRACE_S


def test_nobody_but_the_database_s_image_begins_as_root() -> None:
    (account,) = (each.rest for each in stage("circadia") if each.word == "USER")
    for name, service in services(ONE_PERSON).items():
        if not service["image"].startswith("circadia") and name != "postgres":
            assert service["user"].split(":")[0] == account.split(":")[0], name


def test_no_secret_stands_in_a_file() -> None:
    for name, service in _every():
        for variable, text in service.get("environment", {}).items():
            if text is not None and re.search("PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL", variable):
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


def test_every_setting_that_a_gateway_reads_reaches_it() -> None:
    gateway = services(TEAM)["gateway"]
    reaches = {name.removesuffix("_FILE") for name in gateway["environment"]} | set(image_environment())
    assert set(NAMES) & reaches == set(NAMES) - UNUSED_BY_A_GATEWAY
    assert "env_file" not in gateway
    assert passed_on(gateway) <= set(NAMES)
    told = environment(gateway, **DOMAINS, GATEWAY_FETCH="sequential", WHOOP_CLIENT_SECRET="hidden")
    assert told["GATEWAY_FETCH"] == "sequential"
    assert not {"CORS_ORIGINS", "WHOOP_CLIENT_SECRET"} & set(told)
    parts = [each for place in ("gateway/*.py", "api/routes/sahha*.py") for each in ROOT.glob(f"src/circadia/{place}")]
    read = {name.upper() for each in parts for name in re.findall(r"settings\.(\w+)", each.read_text(encoding="utf-8"))}
    assert len(read) > 5
    assert read <= reaches


def test_backups_may_go_into_a_bucket() -> None:
    backup = services(TEAM)["backup"]
    assert passed_on(backup) == {name for name in FOR_COMPOSE if name.startswith("AWS_")}
    assert not set(environment(backup)) & FOR_COMPOSE
    assert all("--extra s3" in each.rest for each in stage("build") if "uv sync" in each.rest)


def test_what_compose_reads_of_the_env_file_is_known() -> None:
    """Circadia reads the same file, and refuses names that it does not know."""
    asked = {
        name
        for file in ROOT.glob("compose*.yaml")
        for name in re.findall(r"\$\{([A-Z_]+)", file.read_text(encoding="utf-8"))
    }
    asked |= {name for _, service in _every() for name in passed_on(service)}
    assert asked - set(NAMES) == FOR_COMPOSE


def test_the_database_has_a_connection_for_everybody() -> None:
    found = services(TEAM)
    processes = sum(found[name].get("deploy", {}).get("replicas", 1) for name in ("circadia", "worker", "gateway"))
    provisioned = ROOT / mounts(found["grafana"])["/etc/grafana/provisioning"] / "datasources" / "circadia.yaml"
    (source,) = yaml.safe_load(provisioned.read_text(encoding="utf-8"))["datasources"]
    panels = source["jsonData"]["maxOpenConns"]
    program, flag, setting = found["postgres"]["command"]
    assert (program, flag) == ("postgres", "-c")
    assert processes * CONNECTIONS + panels > 100, "the default would do"
    assert 2 * processes * CONNECTIONS + panels < int(setting.removeprefix("max_connections="))


def test_grafana_leaves_its_image_as_it_is() -> None:
    """It unloads a plugin before it finds that it cannot write a newer one, also the datasource that all panels ask."""
    grafana = services(ONE_PERSON)["grafana"]
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert grafana["tmpfs"] == ["/tmp"]
    assert mounts(grafana)["/var/lib/grafana"] == "grafana"


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


def test_what_the_pages_tell_to_run_in_a_service_is_there() -> None:
    root: Any = typer.main.get_command(commands)
    for page, names in (("install-for-one-person", ONE_PERSON), ("install-for-a-team", TEAM)):
        text = (ROOT / f"docs/how-to/{page}.md").read_text(encoding="utf-8")
        lines = RUN.findall(text)
        assert len(lines) > 4
        assert {name for name, _ in lines} <= set(services(names)), page
        for name, line in lines:
            program, *words = line.split() or [""]
            if program == "circadia":
                assert services(names)[name]["image"].startswith("circadia")
                assert words[0] in root.commands, line
        made = secrets.ONE_PERSON if names == ONE_PERSON else secrets.TEAM
        assert set(re.findall(r"/secrets/(\w+/\w+)", text)) <= set(made), page


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
