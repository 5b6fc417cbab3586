"""The owner's rooms, with the owner's session as with an admin's key; for everybody else they are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from circadia.storage import deliveries
from circadia.storage.deliveries import Delivery
from tests.api.conftest import Api, Serve
from tests.api.doors import by_whoop, deeds, entered, use, whoami
from tests.api.table import problem

ADMIN = "/api/v1/admin"


async def test_everybody_page_by_page(alice: Api) -> None:
    async with entered(alice, "owner", "owner") as owner, entered(alice, "zoe"):
        whole = (await owner.get(f"{ADMIN}/members")).json()
        assert [each["user_id"] for each in whole["members"]] == ["alice", "owner", "zoe"]
        assert [each["role"] for each in whole["members"]] == [None, "owner", "member"]
        stored = await alice.db.row(
            "SELECT (SELECT count(*) FROM cycles) + (SELECT count(*) FROM sleeps) "
            "+ (SELECT count(*) FROM recoveries) + (SELECT count(*) FROM workouts)"
        )
        first = whole["members"][0]
        assert stored is not None
        assert (first["connection"], first["records"]) == ("connected", stored[0])
        assert first["records"] > 50
        assert first["as_of"]
        assert whole["next_after"] is None
        page = (await owner.get(f"{ADMIN}/members", params={"limit": 2})).json()
        assert page["next_after"] == "owner"
        rest = (await owner.get(f"{ADMIN}/members", params={"after": "owner", "limit": 2})).json()
        assert page["members"] + rest["members"] == whole["members"]


async def test_a_button_lets_somebody_in(alice: Api) -> None:
    async with entered(alice, "owner", "owner") as owner, alice.browser() as browser:
        made = await owner.post(f"{ADMIN}/signin-links", json={"user_id": "alice"})
        assert (made.status_code, made.json()["expires_at"]) == (201, _written(alice, minutes=15))
        await use(browser, made.json()["url"].rpartition("/")[2])
        assert (await whoami(browser))["user_id"] == "alice"
        problem(await owner.post(f"{ADMIN}/signin-links", json={"user_id": "nobody"}), 404, "unknown_user")
    assert await deeds(alice, "alice") == ["connection.made", "link.made", "session.opened"]


def _written(api: Api, **later: int) -> str:
    return (api.clock() + timedelta(**later)).isoformat().replace("+00:00", "Z")


async def test_an_invitation_lets_one_in(serve: Serve) -> None:
    api = await serve(worker=False, SIGNUP="invite")
    async with entered(api, "owner", "owner") as owner, api.browser() as browser:
        made = (await owner.post(f"{ADMIN}/invitations", json={"note": "for Grace"})).json()
        assert made["expires_at"] == _written(api, days=7)
        answer = await by_whoop(api, browser, invitation=made["url"].rpartition("/")[2])
        assert answer.status_code == 303
    found = await api.db.row("SELECT details FROM audit WHERE deed = 'link.made'")
    assert found == ({"kind": "invitation"},), "what is said of others does not outlive them here"


async def test_invitations_only_where_they_count(api: Api) -> None:
    found = problem(await api.http.post(f"{ADMIN}/invitations"), 409, "not_by_invitation")
    assert "SIGNUP=invite" in found["remedy"]


async def test_the_list_is_replaced_whole(api: Api) -> None:
    path = f"{ADMIN}/allowlist"
    given = {"emails": ["Grace@example.org", "ada@example.org", "grace@EXAMPLE.org"]}
    assert (await api.http.put(path, json=given)).json() == {"emails": ["ada@example.org", "grace@example.org"]}
    added = await api.db.rows("SELECT email, added_at FROM allowed_emails ORDER BY email")
    api.clock.advance(60)
    assert (await api.http.put(path, json={"emails": ["ada@example.org"]})).json() == {"emails": ["ada@example.org"]}
    assert await api.db.rows("SELECT email, added_at FROM allowed_emails") == added[:1], "who stays keeps their time"
    assert await api.get(path) == {"emails": ["ada@example.org"]}
    problem(await api.http.put(path, json={"emails": ["nonsense"]}), 422, "invalid_request")


async def test_a_key_is_shown_once_and_ends(api: Api) -> None:
    made = await api.http.post(f"{ADMIN}/keys", json={"name": "laptop", "scope": "read", "expires_days": 90})
    assert made.status_code == 201
    text = made.json()["key"]
    headers = {"X-API-Key": text}
    assert (await api.anonymous.get("/api/v1/whoop/daily-data/alice", headers=headers)).status_code == 200
    listed = await api.get(f"{ADMIN}/keys")
    assert text not in str(listed)
    (key,) = listed["keys"]
    assert (key["name"], key["scopes"], key["state"], key["expires_at"]) == (
        "laptop", ["read"], "good", _written(api, days=90),
    )  # fmt: skip
    assert (await api.http.delete(f"{ADMIN}/keys/{key['id']}")).status_code == 204
    assert (await api.get(f"{ADMIN}/keys"))["keys"][0]["state"] == "revoked"
    problem(await api.http.delete(f"{ADMIN}/keys/{key['id']}"), 404, "unknown_key")
    assert await deeds(api) == ["key.made", "key.revoked"]


async def test_a_webhook_is_answered_again(alice: Api) -> None:
    now = alice.clock()
    told = [Delivery(f"trace-{n}", "sleep.updated", "x", account, now) for n, account in ((1, alice.account), (2, 1))]
    await deliveries.store(alice.db, "whoop", told)
    listed = (await alice.get(f"{ADMIN}/deliveries"))["deliveries"]
    states = {each["state"]: each["id"] for each in listed}
    await alice.db.execute("UPDATE deliveries SET state = 'parked', error = 'e' WHERE id = %s", (states["waiting"],))
    assert len((await alice.get(f"{ADMIN}/deliveries", state="parked"))["deliveries"]) == 1
    answer = await alice.http.post(f"{ADMIN}/deliveries/{states['waiting']}/replay")
    assert answer.json() == {"id": states["waiting"], "state": "waiting"}
    problem(await alice.http.post(f"{ADMIN}/deliveries/{states['unknown']}/replay"), 409, "nobodys_delivery")
    problem(await alice.http.post(f"{ADMIN}/deliveries/4711/replay"), 404, "unknown_delivery")


async def checks(api: Api) -> dict[str, bool]:
    answer = await api.http.post(f"{ADMIN}/self-test")
    assert answer.status_code == 200, answer.text
    told = answer.json()["checks"]
    assert all(each["remedy"] for each in told if not each["ok"])
    return {each["name"]: each["ok"] for each in told}


async def test_the_self_test_of_what_is_right(serve: Serve) -> None:
    api = await serve(worker=False, PUBLIC_URL="https://whoop.example.org")
    found = await checks(api)
    assert set(found) == {"credentials", "clock", "redirect_url", "public_url", "webhook_url"}
    assert all(found.values())
    assert api.requests() == 0, "no unit of the budget is spent"


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"WHOOP_CLIENT_SECRET": "not-the-secret"}, {"credentials", "webhook_url"}),
        ({"WHOOP_CLIENT_ID": "", "WHOOP_CLIENT_SECRET": ""}, {"credentials", "webhook_url"}),
        ({"WHOOP_REDIRECT_URL": "https://app.example.org/back"}, {"redirect_url", "webhook_url"}),
        ({"PUBLIC_URL": "http://10.0.0.7:8000", "ENVIRONMENT": "development"}, {"public_url", "webhook_url"}),
    ],
)
async def test_the_self_test_of_what_is_wrong(serve: Serve, settings: dict[str, Any], wrong: set[str]) -> None:
    found = await checks(await serve(worker=False, **settings))
    assert {name for name, ok in found.items() if not ok} == wrong


class _Late(httpx2.AsyncBaseTransport):
    """An authorization server whose clock is five minutes behind."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        late = {"date": "Fri, 20 Nov 2026 11:55:00 GMT"}
        return httpx2.Response(400, json={"error": "invalid_grant"}, headers=late, request=request)


async def test_the_self_test_of_a_clock(serve: Serve) -> None:
    api = await serve(worker=False)
    api.wire.others["whoop.example"] = _Late()
    assert (await checks(api))["clock"] is False


async def test_the_self_test_while_whoop_is_away(serve: Serve) -> None:
    api = await serve(worker=False)
    api.simulator.fault("status", path="/oauth/oauth2/token", status=503)
    assert (await checks(api))["credentials"] is False


ROOMS = ("members", "allowlist", "keys", "deliveries")


async def test_the_rooms_are_the_owner_s(api: Api) -> None:
    async with entered(api, "owner", "owner") as owner, entered(api, "alice") as alice:
        for room in ROOMS:
            assert (await owner.get(f"{ADMIN}/{room}")).status_code == 200
            problem(await alice.get(f"{ADMIN}/{room}"), 403, "owner_only")
            problem(await api.anonymous.get(f"{ADMIN}/{room}"), 401, "no_key")
            problem(await api.anonymous.get(f"{ADMIN}/{room}", headers=await api.key("write")), 403, "scope_too_small")
