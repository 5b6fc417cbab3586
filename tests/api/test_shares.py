"""Sharing as the member sees it: offered, taken up, over. What the other may read is in test_links."""

from __future__ import annotations

from tests.api.conftest import Api
from tests.api.doors import FROM_US, deeds, entered, use, whoami
from tests.api.table import problem

SHARES = "/api/v1/shares/alice"
DAY = "/api/v1/whoop/daily-data/alice"


async def states(api: Api) -> list[str]:
    return [each["state"] for each in (await api.get(SHARES))["shares"]]


async def test_the_life_of_a_share(api: Api) -> None:
    async with entered(api, "alice") as alice, api.browser() as coach:
        made = await alice.post(SHARES, json={"name": "My coach", "expires_days": 30})
        assert made.status_code == 201
        offer = made.json()
        assert offer["url"].startswith("http://127.0.0.1:8000/auth/link/")
        assert (offer["state"], offer["expires_at"]) == ("offered", "2026-12-20T12:00:00Z")
        assert offer["url"] not in (await alice.get(SHARES)).text, "the link is told once"
        await use(coach, offer["url"].rpartition("/")[2])
        assert await states(api) == ["active"]
        assert (await coach.get(DAY)).status_code == 200
        assert (await alice.delete(f"{SHARES}/{offer['id']}")).status_code == 204
        assert await states(api) == ["revoked"]
        problem(await coach.get(DAY), 404, "unknown_user")
        problem(await alice.delete(f"{SHARES}/{offer['id']}"), 404, "unknown_share")
    assert (await deeds(api, "alice"))[1:] == ["share.offered", "share.accepted", "share.revoked"]
    told = await api.db.row("SELECT details FROM audit WHERE deed = 'share.offered'")
    assert told == ({"share": offer["id"]},), "what a member calls somebody does not outlive them here"


async def test_whoever_is_shown_data_is_not_told_of_the_account_behind(api: Api) -> None:
    path = "/api/v1/whoop/connection/alice"
    assert (await api.connect()).status_code == 200
    async with entered(api, "alice") as alice, api.browser() as coach:
        offer = (await alice.post(SHARES, json={"name": "Coach"})).json()
        await use(coach, offer["url"].rpartition("/")[2])
        own, shown = (await alice.get(path)).json(), (await coach.get(path)).json()
    assert own["whoop_user_id"] == api.account
    assert own.keys() - shown.keys() == {"whoop_user_id", "scopes", "token_expires_at"}
    assert shown["state"] == "connected"


async def test_a_coach_becomes_no_member_by_themselves(api: Api) -> None:
    """Whatever SIGNUP says, a share would else be a way around it."""
    async with entered(api, "alice") as alice, api.browser() as coach:
        offer = (await alice.post(SHARES, json={"name": "Coach"})).json()
        await use(coach, offer["url"].rpartition("/")[2])
        coach.headers.update(FROM_US)
        user_id = (await whoami(coach))["user_id"]
        problem(await coach.post("/auth/connect"), 403, "members_only")
        problem(await coach.post(f"/api/v1/whoop/import/{user_id}", content=b"x"), 403, "members_only")
        assert (await coach.put(f"/api/v1/preferences/{user_id}", json={})).status_code == 200
    assert await api.db.row("SELECT count(*) FROM members") == (0,)


async def test_a_share_ends_by_itself(api: Api) -> None:
    async with entered(api, "alice") as alice, api.browser() as coach:
        offer = (await alice.post(SHARES, json={"name": "For a day", "expires_days": 1})).json()
        await use(coach, offer["url"].rpartition("/")[2])
        api.clock.advance(86_399)
        assert (await coach.get(DAY)).status_code == 200
        api.clock.advance(1)
        problem(await coach.get(DAY), 404, "unknown_user")
        assert await states(api) == ["ended"]


async def test_nobody_shares_for_another(api: Api) -> None:
    async with entered(api, "alice") as alice, entered(api, "bob") as bob:
        offer = (await alice.post(SHARES, json={"name": "Coach"})).json()
        problem(await bob.post(SHARES, json={"name": "Me"}), 404, "unknown_user")
        problem(await bob.get(SHARES), 404, "unknown_user")
        problem(await bob.delete(f"{SHARES}/{offer['id']}"), 404, "unknown_user")
        problem(await bob.delete(f"/api/v1/shares/bob/{offer['id']}"), 404, "unknown_share")
    assert await states(api) == ["offered"]


async def test_there_is_nothing_to_share_of_nobody(api: Api) -> None:
    problem(await api.http.post("/api/v1/shares/nobody", json={"name": "Coach"}), 404, "unknown_user")
    assert await api.db.row("SELECT count(*) FROM links") == (0,)


async def test_a_share_needs_a_name_and_a_time_to_come(api: Api) -> None:
    for body in ({}, {"name": ""}, {"name": "C", "expires_days": 0}, {"name": "C", "until": "2027-01-01"}):
        problem(await api.http.post(SHARES, json=body), 422, "invalid_request")
