"""A member's own export becomes the records that the API would have brought."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import date, timedelta
from pathlib import Path

import pytest

from circadia import imports
from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.imports import import_export
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import WhoopSimulator
from circadia.storage import members
from circadia.storage.postgres import Database
from tests.exports_of import QUESTIONS, answer, export_of, main_sleep
from tests.imports.stored import (
    NOW,
    TABLES,
    USER,
    Json,
    document,
    leftovers,
    not_rebuilt,
    second,
    snapshot,
    truth_of,
    waking_date,
    whoop_user,
)


class TestAlone:
    async def test_every_record_is_there(self, db: Database, truth: Json, export: Path) -> None:
        told: list[int] = []
        report = await import_export(db, USER, export, NOW, progress=told.append)
        assert report.problems == ()
        assert not report.nothing
        scored = [each for each in truth["recovery"] if each.get("score")]
        for name, expected in (truth | {"recovery": scored}).items():
            if name in BY_NAME and BY_NAME[name].collection:
                read = len(expected)
                assert report.counts[name] == {"read": read, "written": read, "unchanged": 0, "yielded": 0}
        assert report.counts["journal"]["written"] == len(truth["cycle"]) * len(QUESTIONS)
        assert told == sorted(set(told))
        rows = await db.row("SELECT count(*) FROM export_rows")
        assert rows == (told[-1],)
        assert await db.rows("SELECT day FROM days") != []
        assert report.days == len(await db.rows("SELECT day FROM days"))
        assert await not_rebuilt(db) == []

    async def test_a_day_shows_what_the_export_tells(self, db: Database, truth: Json, export: Path) -> None:
        await import_export(db, USER, export, NOW)
        cycle = next(
            each for each in truth["cycle"][3:] if (main_sleep(each, truth) or {}).get("score") and each.get("score")
        )
        sleep = main_sleep(cycle, truth)
        assert sleep is not None
        found = await document(db, waking_date(cycle, truth))
        assert found["as_of"] == "2026-11-20T12:00:00.000Z"
        assert found["connection"] == "not_connected"
        assert found["cycle"]["source"] == "export"
        assert found["cycle"]["strain"] == round(cycle["score"]["strain"], 1)
        assert found["cycle"]["calories"] == round(cycle["score"]["kilojoule"] / 4.184)
        assert found["sleep"]["in_bed_ms"] % 60_000 == 0
        need = sum(sleep["score"]["sleep_needed"].values())
        assert found["sleep"]["need"]["total_ms"] == round(need / 60_000) * 60_000
        assert {each["question"]: each["answered_yes"] for each in found["journal"]} == {
            each: answer(cycle, each) for each in QUESTIONS
        }

    async def test_a_part_that_an_export_lacks_is_missing_with_its_reason(
        self, db: Database, truth: Json, tmp_path: Path
    ) -> None:
        cycle = truth["cycle"][5]
        without = truth | {
            "recovery": [each for each in truth["recovery"] if each["cycle_id"] != cycle["id"]],
            "sleep": [each for each in truth["sleep"] if each["cycle_id"] != cycle["id"]],
        }
        await import_export(db, USER, export_of(without, tmp_path / "x.zip"), NOW)
        found = await document(db, waking_date(cycle, without))
        assert {each["part"]: each["reason"] for each in found["missing"]} == {
            "recovery": "not_recorded",
            "sleep": "not_recorded",
        }
        empty = await document(db, date(2020, 1, 1))
        assert empty["state"] == "empty"
        assert {each["reason"] for each in empty["missing"]} == {"not_connected"}

    async def test_again_changes_nothing(self, db: Database, export: Path) -> None:
        first = await import_export(db, USER, export, NOW)
        before = await snapshot(db)
        again = await import_export(db, USER, export, NOW)
        assert await snapshot(db) == before
        assert again.days == 0
        for name, counts in again.counts.items():
            read = first.counts[name]["read"]
            assert counts == {"read": read, "written": 0, "unchanged": read, "yielded": 0}

    async def test_again_later_changes_only_when_it_was(self, db: Database, export: Path) -> None:
        await import_export(db, USER, export, NOW)
        before = await snapshot(db)
        await import_export(db, USER, export, NOW + timedelta(days=3))
        after = await snapshot(db)
        assert {name for name in TABLES if after[name] != before[name]} == {"members"}
        found = await members.find(db, USER)
        assert found is not None
        assert found.as_of == NOW + timedelta(days=3)

    async def test_broken_off_anywhere_and_run_again(
        self, db: Database, export: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "BATCH", 25)
        whole = await import_export(db, "bob", export, NOW)
        batches = 0
        while True:
            deed = imports._Import(db, USER, NOW)
            async with aclosing(deed.batches(export)) as stream:
                done = 0
                async for _ in stream:
                    done += 1
                    if done > batches:
                        break
                else:
                    break
            batches += 3
        assert batches > 3
        again = await import_export(db, USER, export, NOW)
        assert {name: each["read"] for name, each in again.counts.items()} == {
            name: each["read"] for name, each in whole.counts.items()
        }
        for type_ in COLLECTIONS:
            columns = ", ".join(f't."{each}"' for each in (*type_.columns, "raw", "day", "source"))
            rows = (
                f"SELECT ({columns})::text FROM {type_.table} t JOIN members m ON m.id = member_id WHERE user_id = %s"
            )
            assert sorted(await db.rows(rows, (USER,))) == sorted(await db.rows(rows, ("bob",)))
        documents = "SELECT day, document::text FROM days JOIN members m ON m.id = member_id WHERE user_id = %s"
        assert sorted(await db.rows(documents, (USER,))) == sorted(await db.rows(documents, ("bob",)))

    async def test_the_file_is_let_go_when_the_import_is_cancelled(self, db: Database, export: Path) -> None:
        running = asyncio.Event()
        task = asyncio.create_task(import_export(db, USER, export, NOW, progress=lambda _: running.set()))
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        report = await import_export(db, USER, export, NOW)
        assert report.problems == ()
        assert await not_rebuilt(db) == []


class TestAnotherExport:
    async def test_in_another_language_it_is_the_same_events(
        self, db: Database, truth: Json, export: Path, tmp_path: Path
    ) -> None:
        await import_export(db, USER, export, NOW)
        before = await snapshot(db)
        german = export_of(truth, tmp_path / "de.zip", language="de", journal=False)
        report = await import_export(db, USER, german, NOW)
        after = await snapshot(db)
        assert report.counts["workout"]["read"] == len(truth["workout"])
        assert report.counts["workout"]["yielded"] > 0
        same = ("cycles", "sleeps", "recoveries", "workouts", "days")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}

    async def test_known_sports_replace_names_in_another_language(
        self, db: Database, truth: Json, export: Path, tmp_path: Path
    ) -> None:
        await import_export(db, USER, export_of(truth, tmp_path / "de.zip", language="de"), NOW)
        await import_export(db, USER, export, NOW)
        sports = await db.rows("SELECT sport_name, start FROM workouts")
        assert len(sports) == len(truth["workout"])
        assert "laufen" not in {each[0] for each in sports}

    async def test_concurrent_activities_of_one_export_stay_two(
        self, db: Database, truth: Json, tmp_path: Path
    ) -> None:
        one = truth["workout"][0]
        two = one | {"sport_name": "yoga" if one["sport_name"] != "yoga" else "running"}
        export = export_of(truth | {"workout": [two, *truth["workout"]]}, tmp_path / "x.zip")
        for _ in range(2):
            await import_export(db, USER, export, NOW)
            assert (await leftovers(db))["workout"] == len(truth["workout"]) + 1

    async def test_a_newer_one_closes_cycles_and_replaces_what_was_edited(
        self, db: Database, whoop: WhoopSimulator, clock: StandingClock, tmp_path: Path
    ) -> None:
        await import_export(db, USER, export_of(truth_of(whoop), tmp_path / "old.zip"), NOW)
        for action in ("edit_sleep", "edit_workout", "merge_cycles", "edit_sleep"):
            clock.advance(3600)
            whoop.mutate(whoop_user(whoop), action)
        clock.advance(timedelta(days=2).total_seconds())
        truth = truth_of(whoop)
        newer = export_of(truth, tmp_path / "new.zip")
        await import_export(db, USER, newer, clock())
        starts = {name: sorted(second(each["start"]) for each in truth[name]) for name in ("cycle", "workout")}
        for name, expected in starts.items():
            stored = await db.rows(f"SELECT start FROM {BY_NAME[name].table} ORDER BY start")
            assert [each[0] for each in stored] == expected
        assert await not_rebuilt(db) == []
