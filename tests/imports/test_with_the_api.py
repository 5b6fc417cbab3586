"""Imported records give way to WHOOP's own of the same events, whichever came first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from circadia import imports
from circadia.domain.catalog import BY_NAME, COLLECTIONS
from circadia.imports import import_export
from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import WhoopSimulator
from circadia.storage import members
from circadia.storage.postgres import Database
from tests.conftest import NewSimulator, OpenRuntime
from tests.exports_of import QUESTIONS, answer, export_of
from tests.imports.stored import (
    NOW,
    TABLES,
    USER,
    Json,
    backfilled,
    document,
    leftovers,
    not_rebuilt,
    scopes,
    second,
    snapshot,
    truth_of,
    waking_date,
    whoop_user,
)
from tests.truth import differences

EDITS = ("edit_sleep", "edit_workout", "retype_workout", "rescore")
DELETIONS = ("merge_nap", "delete_sleep", "delete_workout", "delete_recovery", "merge_cycles")


class TestWithTheApi:
    async def test_import_then_backfill(
        self, db: Database, runtime: OpenRuntime, whoop: WhoopSimulator, truth: Json, tmp_path: Path
    ) -> None:
        await import_export(db, USER, export_of(truth, tmp_path / "x.zip", journal=False), NOW)
        await backfilled(await runtime(whoop), whoop)
        assert await differences(db, USER, truth) == []
        assert await leftovers(db) == dict.fromkeys(BY_NAME.keys() - {"profile", "body_measurement"}, 0)

    async def test_backfill_then_import(
        self, db: Database, runtime: OpenRuntime, whoop: WhoopSimulator, truth: Json, tmp_path: Path
    ) -> None:
        await backfilled(await runtime(whoop), whoop)
        before = await snapshot(db)
        report = await import_export(db, USER, export_of(truth, tmp_path / "x.zip", journal=False), NOW)
        assert await differences(db, USER, truth) == []
        after = await snapshot(db)
        changed = {name for name in TABLES if after[name] != before[name]}
        assert changed == {"export_rows", "members"}
        assert report.days == 0
        for type_ in COLLECTIONS:
            counts = report.counts[type_.name]
            assert counts["yielded"] == counts["read"] > 0
            assert counts["written"] == counts["unchanged"] == 0

    async def test_the_truth_moves_on_between(
        self,
        db: Database,
        runtime: OpenRuntime,
        whoop: WhoopSimulator,
        clock: StandingClock,
        tmp_path: Path,
    ) -> None:
        export = export_of(truth_of(whoop), tmp_path / "x.zip", journal=False)
        await import_export(db, USER, export, NOW)
        clock.advance(timedelta(days=2).total_seconds())
        await backfilled(await runtime(whoop), whoop)
        assert await differences(db, USER, truth_of(whoop)) == []
        await import_export(db, USER, export, clock())
        assert await differences(db, USER, truth_of(whoop)) == []

    @pytest.mark.parametrize("seed", range(1, 4))
    async def test_side_by_side(
        self, db: Database, runtime: OpenRuntime, simulator: NewSimulator, tmp_path: Path, seed: int
    ) -> None:
        whoop = simulator(days=45, seed=seed)
        export = export_of(truth_of(whoop), tmp_path / "x.zip", journal=False)
        opened = await runtime(whoop)
        await asyncio.gather(backfilled(opened, whoop), import_export(db, USER, export, NOW))
        assert await differences(db, USER, truth_of(whoop)) == []

    @pytest.mark.parametrize("action", [*EDITS, *DELETIONS])
    async def test_an_old_export_does_not_bring_back_what_whoop_has_changed(
        self,
        db: Database,
        runtime: OpenRuntime,
        whoop: WhoopSimulator,
        clock: StandingClock,
        tmp_path: Path,
        action: str,
    ) -> None:
        export = export_of(truth_of(whoop), tmp_path / "x.zip", journal=False)
        opened = await runtime(whoop)
        await backfilled(opened, whoop)
        clock.advance(1800)
        whoop.mutate(whoop_user(whoop), action)
        grant = await members.grant_of_user(db, USER)
        assert grant is not None
        await opened.engine.sync(grant, COLLECTIONS, "person")
        assert await differences(db, USER, truth_of(whoop)) == []
        await import_export(db, USER, export, clock())
        assert await differences(db, USER, truth_of(whoop)) == []

    @pytest.mark.parametrize("action", EDITS)
    async def test_what_was_edited_between_export_and_backfill_is_one_event(
        self,
        db: Database,
        runtime: OpenRuntime,
        whoop: WhoopSimulator,
        clock: StandingClock,
        tmp_path: Path,
        action: str,
    ) -> None:
        await import_export(db, USER, export_of(truth_of(whoop), tmp_path / "x.zip", journal=False), NOW)
        clock.advance(1800)
        whoop.mutate(whoop_user(whoop), action)
        await backfilled(await runtime(whoop), whoop)
        left = await leftovers(db)
        assert left == dict.fromkeys(left, 0)
        assert await differences(db, USER, truth_of(whoop)) == []

    async def test_the_journal_is_shown_on_the_day_of_its_cycle(
        self, db: Database, runtime: OpenRuntime, whoop: WhoopSimulator, truth: Json, export: Path
    ) -> None:
        await import_export(db, USER, export, NOW)
        expected = {waking_date(each, truth) for each in truth["cycle"]}
        assert {each[0] for each in await db.rows("SELECT DISTINCT day FROM journal_entries")} == expected
        await backfilled(await runtime(whoop), whoop)
        assert await not_rebuilt(db) == []
        for cycle in truth["cycle"]:
            entries = (await document(db, waking_date(cycle, truth)))["journal"]
            assert {(each["question"], each["answered_yes"], each["notes"]) for each in entries} >= {
                (each, answer(cycle, each), 'two, "large"\nones') for each in QUESTIONS
            }

    async def test_types_that_were_not_granted_keep_the_export_under_whoops_ids(
        self, db: Database, runtime: OpenRuntime, whoop: WhoopSimulator, truth: Json, tmp_path: Path
    ) -> None:
        export = export_of(truth, tmp_path / "x.zip", journal=False)
        await import_export(db, USER, export, NOW)
        await backfilled(await runtime(whoop), whoop, sim_scope=scopes("read:cycles"))
        ids = {each["id"] for each in truth["cycle"]}
        for table in ("sleeps", "recoveries"):
            rows = await db.rows(f"SELECT cycle_id, source FROM {table}")
            assert {each[1] for each in rows} == {"export"}
            assert {each[0] for each in rows} <= ids
        before = await snapshot(db)
        await import_export(db, USER, export, NOW)
        assert await snapshot(db) == before
        assert await not_rebuilt(db) == []

    async def test_a_sleep_read_after_its_cycle_yielded_gets_whoops_cycle(
        self,
        db: Database,
        runtime: OpenRuntime,
        whoop: WhoopSimulator,
        truth: Json,
        export: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(imports, "BATCH", 10)
        await backfilled(await runtime(whoop), whoop, sim_scope=scopes("read:cycles"))
        await import_export(db, USER, export, NOW)
        expected = {second(each["start"]): each["cycle_id"] for each in truth["sleep"]}
        assert any(each["nap"] for each in truth["sleep"])
        assert dict(await db.rows("SELECT start, cycle_id FROM sleeps WHERE source = 'export'")) == expected
        assert await not_rebuilt(db) == []

    async def test_sleeps_alone_from_whoop_name_the_cycles(
        self, db: Database, runtime: OpenRuntime, whoop: WhoopSimulator, truth: Json, tmp_path: Path
    ) -> None:
        export = export_of(truth, tmp_path / "x.zip", journal=False)
        await import_export(db, USER, export, NOW)
        await backfilled(await runtime(whoop), whoop, sim_scope=scopes("read:sleep"))
        named = {each["cycle_id"] for each in truth["sleep"] if not each["nap"]}
        cycles = {each[0] for each in await db.rows("SELECT id FROM cycles")}
        assert len(cycles) == len(truth["cycle"])
        assert named <= cycles
        before = await snapshot(db)
        await import_export(db, USER, export, NOW)
        assert await snapshot(db) == before
        assert await not_rebuilt(db) == []
