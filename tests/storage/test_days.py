"""Whatever order pages, deletions, settles and reads come in: rows follow the order rule, documents follow the rows.

Rows are judged by a model of the order rule in a few lines, documents by `tests.day_oracle`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.storage import days, members, records
from circadia.storage.postgres import Database
from circadia.storage.records import Received
from tests.day_oracle import days_of

Json = dict[str, Any]
BASE = datetime(2026, 3, 27, tzinfo=UTC)
UUIDS = [str(UUID(int=each)) for each in range(1, 6)]
CYCLES = range(1, 5)
NUMBERS = count(1)

hours = st.integers(0, 96)
offsets = st.sampled_from(["Z", "+01:00", "+05:30", "-08:00", "+14:00"])
states = st.sampled_from(["SCORED", "PENDING_SCORE", "UNSCORABLE"])


def text_of(hour: float) -> str:
    return (BASE + timedelta(hours=hour)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@st.composite
def payloads(draw: st.DrawFn, name: str) -> Json:
    """One record of a type, with few ids and times, so that records meet."""
    start, state = draw(hours), draw(states)
    payload: Json = {"created_at": text_of(0), "updated_at": text_of(draw(st.integers(0, 3))), "score_state": state}
    if name != "recovery":
        payload |= {"start": text_of(start), "end": text_of(start + draw(st.integers(1, 30)))}
        payload |= {"timezone_offset": draw(offsets)}
    match name:
        case "cycle":
            payload |= {"id": draw(st.sampled_from(CYCLES))} | ({"end": None} if draw(st.booleans()) else {})
            payload["score"] = {"strain": draw(st.integers(0, 21)), "kilojoule": draw(st.integers(0, 9999)) + 0.5}
        case "sleep":
            payload |= {"id": draw(st.sampled_from(UUIDS)), "nap": draw(st.booleans())}
            payload["cycle_id"] = draw(st.sampled_from([*CYCLES, None]))
        case "recovery":
            payload |= {"cycle_id": draw(st.sampled_from(CYCLES)), "sleep_id": draw(st.sampled_from(UUIDS))}
            payload["score"] = {"recovery_score": draw(st.integers(0, 100))}
        case "workout":
            payload |= {"id": draw(st.sampled_from(UUIDS)), "sport_name": "running", "sport_id": 0}
    return payload


@st.composite
def deeds(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Something that happens to a member's store."""
    what = draw(st.sampled_from(["page", "page", "late page", "late page", "bury", "bury", "settle", "read"]))
    name = draw(st.sampled_from([each.name for each in COLLECTIONS]))
    if what.endswith("page"):
        return what, name, draw(st.lists(payloads(name), min_size=1, max_size=4))
    if what == "bury":
        keys = UUIDS if BY_NAME[name].key == "id" and name != "cycle" else list(CYCLES)
        return what, name, draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True))
    return what, name, draw(st.integers(-1, 6))


@dataclass
class Row:
    """A stored record as the order rule sees it."""

    raw: Json
    fetched_at: datetime
    deleted_at: datetime | None = None

    def gives_way(self, raw: Json, fetched_at: datetime) -> bool:
        if self.deleted_at is not None:
            return fetched_at > self.deleted_at and raw["updated_at"] >= self.raw["updated_at"]
        if raw["updated_at"] == self.raw["updated_at"]:
            return fetched_at >= self.fetched_at and raw != self.raw
        return bool(raw["updated_at"] > self.raw["updated_at"])


@dataclass
class Model:
    """The rows of a member by type and key."""

    rows: dict[str, dict[Any, Row]] = field(default_factory=lambda: {each.name: {} for each in COLLECTIONS})

    def page(self, name: str, page: list[Json], fetched_at: datetime) -> None:
        rows = self.rows[name]
        for raw in {each[BY_NAME[name].key]: each for each in reversed(page)}.values():
            key = raw[BY_NAME[name].key]
            if key not in rows or rows[key].gives_way(raw, fetched_at):
                rows[key] = Row(raw, fetched_at)

    def bury(self, name: str, keys: list[Any], learned_at: datetime) -> None:
        doomed = [row for key, row in self.rows[name].items() if key in keys]
        if name == "sleep":
            doomed += [row for row in self.rows["recovery"].values() if row.raw["sleep_id"] in keys]
        for row in doomed:
            if row.deleted_at is None and row.fetched_at < learned_at:
                row.deleted_at = learned_at

    def live(self) -> Json:
        return {name: [row.raw for row in rows.values() if row.deleted_at is None] for name, rows in self.rows.items()}


async def do(
    db: Database, member_id: int, user_id: str, model: Model, at: datetime, deed: tuple[str, str, Any]
) -> None:
    what, name, details = deed
    type_ = BY_NAME[name]
    if what == "read":
        document = json.loads(await days.document(db, user_id, BASE.date() + timedelta(days=details)))
        expected = days_of(model.live()).get(date.fromisoformat(document["date"]))
        assert document["state"] == "empty" if expected is None else shown(document) == expected
        return
    async with db.begin() as connection:
        await records.lock(connection, member_id)
        if what == "settle":
            await days.settle(connection, member_id)
        elif what == "bury":
            keys = [UUID(each) if isinstance(each, str) else each for each in details]
            await records.bury(connection, type_, member_id, keys, learned_at=at)
            model.bury(name, details, at)
        else:
            fetched_at = at - timedelta(seconds=150) if what == "late page" else at
            received = [Received(type_.model.model_validate(each), each) for each in details]
            await records.upsert(connection, type_, member_id, received, fetched_at=fetched_at)
            model.page(name, details, fetched_at)


def shown(document: Json) -> Json:
    return {name: value for name, value in document.items() if name not in ("user_id", "date", "as_of", "connection")}


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(deeds(), min_size=1, max_size=16))
async def test_after_any_interleaving_documents_equal_a_rebuild_and_the_oracle(
    db: Database, happened: list[tuple[str, str, Any]]
) -> None:
    user_id, model = f"member-{next(NUMBERS)}", Model()
    async with db.begin() as connection:
        member_id = await members.ensure(connection, user_id, BASE)
    for number, deed in enumerate(happened):
        await do(db, member_id, user_id, model, BASE + timedelta(days=9, seconds=60 * number), deed)
    truth = model.live()
    for type_ in COLLECTIONS:
        found = await db.rows(
            f"SELECT raw FROM {type_.table} WHERE member_id = %s AND deleted_at IS NULL", (member_id,)
        )
        assert by_key(type_.key, (each[0] for each in found)) == by_key(type_.key, truth[type_.name])
    expected = days_of(truth)
    async with db.begin() as connection:
        await days.settle(connection, member_id)
    stored: dict[date, str] = dict(
        await db.rows("SELECT day, document::text FROM days WHERE member_id = %s", (member_id,))
    )
    asked = sorted(set(expected) | set(stored))
    rebuilt: dict[date, str] = dict(
        await db.rows("SELECT day, document::text FROM day_bodies(%s, %s)", (member_id, asked))
    )
    assert stored == rebuilt
    assert {day: json.loads(text) for day, text in stored.items()} == expected


def by_key(key: str, found: Any) -> Json:
    return {str(each[key]): each for each in found}


async def test_a_reader_never_gets_an_old_document(db: Database) -> None:
    async with db.begin() as connection:
        member_id = await members.ensure(connection, "m", BASE)
    cycle = {
        "id": 1, "created_at": text_of(0), "updated_at": text_of(0), "score_state": "SCORED", "start": text_of(0),
        "end": None, "timezone_offset": "Z", "score": {"strain": 1.0},
    }  # fmt: skip
    for strain in (1.0, 2.0, 3.0):
        raw = cycle | {"score": {"strain": strain}, "updated_at": text_of(strain)}
        received = [Received(BY_NAME["cycle"].model.model_validate(raw), raw)]
        async with db.begin() as connection:
            await records.upsert(connection, BY_NAME["cycle"], member_id, received, fetched_at=BASE)
        assert json.loads(await days.document(db, "m", BASE.date()))["cycle"]["strain"] == strain
        summary = await db.row("SELECT reporting.daily_summary('m', %s)", (BASE.date(),))
        assert summary is not None
        assert summary[0]["cycle"]["strain"] == strain
        assert await days.newest(db, "m") == BASE.date()


async def test_a_range_gives_every_date_once_whatever_the_batch(db: Database) -> None:
    first, last = date(2024, 2, 26), date(2024, 3, 4)
    for batch in (1, 3, 100):
        found = [json.loads(each)["date"] async for each in days.documents(db, "nobody", first, last, batch=batch)]
        assert found == [(first + timedelta(days=each)).isoformat() for each in range(8)]
    assert [each async for each in days.documents(db, "nobody", last, first)] == []
    assert await days.newest(db, "nobody") is None
