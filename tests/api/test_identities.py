"""Who is who over HTTP, and how a user is merged."""

from __future__ import annotations

import pytest

from circadia.storage import sahha
from tests.api.conftest import Api
from tests.api.table import problem

IDENTITIES = "/api/v1/identities"


async def test_said_shown_and_taken_back(api: Api) -> None:
    own = {"user_id": "alice", "sahha_id": "alice", "whoop_id": "alice", "mapped": False}
    assert await api.get(f"{IDENTITIES}/alice") == own
    said = await api.http.put(f"{IDENTITIES}/alice", json={"sahha_id": "auth0|7", "whoop_id": None})
    told = {"user_id": "alice", "sahha_id": "auth0|7", "whoop_id": None, "mapped": True}
    assert (said.status_code, said.json()) == (200, told)
    assert await api.get(f"{IDENTITIES}/alice") == told
    for _ in range(2):
        taken_back = await api.http.delete(f"{IDENTITIES}/alice")
        assert (taken_back.status_code, taken_back.json()) == (200, own)


async def test_an_id_has_one_user(api: Api) -> None:
    taken = {"sahha_id": "shared", "whoop_id": None}
    assert (await api.http.put(f"{IDENTITIES}/alice", json=taken)).status_code == 200
    found = problem(await api.http.put(f"{IDENTITIES}/bob", json=taken), 409, "identity_taken")
    assert found["remedy"]
    assert (await api.get(f"{IDENTITIES}/shared"))["sahha_id"] is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"sahha_id": "x"}, "invalid_request"),
        ({"sahha_id": 1, "whoop_id": None}, "invalid_request"),
        ({"sahha_id": "a b", "whoop_id": None}, "invalid_sahha_id"),
        ({"sahha_id": None, "whoop_id": "../x"}, "invalid_user_id"),
        ({"sahha_id": None, "whoop_id": None, "other": 1}, "invalid_request"),
    ],
)
async def test_what_could_be_nobody(api: Api, body: dict[str, object], kind: str) -> None:
    problem(await api.http.put(f"{IDENTITIES}/alice", json=body), 422, kind)
    assert (await api.get(IDENTITIES))["identities"] == []


async def test_the_list_in_pages(api: Api) -> None:
    for user in ("carol", "alice", "bob"):
        body = {"sahha_id": f"{user}-1", "whoop_id": None}
        assert (await api.http.put(f"{IDENTITIES}/{user}", json=body)).status_code == 200
    first = await api.get(IDENTITIES, limit=2)
    assert ([each["user_id"] for each in first["identities"]], first["next_after"]) == (["alice", "bob"], "bob")
    rest = await api.get(IDENTITIES, limit=2, after=first["next_after"])
    assert ([each["user_id"] for each in rest["identities"]], rest["next_after"]) == (["carol"], None)
    problem(await api.http.get(IDENTITIES, params={"after": "a\0"}), 422, "invalid_user_id")


async def test_reading_takes_a_reader_and_saying_a_writer(api: Api) -> None:
    reader = await api.key("read")
    assert (await api.anonymous.get(f"{IDENTITIES}/alice", headers=reader)).status_code == 200
    for method in ("PUT", "DELETE"):
        refused = await api.anonymous.request(
            method, f"{IDENTITIES}/alice", json={"sahha_id": None, "whoop_id": None}, headers=reader
        )
        problem(refused, 403, "scope_too_small")


POLICY = "/api/v1/unified/alice/policy"


async def test_a_user_is_merged_otherwise_and_like_everybody_again(api: Api) -> None:
    plain = await api.get(POLICY)
    assert (plain["user_id"], plain["overrides"]) == ("alice", {})
    given = {"steps": {"sources": ["whoop"]}, "sleep_score": {"fresh_for_s": 3600}}
    said = await api.http.put(POLICY, json={"overrides": given})
    assert said.status_code == 200, said.text
    told = await api.get(POLICY)
    assert said.json() == told
    assert told["overrides"] == given
    assert told["policies"]["steps"] == plain["policies"]["steps"] | {"sources": ["whoop", "sahha"]}
    changed = {name for name, each in told["policies"].items() if each != plain["policies"][name]}
    assert changed == {"steps", "sleep_score"}
    assert (await api.http.put(POLICY, json={"overrides": {"steps": {"how": "mean"}}})).status_code == 200
    assert (await api.get(POLICY))["overrides"] == {"steps": {"how": "mean"}}
    for _ in range(2):
        assert (await api.http.delete(POLICY)).json() == plain
    assert await api.get(POLICY) == plain


@pytest.mark.parametrize(
    "given",
    [
        {"no_such_metric": {"how": "mean"}},
        {"steps": {}},
        {"steps": {"how": "guess"}},
        {"steps": {"fresh_for_s": 0}},
        {"strain": {"sources": ["sahha"]}},
    ],
)
async def test_a_policy_that_makes_no_sense_changes_nothing(api: Api, given: dict[str, object]) -> None:
    kept = {"overrides": {"steps": {"how": "mean"}}}
    assert (await api.http.put(POLICY, json=kept)).status_code == 200
    refused = await api.http.put(POLICY, json={"overrides": {"sleep_score": {"fresh_for_s": 60}} | given})
    problem(refused, 422, "invalid_policy")
    assert (await api.get(POLICY))["overrides"] == kept["overrides"]


async def test_an_override_that_this_version_does_not_know_is_passed_over(api: Api) -> None:
    await api.db.execute(
        "INSERT INTO merge_overrides (user_id, metric, policy, changed_at) "
        """VALUES ('alice', 'gone', '{}', now()), ('alice', 'steps', '{"how": "mean"}', now())"""
    )
    told = await api.get(POLICY)
    assert told["policies"]["steps"]["how"] == "mean"
    assert set(told["overrides"]) == {"gone", "steps"}


async def test_an_erase_takes_what_the_gateway_keeps_along(api: Api) -> None:
    """Also of somebody who was never connected to WHOOP."""
    now = api.clock()
    for user, sahha_id, whoop_id in (
        ("alice", "alice-s", "alice-w"),
        ("bob", "bob-s", None),
        ("carol", "carol", "carol"),
    ):
        body = {"sahha_id": sahha_id, "whoop_id": whoop_id}
        assert (await api.http.put(f"{IDENTITIES}/{user}", json=body)).status_code == 200
        policy = {"overrides": {"steps": {"how": "mean"}}}
        assert (await api.http.put(f"/api/v1/unified/{user}/policy", json=policy)).status_code == 200
        async with api.db.begin() as connection:
            await sahha.profile_id(connection, sahha_id, now)
    assert (await api.connect("alice-w")).status_code == 200
    for user in ("alice-w", "bob"):
        erased = await api.http.delete(f"/internal/auth/connection/{user}", params={"data": "erase"})
        assert erased.status_code == 200, erased.text
    left = [
        await api.db.rows(f"SELECT {column} FROM {table}")
        for table, column in (
            ("identities", "user_id"),
            ("merge_overrides", "user_id"),
            ("sahha_profiles", "external_id"),
        )
    ]
    assert left == [[("carol",)]] * 3
    for user in ("alice", "bob"):
        again = await api.http.delete(f"/internal/auth/connection/{user}", params={"data": "erase"})
        problem(again, 404, "not_connected")
