"""The rules and what Prometheus is told: valid, proved by their unit tests, about metrics that exist, each alert with a
page that says what to do."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from circadia.scrape import Scrape
from circadia.storage import deliveries
from circadia.storage.deliveries import Delivery
from tests.conftest import NewSimulator, OpenRuntime

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules" / "circadia.yaml"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yaml"))
REFERENCE = ROOT / "docs" / "reference" / "prometheus.md"

_OF_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(?:circadia[a-z0-9_:]+|up)\b(?=[\[{) ]|$)", flags=re.MULTILINE)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def rules() -> list[dict[str, Any]]:
    """Every rule of the file."""
    return [rule for group in _yaml(RULES)["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def promtool(*words: str) -> str:
    """Run promtool of Debian's package `prometheus`; its output where it fails."""
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


async def exported(runtime: OpenRuntime, simulator: NewSimulator) -> dict[str, set[str]]:
    """The metrics of the whole service, each with the names of its samples."""
    here = await runtime(simulator())
    about = Delivery("trace", "sleep.updated", "x", 1, here.clock())
    await deliveries.store(here.db, "whoop", [about])
    await here.db.execute("INSERT INTO backups (made_at, rows, size) VALUES (now(), 1, 1)")
    families = text_string_to_metric_families((await Scrape(here, "all").text()).decode())
    return {each.name: {sample.name for sample in each.samples} for each in families}


def test_the_rules_are_valid() -> None:
    assert promtool("check", "rules", str(RULES)) == ""


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    assert promtool("test", "rules", str(path)) == ""


def test_every_alert_fires_in_a_test_and_in_another_moment_does_not() -> None:
    fired: set[str] = set()
    for path in TESTS:
        for each in _yaml(path)["tests"]:
            expected = [" ".join(s["labels"] for s in at["exp_samples"]) for at in each["promql_expr_test"]]
            fires = set(re.findall(r'alertname="(\w+)"', " ".join(expected)))
            assert not fires or "" in expected, f"{path.name}, {each['name']}: it fires from the beginning"
            fired |= fires
    assert fired == set(ALERTS)


async def test_rules_are_about_metrics_that_are_exported(runtime: OpenRuntime, simulator: NewSimulator) -> None:
    families = await exported(runtime, simulator)
    counters = {"circadia_token_renewals_total", "circadia_http_request_seconds_count", "circadia_breaker_open"}
    known = {name for names in families.values() for name in names} | set(families) | counters
    assert {each.removesuffix("_total").removesuffix("_count") for each in counters} <= set(families)
    for rule in rules():
        named = set(_NAME.findall(rule["expr"]))
        assert named, rule
        assert named <= known | RECORDED | _OF_PROMETHEUS, rule


async def test_the_reference_lists_every_metric_and_no_other(runtime: OpenRuntime, simulator: NewSimulator) -> None:
    listed = re.findall(r"^\| `(circadia_[a-z_]+)", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    families = {
        each.removesuffix("_gcount").removesuffix("_gsum")
        for each in await exported(runtime, simulator)
        if each.startswith("circadia") and not each.endswith("_created")
    }
    assert sorted({each.removesuffix("_total") for each in listed}) == sorted(families)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_leads_to_its_page(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "runbook"}
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.removeprefix("Circadia").removesuffix("Slowly")).lower()
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{own}.md"
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert f"`{name}`" in page
    assert f"`{name}`" in REFERENCE.read_text(encoding="utf-8")


def test_prometheus_reads_these_rules_and_asks_both_services() -> None:
    assert promtool("check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml")) == ""
    config = _yaml(PROMETHEUS / "prometheus.yml")
    assert [path for each in config["rule_files"] for path in PROMETHEUS.glob(each)] == [RULES]
    jobs = {each["job_name"] for each in config["scrape_configs"]}
    pattern = re.search(r'up\{job=~"([^"]+)"', ALERTS["CircadiaDown"]["expr"])
    assert pattern
    assert jobs
    assert all(re.fullmatch(pattern[1], each) for each in jobs)


def test_what_hushes_and_is_hushed_exists() -> None:
    config = _yaml(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    receivers = {each["name"] for each in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {each["receiver"] for each in routes} <= receivers
    for each in config["inhibit_rules"]:
        for matcher in (*each["source_matchers"], *each["target_matchers"]):
            pattern = matcher.split('"')[1]
            for alternative in pattern.split("|"):
                assert any(re.fullmatch(alternative, name) for name in ALERTS), alternative
