"""Rate windows: rolling, per app, told in three headers."""

from __future__ import annotations

import random
import re

import httpx2
import pytest

from circadia.simulator.limits import Limits, RateWindows

from .conftest import CLIENT, App

PROFILE = "/v2/user/profile/basic"


def numbers(response: httpx2.Response) -> tuple[str, int, int]:
    headers = response.headers
    return (
        headers["X-RateLimit-Limit"],
        int(headers["X-RateLimit-Remaining"]),
        int(headers["X-RateLimit-Reset"]),
    )


@pytest.fixture(autouse=True)
def documented_limits(app: App) -> None:
    app.sim.state.set_limits(Limits())


def test_windows_roll_as_a_plain_recount_says() -> None:
    rng = random.Random(5)
    limits = Limits(per_minute=7, per_day=60)
    windows = RateWindows(limits)
    passed: list[float] = []
    arrived: list[float] = []
    now, busiest = 1_000_000.0, 0
    for _ in range(4000):
        now += rng.choice([0.0, 0.5, 3.0, 9.0, 61.0, 2000.0])
        arrived.append(now)
        busiest = max(busiest, sum(now - 60 < at <= now for at in arrived[-200:]))
        minute = sum(now - 60 < at <= now for at in passed[-60:])
        day = sum(now - 86_400 < at <= now for at in passed[-60:])
        expected = minute < limits.per_minute and day < limits.per_day
        assert windows.admit(now).allowed is expected
        if expected:
            passed.append(now)
    assert windows.peak_minute == busiest
    assert windows.refused == len(arrived) - len(passed)
    assert 0 < windows.refused < len(arrived)


def test_first_number_is_the_window_with_the_smallest_remaining_share() -> None:
    windows = RateWindows(Limits(per_minute=10, per_day=30))
    now = 0.0
    firsts: list[str] = []
    for _ in range(30):
        headers = windows.admit(now).headers
        first = headers["X-RateLimit-Limit"].split(",")[0]
        left = {"10": 10 - len(firsts) % 10 - 1, "30": 30 - len(firsts) - 1}
        assert headers["X-RateLimit-Remaining"] == str(left[first])
        assert headers["X-RateLimit-Limit"].endswith(", 10;window=60, 30;window=86400")
        firsts.append(first)
        now += 60.0 if len(firsts) % 10 == 0 else 0.0
    assert firsts[0] == "10"
    assert firsts[-1] == "30"
    refused = windows.admit(now)
    assert not refused.allowed
    assert refused.headers["X-RateLimit-Limit"].startswith("30,")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["X-RateLimit-Reset"]) == 86_400 - 180


def test_a_clock_set_back_counts_as_standing_still() -> None:
    windows = RateWindows(Limits(per_minute=2, per_day=10))
    assert windows.admit(100.0).allowed
    assert windows.admit(50.0).allowed
    assert not windows.admit(159.0).allowed
    assert windows.admit(160.0).allowed


async def test_headers_of_a_data_answer(app: App) -> None:
    tokens = await app.connect(app.users[0])
    assert numbers(await app.get(PROFILE, tokens)) == ("100, 100;window=60, 10000;window=86400", 99, 60)
    app.clock.advance(57.5)
    assert numbers(await app.get(PROFILE, tokens))[1:] == (98, 3)
    app.clock.advance(2.5)
    assert numbers(await app.get(PROFILE, tokens))[1:] == (98, 58)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v2/cycle/1", 404), ("/v2/activity/sleep/no-uuid", 400), ("/v2/cycle?limit=26", 400)],
)
async def test_errors_count_and_carry_the_headers(app: App, path: str, status: int) -> None:
    tokens = await app.connect(app.users[0])
    answer = await app.get(path, tokens) if "?" not in path else await app.get("/v2/cycle", tokens, limit=26)
    assert answer.status_code == status
    assert numbers(answer)[1] == 99


async def test_breach_is_429_until_the_oldest_request_is_a_minute_old(app: App) -> None:
    app.sim.state.set_limits(Limits(per_minute=5, per_day=1000))
    tokens = await app.connect(app.users[0])
    for _ in range(5):
        assert (await app.get(PROFILE, tokens)).status_code == 200
        app.clock.advance(1)
    refused = await app.get(PROFILE, tokens)
    assert refused.status_code == 429
    limit, remaining, reset = numbers(refused)
    assert re.match(r"5, 5;window=60, 1000;window=86400$", limit)
    assert (remaining, reset) == (0, 55)
    assert "Retry-After" not in refused.headers
    app.clock.advance(reset)
    assert (await app.get(PROFILE, tokens)).status_code == 200
    assert (await app.get(PROFILE, tokens)).status_code == 429
    assert app.sim.peak_minute(CLIENT.client_id) == 7


async def test_windows_belong_to_the_app_and_are_shared_by_its_members(app: App, other: App) -> None:
    one, two = await app.connect(app.users[0]), await app.connect(app.users[1])
    elsewhere = await other.connect(app.users[0])
    await app.get(PROFILE, one)
    assert numbers(await app.get(PROFILE, two))[1] == 98
    assert numbers(await other.get(PROFILE, elsewhere))[1] == 99


async def test_token_calls_and_unknown_tokens_spend_nothing(app: App) -> None:
    tokens = await app.connect(app.users[0])
    for _ in range(3):
        tokens = (await app.refresh(tokens["refresh_token"])).json()
    nobody = await app.get(PROFILE, {"access_token": "ory_at_unknown"})
    assert nobody.status_code == 401
    assert not [name for name in nobody.headers if name.lower().startswith("x-ratelimit")]
    assert numbers(await app.get(PROFILE, tokens))[1] == 99
    report = (await app.http.get("/_sim/requests")).json()
    assert report["token_calls"] == [
        {"grant_type": "authorization_code", "status": 200, "count": 1},
        {"grant_type": "refresh_token", "status": 200, "count": 3},
    ]


async def test_admin_reports_and_resets_what_was_asked(app: App) -> None:
    tokens = await app.connect(app.users[0])
    await app.get("/v2/cycle", tokens, limit=3)
    await app.get("/v2/cycle/12", tokens)
    report = (await app.http.get("/_sim/requests", params={"last": 1})).json()
    assert report["windows"][CLIENT.client_id] == {"peak_minute": 2, "refused": 0}
    counted = {(row["path"], row["method"], row["status"]): row["count"] for row in report["counts"]}
    assert counted["/developer/v2/cycle", "GET", 200] == 1
    assert counted["/developer/v2/cycle/{id}", "GET", 404] == 1
    assert [entry["target"] for entry in report["recent"]] == ["/developer/v2/cycle/12"]
    assert app.sim.traffic.count(path="/developer/v2/cycle", user_id=app.users[0]) == 1
    assert tokens["access_token"] not in str(report)
    await app.authorize(state="state-of-a-person")
    assert "state-of-a-person" not in (await app.http.get("/_sim/requests")).text
    await app.http.post("/_sim/requests/reset")
    report = (await app.http.get("/_sim/requests")).json()
    assert (report["total"], report["recent"], report["token_calls"]) == (0, [], [])
    assert report["windows"][CLIENT.client_id]["peak_minute"] == 0


async def test_limits_can_be_set_while_running(app: App) -> None:
    tokens = await app.connect(app.users[0])
    answer = await app.http.post("/_sim/limits", json={"per_minute": 6000, "per_day": 1_000_000})
    assert answer.json() == {"per_minute": 6000, "per_day": 1_000_000}
    assert numbers(await app.get(PROFILE, tokens))[:2] == ("6000, 6000;window=60, 1000000;window=86400", 5999)
    assert (await app.http.post("/_sim/limits", json={"per_minute": 0, "per_day": 1})).status_code == 422
