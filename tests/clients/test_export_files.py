"""CSVs that are broken or that another program has rewritten: named by file and line, and the rest is read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circadia.clients.whoop.export import Imported, JournalEntry, Problem, read_export
from tests.export_files import EXPORT, imported, problems, sample, write

WORKOUTS, JOURNAL = sample("workouts"), sample("journal")
HEADER, FIRST, SECOND = WORKOUTS.splitlines(keepends=True)
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestEncodings:
    def test_a_byte_order_mark_and_crlf(self, tmp_path: Path) -> None:
        path = write(tmp_path / "w.csv", b"\xef\xbb\xbf" + WORKOUTS.replace("\n", "\r\n").encode())
        assert [each.record for each in imported(path)] == [each.record for each in imported(EXPORT / "workouts.csv")]
        assert [each.row.line for each in imported(path)] == [2, 3]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_utf_16(self, tmp_path: Path, encoding: str) -> None:
        (problem,) = problems(write(tmp_path / "w.csv", WORKOUTS.encode(encoding)))
        assert (problem.file, problem.line, "UTF-16" in problem.message) == ("w.csv", 1, True)

    def test_latin_1_in_a_row(self, tmp_path: Path) -> None:
        text = JOURNAL.replace("two glasses, red", "Rosé")
        path = write(tmp_path / "j.csv", text.encode("latin-1"))
        (problem,) = problems(path)
        assert (problem.line, "UTF-8" in problem.message) == (2, True)
        assert [each.row.line for each in read_export(path) if isinstance(each, JournalEntry)] == [3]

    def test_latin_1_in_the_header(self, tmp_path: Path) -> None:
        header = "Hora de inicio del ciclo,Hora de finalización del ciclo,Zona horaria del ciclo,Duración (min)\n"
        (problem,) = problems(write(tmp_path / "s.csv", header.encode("latin-1")))
        assert (problem.line, "UTF-8" in problem.message) == (1, True)

    def test_nul_bytes(self, tmp_path: Path) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST.replace("Weightlifting", "Weight\x00") + SECOND)
        (problem,) = problems(path)
        assert (problem.line, "NUL" in problem.message) == (2, True)
        assert len(imported(path)) == 1


class TestSpreadsheets:
    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_other_separators(self, tmp_path: Path, delimiter: str) -> None:
        (problem,) = problems(write(tmp_path / "w.csv", WORKOUTS.replace(",", delimiter)))
        assert (problem.file, problem.line, "commas" in problem.message) == ("w.csv", 1, True)

    def test_a_separator_line(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "w.csv", "sep=;\n" + WORKOUTS.replace(",", ";")))
        assert "spreadsheet" in problem.message

    @pytest.mark.parametrize(
        "time",
        ["11/2/2025 23:05", "02.11.2025 23:05:40", "2025-11-02 23:05", "11/2/25 11:05 PM", "45963.96", "########"],
    )
    def test_reformatted_times_refuse_the_file_once(self, tmp_path: Path, time: str) -> None:
        text = HEADER + "".join(time + line[19:] for line in (FIRST, SECOND, FIRST))
        found = list(read_export(write(tmp_path / "w.csv", text)))
        assert len(found) == 1
        assert isinstance(found[0], Problem)
        assert (found[0].line, "reformatted" in found[0].message) == (2, True)

    def test_one_edited_time_costs_its_row_only(self, tmp_path: Path) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST + "11/2/2025 23:05" + SECOND[19:] + SECOND)
        assert [each.line for each in problems(path)] == [3]
        assert len(imported(path)) == 2

    def test_trailing_empty_columns_and_rows(self, tmp_path: Path) -> None:
        text = "".join(line.rstrip("\n") + ",,\n" for line in (HEADER, FIRST, SECOND)) + "," * 21 + "\n\n  \n"
        path = write(tmp_path / "w.csv", text)
        assert not problems(path)
        assert len(imported(path)) == 2


class TestBrokenRows:
    def lines(self, path: Path) -> tuple[list[int | None], list[int]]:
        return [each.line for each in problems(path)], [each.row.line for each in imported(path)]

    @pytest.mark.parametrize(
        "broken", ["a,b\n", FIRST[:80] + "\n", FIRST.rstrip("\n") + ",more\n", 'x"y"z,\n', '"x"y,\n']
    )
    def test_a_row_of_another_shape(self, tmp_path: Path, broken: str) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST + broken + SECOND)
        assert self.lines(path) == ([3], [2, 4])

    def test_a_quote_that_never_closes_costs_its_own_line(self, tmp_path: Path) -> None:
        broken = FIRST.replace("Weightlifting", '"Weightlifting')
        path = write(tmp_path / "w.csv", HEADER + broken + SECOND * 700)
        assert self.lines(path) == ([2], list(range(3, 703)))

    def test_two_open_quotes(self, tmp_path: Path) -> None:
        broken = FIRST.replace("Weightlifting", '"Weightlifting')
        path = write(tmp_path / "w.csv", HEADER + broken + SECOND + broken + SECOND)
        assert self.lines(path) == ([2, 4], [3, 5])

    def test_a_last_line_cut_off_in_a_quote(self, tmp_path: Path) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST + SECOND[:60] + '"Run')
        assert self.lines(path) == ([3], [2])

    def test_a_bare_quote_in_a_plain_cell_is_text(self, tmp_path: Path) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST.replace("Weightlifting", '6" plank') + SECOND)
        assert self.lines(path) == ([], [2, 3])
        assert imported(path)[0].row.raw["activity_name"] == '6" plank'

    def test_notes_over_several_lines(self, tmp_path: Path) -> None:
        note = 'first\r\nsecond, "quoted"\n\nlast'
        quoted = note.replace('"', '""')
        text = JOURNAL.replace("two glasses, red", quoted)
        found = [each for each in read_export(write(tmp_path / "j.csv", text)) if isinstance(each, JournalEntry)]
        assert [each.notes for each in found] == [note, None]
        assert [each.row.line for each in found] == [2, 6]

    @pytest.mark.parametrize("size", [131_072, 131_073, 400_000])
    def test_an_endless_line(self, tmp_path: Path, size: int) -> None:
        path = write(tmp_path / "w.csv", HEADER + FIRST.replace("Weightlifting", "x" * size) + SECOND)
        assert self.lines(path) == ([2], [3])

    def test_an_endless_note(self, tmp_path: Path) -> None:
        text = JOURNAL.replace("two glasses, red", "\n".join(["y" * 50_000] * 4))
        found = list(read_export(write(tmp_path / "j.csv", text)))
        assert [each.row.line for each in found if isinstance(each, JournalEntry)] == [6]
        assert [each.line for each in found if isinstance(each, Problem)] == [2, 3, 4, 5]

    def test_an_endless_header(self, tmp_path: Path) -> None:
        (problem,) = problems(write(tmp_path / "w.csv", "x," * 200_000))
        assert problem.line == 1

    def test_memory_does_not_grow_with_rows(self, tmp_path: Path) -> None:
        peaks = []
        for times in (200, 4000):
            path = write(tmp_path / "w.csv", HEADER + (FIRST + SECOND) * times)
            tracemalloc.start()
            assert sum(isinstance(each, Imported) for each in read_export(path)) == 2 * times
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < peaks[0] + 200_000


class TestGarbage:
    """Whatever a file holds, reading ends without an error, and every line is accounted for."""

    @FUZZ
    @given(st.binary(max_size=400))
    def test_any_bytes(self, tmp_path: Path, content: bytes) -> None:
        found = list(read_export(write(tmp_path / "x.csv", content)))
        assert all(isinstance(each, Problem) for each in found)
        assert found

    @FUZZ
    @given(st.binary(max_size=300))
    def test_any_bytes_below_a_header(self, tmp_path: Path, content: bytes) -> None:
        for header in (HEADER, JOURNAL.splitlines(keepends=True)[0]):
            list(read_export(write(tmp_path / "x.csv", header.encode() + content)))

    @FUZZ
    @given(
        st.lists(
            st.one_of(
                st.text(max_size=12), st.sampled_from(["", "1", "-1", "nan", "2025-11-02 23:05:40", '"', "UTCZ"])
            ),
            min_size=20,
            max_size=20,
        ),
        st.sampled_from(sorted(each.name for each in EXPORT.iterdir())),
    )
    def test_any_cells(self, tmp_path: Path, cells: list[str], name: str) -> None:
        header, row = (EXPORT / name).read_text(encoding="utf-8").splitlines()[:2]
        mixed = [new if n % 3 else old for n, (old, new) in enumerate(zip(row.split(","), cells, strict=False))]
        list(read_export(write(tmp_path / "x.csv", header + "\n" + ",".join(mixed) + "\n" + row + "\n")))
