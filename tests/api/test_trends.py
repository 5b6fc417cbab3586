"""The numbers over HTTP: the same as SQL's and as the day document's, whatever is asked for and however."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from circadia.api.arguments import arguments, newest_days, stretch
from circadia.domain.analyses import ANALYSES, BY_NAME
from circadia.domain.analyses.analysis import FIRST, LAST, Analysis, Parameter
from circadia.domain.trends import DAY_METRICS
from circadia.errors import Invalid
from tests.api.conftest import Api, Json
from tests.api.table import problem

TRENDS = "/api/v1/whoop/trends/alice"
FIRST_DAY, LAST_DAY = date(2026, 10, 23), date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = {"metric": "recovery_score", "with": "strain"}
"""What analyses have to be told."""


def in_document(day: Json, metric: str) -> float | None:
    """A figure as the day document has it. Written down here, not read from the code."""
    places: dict[str, tuple[str, ...]] = {
        "recovery_score": ("recovery", "score"),
        "hrv_rmssd_ms": ("recovery", "hrv"),
        "resting_heart_rate_bpm": ("recovery", "rhr"),
        "spo2_pct": ("recovery", "spo2_pct"),
        "skin_temp_celsius": ("recovery", "skin_temp_celsius"),
        "respiratory_rate_rpm": ("sleep", "respiratory_rate_rpm"),
        "sleep_performance_pct": ("sleep", "performance"),
        "sleep_duration_s": ("sleep", "asleep_ms"),
        "deep_sleep_s": ("sleep", "stages", "deep_ms"),
        "need_debt_s": ("sleep", "need", "debt_ms"),
        "strain": ("cycle", "strain"),
        "energy_kj": ("cycle", "kilojoule"),
        "max_heart_rate_bpm": ("cycle", "max_hr_bpm"),
    }
    found: Any = day
    for step in places[metric]:
        found = (found or {}).get(step)
    seconds = places[metric][-1].endswith("_ms")
    return None if found is None else float(found) / (1000 if seconds else 1)


COMPARED = (
    *("recovery_score", "hrv_rmssd_ms", "resting_heart_rate_bpm", "spo2_pct", "skin_temp_celsius"),
    *("respiratory_rate_rpm", "sleep_performance_pct", "sleep_duration_s", "deep_sleep_s", "need_debt_s"),
    *("strain", "energy_kj", "max_heart_rate_bpm"),
)


async def test_the_api_the_sql_and_the_day_document_say_the_same(alice: Api) -> None:
    told = await alice.get(TRENDS, metrics=",".join(COMPARED), **{"from": "2026-10-20", "to": "2026-11-20"})
    span = {"from": "2026-10-20", "to": "2026-11-20"}
    documents = (await alice.get("/api/v1/whoop/days/alice", **span))["days"]
    said = 0
    for metric in COMPARED:
        series = told["metrics"][metric]["series"]
        assert series["day"] == [each["date"] for each in documents]
        assert series["value"] == pytest.approx([in_document(each, metric) for each in documents], nan_ok=False), metric
        rows = await alice.db.rows(
            "SELECT to_json(s) FROM reporting.series('alice', %s, '2026-10-20', '2026-11-20') s", (metric,)
        )
        assert [dict(zip(series, each, strict=True)) for each in zip(*series.values(), strict=True)] == [
            each[0] for each in rows
        ]
        trend = await alice.db.row(
            "SELECT to_json(t) FROM reporting.trend('alice', %s, '2026-10-20', '2026-11-20') t", (metric,)
        )
        assert trend == (told["metrics"][metric]["trend"],)
        said += sum(each is not None for each in series["value"])
    assert said > 200
    for each in documents:
        summary = await alice.db.row("SELECT reporting.daily_summary('alice', %s)", (each["date"],))
        assert summary == (each,)


async def test_every_analysis_is_sql_s(alice: Api) -> None:
    for analysis in ANALYSES:
        missing = {each.name for each in analysis.parameters if each.default is None}
        answer = await alice.get(f"{TRENDS}/{analysis.name}", **{name: ASKED[name] for name in ASKED.keys() & missing})
        assert (answer["user_id"], answer["analysis"]) == ("alice", analysis.name)
        taken = list(answer["parameters"].values())
        assert len(taken) == len(analysis.parameters)
        rows = await alice.db.rows(
            f"SELECT to_json(t) FROM reporting.{analysis.function}({', '.join(['%s'] * (len(taken) + 1))}) t",
            ("alice", *taken),
        )
        assert answer["rows"] == [each[0] for each in rows]
        for each in answer["rows"]:
            assert list(each) == [column.name for column in analysis.columns], analysis.name


async def test_what_there_is(api: Api) -> None:
    answer = await api.anonymous.get("/api/v1/whoop/metrics", headers=await api.key("read"))
    told = answer.json()
    assert told["metrics"] == orjson.loads(orjson.dumps([asdict(each) for each in DAY_METRICS]))
    assert [each["name"] for each in told["analyses"]] == list(BY_NAME)
    weekdays = next(each for each in told["analyses"] if each["name"] == "weekdays")
    assert [each["name"] for each in weekdays["parameters"]] == ["metric", "from", "to"]
    assert answer.headers["cache-control"] == "private, max-age=300"
    again = await api.http.get("/api/v1/whoop/metrics", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_without_words_the_last_four_weeks_of_what_matters(alice: Api) -> None:
    told = await alice.get(TRENDS)
    assert (told["from"], told["to"]) == (FIRST_DAY.isoformat(), LAST_DAY.isoformat())
    assert list(told["metrics"]) == [
        *("recovery_score", "hrv_rmssd_ms", "resting_heart_rate_bpm", "sleep_performance_pct", "strain")
    ]
    for each in told["metrics"].values():
        assert {len(column) for column in each["series"].values()} == {28}
    load = await alice.get(f"{TRENDS}/load")
    assert load["parameters"] == {"from": "2026-10-23", "to": "2026-11-19", "by": "strain"}
    assert (await alice.get(f"{TRENDS}/vitals"))["parameters"] == {"day": "2026-11-19"}


async def test_only_the_columns_that_are_asked_for(alice: Api) -> None:
    whole = (await alice.get(TRENDS))["metrics"]
    told = (await alice.get(TRENDS, columns="low, value,low"))["metrics"]
    for name, each in told.items():
        assert each == {
            "series": {column: whole[name]["series"][column] for column in ("day", "value", "low")},
            "trend": whole[name]["trend"],
        }
        assert list(each["series"]) == ["day", "value", "low"]


async def test_what_is_unchanged_is_not_sent_again(alice: Api) -> None:
    for path in (TRENDS, f"{TRENDS}/load"):
        first = await alice.http.get(path)
        headers = {"If-None-Match": first.headers["etag"]}
        assert (await alice.http.get(path, headers=headers)).status_code == 304
        assert (await alice.http.get(path, params={"from": "2026-11-01"}, headers=headers)).status_code == 200
        assert first.headers["cache-control"] == "private, no-cache"


async def test_what_has_changed_is_settled_first(alice: Api) -> None:
    await alice.db.execute("UPDATE recoveries SET recovery_score = 99 WHERE day = '2026-11-19'")
    before = await alice.get(TRENDS, metrics="recovery_score")
    assert before["metrics"]["recovery_score"]["series"]["value"][-1] != 99
    await alice.db.execute("INSERT INTO day_changes (member_id, day) SELECT id, '2026-11-19' FROM members")
    after = await alice.get(TRENDS, metrics="recovery_score")
    assert after["metrics"]["recovery_score"]["series"]["value"][-1] == 99
    await alice.db.execute("UPDATE recoveries SET recovery_score = 98 WHERE day = '2026-11-19'")
    await alice.db.execute("INSERT INTO day_changes (member_id, day) SELECT id, '2026-11-19' FROM members")
    assert (await alice.get(f"{TRENDS}/recovery-bands"))["rows"][-1]["score"] == 98


async def test_an_unknown_user_has_nothing(api: Api) -> None:
    told = await api.get("/api/v1/whoop/trends/nobody", metrics="strain")
    assert (told["from"], told["to"]) == ("2026-10-24", "2026-11-20")
    assert set(told["metrics"]["strain"]["series"]["state"]) == {"missing"}
    assert told["metrics"]["strain"]["trend"]["note"] == "not enough data yet (0 of 14)"
    assert set(told["metrics"]["strain"]["series"]["value"]) == {None}
    assert {each["n_days"] for each in (await api.get("/api/v1/whoop/trends/nobody/zone-minutes"))["rows"]} == {0}


async def test_twenty_years_at_most(api: Api) -> None:
    years = await api.get(TRENDS, metrics="strain", **{"from": "2006-11-06", "to": "2026-11-20"})
    assert len(years["metrics"]["strain"]["series"]["day"]) == 20 * 366
    for path in (TRENDS, f"{TRENDS}/load"):
        asked = {"from": "2006-11-05", "to": "2026-11-20"}
        problem(await api.http.get(path, params=asked), 422, "invalid_range")


REFUSED = [
    ("", "metrics=strain,mood", 422, "unknown_metric", "hrv_rmssd_ms"),
    ("", "metrics=", 422, "unknown_metric", "hrv_rmssd_ms"),
    ("", "metrics=" + ",".join(each.name for each in DAY_METRICS[:21]), 422, "invalid_argument", "20"),
    ("", "columns=value,mood", 422, "invalid_argument", "mean_30d"),
    ("", "columns=", 422, "invalid_argument", "mean_30d"),
    ("", "from=yesterday", 422, "invalid_date", "from"),
    ("", "from=2026-11-19&to=2026-11-18", 422, "invalid_range", "`to` lies before `from`"),
    ("", "to=2026-11-22", 422, "future_date", "to"),
    ("", "from=2026-11-22", 422, "future_date", "from"),
    ("/horoscope", "", 404, "unknown_analysis", "hrv-baseline"),
    ("/hrv_baseline", "", 404, "unknown_analysis", "hrv-baseline"),
    ("/weekdays", "", 422, "invalid_argument", "metric"),
    ("/weekdays", "metric=mood", 422, "unknown_metric", "hrv_rmssd_ms"),
    ("/load", "by=heart", 422, "invalid_argument", "strain, energy_kj, zone_load"),
    ("/load", "first=2026-11-01", 422, "invalid_argument", "from, to, by"),
    ("/vitals", "day=2026-11-22", 422, "future_date", "day"),
    ("/vitals", "day=", 422, "invalid_date", "day"),
    ("/regularity", "nights=fourteen", 422, "invalid_argument", "nights"),
    ("/regularity", "nights=15", 422, "invalid_argument", "7, 14, 28"),
]


async def test_what_cannot_be_answered(api: Api) -> None:
    for path, query, status, kind, said in REFUSED:
        assert said in problem(await api.http.get(f"{TRENDS}{path}?{query}"), status, kind)["detail"], (path, query)


# Arguments

COMPARING = Analysis(
    "comparing",
    *("", "", "", ""),
    14,
    "comparing",
    (
        Parameter("before_first", "date", ""),
        Parameter("before_last", "date", ""),
        FIRST,
        LAST,
        Parameter("lag", "number", "", default=1),
        Parameter("by", "word", "", default="all"),
    ),
    (),
)


def test_a_stretch_is_compared_with_as_many_days_before() -> None:
    said = {"from": "2026-11-06", "to": "2026-11-19"}
    before = {"before_from": date(2026, 10, 23), "before_to": date(2026, 11, 5)}
    asked = {"from": date(2026, 11, 6), "to": date(2026, 11, 19)}
    assert list(arguments(COMPARING, said, LAST_DAY, NOW).items()) == [
        *before.items(),
        *asked.items(),
        ("lag", 1),
        ("by", "all"),
    ]
    told = arguments(COMPARING, {"before_to": "2026-10-01", "lag": "0", "by": "x"}, LAST_DAY, NOW)
    assert told["before_from"] == date(2026, 10, 1) - timedelta(days=27)
    assert (told["from"], told["to"], told["lag"], told["by"]) == (FIRST_DAY, LAST_DAY, 0, "x")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        *(({"lag": each}, "invalid_argument") for each in ("-1", "367", "1.0", "1e2", "", "٣", "0001")),
        *(({"by": each}, "invalid_argument") for each in ("x" * 65, "a\x00b")),
        ({"before_from": "2026-11-02", "before_to": "2026-11-01"}, "invalid_range"),
        ({"day": "2026-11-01"}, "invalid_argument"),
    ],
)
def test_arguments_that_make_no_sense(said: dict[str, str], kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        arguments(COMPARING, said, LAST_DAY, NOW)
    assert refused.value.kind == kind


def test_a_stretch_of_which_one_end_is_named() -> None:
    standard = newest_days(LAST_DAY)
    assert asdict(stretch("2026-11-01", None, standard, NOW)) == {"first": date(2026, 11, 1), "last": LAST_DAY}
    assert asdict(stretch("2026-11-20", None, standard, NOW)) == dict.fromkeys(("first", "last"), date(2026, 11, 20))
    assert asdict(stretch(None, "2026-11-01", standard, NOW)) == {"first": date(2026, 10, 5), "last": date(2026, 11, 1)}
