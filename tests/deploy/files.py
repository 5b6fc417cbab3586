"""The files that deploy Circadia, read: Dockerfile, compose files and what they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ONE_PERSON, DEMO, TEAM = (
    ("compose.yaml",),
    ("compose.yaml", "compose.demo.yaml"),
    ("compose.yaml", "compose.production.yaml"),
)


@dataclass(frozen=True)
class _Reset:
    """Compose's `!reset`: what stands below goes."""


class _Loader(yaml.SafeLoader):
    """YAML with compose's own tag."""


_Loader.add_constructor("!reset", lambda _loader, _node: _Reset())


def _list_as_dict(value: Any) -> Any:
    """`depends_on` may be a list."""
    return {name: {"condition": "service_started"} for name in value} if isinstance(value, list) else value


def _merged(below: Any, above: Any) -> Any:
    """As compose merges files: mappings by key, lists one after the other, everything else replaced."""
    if isinstance(above, dict) and isinstance(below, dict | None):
        below = below or {}
        replaced = ("command", "entrypoint", "test")
        return below | {
            name: value if name in replaced else _merged(below.get(name), value) for name, value in above.items()
        }
    if isinstance(above, list) and isinstance(below, list):
        return below + above
    return above


def _without_resets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_resets(each) for name, each in value.items() if not isinstance(each, _Reset)}
    return value


def compose(names: tuple[str, ...]) -> dict[str, Any]:
    """The model of one or several compose files."""
    model: Any = {}
    for name in names:
        model = _merged(model, yaml.load((ROOT / name).read_text(encoding="utf-8"), _Loader))
    made: dict[str, Any] = _without_resets(model)
    return made


def services(names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The services of a model."""
    found: dict[str, dict[str, Any]] = compose(names)["services"]
    return found


def blueprint() -> dict[str, Any]:
    """Render's blueprint."""
    made: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "render.yaml").read_text(encoding="utf-8"))
    return made


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What a service has mounted, by the place it is mounted on."""
    found = {}
    for each in service.get("volumes", ()):
        source, target = (each["source"], each["target"]) if isinstance(each, dict) else each.split(":")[:2]
        found[target] = source
    return found


def environment(service: dict[str, Any], **told: str) -> dict[str, str]:
    """The variables of a service, with those of compose's own environment put in. An unset one that has to be set is a
    KeyError; one without a value is passed on if it is set."""

    def value(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(":-")
        if ":?" in name:
            return told[name.partition(":?")[0]]
        return told.get(name) or value_of(default)

    def value_of(text: str) -> str:
        return re.sub(r"\$\{((?:[^{}]|\{[^{}]*\})*)\}", value, text)

    found = {name: told.get(name) if text is None else text for name, text in service.get("environment", {}).items()}
    return {name: value_of(str(text)) for name, text in found.items() if text is not None}


def passed_on(service: dict[str, Any]) -> set[str]:
    """The variables of a service that come from compose's own environment under the same name."""
    return {name for name, text in service.get("environment", {}).items() if text is None}


@dataclass(frozen=True)
class Instruction:
    """A line of the Dockerfile, continued ones joined."""

    word: str
    rest: str


def dockerfile() -> list[list[Instruction]]:
    """The Dockerfile's stages."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: list[list[Instruction]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append(Instruction(word, " ".join(rest.split())))
    return stages


def stage(name: str) -> list[Instruction]:
    """One stage by its name."""
    (found,) = (each for each in dockerfile() if each[0].rest.endswith(f" AS {name}"))
    return found


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    lines = [each.rest for each in stage("circadia") if each.word == "ENV"]
    return dict(pair.split("=", 1) for line in lines for pair in line.split())
