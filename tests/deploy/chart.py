"""A Helm chart, rendered: the part of Helm's template language that our chart keeps to.

Known are `define`, `include`, `if`, `else`, `with`, `range` (over lists, and with `$key, $value :=` over maps), values
by path from `.` or from `$`, strings, pipelines, and the functions below. Anything else is an error, so that a template
that this renders is one that Helm renders alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

_ACTION = re.compile(r"(?:\s*\{\{-|\{\{) *(.*?) *(?:-\}\}\s*|\}\})", re.DOTALL)
_WORD = re.compile(r'"[^"]*"|\d+|[$.][\w.]*|\w+')


@dataclass
class _Block:
    """A stretch of a template: text, actions as they stand, and blocks with what stands in them and in their else."""

    opening: str = ""
    body: list[str | _Block] = field(default_factory=list)
    otherwise: list[str | _Block] = field(default_factory=list)


@dataclass(frozen=True)
class _Scope:
    """What `.` is, and the variables."""

    dot: Any
    variables: Mapping[str, Any]


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {name: _merged(below.get(name), value) for name, value in above.items()}
    return above


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """Text and actions in turn; whether it is an action."""
    end = 0
    for found in _ACTION.finditer(text):
        yield False, text[end : found.start()]
        yield True, found[1]
        end = found.end()
    yield False, text[end:]


def _parsed(text: str) -> _Block:
    root = _Block()
    stack: list[tuple[_Block, list[str | _Block]]] = [(root, root.body)]
    for is_action, words in _tokens(text):
        if not is_action:
            stack[-1][1].append(words)
        elif words.split()[0] in ("if", "with", "range", "define"):
            block = _Block(words)
            stack[-1][1].append(block)
            stack.append((block, block.body))
        elif words == "else":
            stack[-1] = (stack[-1][0], stack[-1][0].otherwise)
        elif words == "end":
            stack.pop()
        else:
            stack[-1][1].append(_Block(words))
    assert len(stack) == 1, "a block has no end"
    return root


class Chart:
    """A chart in a directory."""

    def __init__(self, directory: Path) -> None:
        self.about: dict[str, Any] = yaml.safe_load((directory / "Chart.yaml").read_text())
        self.values: dict[str, Any] = yaml.safe_load((directory / "values.yaml").read_text())
        self.schema: dict[str, Any] = json.loads((directory / "values.schema.json").read_text())
        self._defined: dict[str, _Block] = {}
        self._templates: list[_Block] = []
        for path in sorted((directory / "templates").iterdir()):
            parsed = _parsed(path.read_text())
            self._defined |= {
                each.opening.split('"')[1]: each
                for each in parsed.body
                if isinstance(each, _Block)
                if each.opening.startswith("define")
            }
            if path.suffix == ".yaml":
                self._templates.append(parsed)

    def rendered(self, values: Mapping[str, Any] | None = None, release: str = "circadia") -> list[dict[str, Any]]:
        """The manifests, with values that go over the chart's own; ValidationError when its schema refuses them."""
        texts = (each for text in self.texts(values, release) for each in yaml.safe_load_all(text))
        return [each for each in texts if each]

    def texts(self, values: Mapping[str, Any] | None = None, release: str = "circadia") -> list[str]:
        """The same as text, a template each."""
        merged = _merged(self.values, values or {})
        jsonschema.validate(merged, self.schema)
        told = {"AppVersion": self.about["appVersion"], "Name": self.about["name"]}
        root = {"Values": merged, "Release": {"Name": release}, "Chart": told}
        return [self._written(each.body, _Scope(root, {"$": root})) for each in self._templates]

    def _written(self, body: list[str | _Block], scope: _Scope) -> str:
        return "".join(each if isinstance(each, str) else self._block(each, scope) for each in body)

    def _block(self, block: _Block, scope: _Scope) -> str:
        word, _, rest = block.opening.partition(" ")
        if word == "define":
            return ""
        if word not in ("if", "with", "range"):
            return _text(self._value(block.opening, scope))
        names, _, expression = rest.rpartition(":=")
        value = self._value(expression.strip(), scope)
        if not value:
            return self._written(block.otherwise, scope)
        if word != "range":
            return self._written(block.body, _Scope(value, scope.variables) if word == "with" else scope)
        pairs = sorted(value.items()) if isinstance(value, dict) else list(enumerate(value))
        called = [each.strip() for each in names.split(",") if each.strip()]
        return "".join(
            self._written(block.body, _Scope(item, {**scope.variables, **dict(zip(called, (key, item), strict=False))}))
            for key, item in pairs
        )

    def _value(self, expression: str, scope: _Scope) -> Any:
        """A pipeline: each command gets what came before as its last argument."""
        piped: list[Any] = []
        for command in expression.split("|"):
            words = _WORD.findall(command)
            assert "".join(words) == command.replace(" ", ""), f"not known here: {command}"
            if re.match(r"[a-z]", words[0]):
                arguments = [_operand(word, scope) for word in words[1:]] + piped
                piped = [self._function(words[0], arguments)]
            else:
                assert len(words) == 1, f"not known here: {command}"
                piped = [_operand(words[0], scope)]
        return piped[0]

    def _function(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case "include", [str() as template, dot]:
                return self._written(self._defined[template].body, _Scope(dot, {"$": dot}))
            case "toYaml", [value]:
                return yaml.safe_dump(value, default_flow_style=False).strip()
            case "nindent", [int() as width, text]:
                return "\n" + "\n".join(" " * width + line if line else "" for line in str(text).split("\n"))
            case "quote", [value]:
                return json.dumps(_text(value))
            case "default", [other, value]:
                return value or other
            case "lower", [str() as text]:
                return text.lower()
        raise AssertionError(f"not known here: {name} of {len(arguments)}")


def _operand(word: str, scope: _Scope) -> Any:
    if word.startswith('"'):
        return word[1:-1]
    if word.isdecimal():
        return int(word)
    start, *path = word.split(".")
    value = scope.variables[start] if start else scope.dot
    for name in filter(None, path):
        value = value[name]
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
