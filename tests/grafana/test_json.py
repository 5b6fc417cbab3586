"""The files that Grafana provisions keep Grafana's rules, and are what the builder makes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from circadia.domain.trends import BY_NAME
from circadia.grafana.dashboards import DASHBOARDS
from circadia.grafana.files import files
from circadia.storage.grafana import OWNER_ROLE

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deploy" / "grafana"
Json = dict[str, Any]
_TYPES = {"stat", "gauge", "timeseries", "table", "status-history", "heatmap", "barchart", "xychart", "histogram"}
_UNITS = {"none", "short", "string", "percent", "percentunit", "ms", "s", "m", "h", "d", "celsius", "bytes"}
_MACROS = {"__timeFilter", "__timeFrom", "__timeTo", "__timeGroup"}
_DATASOURCE = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}


def _read(path: Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


PAGES = [_read(path) for path in sorted((PLACE / "dashboards").glob("*.json"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page["uid"])


def _panels(page: Json) -> list[Json]:
    return [each for each in page["panels"] if each["type"] != "row"]


def _queries(page: Json) -> Iterator[str]:
    yield from (target["rawSql"] for panel in _panels(page) for target in panel["targets"])
    yield from (each["target"]["rawSql"] for each in page["annotations"]["list"])
    yield from (each["query"] for each in page["templating"]["list"] if each["type"] == "query")


def test_the_files_are_what_the_builder_makes() -> None:
    made = files()
    assert {path for path in made if path.startswith("deploy")} == {
        f"deploy/grafana/dashboards/{path.name}" for path in (PLACE / "dashboards").iterdir()
    }
    for path, text in made.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: run script/grafana"


def test_there_are_enough_questions_and_none_twice_on_a_page() -> None:
    assert [each.title for each in DASHBOARDS] == [
        *("Overview", "Sleep", "Recovery and HRV", "Strain and workouts", "Long term", "Journal effects", "Operations")
    ]
    assert sum(len(_panels(page)) for page in PAGES) >= 60
    for page in PAGES:
        assert max(Counter(each["title"] for each in _panels(page)).values()) == 1, page["uid"]


@each_page
def test_a_page_is_one_that_grafana_takes(page: Json) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", page["uid"])
    assert page["schemaVersion"] >= 41
    assert page["timezone"] == "utc"
    assert "id" not in page
    ids = [each["id"] for each in page["panels"]]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert page["time"]["from"].startswith("now-")
    assert page["time"]["from"] in [each["from"] for each in page["timepicker"]["quick_ranges"]]


@each_page
def test_panels_fill_the_grid_and_do_not_overlap(page: Json) -> None:
    cells: Counter[tuple[int, int]] = Counter()
    for panel in page["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        cells.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(cells.values()) == 1
    assert len(cells) == 24 * (max(y for _, y in cells) + 1)


@each_page
def test_a_panel_says_what_it_asks_and_in_which_unit(page: Json) -> None:
    for panel in _panels(page):
        assert panel["type"] in _TYPES
        assert "?" in panel["title"] or ":" in panel["title"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        own = [each["properties"] for each in panel["fieldConfig"]["overrides"]]
        units = [defaults["unit"], *(each["value"] for found in own for each in found if each["id"] == "unit")]
        assert all(each in _UNITS or re.fullmatch(r"suffix: \S.*", each) for each in units), units
        matched = [each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]]
        assert len(matched) == len(set(matched))
        for each in (defaults, *({each["id"]: each["value"]} for found in own for each in found)):
            steps = each.get("thresholds", {}).get("steps", [])
            values = [step["value"] for step in steps]
            assert not steps or (values[0] is None and values[1:] == sorted(values[1:]))


@each_page
def test_a_query_goes_to_the_chosen_datasource_and_reads_reports_only(page: Json) -> None:
    for panel in _panels(page):
        assert panel["datasource"] == _DATASOURCE
        assert len({each["refId"] for each in panel["targets"]}) == len(panel["targets"])
        assert all(each["datasource"] == _DATASOURCE and each["rawQuery"] for each in panel["targets"])
    for sql in _queries(page):
        named = re.findall(r"\b(?:FROM|JOIN(?: LATERAL)?)\s+([a-z_]+\.?[a-z_]*)", re.sub(r"extract\([^)]*\)", "", sql))
        assert named
        assert {each for each in named if not each.startswith("reporting.")} <= {"generate_series"}, named


@each_page
def test_variables_are_known_and_quoted(page: Json) -> None:
    listed = {each["name"]: each for each in page["templating"]["list"]}
    assert next(iter(listed.values()))["type"] == "datasource"
    for sql in _queries(page):
        for name, form in re.findall(r"\$\{(\w+):?(\w*)\}", sql):
            assert (name in listed, form) == (True, "sqlstring"), sql
        assert set(re.findall(r"\$(\w+)\(", sql)) <= _MACROS
        assert set(re.findall(r"\$(\w+)(?![\w(])", sql)) <= {"__interval"}
    for panel in _panels(page):
        assert set(re.findall(r"\$\{(\w+):text\}", panel["title"])) <= listed.keys()
    if "metric" in listed:
        told = [re.fullmatch(r"\s*(.+)\s:\s(.+)", each) for each in re.findall(r"[^,]+", listed["metric"]["query"])]
        pairs = [(each[1], each[2]) for each in told if each]
        assert pairs == [(each["text"], each["value"]) for each in listed["metric"]["options"]]
        assert {value for _, value in pairs} == BY_NAME.keys()
        assert sum(each["selected"] for each in listed["metric"]["options"]) == 1


def test_what_means_something_has_one_colour() -> None:
    colours: dict[str, set[str]] = {}
    for page in PAGES:
        for panel in _panels(page):
            for each in panel["fieldConfig"]["overrides"]:
                for found in each["properties"]:
                    if found["id"] == "color" and found["value"]["mode"] == "fixed":
                        colours.setdefault(each["matcher"]["options"], set()).add(found["value"]["fixedColor"])
    for name in ("green", "yellow", "red", "deep", "REM", "light", "awake"):
        assert len(colours[name]) == 1, name
    assert all(len(a & b) == 0 for a, b in combinations((colours["green"], colours["yellow"], colours["red"]), 2))


def test_provisioning_leads_to_the_dashboards_and_the_owners_role() -> None:
    (source,) = yaml.safe_load((PLACE / "provisioning" / "datasources" / "circadia.yaml").read_text())["datasources"]
    assert (source["type"], source["uid"], source["user"]) == (_DATASOURCE["type"], "circadia", OWNER_ROLE)
    assert source["secureJsonData"]["password"].startswith("$__file{")
    (provider,) = yaml.safe_load((PLACE / "provisioning" / "dashboards" / "circadia.yaml").read_text())["providers"]
    assert (provider["folder"], provider["type"]) == ("Circadia", "file")
    chosen = {page["templating"]["list"][0]["current"]["value"] for page in PAGES}
    assert chosen == {source["uid"]}
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    mounted = [each for each in services["grafana"]["volumes"] if each.startswith("./deploy/grafana/")]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounted
