"""The analyses over the days of a simulated member, as the records settled, against the oracle over the documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import LiteralString

import numpy as np

from circadia.domain.trends import BY_NAME
from tests.conftest import NewStage
from tests.reporting import oracle
from tests.reporting.documents import at, documents, figures
from tests.reporting.series import NAN, Json, Series, open_store, same

FIRST, LAST = date(2026, 7, 1), date(2026, 11, 20)


def _counted(told: dict[date, Json], metric: str) -> Series:
    """The values that count on each date of the range; NaN where there is none."""
    found = np.full((LAST - FIRST).days + 1, NAN)
    for day, document in told.items():
        unsure = {"recovery": at(document["recovery"], "calibrating"), "sleep": False}
        value = figures(document)[metric]
        if value is not None and not unsure.get(BY_NAME[metric].part, at(document["cycle"], "open")):
            found[(day - FIRST).days] = value
    return found


def _wrong(got: Sequence[Json], wanted: Sequence[Json], *but: str) -> list[str]:
    assert len(got) == len(wanted)
    return [
        f"{FIRST + timedelta(days=place)} {key}: {row[key]}, not {value}"
        for place, (row, want) in enumerate(zip(got, wanted, strict=True))
        for key, value in want.items()
        if key not in {"day", *but} and not same(row[key], value)
    ]


async def test_a_simulated_member(stage: NewStage, database_url: str) -> None:
    member = await stage(days=120, seed=2)
    await member.backfill()
    told = await documents(member.db, FIRST, LAST)
    assert len(told) > 110
    with open_store(database_url) as store:

        def ask(function: LiteralString, *arguments: object) -> list[Json]:
            return store.ask(function, "alice", *arguments)

        for metric in (
            "recovery_score",
            "hrv_rmssd_ms",
            "sleep_duration_s",
            "strain",
            "zone_load",
            "skin_temp_celsius",
        ):
            values = _counted(told, metric)
            wanted = oracle.series(values, logarithm=metric == "hrv_rmssd_ms")
            assert not _wrong(ask("series", metric, FIRST, LAST), wanted, "value", "state"), metric
            polarity = BY_NAME[metric].polarity
            line = oracle.trend(values, polarity if polarity in {"up", "down"} else None)
            assert not _wrong(ask("trend", metric, FIRST, LAST), [line]), metric
            assert not _wrong(ask("weekdays", metric, FIRST, LAST), oracle.weekdays(values, FIRST)), metric
        hrv, heart = _counted(told, "hrv_rmssd_ms"), _counted(told, "resting_heart_rate_bpm")
        assert not _wrong(ask("hrv_baseline", FIRST, LAST), oracle.hrv_baseline(hrv))
        assert not _wrong(ask("resting_heart_rate", FIRST, LAST), oracle.resting_heart_rate(heart))
        for by in ("strain", "energy_kj", "zone_load"):
            assert not _wrong(ask("load", FIRST, LAST, by), oracle.load(_counted(told, by))), by
