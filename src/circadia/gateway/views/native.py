"""The native body: every date with its readings, where they come from, what lost and why, and what is missing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from circadia.domain.readings import Merged, Reading
from circadia.gateway.unified import Unified
from circadia.gateway.views.standing import instant, share, standing

Body = dict[str, Any]


def days(unified: Unified) -> Body:
    """All dates of a stretch, in order, and how the sources stand."""
    told = (unified.sahha, unified.whoop)
    return {
        "user_id": unified.user_id,
        "from": unified.first,
        "to": unified.last,
        "today": unified.today,
        "timezone_offset_s": int(unified.offset.total_seconds()),
        "sources": {each.source: standing(each) for each in told},
        "errors": unified.errors,
        "days": [_day(unified, day) for day in sorted(unified.days)],
    }


def _day(unified: Unified, day: date) -> Body:
    return {
        "date": day,
        "completeness": share(unified.completeness(day)),
        "metrics": {name: _metric(merged) for name, merged in unified.days[day].items()},
        "missing": [
            {"source": gap.source, "part": gap.part, "reason": gap.reason, "remedy": gap.remedy}
            for gap in unified.gaps(day)
        ],
    }


def _metric(merged: Merged) -> Body:
    return {
        **reading(merged.reading),
        "sources": merged.sources,
        "why": merged.why,
        "lost": [{**reading(each.reading), "why": each.why} for each in merged.lost],
    }


def reading(told: Reading) -> Body:
    """A reading as it is; instants in UTC. `age_s` is in seconds."""
    value = told.value
    return {
        "value": instant(value) if isinstance(value, datetime) else value,
        "unit": told.unit,
        "source": told.source,
        "observed_at": instant(told.observed_at),
        "quality": told.quality,
        "age_s": told.age_s,
        "unsettled": told.unsettled,
        "via": told.via,
    }
