"""Sahha's JSON as objects, element by element: one that cannot be read spoils none of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from circadia.domain.sahha import Archetype, Biomarker, Comparison, Kind, Score, Trend
from circadia.domain.storable import unstorable

Model = TypeVar("Model", bound=BaseModel)

MODELS: Mapping[Kind, type[BaseModel]] = MappingProxyType(
    {"score": Score, "biomarker": Biomarker, "archetype": Archetype, "trend": Trend, "comparison": Comparison}
)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Model]):
    """A list as read: each object beside its JSON, and the JSON of those that could not be read, with why (without
    their values). `began_at` is when the first request for it began."""

    items: tuple[tuple[Model, dict[str, Any]], ...]
    rejects: tuple[tuple[Any, str], ...]
    began_at: datetime


def listing(model: type[Model], elements: Iterable[Any], began_at: datetime) -> Listing[Model]:
    """Read each element by itself, in their order. One that the database could not hold (NUL characters, lone
    surrogates, numbers beyond 64 bits) is a reject."""
    items: list[tuple[Model, dict[str, Any]]] = []
    rejects: list[tuple[Any, str]] = []
    for raw in elements:
        found = _read(model, raw)
        if isinstance(found, str):
            rejects.append((raw, found))
        else:
            items.append((found, raw))
    return Listing(tuple(items), tuple(rejects), began_at)


def _read(model: type[Model], raw: Any) -> Model | str:
    if (reason := unstorable(raw)) is not None:
        return reason
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return reasons(error)


def reasons(error: ValidationError) -> str:
    """What a model did not accept, without the values."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'record'}: {_reason(each)}" for each in error.errors())


def _reason(each: Mapping[str, Any]) -> str:
    # the only check of these models that is plain Python reads instants, and its words repeat the text
    return "not an instant" if each["type"] == "value_error" else str(each["msg"])
