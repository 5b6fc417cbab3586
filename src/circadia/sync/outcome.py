"""What a sync did, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from circadia.errors import CircadiaError, RateLimited, Unreachable
from circadia.storage.records import Written


@dataclass(frozen=True, slots=True)
class Outcome:
    """Records fetched, written (new or changed), unchanged, deleted and rejected; pages asked for; deletions that were
    held back because there were suspiciously many of them."""

    fetched: int = 0
    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    requests: int = 0
    held_deletions: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Outcome:
        """Read back from JSON, whatever else stands there."""
        return cls(**{each.name: told.get(each.name, 0) for each in fields(cls)})

    def page(self, fetched: int, written: Written, rejected: int) -> Outcome:
        """With one more page stored."""
        return replace(
            self,
            fetched=self.fetched + fetched,
            written=self.written + written.inserted + written.updated,
            unchanged=self.unchanged + written.unchanged,
            rejected=self.rejected + rejected,
            requests=self.requests + 1,
        )

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        return Outcome(**{each: mine[each] + theirs[each] for each in mine})

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of one run by type, and the errors of the types that did not come through."""

    outcomes: dict[str, Outcome]
    errors: dict[str, CircadiaError]

    @property
    def state(self) -> Literal["succeeded", "partial", "failed"]:
        """succeeded, partial or failed."""
        if not self.errors:
            return "succeeded"
        return "partial" if self.outcomes else "failed"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "types": {name: each.as_dict() for name, each in self.outcomes.items()},
            "errors": {name: told(each) for name, each in self.errors.items()},
        }


def in_vain(report: Report) -> RateLimited | Unreachable | None:
    """The error for which the next request of the run would fail as well, whatever it asks for."""
    return next((each for each in report.errors.values() if isinstance(each, RateLimited | Unreachable)), None)


def broke() -> CircadiaError:
    """What is said of a bug."""
    return CircadiaError("an unexpected error; the log has its trace", kind="internal")


def told(error: CircadiaError) -> dict[str, Any]:
    """An error as people and programs read it."""
    return {"kind": error.kind, "message": error.message, "remedy": error.remedy}
