"""Zips, folders and files: what is an export, what is something else, and what would do harm."""

from __future__ import annotations

import io
import random
import shutil
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from circadia.clients.whoop import archive
from circadia.clients.whoop.export import Imported, JournalEntry, Problem, read_export
from tests.export_files import EXPORT, Entries, imported, problems, sample, whole, write, zipped

WORKOUTS, JOURNAL = sample("workouts"), sample("journal")
HEADER, FIRST, _ = WORKOUTS.splitlines(keepends=True)


class TestContainers:
    @pytest.mark.parametrize("under", ["", "my_whoop_data_2025_11_04/"])
    def test_a_zip_gives_what_its_folder_gives(self, tmp_path: Path, under: str) -> None:
        resource_forks: Entries = {f"__MACOSX/{under}._{each.name}": b"\x00\x05\x16\x07" for each in EXPORT.iterdir()}
        found = list(
            read_export(zipped(tmp_path / "export.zip", {**whole(under), **resource_forks, "__MACOSX/icon.csv": b"\0"}))
        )
        expected = list(read_export(EXPORT))
        assert [_content(each) for each in found] == [_content(each) for each in expected]
        assert not any(isinstance(each, Problem) for each in found)

    def test_a_zip_is_known_by_its_content(self, tmp_path: Path) -> None:
        assert len(imported(zipped(tmp_path / "download", whole()))) == 24

    def test_a_folder_with_the_unpacked_folder_in_it(self, tmp_path: Path) -> None:
        shutil.copytree(EXPORT, tmp_path / "unpacked")
        write(tmp_path / "notes.txt", "mine")
        assert len(list(read_export(tmp_path))) == len(list(read_export(EXPORT)))

    def test_file_names_do_not_matter(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"physiological_cycles.csv": WORKOUTS, "entra\u0301inements.CSV": JOURNAL})
        assert [type(each) for each in read_export(path)] == [Imported, Imported, JournalEntry, JournalEntry]

    def test_nothing_is_written(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"../escaped.csv": WORKOUTS, **whole("inside/")})
        assert imported(path)
        assert [each.name for each in tmp_path.iterdir()] == ["e.zip"]
        assert not (tmp_path.parent / "escaped.csv").exists()

    def test_a_missing_file(self, tmp_path: Path) -> None:
        (problem,) = problems(tmp_path / "nowhere.zip")
        assert (problem.file, problem.line) == ("nowhere.zip", None)
        assert "no such file" in problem.message


def _content(each: Imported | JournalEntry | Problem) -> object:
    return (each.record, each.raw, each.row.line) if isinstance(each, Imported) else getattr(each, "question", each)


class TestNotAnExport:
    def test_an_unknown_csv_beside_known_ones(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"steps.csv": "Date,Steps\n2025-01-01,9\n", **whole()})
        (problem,) = problems(path)
        assert (problem.file, problem.line) == ("steps.csv", 1)
        assert len(imported(path)) == 24

    def test_a_single_csv_is_named_once(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "steps.csv", "Date,Steps\n2025-01-01,98765\n"))
        assert "not a file of a WHOOP data export" in problem.message
        assert "98765" not in problem.message

    @pytest.mark.parametrize("entries", [{}, {"photo.jpg": b"\xff\xd8"}, {"steps.csv": "Date,Steps\n"}])
    def test_a_zip_of_something_else(self, tmp_path: Path, entries: Entries) -> None:
        last = problems(zipped(tmp_path / "e.zip", entries))[-1]
        assert (last.file, "not a WHOOP data export" in last.message) == ("e.zip", True)

    @pytest.mark.parametrize("files", [3, 500])
    def test_the_privacy_package_has_a_sentence_of_its_own(self, tmp_path: Path, files: int) -> None:
        path = zipped(tmp_path / "p.zip", {f"me/Health/metrics_{n}.csv": "timestamp,hr\n1,60\n" for n in range(files)})
        (problem,) = problems(path)
        assert "privacy request" in problem.message

    @pytest.mark.parametrize("files", [3, 100])
    def test_the_privacy_package_as_a_folder(self, tmp_path: Path, files: int) -> None:
        (tmp_path / "Health").mkdir()
        for n in range(files):
            write(tmp_path / "Health" / f"metrics_{n}.csv", "timestamp,hr\n")
        assert ["privacy request" in each.message for each in problems(tmp_path)] == [True]

    def test_an_export_in_a_folder_called_health_is_an_export(self, tmp_path: Path) -> None:
        assert not problems(zipped(tmp_path / "e.zip", whole("Health/")))

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "workouts.csv", b""))
        assert "empty" in problem.message

    def test_a_header_alone_is_an_export_without_rows(self, tmp_path: Path) -> None:
        assert list(read_export(write(tmp_path / "workouts.csv", HEADER))) == []


class TestHostileArchives:
    @pytest.mark.parametrize(
        "name", ["../up.csv", "a/../../up.csv", "/etc/x.csv", "\\x.csv", "C:/x.csv", "a\\..\\x.csv"]
    )
    def test_paths_that_leave_are_refused_by_name(self, tmp_path: Path, name: str) -> None:
        path = zipped(tmp_path / "e.zip", {name: WORKOUTS, **whole()})
        (problem,) = problems(path)
        assert problem.file == name
        assert "leaves the archive" in problem.message
        assert len(imported(path)) == 24

    def test_a_symbolic_link_in_a_zip(self, tmp_path: Path) -> None:
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        (problem,) = problems(zipped(tmp_path / "e.zip", {link: "/etc/passwd", **whole()}))
        assert (problem.file, "link" in problem.message) == ("link.csv", True)

    def test_a_symbolic_link_in_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path / "real.csv", WORKOUTS)
        (tmp_path / "a.csv").symlink_to(EXPORT / "workouts.csv")
        assert [each.file for each in problems(tmp_path)] == ["a.csv"]
        assert len(imported(tmp_path)) == 2

    def test_an_encrypted_entry(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"workouts.csv": WORKOUTS})
        data = bytearray(path.read_bytes())
        directory = data.index(b"PK\x01\x02")
        for at in (6, directory + 8):
            data[at] |= 1
        problem = problems(write(path, bytes(data)))[0]
        assert (problem.file, "encrypted" in problem.message) == ("workouts.csv", True)

    def test_a_packing_without_a_bound(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"workouts.csv": WORKOUTS}, zipfile.ZIP_BZIP2)
        assert "packed" in problems(path)[0].message

    def test_a_zip_bomb_is_refused_by_its_ratio(self, tmp_path: Path) -> None:
        bomb = HEADER.encode() + b" " * 20_000_000
        path = zipped(tmp_path / "e.zip", {"bomb.csv": bomb, **whole()})
        (problem,) = problems(path)
        assert (problem.file, "times its size" in problem.message) == ("bomb.csv", True)
        assert len(imported(path)) == 24

    def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_declares(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"bomb.csv": HEADER.encode() + b" " * 20_000_000})
        data = bytearray(path.read_bytes())
        directory = data.index(b"PK\x01\x02")
        for at in (22, directory + 24):
            data[at : at + 4] = struct.pack("<I", 1000)
        write(path, bytes(data))
        tracemalloc.start()
        found = problems(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found
        assert peak < 4_000_000

    def test_too_many_files(self, tmp_path: Path) -> None:
        (problem,) = problems(zipped(tmp_path / "e.zip", {f"{n}.csv": WORKOUTS for n in range(65)}))
        assert "more than 64 files" in problem.message

    def test_too_many_files_in_a_folder(self, tmp_path: Path) -> None:
        for n in range(65):
            write(tmp_path / f"{n}.csv", WORKOUTS)
        (problem,) = problems(tmp_path)
        assert "more than 64 CSV files" in problem.message

    def test_a_directory_of_a_million_names_is_not_loaded(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {f"{'x' * 2000}{n}.txt": b"" for n in range(600)}, zipfile.ZIP_STORED)
        (problem,) = problems(path)
        assert "damaged or not a zip" in problem.message

    @pytest.mark.parametrize("in_zip", [True, False])
    def test_a_file_may_not_be_longer_than_the_limit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_zip: bool
    ) -> None:
        monkeypatch.setattr(archive, "MAX_FILE_BYTES", 100_000)
        long = HEADER + FIRST * 2000
        path = zipped(tmp_path / "e.zip", {"w.csv": long}) if in_zip else write(tmp_path / "w.csv", long)
        problem = problems(path)[0]
        assert (problem.file, "larger than" in problem.message) == ("w.csv", True)

    def test_a_file_longer_than_declared_is_cut_off_while_reading(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive, "MAX_FILE_BYTES", 100_000)
        path = write(tmp_path / "w.csv", HEADER + FIRST * 2000)
        assert 100 < len(imported(path)) < 1000
        (problem,) = problems(path)
        assert problem.line is not None
        assert problem.line > 100

    def test_all_files_together_have_a_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1000)
        (problem,) = problems(zipped(tmp_path / "e.zip", whole()))
        assert "MiB" in problem.message

    def test_a_truncated_zip(self, tmp_path: Path) -> None:
        data = zipped(tmp_path / "e.zip", whole()).read_bytes()
        (problem,) = problems(write(tmp_path / "t.zip", data[:-100]))
        assert "damaged" in problem.message

    def test_a_csv_called_zip(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "e.zip", WORKOUTS))
        assert "not a zip" in problem.message

    def test_a_damaged_entry_costs_itself_only(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"a.csv": WORKOUTS, "b.csv": JOURNAL}, zipfile.ZIP_STORED)
        data = path.read_bytes().replace(b"Weightlifting", b"Weightloosing")
        found = list(read_export(write(path, data)))
        assert [each.file for each in found if isinstance(each, Problem)] == ["a.csv"]
        assert len([each for each in found if isinstance(each, JournalEntry)]) == 2

    def test_names_are_fit_for_a_terminal(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "e.zip", {"\x1b[2Jsteps.csv": "Date,Steps\n", **whole()})
        assert [each.file for each in problems(path)] == ["?[2Jsteps.csv"]

    def test_any_damage_of_a_zip(self, tmp_path: Path) -> None:
        whole_zip = zipped(tmp_path / "e.zip", whole()).read_bytes()
        chance = random.Random(20251104)
        for _ in range(600):
            data = bytearray(whole_zip)
            # Half of the damage goes into the directory at the end, where zip readers trust most.
            low = 0 if chance.random() < 0.5 else len(data) - 320
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(low, len(data))] = chance.choice((0, 0xFF, chance.randrange(256)))
            list(read_export(write(tmp_path / "d.zip", bytes(data))))

    def test_an_entry_without_a_name(self, tmp_path: Path) -> None:
        data = zipped(tmp_path / "e.zip", {"w.csv": WORKOUTS}).read_bytes().replace(b"w.csv", b"\x00.csv")
        assert problems(write(tmp_path / "n.zip", data))

    def test_a_stream_that_fails_to_open(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("w.csv", WORKOUTS)
        data = buffer.getvalue().replace(b"w.csv", b"v.csv", 1)
        problem = problems(write(tmp_path / "e.zip", data))[0]
        assert (problem.file, "cannot be opened" in problem.message) == ("w.csv", True)

    def test_a_path_no_file_system_takes(self, tmp_path: Path) -> None:
        (problem,) = problems(tmp_path / ("x" * 300))
        assert problem.line is None
