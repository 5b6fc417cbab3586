"""The data API: the published schema, ranges, paging, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from math import ceil
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from circadia.simulator.clock import RunningClock, StandingClock
from circadia.simulator.switches import DEVIATIONS, Deviation
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import Quirks, World

from .conftest import CLIENT, EPOCH, ROOMY, App, connected_to

SCHEMA: dict[str, Any] = json.loads(files("circadia.simulator").joinpath("schema.json").read_text())
COLLECTIONS = {
    "cycle": "/v2/cycle",
    "recovery": "/v2/recovery",
    "sleep": "/v2/activity/sleep",
    "workout": "/v2/activity/workout",
}
SCOPE = {
    "/v2/cycle": "read:cycles",
    "/v2/recovery": "read:recovery",
    "/v2/activity/sleep": "read:sleep",
    "/v2/activity/workout": "read:workout",
    "/v2/user/profile/basic": "read:profile",
    "/v2/user/measurement/body": "read:body_measurement",
}
DAY = timedelta(days=1)


def components(deviations: Sequence[Deviation]) -> dict[str, Any]:
    """The published components, widened by these deviations."""
    widened: dict[str, Any] = json.loads(json.dumps(SCHEMA["components"]))
    for deviation in deviations:
        properties = widened[deviation.component]["properties"]
        published = properties.get(deviation.property)
        sent = dict(deviation.schema)
        properties[deviation.property] = {"anyOf": [published, sent]} if published else sent
    return widened


def faults_of(component: str, content: Any, deviations: Sequence[Deviation] = DEVIATIONS) -> list[str]:
    """Where `content` breaks the schema."""
    schema = {"$ref": f"#/components/{component}", "components": components(deviations)}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def z(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def every_answer(app: App, user_id: int) -> list[tuple[str, Any]]:
    """One answer of each component: (component, JSON), over all pages."""
    tokens = await app.connect(user_id)
    answers: list[tuple[str, Any]] = []
    for template, component in SCHEMA["paths"].items():
        path = template.removeprefix("/developer")
        if "{" in path:
            continue
        page = await app.get(path, tokens)
        while page.status_code == 200:
            answers.append((component, page.json()))
            if not page.json().get("next_token"):
                break
            page = await app.get(path, tokens, nextToken=page.json()["next_token"])
    truth = app.sim.truth(user_id)
    cycle = truth["recovery"][3]["cycle_id"]
    sleep, workout = truth["sleep"][3]["id"], truth["workout"][0]["id"]
    for path, component in [
        (f"/v2/cycle/{cycle}", "Cycle"),
        (f"/v2/cycle/{cycle}/sleep", "Sleep"),
        (f"/v2/cycle/{cycle}/recovery", "Recovery"),
        (f"/v2/activity/sleep/{sleep}", "Sleep"),
        (f"/v2/activity/sleep/{sleep}/stream", "SleepStreamResponse"),
        (f"/v2/activity/workout/{workout}", "WorkoutV2"),
    ]:
        answer = await app.get(path, tokens)
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"] == "application/json"
        answers.append((component, answer.json()))
    return answers


# --- the published schema


async def test_every_answer_is_in_the_published_schema_but_for_the_listed_deviations(app: App) -> None:
    seen = set()
    for user_id in app.users:
        for component, content in await every_answer(app, user_id):
            assert faults_of(component, content) == []
            seen.add(component)
    assert seen == set(SCHEMA["paths"].values()) - {"ActivityIdMappingResponse"}


async def test_deviations_are_sent_and_each_can_be_switched_off(app: App) -> None:
    app.clock.advance(3 * 86_400)
    answers = await every_answer(app, app.users[0])
    for switch in ("explicit_nulls", "last_page", "step_count"):
        rest = [deviation for deviation in DEVIATIONS if deviation.switch != switch]
        assert any(faults_of(component, content, rest) for component, content in answers), switch
    app.sim.switch(explicit_nulls=False, step_count=False, last_page="absent")
    for user_id in app.users:
        for component, content in await every_answer(app, user_id):
            assert faults_of(component, content, ()) == []


def test_schema_covers_the_v2_paths_and_nothing_of_the_partners() -> None:
    assert len(SCHEMA["paths"]) == 13
    assert "partner" not in json.dumps(SCHEMA).lower()
    assert "description" not in json.dumps(SCHEMA)


# --- paging


@pytest.mark.parametrize("kind", COLLECTIONS)
async def test_walk_gives_every_record_once_newest_first(app: App, kind: str) -> None:
    tokens = await app.connect(app.users[0])
    truth = app.sim.truth(app.users[0])
    app.sim.traffic.reset()
    assert await app.walk(COLLECTIONS[kind], tokens, limit=25) == truth[kind]
    assert app.sim.traffic.count(path=f"/developer{COLLECTIONS[kind]}") == ceil(len(truth[kind]) / 25)
    sleeps = {sleep["id"]: sleep for sleep in truth["sleep"]}
    starts = [r["start"] if kind != "recovery" else sleeps[r["sleep_id"]]["start"] for r in truth[kind]]
    assert starts == sorted(starts, reverse=True)


async def test_limits_of_a_page(app: App) -> None:
    tokens = await app.connect(app.users[0])
    assert len((await app.get("/v2/cycle", tokens)).json()["records"]) == 10
    assert len((await app.get("/v2/cycle", tokens, limit=25)).json()["records"]) == 25
    for wrong in (26, 0, -1, "ten", "1e1"):
        assert (await app.get("/v2/cycle", tokens, limit=wrong)).status_code == 400
    app.sim.switch(over_limit="cap")
    assert len((await app.get("/v2/cycle", tokens, limit=50)).json()["records"]) == 25


@pytest.mark.parametrize(
    ("switch", "last"), [("null", {"next_token": None}), ("absent", {}), ("empty", {"next_token": ""})]
)
async def test_last_page(app: App, switch: str, last: dict[str, Any]) -> None:
    app.sim.switch(last_page=switch)
    tokens = await app.connect(app.users[0])
    start = z(EPOCH - 3 * DAY)
    page = (await app.get("/v2/cycle", tokens, start=start)).json()
    assert 0 < len(page.pop("records")) < 10
    assert page == last


async def test_full_last_page_has_no_successor(app: App) -> None:
    tokens = await app.connect(app.users[0])
    window = {"start": z(EPOCH - 9 * DAY), "end": z(EPOCH)}
    number = len((await app.get("/v2/cycle", tokens, limit=25, **window)).json()["records"])
    assert (await app.get("/v2/cycle", tokens, limit=number, **window)).json()["next_token"] is None
    assert (await app.get("/v2/cycle", tokens, limit=number - 1, **window)).json()["next_token"] is not None


async def test_snake_case_page_parameter_is_ignored(app: App) -> None:
    tokens = await app.connect(app.users[0])
    first = (await app.get("/v2/cycle", tokens)).json()
    assert (await app.get("/v2/cycle", tokens, next_token=first["next_token"])).json() == first
    assert (await app.get("/v2/cycle", tokens, next_token="nonsense")).json() == first
    second = (await app.get("/v2/cycle", tokens, nextToken=first["next_token"])).json()
    assert second["records"][0] not in first["records"]


async def test_cursor_is_an_offset_so_deleted_records_shift_the_next_page(app: App) -> None:
    user = app.users[0]
    tokens = await app.connect(user)
    truth = app.sim.truth(user)["sleep"]
    first = (await app.get("/v2/activity/sleep", tokens)).json()
    assert json.loads(base64.b64decode(first["next_token"]))["offset"] == 10
    app.sim.mutate(user, "delete_sleep", truth[2]["id"])
    second = (await app.get("/v2/activity/sleep", tokens, nextToken=first["next_token"])).json()
    assert second["records"][0]["id"] == truth[11]["id"]


async def test_new_records_repeat_one_at_the_page_boundary(app: App) -> None:
    tokens = await app.connect(app.users[0])
    first = (await app.get("/v2/cycle", tokens)).json()
    app.clock.advance(86_400)
    tokens = (await app.refresh(tokens["refresh_token"])).json()
    second = (await app.get("/v2/cycle", tokens, nextToken=first["next_token"])).json()
    assert second["records"][0]["id"] in {record["id"] for record in first["records"]}


async def test_page_token_belongs_to_its_request(app: App) -> None:
    tokens = await app.connect(app.users[0])
    window = {"start": z(EPOCH - 30 * DAY), "end": z(EPOCH), "limit": 5}
    token = (await app.get("/v2/cycle", tokens, **window)).json()["next_token"]
    assert (await app.get("/v2/cycle", tokens, **window, nextToken=token)).status_code == 200
    for changes in ({"limit": 6}, {"end": z(EPOCH - DAY)}, {"start": z(EPOCH - 31 * DAY)}):
        assert (await app.get("/v2/cycle", tokens, **window | changes, nextToken=token)).status_code == 400
    assert (await app.get("/v2/recovery", tokens, **window, nextToken=token)).status_code == 400
    app.sim.switch(same_window=False)
    assert (await app.get("/v2/cycle", tokens, **window | {"limit": 6}, nextToken=token)).status_code == 200


async def test_broken_and_stale_page_tokens(app: App) -> None:
    tokens = await app.connect(app.users[0])
    for broken in ("%%%", "bm90IGpzb24=", base64.b64encode(b"[]").decode(), base64.b64encode(b"{}").decode()):
        assert (await app.get("/v2/cycle", tokens, nextToken=broken)).status_code == 400
    token = (await app.get("/v2/cycle", tokens)).json()["next_token"]
    app.clock.advance(1200)
    assert (await app.get("/v2/cycle", tokens, nextToken=token)).status_code == 200
    app.sim.switch(stale_token_seconds=600)
    assert (await app.get("/v2/cycle", tokens, nextToken=token)).status_code == 400


# --- ranges


@pytest.mark.parametrize("kind", COLLECTIONS)
async def test_range_is_overlap(app: App, kind: str) -> None:
    tokens = await app.connect(app.users[0])
    truth = app.sim.truth(app.users[0])
    sleeps = {sleep["id"]: sleep for sleep in truth["sleep"]}

    def overlaps(record: dict[str, Any], start: datetime | None, end: datetime) -> bool:
        timed = sleeps[record["sleep_id"]] if kind == "recovery" else record
        until = instant(timed["end"]) if timed["end"] else EPOCH
        return instant(timed["start"]) < end and (start is None or until > start)

    sizes = set()
    for hours in range(0, 24 * 12, 5):
        start = EPOCH - 20 * DAY + timedelta(hours=hours)
        for end in (start + timedelta(minutes=1), start + timedelta(hours=30), None):
            expected = [r for r in truth[kind] if overlaps(r, start, end or EPOCH)]
            window = {"start": z(start)} | ({"end": z(end)} if end else {})
            assert await app.walk(COLLECTIONS[kind], tokens, limit=25, **window) == expected
            sizes.add(len(expected))
    expected = [r for r in truth[kind] if overlaps(r, None, EPOCH - 10 * DAY)]
    assert await app.walk(COLLECTIONS[kind], tokens, end=z(EPOCH - 10 * DAY)) == expected
    assert len(sizes) > 3


async def test_bounds_of_a_range_are_exact(app: App) -> None:
    tokens = await app.connect(app.users[0])
    sleep = app.sim.truth(app.users[0])["sleep"][5]
    start, end, step = instant(sleep["start"]), instant(sleep["end"]), timedelta(milliseconds=1)

    async def found(**window: str) -> bool:
        return sleep in (await app.get("/v2/activity/sleep", tokens, limit=25, **window)).json()["records"]

    assert not await found(end=z(start))
    assert await found(end=z(start + step))
    assert await found(start=z(end - step))
    assert not await found(start=z(end))


async def test_open_cycle_ends_now(app: App) -> None:
    tokens = await app.connect(app.users[0])
    running = app.sim.truth(app.users[0])["cycle"][0]
    assert running["end"] is None
    page = (await app.get("/v2/cycle", tokens, start=z(EPOCH - timedelta(seconds=1)))).json()
    assert [record["id"] for record in page["records"]] == [running["id"]]
    assert (await app.get("/v2/cycle", tokens, start=z(EPOCH))).json()["records"] == []


async def test_offsets_name_the_same_instant(app: App) -> None:
    tokens = await app.connect(app.users[0])
    plain = (await app.get("/v2/cycle", tokens, start="2026-09-20T00:00:00Z")).json()
    shifted = (await app.get("/v2/cycle", tokens, start="2026-09-20T05:30:00.000+05:30")).json()
    assert plain["records"] == shifted["records"]


@pytest.mark.parametrize(
    "text",
    ["2026-09-20", "2026-09-20T00:00:00", "2026-13-20T00:00:00Z", "1789862400", "2026-09-20T05:30:00 05:30", ""],
)
@pytest.mark.parametrize("name", ["start", "end"])
async def test_dates_and_naive_times_are_refused(app: App, name: str, text: str) -> None:
    tokens = await app.connect(app.users[0])
    assert (await app.get("/v2/cycle", tokens, **{name: text})).status_code == 400


async def test_empty_collection(app: App) -> None:
    tokens = await app.connect(app.users[0])
    window = {"end": "2001-01-01T00:00:00Z"}
    empty = await app.get("/v2/cycle", tokens, **window)
    assert (empty.status_code, empty.json()) == (200, {"records": [], "next_token": None})
    app.sim.switch(empty_collection=404)
    assert (await app.get("/v2/cycle", tokens, **window)).status_code == 404
    assert (await app.get("/v2/cycle", tokens)).status_code == 200


# --- single records


async def test_single_records_are_the_listed_ones(app: App) -> None:
    user = app.users[0]
    tokens = await app.connect(user)
    truth = app.sim.truth(user)
    recovery = truth["recovery"][2]
    cycle = next(c for c in truth["cycle"] if c["id"] == recovery["cycle_id"])
    for path, expected in [
        (f"/v2/cycle/{cycle['id']}", cycle),
        (f"/v2/cycle/{cycle['id']}/recovery", recovery),
        (f"/v2/activity/sleep/{truth['sleep'][1]['id']}", truth["sleep"][1]),
        (f"/v2/activity/sleep/{truth['sleep'][1]['id'].upper()}", truth["sleep"][1]),
        (f"/v2/activity/workout/{truth['workout'][1]['id']}", truth["workout"][1]),
        ("/v2/user/profile/basic", truth["profile"]),
    ]:
        assert (await app.get(path, tokens)).json() == expected


@pytest.fixture
def long_app() -> App:
    """One member with more than a year behind them, and so with every irregularity."""
    world = World(seed=7, members=1, days=400, epoch=EPOCH)
    sim = WhoopSimulator(world, clock=StandingClock(EPOCH), limits=ROOMY, clients=(CLIENT,))
    return connected_to(sim)


async def test_sleep_of_a_cycle_is_its_main_sleep(long_app: App) -> None:
    user = long_app.users[0]
    tokens = await long_app.connect(user)
    truth = long_app.sim.truth(user)
    named = {recovery["cycle_id"]: recovery["sleep_id"] for recovery in truth["recovery"]}
    without_recovery = 0
    for cycle in truth["cycle"]:
        answer = await long_app.get(f"/v2/cycle/{cycle['id']}/sleep", tokens)
        mains = [s for s in truth["sleep"] if s["cycle_id"] == cycle["id"] and not s["nap"]]
        if not mains:
            assert answer.status_code == 404
        elif cycle["id"] in named:
            assert answer.json()["id"] == named[cycle["id"]]
        else:
            without_recovery += 1
            assert answer.json() == max(mains, key=lambda s: instant(s["end"]) - instant(s["start"]))
    assert without_recovery


async def test_cycle_without_recovery_is_404(long_app: App) -> None:
    user = long_app.users[0]
    tokens = await long_app.connect(user)
    truth = long_app.sim.truth(user)
    recovered = {recovery["cycle_id"] for recovery in truth["recovery"]}
    bare = [cycle["id"] for cycle in truth["cycle"] if cycle["id"] not in recovered]
    assert bare
    answer = await long_app.get(f"/v2/cycle/{bare[0]}/recovery", tokens)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_ids_unknown_foreign_and_malformed(app: App) -> None:
    tokens = await app.connect(app.users[0])
    foreign = app.sim.truth(app.users[1])
    for path, status in [
        ("/v2/cycle/1", 404),
        (f"/v2/cycle/{foreign['cycle'][0]['id']}", 404),
        (f"/v2/cycle/{foreign['recovery'][0]['cycle_id']}/recovery", 404),
        (f"/v2/cycle/{foreign['recovery'][0]['cycle_id']}/sleep", 404),
        (f"/v2/activity/sleep/{foreign['sleep'][0]['id']}", 404),
        (f"/v2/activity/sleep/{foreign['sleep'][0]['id']}/stream", 404),
        (f"/v2/activity/workout/{foreign['workout'][0]['id']}", 404),
        (f"/v2/activity/workout/{uuid4()}", 404),
        ("/v2/cycle/abc", 400),
        (f"/v2/cycle/{2**63}", 400),
        ("/v2/activity/sleep/12345", 400),
        ("/v2/activity/sleep/12345/stream", 400),
        ("/v2/activity/workout/not-a-uuid", 400),
        ("/v2/recovery/1", 404),
        ("/v1/cycle", 404),
        ("/v2/partner/token", 404),
    ]:
        assert (await app.get(path, tokens)).status_code == status, path


async def test_stream_signals(app: App) -> None:
    tokens = await app.connect(app.users[0])
    sleep = app.sim.truth(app.users[0])["sleep"][1]
    path = f"/v2/activity/sleep/{sleep['id']}/stream"
    stream = (await app.get(path, tokens, types=["hr", "sleep_classification"])).json()["stream"]
    assert stream[0].keys() == {"timestamp", "hr", "is_sleeping"}
    assert sleep["start"] <= stream[0]["timestamp"] <= stream[-1]["timestamp"] <= sleep["end"]
    assert (await app.get(path, tokens)).json()["stream"][0].keys() > stream[0].keys()
    assert (await app.get(path, tokens, types="mood")).status_code == 400


async def test_body_measurement_may_be_missing(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.sim.switch(body_missing=True)
    assert (await app.get("/v2/user/measurement/body", tokens)).status_code == 404
    assert app.sim.truth(app.users[0])["body"] is None


async def test_activity_mapping_knows_old_ids_only() -> None:
    epoch = datetime(2025, 6, 20, 9, tzinfo=UTC)
    world = World(seed=7, members=1, days=30, epoch=epoch)
    app = connected_to(WhoopSimulator(world, clock=StandingClock(epoch), clients=(CLIENT,)))
    tokens = await app.connect(app.users[0])
    truth = app.sim.truth(app.users[0])
    for record in (truth["sleep"][0], truth["workout"][0]):
        answer = await app.get(f"/v1/activity-mapping/{record['v1_id']}", tokens)
        assert answer.json() == {"v2_activity_id": record["id"]}
        assert faults_of("ActivityIdMappingResponse", answer.json()) == []
    assert (await app.get("/v1/activity-mapping/1", tokens)).status_code == 404


# --- who may ask


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
async def test_401_is_plain_text(app: App, headers: dict[str, str]) -> None:
    answer = await app.http.get("/developer/v2/cycle", headers=headers)
    assert (answer.status_code, answer.text) == (401, "Authorization was not valid")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", SCOPE)
async def test_missing_scope(app: App, path: str) -> None:
    others = [scope for scope in SCOPE.values() if scope != SCOPE[path]]
    tokens = await app.connect(app.users[0], " ".join(others))
    assert (await app.get(path, tokens)).status_code == 403
    app.sim.switch(missing_scope=404)
    assert (await app.get(path, tokens)).status_code == 404
    app.sim.switch(missing_scope=401)
    assert (await app.get(path, tokens)).text == "Authorization was not valid"


@pytest.mark.parametrize("agent", ["python-httpx2/2.16.2", "Python-urllib/3.11", "python-requests/2.32", ""])
async def test_default_user_agents_are_blocked_at_the_edge(app: App, agent: str) -> None:
    tokens = await app.connect(app.users[0])
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "User-Agent": agent}
    answer = await app.http.get("/developer/v2/cycle", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    app.sim.switch(block_default_agents=False)
    assert (await app.http.get("/developer/v2/cycle", headers=headers)).status_code == 200


async def test_other_methods_and_browsers_of_other_origins(app: App) -> None:
    tokens = await app.connect(app.users[0])
    assert (await app.http.post("/developer/v2/cycle")).status_code == 405
    assert (await app.http.request("OPTIONS", "/oauth/oauth2/token")).status_code == 405
    answer = await app.http.get(
        "/developer/v2/cycle",
        headers={"Authorization": f"Bearer {tokens['access_token']}", "Origin": "https://x.example"},
    )
    assert "Access-Control-Allow-Origin" not in answer.headers


# --- the admin API


async def test_truth_is_what_the_api_returns(app: App) -> None:
    user = app.users[0]
    tokens = await app.connect(user)
    told = (await app.http.get(f"/_sim/truth/{user}")).json()
    assert told == json.loads(json.dumps(app.sim.truth(user)))
    for kind, path in COLLECTIONS.items():
        assert await app.walk(path, tokens, limit=25) == told[kind]
    assert (await app.get("/v2/user/profile/basic", tokens)).json() == told["profile"]
    assert (await app.http.get("/_sim/truth/1")).status_code == 404


async def test_hidden_member_has_empty_lists_and_keeps_the_truth(app: App) -> None:
    user = app.users[0]
    tokens = await app.connect(user)
    truth = app.sim.truth(user)
    await app.http.post("/_sim/hide", json={"user_id": user})
    for path in COLLECTIONS.values():
        assert (await app.get(path, tokens)).json()["records"] == []
    stream = await app.get(f"/v2/activity/sleep/{truth['sleep'][0]['id']}/stream", tokens)
    assert (stream.status_code, stream.json()) == (403, {"error": "deactivated_user"})
    assert app.sim.truth(user) == truth
    await app.http.post("/_sim/hide", json={"user_id": user, "hidden": False})
    assert await app.walk("/v2/cycle", tokens) == truth["cycle"]


async def test_mutations_over_the_admin_api(app: App) -> None:
    user = app.users[0]
    victim = app.sim.truth(user)["sleep"][4]["id"]
    answer = await app.http.post("/_sim/mutate", json={"user_id": user, "action": "delete_sleep", "target": victim})
    assert {"type": "sleep.deleted", "id": victim}.items() <= answer.json()["events"][0].items()
    assert victim not in {sleep["id"] for sleep in app.sim.truth(user)["sleep"]}
    for wrong, status in [
        ({"user_id": user, "action": "explode"}, 422),
        ({"user_id": 1, "action": "delete_sleep"}, 404),
        ({"user_id": user}, 422),
    ]:
        assert (await app.http.post("/_sim/mutate", json=wrong)).status_code == status


async def test_clock_moves_forward_only(app: App) -> None:
    moved = (await app.http.post("/_sim/clock", json={"advance_seconds": 90})).json()
    assert instant(moved["now"]) == EPOCH + timedelta(seconds=90)
    assert (await app.http.post("/_sim/clock", json={"advance_seconds": -1})).status_code == 422
    assert (await app.http.get("/_sim/clock")).json() == moved


async def test_clock_that_cannot_be_moved(world: World) -> None:
    app = connected_to(WhoopSimulator(world, clock=lambda: EPOCH, clients=(CLIENT,)))
    assert (await app.http.get("/_sim/clock")).json()["movable"] is False
    assert (await app.http.post("/_sim/clock", json={"advance_seconds": 90})).status_code == 422


def test_running_clock_adds_what_it_was_advanced() -> None:
    clock = RunningClock()
    before = clock()
    clock.advance(3600)
    assert timedelta(hours=1) <= clock() - before < timedelta(hours=2)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


async def test_switches_over_the_admin_api(app: App) -> None:
    answer = await app.http.post("/_sim/switches", json={"over_limit": "cap"})
    assert answer.json()["over_limit"] == "cap"
    assert (await app.http.get("/_sim/switches")).json() == answer.json()
    assert (await app.http.post("/_sim/switches", json={"over_limit": "explode"})).status_code == 422
    assert (await app.http.post("/_sim/switches", json={"gravity": 0})).status_code == 422


async def test_members_and_apps_are_listed(app: App) -> None:
    await app.connect(app.users[1])
    members = (await app.http.get("/_sim/members")).json()
    assert [member["user_id"] for member in members] == app.users
    assert [member["lineages"] for member in members] == [0, 1, 0]
    assert members[1]["consents"] == [CLIENT.client_id]
    apps = (await app.http.get("/_sim/clients")).json()
    assert [a["client_id"] for a in apps] == ["app-one", "app-two"]
    assert "secret" not in json.dumps(apps)
    url = {"webhook_url": "https://new.example/hook"}
    assert (await app.http.post("/_sim/clients/app-one", json=url)).json()["webhook_url"] == url["webhook_url"]
    assert (await app.http.post("/_sim/clients/nobody", json=url)).status_code == 404


async def test_plain_world_needs_no_deviation() -> None:
    world = World(seed=3, members=1, days=20, epoch=EPOCH, quirks=Quirks.none())
    app = connected_to(WhoopSimulator(world, clock=StandingClock(EPOCH), clients=(CLIENT,)))
    app.sim.switch(last_page="absent")
    for component, content in await every_answer(app, app.users[0]):
        assert faults_of(component, content, ()) == []
