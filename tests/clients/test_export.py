"""Reading a member's own export: records, ids, times and units."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circadia.clients.whoop.export import Imported, JournalEntry, Problem, read_export
from circadia.clients.whoop.export_headers import Kind, columns_of
from circadia.domain.catalog import BY_NAME
from circadia.domain.records import Cycle, Recovery, Sleep, Workout
from tests.export_files import EXPORT, FIXTURES, TABLE, first, imported, journal, problems, sample, with_cells, write


class TestFixtures:
    def test_everything_is_read(self) -> None:
        found = list(read_export(EXPORT))
        assert not [each for each in found if isinstance(each, Problem)]
        types = [each.type for each in found if isinstance(each, Imported)]
        # Five nights out of the cycles, the same five and a nap out of the sleeps.
        assert {name: types.count(name) for name in set(types)} == {
            "cycle": 6,
            "sleep": 11,
            "recovery": 5,
            "workout": 2,
        }
        assert len([each for each in found if isinstance(each, JournalEntry)]) == 2

    def test_a_cycle(self) -> None:
        cycles = [each.record for each in imported(EXPORT / "physiological_cycles.csv", "cycle")]
        assert cycles[1] == Cycle.model_validate(
            {
                "id": -1762142740,
                "start": datetime(2025, 11, 3, 4, 5, 40, tzinfo=UTC),
                "end": datetime(2025, 11, 4, 3, 52, 10, tzinfo=UTC),
                "created_at": datetime(2025, 11, 4, 3, 52, 10, tzinfo=UTC),
                "updated_at": datetime(2025, 11, 4, 3, 52, 10, tzinfo=UTC),
                "timezone_offset": "-05:00",
                "score_state": "SCORED",
                "score": {
                    "strain": 12.6,
                    "kilojoule": 10003.944,
                    "average_heart_rate": 68,
                    "max_heart_rate": 171,
                },
            }
        )

    def test_the_running_cycle_has_no_end(self) -> None:
        running = first(EXPORT / "physiological_cycles.csv", "cycle")
        assert running.end is None
        assert running.updated_at == running.start
        assert running.score_state == "SCORED"

    def test_a_recovery_names_its_cycle_and_sleep(self) -> None:
        recovery = imported(EXPORT, "recovery")[1].record
        assert isinstance(recovery, Recovery)
        cycle, sleep = imported(EXPORT, "cycle")[1].record, imported(EXPORT, "sleep")[1].record
        assert isinstance(cycle, Cycle)
        assert isinstance(sleep, Sleep)
        assert (recovery.cycle_id, recovery.sleep_id) == (cycle.id, sleep.id)
        assert recovery.updated_at == sleep.end
        score = (recovery.recovery_score, recovery.resting_heart_rate, recovery.hrv_rmssd_milli)
        assert score == (44.0, 58.0, 36.0)
        assert (recovery.spo2_percentage, recovery.skin_temp_celsius) == (96.12, 33.41)

    def test_a_sleep(self) -> None:
        sleep = first(EXPORT / "sleeps.csv", "sleep")
        assert sleep.nap
        assert sleep.sleep_performance_percentage is None
        assert sleep.total_slow_wave_sleep_time_milli == 4 * 60_000
        assert sleep.total_rem_sleep_time_milli == 0
        assert sleep.need_from_sleep_debt_milli == 41 * 60_000
        assert sleep.baseline_milli is None
        assert sleep.respiratory_rate == 15.3
        assert sleep.cycle_id == -1762228330
        raw = imported(EXPORT / "sleeps.csv")[0].raw["export"]
        assert raw["sleep_need_min"] == "487"
        assert raw["nap"] == "true"

    def test_a_workout(self) -> None:
        workout = imported(EXPORT / "workouts.csv")[1].record
        assert isinstance(workout, Workout)
        assert (workout.sport_name, workout.sport_id) == ("running", 0)
        assert workout.end - workout.start == timedelta(minutes=47, seconds=45)
        assert workout.kilojoule == pytest.approx(489.2 * 4.184, abs=0.001)
        assert (workout.zone_zero_milli, workout.zone_one_milli) == (None, 171_900)
        assert (workout.distance_meter, workout.altitude_change_meter) == (8120.44, -1.35)
        weights = first(EXPORT / "workouts.csv", "workout")
        assert (weights.sport_name, weights.sport_id, weights.distance_meter) == ("weightlifting", 45, None)
        assert weights.zone_five_milli == 0

    def test_workouts_without_gps_columns_are_the_same_workouts(self) -> None:
        short = imported(FIXTURES / "export" / "workouts.without_gps_columns.csv")
        full = imported(EXPORT / "workouts.csv")
        assert [each.record.model_dump() for each in short] == [
            each.record.model_copy(
                update=dict.fromkeys(("distance_meter", "altitude_gain_meter", "altitude_change_meter"))
            ).model_dump()
            for each in full
        ]

    def test_the_journal(self) -> None:
        entry = journal(EXPORT)[0]
        assert entry.cycle_start == datetime(2025, 11, 3, 4, 5, 40, tzinfo=UTC)
        assert (entry.timezone_offset, entry.answered_yes, entry.notes) == ("-05:00", True, "two glasses, red")
        assert journal(EXPORT)[1].notes is None
        assert journal(EXPORT)[1].row.line == 3

    def test_a_cycle_without_sleep_gives_neither_sleep_nor_recovery(self) -> None:
        of_line_5 = [each.type for each in imported(EXPORT / "physiological_cycles.csv") if each.row.line == 5]
        assert of_line_5 == ["cycle"]

    def test_every_type_is_one_of_the_catalogue(self) -> None:
        for each in imported(EXPORT):
            assert isinstance(each.record, BY_NAME[each.type].model)


class TestIdentity:
    def test_reading_twice_gives_the_same(self) -> None:
        assert list(read_export(EXPORT)) == list(read_export(EXPORT))

    def test_cycles_and_sleeps_give_the_same_sleep(self) -> None:
        by_cycles = {each.record: each.raw for each in imported(EXPORT / "physiological_cycles.csv", "sleep")}
        by_sleeps = {
            each.record: each.raw
            for each in imported(EXPORT / "sleeps.csv", "sleep")
            if isinstance(each.record, Sleep) and not each.record.nap
        }
        assert len(by_cycles) == 5
        assert by_cycles == by_sleeps

    def test_ids_depend_on_the_instant_not_on_how_it_is_written(self, tmp_path: Path) -> None:
        here = with_cells("workouts", workout_start="2025-11-03 17:35:01", cycle_timezone="UTC-05:00")
        there = with_cells(
            "workouts",
            workout_start="2025-11-04 04:05:01",
            workout_end="2025-11-04 05:00:00",
            cycle_timezone="UTC+05:30",
        )
        ids = {first(write(tmp_path / f"{n}.csv", text), "workout").id for n, text in enumerate((here, there))}
        assert len(ids) == 1

    def test_two_activities_at_one_time_are_two(self, tmp_path: Path) -> None:
        ids = {
            first(write(tmp_path / f"{name}.csv", with_cells("workouts", activity_name=name)), "workout").id
            for name in ("Running", "Yoga")
        }
        assert len(ids) == 2

    def test_ids_are_pinned(self) -> None:
        assert str(first(EXPORT / "workouts.csv", "workout").id) == "4baa7817-6bf4-5597-8f6b-6ea2e5c43dd4"
        assert str(first(EXPORT / "sleeps.csv", "sleep").id) == "26d4f8ed-24a3-5681-b634-1bd3f44d05b3"

    def test_duplicated_rows_are_given_twice_and_equal(self, tmp_path: Path) -> None:
        text = sample("workouts")
        found = imported(write(tmp_path / "w.csv", text + text.split("\n", 1)[1]))
        assert len(found) == 4
        assert found[0].record == found[2].record


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "offset"),
        [
            ("UTC-05:00", "-05:00"),
            ("UTCZ", "Z"),
            ("UTC", "Z"),
            ("Z", "Z"),
            ("UTC+00:00", "Z"),
            ("-05:00", "-05:00"),
            ("UTC+0530", "+05:30"),
            ("UTC+05:30", "+05:30"),
        ],
    )
    def test_offsets(self, tmp_path: Path, text: str, offset: str) -> None:
        path = write(tmp_path / "j.csv", with_cells("journal", cycle_timezone=text))
        assert journal(path)[0].timezone_offset == offset

    @pytest.mark.parametrize("text", ["", "EST", "UTC+25:00", "UTC+05:75", "UTC5"])
    def test_offsets_that_are_none(self, tmp_path: Path, text: str) -> None:
        (problem,) = problems(write(tmp_path / "j.csv", with_cells("journal", cycle_timezone=text)))
        assert (problem.line, "Cycle timezone" in problem.message) == (2, True)

    @given(
        start=st.datetimes(datetime(2012, 1, 1), datetime(2035, 1, 1)).map(lambda each: each.replace(microsecond=0)),
        minutes=st.integers(1, 3000),
        offsets=st.tuples(*[st.integers(-48, 56).map(lambda quarters: quarters * 15)] * 2),
    )
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_cycle_ends_where_the_next_starts_whatever_the_clocks_did(
        self, tmp_path: Path, start: datetime, minutes: int, offsets: tuple[int, int]
    ) -> None:
        end = start + timedelta(minutes=minutes)
        older, newer = offsets
        rows = [
            (end + timedelta(minutes=newer), None, newer),
            (start + timedelta(minutes=older), end + timedelta(minutes=older), older),
        ]
        header = "Cycle start time,Cycle end time,Cycle timezone,Day Strain\n"
        text = "".join(f"{a},{b or ''},{_offset(offset)},1.5\n" for a, b, offset in rows)
        running, done = (each.record for each in imported(write(tmp_path / "c.csv", header + text), "cycle"))
        assert isinstance(running, Cycle)
        assert isinstance(done, Cycle)
        assert done.end == running.start == end.replace(tzinfo=UTC)
        assert done.start == start.replace(tzinfo=UTC)
        assert done.id == -int(start.replace(tzinfo=UTC).timestamp())

    def test_the_repeated_hour_of_autumn_is_two_instants(self, tmp_path: Path) -> None:
        times = {"workout_start": "2025-11-02 01:30:00", "workout_end": "2025-11-02 01:50:00"}
        starts = [
            first(write(tmp_path / "w.csv", with_cells("workouts", cycle_timezone=zone, **times)), "workout").start
            for zone in ("UTC-04:00", "UTC-05:00")
        ]
        assert starts[1] - starts[0] == timedelta(hours=1)

    def test_the_offset_change_of_the_fixture(self) -> None:
        older, newer = (imported(EXPORT, "cycle")[n].record for n in (2, 1))
        assert isinstance(older, Cycle)
        assert isinstance(newer, Cycle)
        assert (older.timezone_offset, newer.timezone_offset) == ("-04:00", "-05:00")
        assert older.end == newer.start


def _offset(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTCZ"


class TestValues:
    def test_no_score_is_unscorable_and_absent(self, tmp_path: Path) -> None:
        empty = dict.fromkeys(("activity_strain", "energy_kcal", "max_hr", "avg_hr", "zone1_pct"), "")
        workout = first(write(tmp_path / "w.csv", with_cells("workouts", **empty)), "workout")
        assert workout.score_state == "UNSCORABLE"
        assert (workout.strain, workout.kilojoule, workout.zone_one_milli) == (None, None, None)

    def test_a_sleep_without_values_is_unscorable(self, tmp_path: Path) -> None:
        empty = dict.fromkeys(columns_of("sleeps")[5:17], "")
        sleep = first(write(tmp_path / "s.csv", with_cells("sleeps", **empty)), "sleep")
        assert sleep.score_state == "UNSCORABLE"

    def test_a_cycle_without_strain_is_unscorable(self, tmp_path: Path) -> None:
        assert (
            first(write(tmp_path / "c.csv", with_cells("cycles", day_strain="")), "cycle").score_state == "UNSCORABLE"
        )

    @pytest.mark.parametrize(
        ("kind", "cells", "column"),
        [
            ("cycles", {"recovery_pct": "101"}, "Recovery score %"),
            ("cycles", {"day_strain": "21.1"}, "Day Strain"),
            ("cycles", {"skin_temp_c": "33,7"}, "Skin temp (celsius)"),
            ("cycles", {"rhr_bpm": "nan"}, "Resting heart rate (bpm)"),
            ("cycles", {"hrv_ms": "1e2"}, "Heart rate variability (ms)"),
            ("cycles", {"cycle_start": ""}, "Cycle start time"),
            ("cycles", {"cycle_start": "soon"}, "Cycle start time"),
            ("cycles", {"cycle_start": "2025-02-30 10:00:00"}, "Cycle start time"),
            ("cycles", {"cycle_start": "0001-01-01 00:00:00"}, "Cycle start time"),
            ("cycles", {"cycle_end": "2001-01-01 00:00:00"}, "Cycle end time"),
            ("cycles", {"wake_onset": ""}, "Wake onset"),
            ("cycles", {"sleep_onset": ""}, "Sleep onset"),
            ("sleeps", {"asleep_min": "-1"}, "Asleep duration (min)"),
            ("sleeps", {"wake_onset": "2025-11-01 00:00:00"}, "Wake onset"),
            ("sleeps", {"nap": "maybe"}, "Nap"),
            ("workouts", {"distance_m": "٣"}, "Distance (meters)"),
            ("workouts", {"duration_min": "9" * 400}, "Duration (min)"),
            ("workouts", {"workout_end": "2025-11-03 17:35:00"}, "Workout end time"),
            ("journal", {"answered_yes": ""}, "Answered yes"),
            ("journal", {"question": " "}, "Question text"),
        ],
    )
    def test_a_bad_cell_is_named_without_its_value(
        self, tmp_path: Path, kind: Kind, cells: Mapping[str, str], column: str
    ) -> None:
        path = write(tmp_path / "x.csv", with_cells(kind, **cells))
        (found,) = read_export(path)
        assert isinstance(found, Problem)
        assert (found.file, found.line) == ("x.csv", 2)
        assert f'"{column}"' in found.message
        assert not any(len(value) > 2 and value in found.message for value in cells.values())

    def test_a_bad_cell_in_a_localized_file_is_named_as_the_file_names_it(self, tmp_path: Path) -> None:
        headers = ",".join(TABLE["languages"]["de"]["sleeps"])
        row = with_cells("sleeps", nap="?").split("\n")[1]
        (problem,) = problems(write(tmp_path / "Schlaf.csv", f"{headers}\n{row}\n"))
        assert '"Nickerchen"' in problem.message

    def test_an_activity_without_a_name_is_unnamed(self, tmp_path: Path) -> None:
        workout = first(write(tmp_path / "w.csv", with_cells("workouts", activity_name="")), "workout")
        assert (workout.sport_name, workout.sport_id) == ("activity", -1)
