"""One thing that Sahha tells of a profile, and when it last changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from struct import pack, unpack
from typing import Any, Literal

from circadia.simulator.sahha.profiles import ACCOUNT_ID, Profile
from circadia.simulator.sahha.windows import utc_text

Kind = Literal["score", "biomarker", "archetype"]
EVENTS: dict[Kind, str] = {
    "score": "ScoreCreatedIntegrationEvent",
    "biomarker": "BiomarkerCreatedIntegrationEvent",
    "archetype": "ArchetypeCreatedIntegrationEvent",
}
DATA_LOG_EVENT = "DataLogReceivedIntegrationEvent"


@dataclass(frozen=True, slots=True)
class Item:
    """`payload` is the object of the REST API; `day` the date its window ends on or its score is for."""

    kind: Kind
    name: str
    day: date
    changed_at: datetime
    payload: dict[str, Any]

    def announced(self, profile: Profile) -> dict[str, Any]:
        """The object of a webhook: the same with whose it is and when it was calculated."""
        whose = {
            "profileId": str(profile.profile_id),
            "accountId": str(ACCOUNT_ID),
            "externalId": profile.external_id,
        }
        return (
            {"id": self.payload["id"]}
            | whose
            | self.payload
            | {"createdAtUtc": utc_text(self.changed_at), "version": 1}
        )


def widened(value: float) -> float:
    """A 32-bit float written out with 64 bits, as the fractions in factors are."""
    wide: float = unpack("f", pack("f", value))[0]
    return wide
