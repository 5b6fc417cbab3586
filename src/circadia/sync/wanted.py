"""A run that somebody wants: what the schedule, the hints and the owner ask of the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circadia.domain.lanes import Lane
from circadia.storage.runs import RunKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """`types` None is every type of the kind; `options` are the kind's own (`full`, `allow_deletes`)."""

    member_id: int
    kind: RunKind
    lane: Lane
    types: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
