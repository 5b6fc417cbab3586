"""Sahha's records as rows: in whatever order their copies come, the same rows stay."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circadia.clients.sahha.parsing import MODELS, listing
from circadia.domain.sahha import Kind
from circadia.storage import sahha, sahha_rows
from circadia.storage.postgres import Database
from circadia.storage.sahha_rows import Written

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
SECOND = timedelta(seconds=1)
NUMBERS = count()

Json = dict[str, Any]


@pytest.fixture
def ana() -> str:
    """A person that nobody else knows."""
    return f"person-{next(NUMBERS)}"


@pytest.fixture
async def profile(db: Database, ana: str) -> int:
    """That person's profile."""
    return await profile_of(db, ana)


def an_id(number: int) -> str:
    return str(UUID(int=number))


def steps(value: int, *, number: int = 1, day: date = DAY, computed: int | None = None, **changes: str) -> Json:
    """A day's steps; `computed` is in seconds after `AT`."""
    told = {
        "id": an_id(number), "category": "activity", "type": "steps", "periodicity": "daily", "aggregation": "total",
        "value": str(value), "unit": "count", "valueType": "integer",
        "startDateTime": f"{day}T00:00:00+10:00", "endDateTime": f"{day}T23:59:59+10:00",
    }  # fmt: skip
    if computed is not None:
        told["createdAtUtc"] = (AT + computed * SECOND).isoformat()
    return told | changes


def score(value: float | None, type_: str = "sleep", *, number: int = 1) -> Json:
    return {"id": an_id(number), "type": type_, "score": value, "scoreDateTime": f"{DAY}T00:00:00+10:00"}


async def profile_of(db: Database, external_id: str) -> int:
    async with db.begin() as connection:
        return await sahha.profile_id(connection, external_id, AT)


async def arrives(db: Database, profile: int, kind: Kind, page: list[Any], received: int = 0) -> Written:
    """A page that was received so many seconds after `AT`."""
    found = listing(MODELS[kind], page, AT + received * SECOND)
    async with db.begin() as connection:
        return await sahha_rows.write(connection, profile, kind, found.items, found.rejects, found.began_at)


async def values(db: Database, profile: int, kind: Kind = "biomarker") -> dict[str, Any]:
    """What is read, by day."""
    found = await sahha_rows.read(db, profile, kind, DAY - timedelta(days=40), DAY + timedelta(days=40))
    return {str(each.day): each.raw.get("value", each.raw.get("score")) for each in found}


async def test_the_copy_that_was_computed_last_stays(db: Database) -> None:
    for old, new, stays in (
        ((1, None, 0), (2, None, 1), "2"),
        ((1, None, 1), (2, None, 0), "1"),
        ((1, 10, 20), (2, 9, 30), "1"),
        ((1, 10, 20), (2, 11, 15), "2"),
        ((1, 10, 20), (2, 10, 21), "2"),
        ((1, 10, 20), (2, 10, 19), "1"),
        ((1, 10, 20), (2, None, 11), "2"),
        ((1, 10, 20), (2, None, 9), "1"),
        ((1, 99_999_999, 20), (2, None, 21), "2"),
    ):
        profile = await profile_of(db, f"person-{next(NUMBERS)}")
        for value, computed, received in (old, new):
            written = await arrives(db, profile, "biomarker", [steps(value, computed=computed)], received)
        assert await values(db, profile) == {"2026-11-20": stays}, (old, new)
        assert written == (Written(1, 0, 0) if stays == "2" else Written(0, 1, 0)), (old, new)


async def test_an_unfinished_day_gives_way_to_the_finished_one(db: Database, profile: int) -> None:
    await arrives(db, profile, "biomarker", [steps(1, computed=0, periodicity="intraday")])
    await arrives(db, profile, "biomarker", [steps(2, number=2, computed=5)], 6)
    assert await values(db, profile) == {"2026-11-20": "2"}
    await arrives(db, profile, "biomarker", [steps(3, computed=4, periodicity="intraday")], 7)
    await arrives(db, profile, "biomarker", [steps(4, number=3, computed=5, periodicity="intraday")], 8)
    assert await values(db, profile) == {"2026-11-20": "2"}
    await arrives(db, profile, "biomarker", [steps(5, number=2, computed=9)], 9)
    assert await values(db, profile) == {"2026-11-20": "5"}


async def test_a_record_may_move_to_another_window(db: Database, profile: int) -> None:
    other = DAY - timedelta(days=1)
    await arrives(db, profile, "biomarker", [steps(1, day=other), steps(2, number=2)])
    await arrives(db, profile, "biomarker", [steps(3, day=DAY)], 1)
    assert await values(db, profile) == {"2026-11-20": "3"}
    await arrives(db, profile, "biomarker", [steps(1, day=other)], 0)
    assert await values(db, profile) == {"2026-11-20": "3"}


async def test_windows_of_another_length_and_other_types_stand_beside(db: Database, profile: int) -> None:
    page = [
        steps(1),
        steps(2, number=2, periodicity="weekly"),
        steps(3, number=3, type="floors_climbed"),
        steps(4, number=4, periodicity="hourly"),
    ]
    assert await arrives(db, profile, "biomarker", page) == Written(4, 0, 0)
    found = await sahha_rows.read(db, profile, "biomarker", DAY, DAY)
    assert sorted(each.raw["value"] for each in found) == ["1", "2", "3", "4"]
    assert [each.raw["value"] for each in await sahha_rows.read(db, profile, "biomarker", DAY, DAY, 1)] == ["3"]


async def test_a_page_is_counted_by_what_it_changed(db: Database, profile: int) -> None:
    page = [score(0.84), score(None, "activity", number=2), {"id": "no id", "score": 2}]
    assert await arrives(db, profile, "score", page) == Written(2, 0, 1)
    assert await arrives(db, profile, "score", [score(0.84), score(0.2, "activity", number=2)], 1) == Written(1, 1, 0)
    assert await arrives(db, profile, "score", [], 2) == Written(0, 0, 0)
    (row,) = await db.rows("SELECT received_at, utc_offset_min, day, score FROM sahha_scores WHERE type = 'sleep'")
    assert row == (AT + SECOND, 600, DAY, 0.84)


async def test_one_record_twice_on_a_page(db: Database, profile: int) -> None:
    assert await arrives(db, profile, "biomarker", [steps(2, computed=-1), steps(1, computed=-2)]) == Written(1, 0, 0)
    assert await values(db, profile) == {"2026-11-20": "2"}


async def test_archetypes(db: Database, profile: int) -> None:
    told = {
        "id": an_id(1), "name": "activity_level", "value": "lightly_active", "dataType": "ordinal",
        "periodicity": "weekly", "ordinality": 2**63, "startDateTime": "2026-11-09T00:00:00+10:00",
        "endDateTime": "2026-11-15T00:00:00+10:00",
    }  # fmt: skip
    assert await arrives(db, profile, "archetype", [told]) == Written(1, 0, 0)
    assert await values(db, profile, "archetype") == {"2026-11-15": "lightly_active"}


async def test_what_cannot_be_a_row_is_kept_as_a_reject_and_spoils_nothing(db: Database, profile: int) -> None:
    deep: Any = "x"
    for _ in range(252):
        deep = [deep]
    page = [
        steps(1),
        steps(2, number=2, startDateTime="0001-01-01T00:00:00+14:00"),
        steps(3, number=3, startDateTime="2026-11-20T00:00:00+23:00", endDateTime="2026-11-19T23:59:59-23:00"),
        steps(4, number=4, unit="\x00"),
        steps(5, number=5, day=DAY + timedelta(days=1)) | {"deep": deep},
        "no object",
    ]
    assert await arrives(db, profile, "biomarker", page) == Written(3, 0, 3)
    assert await values(db, profile) == {"2026-11-19": "3", "2026-11-20": "1", "2026-11-21": "5"}
    assert await db.row("SELECT count(*) FROM sahha_rejects WHERE profile_id = %s", (profile,)) == (3,)
    assert await arrives(db, profile, "biomarker", page, 1) == Written(0, 3, 3)
    assert await db.row("SELECT count(*) FROM sahha_rejects WHERE profile_id = %s", (profile,)) == (3,)


async def test_one_person_s_records_are_not_another_s(db: Database, profile: int) -> None:
    other = await profile_of(db, "bo")
    await arrives(db, profile, "biomarker", [steps(1)])
    await arrives(db, other, "biomarker", [steps(2)])
    assert (await values(db, profile), await values(db, other)) == ({"2026-11-20": "1"}, {"2026-11-20": "2"})


async def test_what_nobody_reads_any_more_is_dropped_after_a_while(db: Database, profile: int) -> None:
    for number in range(3):
        await arrives(db, profile, "biomarker", [steps(number, number=number)], number)
    await arrives(db, profile, "biomarker", [steps(9, number=9, type="floors_climbed")])
    assert await sahha_rows.drop_superseded(db, profile, AT + SECOND) == 1
    assert await sahha_rows.drop_superseded(db, profile, AT + 60 * SECOND) == 1
    assert await sahha_rows.drop_superseded(db, profile, AT + 60 * SECOND) == 0
    found = await db.rows("SELECT value FROM sahha_biomarkers WHERE profile_id = %s ORDER BY value", (profile,))
    assert found == [("2",), ("9",)]


async def test_a_page_that_is_cut_off_leaves_nothing(db: Database, profile: int) -> None:
    found = listing(MODELS["biomarker"], [steps(n, number=n, type=f"t{n}") for n in range(500)], AT)
    with pytest.raises(psycopg.Error):  # noqa: PT012 - the transaction is what is tested
        async with db.pool.connection() as connection, connection.transaction():
            await sahha_rows.write(connection, profile, "biomarker", found.items, found.rejects, AT)
            await sahha.fetched(connection, profile, "biomarker", DAY, DAY, AT, records=True)
            await db.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            await connection.execute("SELECT 1")
    for table in ("biomarkers", "fetches"):
        assert await db.row(f"SELECT count(*) FROM sahha_{table} WHERE profile_id = %s", (profile,)) == (0,), table
    assert await arrives(db, profile, "biomarker", [raw for _, raw in found.items]) == Written(500, 0, 0)


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[list[Json], int]]:
    """Pages of copies that meet in ids, days and instants: fetches without an instant of computing, and webhooks."""
    pages = []
    for value in range(draw(st.integers(2, 5))):
        received = draw(st.integers(0, 3))
        page = [
            steps(
                10 * value + place,
                number=draw(st.integers(1, 2)),
                day=DAY - timedelta(days=draw(st.integers(0, 1))),
                computed=draw(st.none() | st.integers(-1, 4)),
                periodicity=draw(st.sampled_from(["intraday", "daily"])),
            )
            for place in range(draw(st.integers(1, 2)))
        ]
        pages.append((page, received))
    return pages


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.data())
async def test_in_every_order_the_same_rows_stay(
    db: Database, pages: list[tuple[list[Json], int]], data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*pages, *data.draw(st.lists(st.sampled_from(pages), max_size=2))]))
    stays = []
    for order in (pages, again):
        profile = await profile_of(db, f"person-{next(NUMBERS)}")
        for page, received in order:
            await arrives(db, profile, "biomarker", page, received)
        rows = (
            "SELECT id, day, value, settled, computed_at, received_at, raw FROM sahha_biomarkers WHERE profile_id = %s"
        )
        stays.append((sorted(await db.rows(rows, (profile,)), key=str), await values(db, profile)))
    assert stays[0] == stays[1]
