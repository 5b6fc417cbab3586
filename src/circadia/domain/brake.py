"""The brake on deletions: how many missing records are believed to be deleted without somebody's word for it."""

from __future__ import annotations

ALWAYS_PLAUSIBLE = 5
"""So many a person deletes, whatever little else there is."""

PLAUSIBLE_SHARE = 0.3
"""The share of a stretch's records that may be missing from it beyond that."""


def plausible(missing: int, live: int) -> bool:
    """Whether a person may have deleted `missing` of the `live` records that are stored of a stretch. An outage, a lost
    scope and a lapsed membership hide far more. (An empty listing is no evidence at all, whatever this says.)"""
    return missing <= max(ALWAYS_PLAUSIBLE, PLAUSIBLE_SHARE * live)
