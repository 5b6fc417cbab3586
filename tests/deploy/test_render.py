"""Render's blueprint: two services with a database each, and everything that it refers to is in it."""

from __future__ import annotations

import re
import shlex
from typing import Any

from circadia.config import NAMES, SECRETS
from tests.deploy.files import ROOT, blueprint

BLUEPRINT = blueprint()
SERVICES: dict[str, dict[str, Any]] = {each["name"]: each for each in BLUEPRINT["services"]}


def _variables(name: str) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in SERVICES[name]["envVars"]}


def test_each_service_has_a_database_of_its_own() -> None:
    databases = {each["name"]: each for each in BLUEPRINT["databases"]}
    used = [_variables(name)["DATABASE_URL"]["fromDatabase"] for name in SERVICES]
    assert sorted(each["name"] for each in used) == sorted(databases)
    assert {each["property"] for each in used} == {"connectionString"}
    assert all(each["ipAllowList"] == [] and each["postgresMajorVersion"] == "17" for each in databases.values())


def test_variables_are_settings_with_one_source_each() -> None:
    for name in SERVICES:
        for key, told in _variables(name).items():
            assert key in NAMES, (name, key)
            assert len(told) == 2, (name, key)
            if "value" in told:
                assert isinstance(told["value"], str), (name, key)
                assert key not in SECRETS, (name, key)


def test_what_a_service_takes_from_another_is_there() -> None:
    taken = [each["fromService"] for name in SERVICES for each in SERVICES[name]["envVars"] if "fromService" in each]
    assert taken
    for each in taken:
        assert SERVICES[each["name"]]["type"] == each["type"]
        assert each["envVarKey"] in {*_variables(each["name"]), "RENDER_EXTERNAL_URL"}
    assert _variables("circadia-gateway")["WHOOP_SERVICE_API_KEY"]["fromService"]["envVarKey"] == "GATEWAY_API_KEY"


def test_commands_have_an_address_and_signals_reach_the_program() -> None:
    parts = set()
    for service in SERVICES.values():
        shell, flag, script = shlex.split(service["dockerCommand"])
        assert (shell, flag) == ("sh", "-c")
        found = re.search(r"exec circadia serve --only (\w+)$", script)
        assert found
        parts.add(found[1])
        *_, before = shlex.split(service["preDeployCommand"])
        assert before == script.replace(found[0], "exec circadia db upgrade")
        assert service["healthCheckPath"] == "/health/ready"
        assert service["maxShutdownDelaySeconds"] == 60
        assert (ROOT / service["dockerfilePath"]).is_file()
    assert parts == {"whoop", "gateway"}
