"""Columns are known by their headers: in any language, spelling and order."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest

from circadia.clients.whoop.export_headers import Kind, columns_of
from circadia.domain.records import Recovery
from tests.export_files import (
    EXPORT,
    FILES,
    FIXTURES,
    TABLE,
    first,
    imported,
    journal,
    problems,
    rows_of,
    sample,
    write,
)


class TestLanguages:
    @pytest.mark.parametrize("language", sorted(TABLE["languages"]))
    @pytest.mark.parametrize("kind", sorted(FILES))
    @pytest.mark.parametrize("spelling", ["plain", "decomposed", "spaced", "tight"])
    def test_localized_headers(self, tmp_path: Path, language: str, kind: Kind, spelling: str) -> None:
        headers = [each or "GPS activé" for each in TABLE["languages"][language][kind]]
        if spelling == "decomposed":
            headers = [unicodedata.normalize("NFD", each) for each in headers]
        if spelling == "tight":
            headers = [each.replace(" %", "%") for each in headers]
        if spelling == "spaced":
            headers = [
                f" {each.replace(' %', chr(0xA0) + '%').replace(chr(39), chr(0x2019)).upper()} " for each in headers
            ]
        rows = [row[: len(headers)] for row in rows_of(kind)[1:]]
        # Order says nothing: written backwards.
        path = tmp_path / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([headers[::-1], *(row[::-1] for row in rows)])
        english = write(tmp_path / "en.csv", sample(kind))
        assert not problems(path)
        if kind == "journal":
            assert [(each.question, each.notes) for each in journal(path)] == [
                (each.question, each.notes) for each in journal(english)
            ]
        elif kind == "workouts":
            assert [each.record for each in imported(path)] == [
                each.record for each in imported(FIXTURES / "export" / "workouts.without_gps_columns.csv")
            ]
        else:
            assert imported(path)
            assert [each.record for each in imported(path)] == [each.record for each in imported(english)]

    def test_canonical_names_are_those_of_the_table(self) -> None:
        canonical = TABLE["canonical"]
        assert columns_of("cycles") == tuple(canonical["cycles"])
        assert columns_of("sleeps") == tuple(canonical["sleeps"])
        assert columns_of("workouts") == (*canonical["workouts"], *canonical["workouts_optional_tail"])
        assert columns_of("journal") == tuple(canonical["journal"])

    def test_raw_keeps_the_canonical_names(self) -> None:
        for each in imported(EXPORT, "cycle"):
            assert tuple(each.raw["export"]) == columns_of("cycles")


class TestColumns:
    def test_an_unknown_column_is_kept_in_raw(self, tmp_path: Path) -> None:
        text = sample("workouts").replace("meters)\n", "meters),Mood\n", 1).replace(",,,\n", ",,,,fine\n", 1)
        text = text.replace("-1.35\n", "-1.35,good\n")
        path = write(tmp_path / "w.csv", text)
        assert not problems(path)
        assert [each.raw["export"]["Mood"] for each in imported(path)] == ["fine", "good"]

    def test_a_renamed_column_is_named(self, tmp_path: Path) -> None:
        path = write(tmp_path / "c.csv", sample("cycles").replace("Skin temp (celsius)", "Skin warmth"))
        (problem,) = problems(path)
        assert problem.line == 1
        assert "Skin warmth" in problem.message
        assert imported(path, "recovery")[0].raw["export"]["recovery_pct"] == "64"
        assert first(path, "recovery").skin_temp_celsius is None

    def test_a_cycles_file_without_sleep_columns(self, tmp_path: Path) -> None:
        rows = [row[:12] for row in rows_of("cycles")]
        path = write(tmp_path / "c.csv", "\n".join(",".join(row) for row in rows))
        assert not problems(path)
        assert not imported(path, "sleep")
        # A cycle starts with its main sleep, so the recovery names the same sleep as in the full file.
        ids = [each.record.sleep_id for each in imported(path, "recovery") if isinstance(each.record, Recovery)]
        assert ids == [
            each.record.sleep_id for each in imported(EXPORT, "recovery") if isinstance(each.record, Recovery)
        ]

    def test_a_column_named_twice_is_no_export(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "w.csv", sample("workouts").replace("Max HR", "Average HR")))
        assert "not a file of a WHOOP data export" in problem.message
