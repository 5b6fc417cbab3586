"""What the log says, and what it never does: a whole stretch of a service's life, searched for everything secret."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson
import pytest
import structlog

from circadia import logs
from tests import simulated
from tests.api.conftest import BOOTSTRAP, Api, Json, Serve

SECRET = "a-secret-that-nobody-may-read"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """The log as JSON, as talkative as it gets, kept until the application is closed."""
    kept = StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", kept)
        logs.configure("DEBUG", "json")
    return kept


def lines(log: StringIO) -> list[Json]:
    """The log since the last look, every line of it as JSON."""
    told = log.getvalue()
    log.seek(0)
    log.truncate()
    return [orjson.loads(each) for each in told.splitlines()]


def _eavesdrop(api: Api) -> set[str]:
    """Fills with the tokens, codes and verifiers that go over the wire."""
    heard: set[str] = set()

    def request(asked: httpx2.Request) -> None:
        if "authorization" in asked.headers:
            heard.add(asked.headers["authorization"].split()[-1])
        form = parse_qs(asked.content.decode("latin-1"))
        heard.update(
            form[name][0] for name in ("code", "code_verifier", "refresh_token", "client_secret") if name in form
        )

    def answer(asked: httpx2.Request, body: bytes) -> bytes:
        if asked.url.path.endswith("/token"):
            issued = orjson.loads(body)
            heard.update(str(issued[name]) for name in ("access_token", "refresh_token") if name in issued)
        return body

    api.wire.before, api.wire.rewrite = request, answer
    return heard


def _health_values(truth: Json) -> Iterator[str]:
    """Figures that cannot turn up in a log by chance, names and addresses."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for each in value.values():
                yield from walk(each)
        elif isinstance(value, list):
            for each in value:
                yield from walk(each)
        elif isinstance(value, float) and len(str(value)) > 6:
            yield str(value)

    yield from walk(truth)
    yield truth["profile"]["email"]
    yield truth["profile"]["last_name"]


async def test_a_life_in_the_log(serve: Serve, log: StringIO) -> None:
    api = await serve(members=2)
    heard = _eavesdrop(api)
    key = await api.key("read")
    started = await api.begin("alice")
    back = await api.consent(started["authorization_url"])
    async with api.browser() as browser:
        shown = await browser.get("/auth/callback", params=back)
        cookie = shown.cookies["circadia-connect"]
        await browser.post("/auth/confirm", data={**back, "decision": "connect"})
    await api.history()
    await api.connect("bob", api.account)
    for path in ("daily-data", "statistics", "sync-status", "records", "nothing"):
        suffix = "/sleep" if path == "records" else ""
        await api.anonymous.get(f"/api/v1/whoop/{path}/alice{suffix}?token={SECRET}", headers=key)
    await api.http.get("/internal/data/all/alice")
    await api.anonymous.get("/api/v1/whoop/days/alice", headers={"X-API-Key": SECRET})
    await _troubles(api)
    heard |= {
        BOOTSTRAP,
        SECRET,
        key["X-API-Key"],
        key["X-API-Key"].split("_", 2)[2],
        cookie,
        back["code"],
        back["state"],
    }
    heard |= {parse_qs(urlsplit(started["authorization_url"]).query)["code_challenge"][0]}
    heard |= {simulated.CLIENT.client_secret, simulated.KEYS, simulated.KEYS.split(":")[1]}
    heard |= set(_health_values(api.simulator.truth(api.account)))
    told = lines(log)
    text = orjson.dumps(told).decode()
    assert len(heard) > 300
    assert {"request", "connect.begun", "connect.done", "run.done", "sync.done", "request.broke"} <= {
        each["event"] for each in told
    }
    assert [each for each in heard if each in text] == []


async def _troubles(api: Api) -> None:
    """A record that does not parse, a rate limit, answers that are lost or no JSON, a lost grant, and a bug."""
    hear = api.wire.rewrite

    def spoil(asked: httpx2.Request, body: bytes) -> bytes:
        page = orjson.loads(hear(asked, body))
        for record in page.get("records", ())[:2]:
            record["start"] = f"{SECRET} 61.123456"
            record["score"] = {"strain": [SECRET]}
        return orjson.dumps(page)

    api.wire.rewrite = spoil
    api.clock.advance(3600)
    await api.sync()
    api.wire.rewrite = hear
    for fault in ("rate_limited", "lose_response", "html_200", "invalid_json", "disconnect"):
        api.simulator.fault(fault, path="/developer", count=5, headers=False, retry_after=120)
        api.clock.advance(7200)
        await api.sync()
        api.simulator.state.faults.clear()
    api.clock.advance(7200)
    api.simulator.fault("lose_response", path="/oauth/oauth2/token", count=1)
    await api.sync()
    api.simulator.revoke(api.account)
    api.clock.advance(7200)
    await api.sync()
    await api.db.execute("ALTER TABLE days ADD CONSTRAINT wrong CHECK (document IS NULL) NOT VALID")
    await api.db.execute(
        "INSERT INTO day_changes (member_id, from_at, to_at) SELECT id, '-infinity', 'infinity' FROM members"
    )
    await api.db.execute("UPDATE recoveries SET recovery_score = 1 + recovery_score")
    answer = await api.http.get("/api/v1/whoop/daily-data/alice?date=2026-11-18")
    assert answer.status_code == 500


async def test_lines_can_be_followed(api: Api, log: StringIO) -> None:
    """From a request to its lines by its id; from a run to its lines by the run's; the member by the app's id."""
    given = "follow-me-0001"
    await api.http.post("/internal/auth/connect/alice", headers={"X-Request-ID": given})
    told = [each for each in lines(log) if each.get("request") == given]
    assert [each["event"] for each in told] == ["connect.begun", "request"]
    assert told[0]["user"] == "alice"
    request = told[1]
    assert (request["method"], request["route"], request["status"]) == ("POST", "/internal/auth/connect/{user_id}", 200)
    assert request["ms"] > 0
    assert {"level", "timestamp", "event"} <= set(request)
    await api.http.get("/no/such/path/alice")
    (line,) = [each for each in lines(log) if each["event"] == "request"]
    assert (line["route"], line["status"]) == ("unmatched", 404)


async def test_a_run_s_lines_name_it(alice: Api, log: StringIO) -> None:
    alice.clock.advance(3600)
    run = await alice.sync(types=["sleep"])
    told = [each for each in lines(log) if each.get("run") == run["run_id"]]
    assert {"sync.done", "run.done"} <= {each["event"] for each in told}
    assert {each["user"] for each in told if "user" in each} == {"alice"}
    assert not any("request" in each for each in told), "a run's lines carry the id of a request that is over"


async def test_requests_at_once_do_not_mix_their_ids(api: Api, log: StringIO) -> None:
    ids = [f"request-{number:04}" for number in range(20)]
    await asyncio.gather(
        *(api.http.post(f"/internal/auth/connect/user{each[-4:]}", headers={"X-Request-ID": each}) for each in ids)
    )
    begun = {each["request"]: each["user"] for each in lines(log) if each["event"] == "connect.begun"}
    assert begun == {each: f"user{each[-4:]}" for each in ids}


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_local_values(capsys: pytest.CaptureFixture[str], style: str) -> None:
    logs.configure("INFO", style)

    def broken(token: str) -> None:
        kept = {"inside": token}
        raise RuntimeError(str(len(kept)))

    for tell in (structlog.get_logger().exception, logging.getLogger("some.library").exception):
        try:
            broken(f"{SECRET}-{os.getpid()}")
        except RuntimeError:
            tell("broke")
    told = capsys.readouterr().err
    assert told.count("RuntimeError") >= 2
    assert SECRET not in told


@pytest.mark.parametrize("style", ["json", "console"])
def test_names_that_could_carry_a_secret_are_cut_out(capsys: pytest.CaptureFixture[str], style: str) -> None:
    logs.configure("INFO", style)
    names = ("token", "access_token", "client_secret", "password", "authorization", "api_key", "code", "state", "email")
    structlog.get_logger().info("said", user="alice", **dict.fromkeys(names, SECRET))
    told = capsys.readouterr().err
    assert SECRET not in told
    assert "alice" in told
    assert told.count("[hidden]") == len(names)


def test_the_level_counts_and_other_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "json")
    structlog.get_logger().info("not said")
    structlog.get_logger().warning("said")
    logging.getLogger("psycopg").warning(SECRET)
    logging.getLogger("httpx2").warning(SECRET)
    logging.getLogger("some.library").warning("a library's warning")
    assert [orjson.loads(each)["event"] for each in capsys.readouterr().err.splitlines()] == [
        "said",
        "a library's warning",
    ]
