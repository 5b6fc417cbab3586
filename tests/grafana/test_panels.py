"""Every query of every dashboard, as Grafana sends it, by the roles that send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from matplotlib.image import imread

from circadia.domain.trends import DAY_METRICS
from circadia.grafana.dashboards import DASHBOARDS
from circadia.grafana.dashboards.operations import OPERATIONS
from circadia.grafana.dashboards.sleep import SLEEP_DASHBOARD
from circadia.grafana.model import Dashboard, Panel
from tests.grafana import household
from tests.grafana.expand import Asked, moment
from tests.grafana.sheet import asked, sheets
from tests.grafana.stock import MEMBERS, fill
from tests.postgres import Server
from tests.simulated import EPOCH

_RECORDS = {"cycles", "recoveries", "sleeps", "workouts", "journal_entries", "day_values", "days", "body_measurements"}
_NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
_TIMES = {"timestamp", "timestamptz"}
PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
MEMBERS_PANELS = [(dashboard, panel) for dashboard, panel in PANELS if dashboard is not OPERATIONS]
each_panel = pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda each: getattr(each, "title", ""))
each_panel_of_a_member = pytest.mark.parametrize(
    ("dashboard", "panel"), MEMBERS_PANELS, ids=lambda each: getattr(each, "title", "")
)


@dataclass(frozen=True)
class Stocked:
    """A filled database, and its roles signed in."""

    url: str
    owner: psycopg.Connection
    alice: psycopg.Connection


@pytest.fixture(scope="module")
def stocked(postgres_server: Server) -> Iterator[Stocked]:
    url = postgres_server.create()
    fill(url, now=EPOCH, days=180)
    roles = asyncio.run(household.granted(url, [household.EVERYBODY, MEMBERS[0]], EPOCH))
    with (
        household.signed_in(url, roles[household.EVERYBODY]) as owner,
        household.signed_in(url, roles[MEMBERS[0]]) as alice,
    ):
        yield Stocked(url, owner, alice)
    household.drop(postgres_server, url, [*roles.values()])


def _sql(dashboard: Dashboard, panel: Panel, **chosen: str) -> str:
    above = asked(dashboard.json(), EPOCH)
    variables = {**above.variables, **chosen}
    return Asked(above.since, above.until, variables).expanded(panel.sql, panel.points or 1000)


def _rows(connection: psycopg.Connection, sql: str) -> list[tuple[Any, ...]]:
    # "now" is the machine's, and the stock stands still: what is measured from it is not compared
    return connection.execute(sql.replace("now()", f"'{EPOCH.isoformat()}'::timestamptz").encode()).fetchall()


@each_panel
def test_a_panel_has_its_columns_and_rows(stocked: Stocked, dashboard: Dashboard, panel: Panel) -> None:
    cursor = stocked.owner.execute(
        _sql(dashboard, panel).replace("now()", f"'{EPOCH.isoformat()}'::timestamptz").encode()
    )
    columns = {each.name: stocked.owner.adapters.types[each.type_code].name for each in cursor.description or ()}
    rows = cursor.fetchall()
    assert len(columns) == len(cursor.description or ())
    assert rows
    assert any(each is not None for row in rows for each in row[1:] or row)
    assert {name for name, _ in panel.overrides} <= columns.keys()
    if panel.format == "time_series":
        assert next(iter(columns)) == "time"
        assert columns.pop("time") in _TIMES
        assert set(columns.values()) <= _NUMBERS
        times = [row[0] for row in rows]
        assert times == sorted(set(times))
        assert all(isinstance(each, datetime) for each in times)
    if panel.type in {"stat", "gauge", "histogram"}:
        assert "value" in columns
        assert (columns["value"] == "text") is (panel.unit == "string")
    if panel.type in {"stat", "gauge"} and panel.format == "table":
        assert len(rows) == 1
    if panel.type == "barchart":
        assert columns.pop(panel.options["xField"]) == "text"
        assert set(columns.values()) <= _NUMBERS
    if panel.type == "xychart":
        matched = panel.options["series"][0]
        assert list(columns) == [matched[axis]["matcher"]["options"] for axis in "xy"]


@each_panel_of_a_member
def test_a_member_sees_their_own_panels_and_nobody_elses(stocked: Stocked, dashboard: Dashboard, panel: Panel) -> None:
    if "operations_" not in panel.sql:
        assert _rows(stocked.alice, _sql(dashboard, panel)) == _rows(stocked.owner, _sql(dashboard, panel))
    others = _sql(dashboard, panel, member=MEMBERS[1])
    nobodys = _sql(dashboard, panel, member="nobody")
    assert _rows(stocked.alice, others) == _rows(stocked.alice, nobodys)


@pytest.mark.parametrize("panel", OPERATIONS.panels, ids=lambda each: each.title)
def test_a_member_sees_nothing_of_the_installation(stocked: Stocked, panel: Panel) -> None:
    rows = _rows(stocked.alice, _sql(OPERATIONS, panel))
    assert not [each for row in rows for each in row if each not in (None, 0)]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_no_value_of_a_variable_breaks_a_panel(stocked: Stocked, dashboard: Dashboard) -> None:
    for member in ("", "'; SELECT 1; --", "50%", "alice\\", "$1"):
        for panel in dashboard.panels:
            _rows(stocked.owner, _sql(dashboard, panel, member=member, metric=member))


@pytest.mark.parametrize("metric", [each.name for each in DAY_METRICS])
def test_every_figure_can_be_chosen(stocked: Stocked, metric: str) -> None:
    for dashboard, panel in PANELS:
        if "${metric" in panel.sql:
            rows = _rows(stocked.alice, _sql(dashboard, panel, metric=metric))
            assert rows or metric == "steps" or panel.type in {"xychart", "table"}, panel.title


@pytest.mark.parametrize("span", ["now-1s", "now-1d", "now-30d", "now-20y"])
def test_any_range_can_be_chosen(stocked: Stocked, span: str) -> None:
    for dashboard, panel in MEMBERS_PANELS:
        above = Asked(moment(span, EPOCH), EPOCH, asked(dashboard.json(), EPOCH).variables)
        _rows(stocked.alice, above.expanded(panel.sql))


def test_a_dashboard_is_drawn(stocked: Stocked, tmp_path: Path) -> None:
    pixels = []
    for now in (EPOCH, EPOCH + timedelta(days=3650)):
        (path,) = sheets(stocked.url, tmp_path, now, dashboards=[SLEEP_DASHBOARD])
        red, green, blue = (255 * imread(path)[:, :, :3]).astype(np.uint32).transpose(2, 0, 1)
        pixels.append(65536 * red + 256 * green + blue)
    drawn, empty = (len(np.unique(each)) for each in pixels)
    assert pixels[0].shape[1] == 1440
    assert drawn > 5 * empty, "there is more to be seen where there is data"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_variables_and_annotations_have_their_columns(stocked: Stocked, dashboard: Dashboard) -> None:
    above = asked(dashboard.json(), EPOCH)
    for variable in dashboard.variables:
        if variable.sql:
            found = stocked.alice.execute(above.expanded(variable.sql).encode())
            assert [each.name for each in found.description or ()] == ["__text", "__value"]
            assert found.fetchall() == [(MEMBERS[0], MEMBERS[0])]
            assert len(stocked.owner.execute(above.expanded(variable.sql).encode()).fetchall()) == len(MEMBERS)
    for annotation in dashboard.annotations:
        found = stocked.alice.execute(above.expanded(annotation.sql).encode())
        types = [(each.name, stocked.alice.adapters.types[each.type_code].name) for each in found.description or ()]
        assert types == [("time", "timestamp"), ("text", "text")]


@each_panel_of_a_member
def test_records_are_found_by_their_member(stocked: Stocked, dashboard: Dashboard, panel: Panel) -> None:
    for connection in (stocked.owner, stocked.alice):
        with _without_sequential_scans(connection):
            (plan,) = connection.execute(
                f"EXPLAIN (VERBOSE, FORMAT JSON) {_sql(dashboard, panel)}".encode()
            ).fetchone() or ("[]",)
        for node in _nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]):
            if node.get("Schema") == "reporting":
                # what is not folded into the statement is not seen here
                assert node.get("Function Name") == "sahha_figures", node
            if node.get("Relation Name") in _RECORDS:
                condition = node.get("Index Cond", node.get("Recheck Cond", ""))
                assert "member_id" in condition, (node["Node Type"], node["Relation Name"])


@contextmanager
def _without_sequential_scans(connection: psycopg.Connection) -> Iterator[None]:
    """So that a small table is read as a large one would be."""
    connection.execute("SET enable_seqscan = off")
    yield
    connection.execute("RESET enable_seqscan")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", []):
        yield from _nodes(each)
