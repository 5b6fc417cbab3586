"""Taking everything along: every row of every table, as JSON and as CSV that no spreadsheet runs, and no secret."""

from __future__ import annotations

import csv
import io
import tempfile
import tracemalloc
import zipfile
from typing import Any

import orjson
import pytest
from sqlalchemy import LargeBinary

from circadia.storage import audit, leaving, takeout
from circadia.storage.schema import metadata
from tests import everywhere
from tests.api.asking import asking
from tests.api.conftest import Api, Json
from tests.api.table import problem

EXPORT = "/api/v1/whoop/export/alice"
WORKING = {"tokens", "authorizations", "budget_turns", "budget_waits", "day_changes"}
"""Secrets, and places in our own queues."""


_ODD = '{"id": "\\ud800", "n": 123456789012345678901234567890}'


async def exported(api: Api, user_id: str = "alice") -> Json:
    return await api.get(f"/api/v1/whoop/export/{user_id}")


async def zipped(api: Api) -> dict[str, list[list[str]]]:
    answer = await api.http.get(EXPORT, params={"format": "csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {
            each.removesuffix(".csv"): list(csv.reader(io.StringIO(archive.read(each).decode(), newline="")))
            for each in archive.namelist()
        }


async def journal(api: Api, *notes: str) -> None:
    """Alice, of whom there are journal entries with these notes."""
    await api.db.execute(
        """WITH m AS (INSERT INTO members (user_id, created_at) VALUES ('alice', now()) RETURNING id)
           INSERT INTO journal_entries
               (member_id, cycle_start, question, timezone_offset, answered_yes, notes, raw, fetched_at)
           SELECT m.id, now(), 'q' || n.place, '-05:00', true, n.note, '{}', now()
           FROM m, unnest(%s::text[]) WITH ORDINALITY n (note, place)""",
        (list(notes),),
    )


async def test_every_row_of_every_table(alice: Api) -> None:
    traces = await everywhere.fill(alice.db, "alice")
    await everywhere.fill(alice.db, "bob")
    counts = await leaving.count(alice.db, traces)
    document = await exported(alice)
    assert document["user_id"] == "alice"
    assert {name: len(rows) for name, rows in document["tables"].items()} == {
        name: rows for name, rows in counts.items() if name not in WORKING
    }
    told = await zipped(alice)
    counts["audit"] += 1  # that the first one was taken
    assert {name: len(rows) - 1 for name, rows in told.items()} == {
        name: rows for name, rows in counts.items() if name not in WORKING
    }
    assert "bob" not in orjson.dumps(document).decode()


async def test_every_column_but_hashes(alice: Api) -> None:
    await everywhere.fill(alice.db, "alice")
    document, told = await exported(alice), await zipped(alice)
    for name, rows in document["tables"].items():
        columns = [each.name for each in metadata.tables[name].columns if not isinstance(each.type, LargeBinary)]
        assert list(rows[0]) == columns == told[name][0], name


async def test_the_rows_are_as_they_are_stored(alice: Api) -> None:
    document, told = await exported(alice), await zipped(alice)
    for name in ("cycles", "sleeps", "recoveries", "workouts", "days", "day_values", "profiles"):
        found = await alice.db.rows(f"SELECT row_to_json(t) FROM {name} t")
        rows = document["tables"][name]
        assert sorted(map(orjson.dumps, rows)) == sorted(orjson.dumps(each[0]) for each in found), name
        for row, cells in zip(rows, told[name][1:], strict=True):
            for value, cell in zip(row.values(), cells, strict=True):
                assert as_told(cell, value) == value, (name, cell)


def as_told(cell: str, value: Any) -> Any:
    """What a cell says, read as the type that JSON has there."""
    if value is None or isinstance(value, str):
        return cell or None
    return orjson.loads(cell)


async def test_no_secret_is_in_it(alice: Api) -> None:
    await everywhere.fill(alice.db, "alice")
    stored = await alice.db.row("SELECT access_token, refresh_token FROM tokens")
    assert stored is not None
    answers = [await alice.http.get(EXPORT), await alice.http.get(EXPORT, params={"format": "csv"})]
    with zipfile.ZipFile(io.BytesIO(answers[1].content)) as archive:
        texts = [answers[0].text, *(archive.read(each).decode() for each in archive.namelist())]
    for text in texts:
        assert not any(each in text for each in stored)
        assert "_hash" not in text
        assert "\\\\x" not in text
    for name in WORKING:
        assert f'"{name}"' not in texts[0]


async def test_cells_that_a_spreadsheet_would_run(api: Api) -> None:
    hostile = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x")']
    plain = ["fine", "1-2", "-5", "+3.5", " =1", ""]
    await journal(api, *hostile, *plain)
    rows = [
        dict(zip(told[0], each, strict=True)) for told in [(await zipped(api))["journal_entries"]] for each in told[1:]
    ]
    by_question = {each["question"]: each for each in rows}
    notes = [by_question[f"q{place}"]["notes"] for place in range(1, len(rows) + 1)]
    assert notes == [*(f"'{each}" for each in hostile), *plain]
    assert {each["timezone_offset"] for each in rows} == {"-05:00"}
    for table, _rows in (await zipped(api)).items():
        for row in _rows:
            for cell in row:
                assert not cell.startswith(("=", "@", "\t", "\r")), (table, cell)


async def test_what_was_received_may_be_of_no_known_alphabet(api: Api) -> None:
    await journal(api)
    await api.db.execute(
        """INSERT INTO rejects (member_id, type, digest, raw, error, version, fetched_at, first_seen_at, last_seen_at)
           SELECT id, 'sleep', '\\x00', %s::json, 'e', '0', now(), now(), now() FROM members""",
        (_ODD,),
    )
    assert _ODD in (await api.http.get(EXPORT)).text
    cells = dict(zip(*(await zipped(api))["rejects"], strict=True))
    assert cells["raw"] == _ODD


async def test_it_is_a_file_and_written_down(alice: Api) -> None:
    answer = await alice.http.get(EXPORT, headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-disposition"] == 'attachment; filename="circadia-2026-11-20.json"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    newest = (await audit.page(alice.db, "alice", None, 1))[0]
    assert (newest.actor_kind, newest.deed, newest.details) == ("key", "data.exported", {"format": "json"})
    head = await alice.http.head(EXPORT, params={"format": "csv"})
    assert head.headers["content-disposition"] == 'attachment; filename="circadia-2026-11-20.zip"'
    assert head.content == b""


async def test_a_user_s_exports_are_made_one_after_the_other(alice: Api) -> None:
    """The turn lasts until the file has arrived, or whoever asked for it is gone."""
    async with asking(alice, EXPORT, alice.http.headers):
        found = problem(await alice.http.get(EXPORT, params={"format": "csv"}), 409, "export_running")
        assert found["remedy"]
        await exported(alice, "bob")
    await exported(alice)
    await zipped(alice)


async def test_somebody_of_whom_nothing_is_kept(api: Api) -> None:
    assert set(map(len, (await exported(api, "nobody"))["tables"].values())) == {0}
    problem(await api.http.get(EXPORT, params={"format": "xml"}), 422, "invalid_request")


@pytest.mark.parametrize("write", [takeout.write_json, takeout.write_csv])
async def test_memory_does_not_grow_with_it(api: Api, write: Any) -> None:
    await journal(api, *(f"{place} {'-' * 2000}" for place in range(4000)))
    with tempfile.TemporaryFile() as file:
        tracemalloc.start()
        await write(api.db, "alice", api.clock(), file)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 4 * 1024 * 1024
