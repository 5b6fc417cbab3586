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
from tests.deploy.files import TEAM, mounts, services

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yaml"))
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
REFERENCE = ROOT / "docs" / "reference" / "prometheus.md"
WATCHDOG = "CircadiaWatchdog"
"""It always fires."""

_OF_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(?:circadia[a-z0-9_:]+|up)\b(?=[\[{) ]|$)", flags=re.MULTILINE)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def rules() -> list[dict[str, Any]]:
    """Every rule of the files."""
    return [rule for path in RULES for group in _yaml(path)["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]
NAMES = {rule["alert"] for rule in ALERTS}
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
    assert promtool("check", "rules", *map(str, RULES)) == ""


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    assert promtool("test", "rules", str(path)) == ""


def test_every_alert_fires_in_a_test_and_in_another_moment_does_not() -> None:
    fired: set[str] = set()
    for path in TESTS:
        for each in _yaml(path)["tests"]:
            expected = [" ".join(s["labels"] for s in at["exp_samples"]) for at in each["promql_expr_test"]]
            fires = set(re.findall(r'alertname="(\w+)"', " ".join(expected)))
            assert fires <= {WATCHDOG} or "" in expected, f"{path.name}, {each['name']}: it fires from the beginning"
            fired |= fires
    assert fired == NAMES


async def test_rules_are_about_metrics_that_are_exported(runtime: OpenRuntime, simulator: NewSimulator) -> None:
    families = await exported(runtime, simulator)
    counters = {"circadia_token_renewals_total", "circadia_http_request_seconds_count", "circadia_breaker_open"}
    known = {name for names in families.values() for name in names} | set(families) | counters
    assert {each.removesuffix("_total").removesuffix("_count") for each in counters} <= set(families)
    for rule in rules():
        named = set(_NAME.findall(rule["expr"]))
        assert named or rule.get("alert") == WATCHDOG, rule
        assert named <= known | RECORDED | _OF_PROMETHEUS, rule


async def test_the_reference_lists_every_metric_and_no_other(runtime: OpenRuntime, simulator: NewSimulator) -> None:
    listed = re.findall(r"^\| `(circadia_[a-z_]+)", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    families = {
        each.removesuffix("_gcount").removesuffix("_gsum")
        for each in await exported(runtime, simulator)
        if each.startswith("circadia") and not each.endswith("_created")
    }
    assert sorted({each.removesuffix("_total") for each in listed}) == sorted(families)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_and_leads_to_its_page(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["labels"]["severity"] in (("none",) if name == WATCHDOG else ("page", "ticket"))
    assert set(rule["annotations"]) == {"summary", "runbook"}
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.removeprefix("Circadia").removesuffix("Slowly")).lower()
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{own}.md"
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert f"`{name}`" in page
    assert f"`{name}`" in REFERENCE.read_text(encoding="utf-8")


def test_prometheus_reads_these_rules_and_misses_each_service_that_it_asks() -> None:
    assert promtool("check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml")) == ""
    config = _yaml(PROMETHEUS / "prometheus.yml")
    assert sorted(path for each in config["rule_files"] for path in PROMETHEUS.glob(each)) == RULES
    jobs = [each["job_name"] for each in config["scrape_configs"]]
    does_not_answer, is_gone = sorted(
        (rule["expr"] for rule in ALERTS if rule["alert"] == "CircadiaDown"), key=lambda expr: "absent" in expr
    )
    pattern = re.search(r'up\{job=~"([^"]+)"', does_not_answer)
    assert pattern
    assert all(re.fullmatch(pattern[1], each) for each in jobs)
    assert re.findall(r'absent\(up\{job="([^"]+)"\}\)', is_gone) == jobs
    reference = REFERENCE.read_text(encoding="utf-8")
    assert all(f"`{each}`" in reference for each in jobs)


def test_what_hushes_and_is_hushed_exists() -> None:
    config = _yaml(ALERTMANAGER)
    receivers = {each["name"] for each in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {each["receiver"] for each in routes} == receivers
    matchers = [each for route in config["route"]["routes"] for each in route["matchers"] if "alertname" in each]
    for each in config["inhibit_rules"]:
        matchers += (*each["source_matchers"], *each["target_matchers"])
    for matcher in matchers:
        pattern = matcher.split('"')[1]
        for alternative in pattern.split("|"):
            assert any(re.fullmatch(alternative, name) for name in NAMES), alternative


def test_where_it_tells_is_in_files_that_the_container_has_and_the_reference_says_how_to_make() -> None:
    hooks = [hook for each in _yaml(ALERTMANAGER)["receivers"] for hook in each["webhook_configs"]]
    mounted = mounts(services(TEAM)["alertmanager"])
    reference = REFERENCE.read_text(encoding="utf-8")
    assert hooks
    for hook in hooks:
        place, _, file = hook["url_file"].rpartition("/")
        assert mounted[place] == "./deploy/alertmanager"
        assert f"> deploy/alertmanager/{file}" in reference
