"""Files that are broken in part or whole, and imports as runs."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from circadia import imports
from circadia.clients.whoop.export import read_export
from circadia.errors import Invalid, NotFound
from circadia.imports import import_export, run_import
from circadia.simulator.clock import StandingClock
from circadia.storage import members, runs
from circadia.storage.postgres import Database
from tests.imports.stored import (
    NOW,
    USER,
    Json,
)


class TestFiles:
    async def test_what_is_no_export_leaves_no_trace(self, db: Database, tmp_path: Path) -> None:
        path = tmp_path / "holiday.csv"
        path.write_text("Place,Days\nRome,3\n", encoding="utf-8")
        report = await import_export(db, USER, path, NOW)
        assert report.nothing
        assert [each.file for each in report.problems] == ["holiday.csv"]
        assert await members.find(db, USER) is None

    async def test_a_broken_row_is_named_and_the_rest_is_imported(
        self, db: Database, export: Path, truth: Json, tmp_path: Path
    ) -> None:
        broken = rewritten(export, tmp_path / "broken.zip", "workouts.csv", lambda lines: [*lines, "2026,nonsense"])
        report = await import_export(db, USER, broken, NOW)
        (problem,) = report.problems
        assert problem.file.endswith("workouts.csv")
        assert problem.line == len(truth["workout"]) + 2
        assert report.counts["workout"]["written"] == len(truth["workout"])
        assert not report.nothing

    async def test_problems_beyond_a_thousand_are_counted(self, db: Database, export: Path, tmp_path: Path) -> None:
        broken = rewritten(export, tmp_path / "x.zip", "workouts.csv", lambda lines: lines + ["nonsense"] * 1_100)
        report = await import_export(db, USER, broken, NOW)
        assert (len(report.problems), report.more_problems) == (1_000, 100)
        assert report.as_dict()["problem_count"] == 1_100
        assert len(report.as_dict()["problems"]) == 100

    async def test_rows_in_any_order_and_twice(self, db: Database, truth: Json, export: Path, tmp_path: Path) -> None:
        await import_export(db, "bob", export, NOW)
        shuffled = rewritten(
            export, tmp_path / "x.zip", "sleeps.csv", lambda lines: [lines[0], *lines[:0:-1], *lines[1:]]
        )
        report = await import_export(db, USER, shuffled, NOW)
        assert report.counts["sleep"]["written"] == len(truth["sleep"])
        documents = "SELECT day, document::text FROM days JOIN members m ON m.id = member_id WHERE user_id = %s"
        assert sorted(await db.rows(documents, (USER,))) == sorted(await db.rows(documents, ("bob",)))

    async def test_a_user_id_that_is_none_is_refused(self, db: Database, export: Path) -> None:
        with pytest.raises(Invalid):
            await import_export(db, "no spaces", export, NOW)

    @pytest.mark.parametrize("need", ["", "535.5", "535 "])
    async def test_a_sleep_need_as_any_text(self, db: Database, export: Path, tmp_path: Path, need: str) -> None:
        path = rewritten(export, tmp_path / "x.zip", "physiological_cycles.csv", with_need(need), alone=True)
        await import_export(db, USER, path, NOW)
        assert await needs(db) == {None if not need else round(float(need) * 60_000)}

    async def test_of_two_tellings_the_fuller_one_counts(self, db: Database, export: Path, tmp_path: Path) -> None:
        fuller = rewritten(export, tmp_path / "1.zip", "physiological_cycles.csv", with_need("535"))
        path = rewritten(fuller, tmp_path / "2.zip", "sleeps.csv", with_need(""))
        await import_export(db, USER, path, NOW)
        assert await needs(db) == {535 * 60_000}


def with_need(need: str) -> Callable[[list[str]], list[str]]:
    """Puts `need` into every row's sleep need."""

    def change(lines: list[str]) -> list[str]:
        place = lines[0].split(",").index("Sleep need (min)")
        rows = [each.split(",") for each in lines[1:]]
        return [lines[0], *(",".join([*each[:place], need, *each[place + 1 :]]) for each in rows)]

    return change


async def needs(db: Database) -> set[int | None]:
    """The total sleep needs that main sleeps show."""
    sleeps = [orjson.loads(each[0])["sleep"] for each in await db.rows("SELECT document::text FROM days")]
    return {each["need"]["total_ms"] for each in sleeps if each and each["need"]}


def rewritten(
    export: Path, path: Path, name: str, change: Callable[[list[str]], list[str]], *, alone: bool = False
) -> Path:
    """The export with the lines of one file changed; no field of that file may hold a line break."""
    with zipfile.ZipFile(export) as old, zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            text = old.read(each).decode()
            if each.endswith(name):
                text = "\n".join(change(text.splitlines())) + "\n"
            if each.endswith(name) or not alone:
                new.writestr(each, text)
    return path


class TestRun:
    async def run(self, db: Database, path: Path, clock: StandingClock) -> runs.Run:
        async with db.begin() as connection:
            member_id = await members.ensure(connection, USER, clock())
        run_id = await runs.create(db, member_id, "import", "person", [], clock())
        await run_import(db, run_id, USER, path, clock)
        found = await runs.load(db, run_id)
        assert found is not None
        assert not path.exists()
        return found

    async def test_succeeded(self, db: Database, export: Path, clock: StandingClock) -> None:
        row_count = sum(1 for each in read_rows(export))
        run = await self.run(db, export, clock)
        assert (run.state, run.error, run.progress) == ("succeeded", None, {"rows": row_count})
        assert run.outcome is not None
        assert run.outcome["types"]["cycle"]["written"] > 0
        assert run.outcome["problems"] == []

    async def test_partial(self, db: Database, export: Path, clock: StandingClock, tmp_path: Path) -> None:
        broken = rewritten(export, tmp_path / "b.zip", "workouts.csv", lambda lines: [*lines, "nonsense"])
        run = await self.run(db, broken, clock)
        assert (run.state, run.error) == ("partial", None)
        assert run.outcome is not None
        assert run.outcome["problem_count"] == 1
        assert run.outcome["problems"][0]["line"] > 1

    async def test_failed(self, db: Database, clock: StandingClock, tmp_path: Path) -> None:
        path = tmp_path / "upload"
        path.write_bytes(b"\x00\x01 no export")
        run = await self.run(db, path, clock)
        assert run.state == "failed"
        assert run.error is not None
        assert run.error["kind"] == "not_an_export"
        assert run.error["remedy"]

    async def test_a_member_erased_meanwhile(
        self, db: Database, export: Path, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "BATCH", 20)
        deed = import_export(db, USER, export, NOW, progress=lambda _: erased.set())
        erased = asyncio.Event()
        task = asyncio.create_task(deed)
        await erased.wait()
        await db.execute("DELETE FROM members")
        with pytest.raises(NotFound, match="erased"):
            await task
        assert await members.find(db, USER) is None


def read_rows(export: Path) -> set[tuple[str, int]]:
    return {(each.row.file, each.row.line) for each in read_export(export) if hasattr(each, "row")}
