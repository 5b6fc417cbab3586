"""The authorization server: what a client must send, and what ends a grant."""

from __future__ import annotations

import base64
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from circadia.simulator.clock import StandingClock
from circadia.simulator.whoop import WhoopSimulator
from circadia.simulator.world import World

from .conftest import CALLBACK, CLIENT, EPOCH, SCOPES, App, bearer, connected_to, redirected

FIXTURES = Path(__file__).parents[1] / "fixtures" / "whoop"
PROFILE = "/v2/user/profile/basic"


class Form(HTMLParser):
    """The fields of the consent form as a browser would send them, every box ticked, the first member chosen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.members: list[str] = []
        self.buttons: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "input":
            self.fields.append((found["name"], found["value"]))
        elif tag == "option":
            self.members.append(found["value"])
        elif tag == "button":
            self.buttons.append(found["value"])


def fixture(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


async def works(app: App, tokens: dict[str, Any]) -> bool:
    return (await app.get(PROFILE, tokens)).status_code == 200


# --- the authorization request


async def test_consent_page_asks_who_and_what_and_its_form_leads_back_with_a_code(app: App) -> None:
    page = await app.authorize(sim_consent=None, sim_member=None)
    assert page.status_code == 200
    assert "Simulated WHOOP" in page.text
    form = Form(page.text)
    assert form.members == [str(user_id) for user_id in app.users]
    assert form.buttons == ["allow", "deny"]
    assert [value for name, value in form.fields if name == "sim_scope" and value] == SCOPES.split()

    answer: list[tuple[str, Any]] = [*form.fields, ("sim_member", form.members[1])]
    answer.append(("sim_consent", form.buttons[0]))
    got = redirected(await app.http.get("/oauth/oauth2/auth", params=answer))
    assert got["state"] == "0123456789abcdef"
    assert got["scope"] == SCOPES
    assert got["code"].startswith("ory_ac_")
    tokens = (await app.redeem(got["code"])).json()
    assert (await app.get(PROFILE, tokens)).json()["user_id"] == app.users[1]


async def test_page_escapes_what_the_request_brought(app: App) -> None:
    page = await app.authorize(sim_consent=None, state='"><script>alert(1)</script>')
    assert "<script>" not in page.text


async def test_unticked_scopes_are_not_granted(app: App) -> None:
    code = await app.code(app.users[0], sim_scope=["", "offline", "read:profile"])
    tokens = (await app.redeem(code)).json()
    assert tokens["scope"] == "offline read:profile"
    assert (await app.get("/v2/cycle", tokens)).status_code == 403


async def test_consent_can_be_given_by_switch(app: App) -> None:
    app.sim.switch(consent="allow", consent_member=app.users[2])
    got = redirected(await app.authorize(sim_consent=None, sim_member=None))
    tokens = (await app.redeem(got["code"])).json()
    assert (await app.get(PROFILE, tokens)).json()["user_id"] == app.users[2]
    app.sim.switch(consent="deny")
    assert redirected(await app.authorize(sim_consent=None))["error"] == "access_denied"


async def test_unknown_member_cannot_sign_in(app: App) -> None:
    answer = await app.authorize(sim_member="1")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


async def test_denied_consent(app: App) -> None:
    got = redirected(await app.authorize(sim_consent="deny"))
    assert got["error"] == "access_denied"
    assert got["state"] == "0123456789abcdef"


@pytest.mark.parametrize(("switch", "state"), [("sent", "short"), ("empty", ""), ("absent", None)])
async def test_state_under_eight_characters(app: App, switch: str, state: str | None) -> None:
    app.sim.switch(error_state=switch)
    got = redirected(await app.authorize(state="short"))
    assert got["error"] == "invalid_state"
    assert "8 characters" in got["error_description"]
    assert got.get("state") == state
    assert "code" in redirected(await app.authorize(state="8letters"))


@pytest.mark.parametrize("uri", [f"{CALLBACK}/", CALLBACK.upper(), "http://app.example/callback", ""])
async def test_redirect_uri_that_is_not_registered_is_never_followed(app: App, uri: str) -> None:
    answer = await app.authorize(redirect_uri=uri)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "pre-registered redirect urls" in answer.text


async def test_redirect_uri_with_a_query_keeps_it(app: App) -> None:
    answer = await app.authorize(redirect_uri=f"{CALLBACK}?from=whoop")
    got = redirected(answer)
    assert got["from"] == "whoop"
    assert "code" in got


async def test_unknown_client(app: App) -> None:
    answer = await app.authorize(client_id="nobody")
    assert answer.status_code == 401
    assert "invalid_client" in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "read:cycles offline_access"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "abc", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_errors_that_are_redirected(app: App, changes: dict[str, str], error: str) -> None:
    assert redirected(await app.authorize(**changes))["error"] == error


# --- codes


async def test_token_answer(app: App) -> None:
    answer = await app.redeem(await app.code(app.users[0]))
    tokens = answer.json()
    assert tokens.keys() == fixture("oauth.token.authorization_code.json").keys()
    assert tokens["access_token"].startswith("ory_at_")
    assert tokens["refresh_token"].startswith("ory_rt_")
    assert (tokens["expires_in"], tokens["token_type"], tokens["scope"]) == (3600, "bearer", SCOPES)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_no_refresh_token_without_offline(app: App) -> None:
    tokens = await app.connect(app.users[0], "read:recovery read:profile")
    assert tokens.keys() == fixture("oauth.token.no_offline.json").keys()


async def test_code_lives_five_minutes(app: App) -> None:
    early, late = await app.code(app.users[0]), await app.code(app.users[0])
    app.clock.advance(299)
    assert (await app.redeem(early)).status_code == 200
    app.clock.advance(1)
    answer = await app.redeem(late)
    assert (answer.status_code, answer.json()) == (400, fixture("oauth.error.invalid_grant.400.json"))


async def test_code_shown_twice_ends_its_tokens(app: App) -> None:
    code = await app.code(app.users[0])
    tokens = (await app.redeem(code)).json()
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    assert not await works(app, tokens)
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400


async def test_code_is_bound_to_its_redirect_uri_and_its_app(app: App, other: App) -> None:
    code = await app.code(app.users[0])
    assert (await app.redeem(code, redirect_uri=f"{CALLBACK}?from=whoop")).json()["error"] == "invalid_grant"
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    assert (await app.redeem(code)).status_code == 200


@pytest.mark.parametrize(("verifier", "status"), [("v" * 43, 200), ("w" * 43, 400), (None, 400)])
async def test_pkce_is_verified_when_a_challenge_was_sent(app: App, verifier: str | None, status: int) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    code = await app.code(app.users[0], code_challenge=challenge, code_challenge_method="S256")
    assert (await app.redeem(code, code_verifier=verifier)).status_code == status


# --- the token request


async def test_json_body_is_refused(app: App) -> None:
    tokens = await app.connect(app.users[0])
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": CLIENT.client_id,
        "client_secret": CLIENT.client_secret,
    }
    answer = await app.http.post("/oauth/oauth2/token", json=fields)
    assert (answer.status_code, answer.json()) == (400, fixture("oauth.error.invalid_request.400.json"))
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_secret_belongs_in_the_body(app: App) -> None:
    refused = fixture("oauth.error.invalid_client.401.json")
    wrong = await app.token(grant_type="refresh_token", refresh_token="x", client_secret="wrong")
    assert (wrong.status_code, wrong.json()) == (401, refused)
    unknown = await app.token(grant_type="refresh_token", refresh_token="x", client_id="nobody")
    assert (unknown.status_code, unknown.json()) == (401, refused)
    basic = await app.http.post(
        "/oauth/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": "x"},
        auth=(CLIENT.client_id, CLIENT.client_secret),
    )
    assert (basic.status_code, basic.json()) == (401, refused)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
async def test_malformed_token_requests(app: App, form: dict[str, str | None], error: str) -> None:
    answer = await app.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


# --- rotation


async def test_access_token_lives_an_hour(app: App) -> None:
    tokens = await app.connect(app.users[0])
    app.clock.advance(3599)
    assert await works(app, tokens)
    app.clock.advance(1)
    assert not await works(app, tokens)
    renewed = (await app.refresh(tokens["refresh_token"])).json()
    assert await works(app, renewed)


async def test_refresh_replaces_both_tokens_at_once_and_keeps_the_scopes(app: App) -> None:
    old = await app.connect(app.users[0])
    new = (await app.refresh(old["refresh_token"])).json()
    assert new.keys() == fixture("oauth.token.refresh.json").keys()
    assert new["scope"] == SCOPES
    assert new["access_token"] != old["access_token"]
    assert new["refresh_token"] != old["refresh_token"]
    assert not await works(app, old)
    assert await works(app, new)


async def test_used_refresh_token_ends_the_whole_family(app: App) -> None:
    first = await app.connect(app.users[0])
    second = (await app.refresh(first["refresh_token"])).json()
    third = (await app.refresh(second["refresh_token"])).json()
    answer = await app.refresh(first["refresh_token"])
    assert (answer.status_code, answer.json()) == (400, fixture("oauth.error.invalid_request.400.json"))
    assert not await works(app, third)
    assert (await app.refresh(third["refresh_token"])).status_code == 400


@pytest.mark.parametrize("error", ["invalid_request", "invalid_grant", "token_inactive"])
@pytest.mark.parametrize("status", [400, 401])
async def test_answer_to_a_dead_refresh_token_can_be_chosen(app: App, error: str, status: int) -> None:
    app.sim.switch(refresh_error=error, refresh_error_status=status)
    answer = await app.refresh("ory_rt_unknown")
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_another_app_cannot_spend_a_refresh_token(app: App, other: App) -> None:
    tokens = await app.connect(app.users[0])
    assert (await other.refresh(tokens["refresh_token"])).status_code == 400
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_unused_refresh_token_can_age(app: App) -> None:
    app.sim.switch(refresh_token_seconds=7 * 86_400)
    tokens = await app.connect(app.users[0])
    app.clock.advance(7 * 86_400)
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400


async def test_consents_of_one_member_are_independent_lineages(app: App) -> None:
    one, two = await app.connect(app.users[0]), await app.connect(app.users[0])
    await app.refresh(one["refresh_token"])
    await app.refresh(one["refresh_token"])
    assert await works(app, two)
    assert (await app.refresh(two["refresh_token"])).status_code == 200


# --- endings


async def test_delete_access_ends_all_lineages_of_member_and_app(app: App, other: App) -> None:
    one, two = await app.connect(app.users[0]), await app.connect(app.users[0])
    neighbour, elsewhere = await app.connect(app.users[1]), await other.connect(app.users[0])
    pending_code = await app.code(app.users[0])
    answer = await app.http.delete("/developer/v2/user/access", headers=bearer(one))
    assert (answer.status_code, answer.content) == (204, b"")
    for tokens in (one, two):
        assert not await works(app, tokens)
        assert (await app.refresh(tokens["refresh_token"])).status_code == 400
    assert (await app.redeem(pending_code)).status_code == 400
    assert await works(app, neighbour)
    assert await works(app, elsewhere)
    assert await works(app, await app.connect(app.users[0]))


async def test_rfc_7009_revocation_ends_one_lineage(app: App, other: App) -> None:
    one, two = await app.connect(app.users[0]), await app.connect(app.users[0])

    async def revoke(by: App, token: str) -> int:
        form = {"client_id": by.client.client_id, "client_secret": by.client.client_secret, "token": token}
        return (await by.http.post("/oauth/oauth2/revoke", data=form)).status_code

    assert await revoke(other, one["refresh_token"]) == 200
    assert await works(app, one)
    assert await revoke(app, "unknown") == 200
    assert await revoke(app, one["refresh_token"]) == 200
    assert not await works(app, one)
    assert await works(app, two)
    answer = await app.http.post("/oauth/oauth2/revoke", data={"token": two["refresh_token"]})
    assert answer.status_code == 401
    assert (await app.http.post("/oauth/oauth2/revoke", data={})).status_code == 400


async def test_member_can_revoke_at_whoop(app: App) -> None:
    tokens = await app.connect(app.users[0])
    answer = await app.http.post("/_sim/revoke", json={"user_id": app.users[0]})
    assert answer.json() == {"lineages_ended": 1}
    assert not await works(app, tokens)


async def test_new_client_secret_ends_refreshes(app: App) -> None:
    tokens = await app.connect(app.users[0])
    changed = await app.http.post(f"/_sim/clients/{CLIENT.client_id}", json={"client_secret": "new"})
    assert "client_secret" not in changed.json()
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"
    assert (await app.refresh(tokens["refresh_token"], client_secret="new")).status_code == 200


# --- restarts


def restarted(world_seed: int, clock: StandingClock, file: Path) -> App:
    world = World(seed=world_seed, members=3, days=45, epoch=EPOCH)
    return connected_to(WhoopSimulator(world, clock=clock, clients=(CLIENT,), state_file=file))


async def test_grants_and_mutations_outlive_the_process(tmp_path: Path) -> None:
    clock, file = StandingClock(EPOCH), tmp_path / "state.json"
    before = restarted(7, clock, file)
    user = before.users[0]
    first = await before.connect(user)
    second = (await before.refresh(first["refresh_token"])).json()
    before.sim.mutate(user, "delete_sleep")
    truth = before.sim.truth(user)
    assert file.stat().st_mode & 0o777 == 0o600

    after = restarted(7, clock, file)
    assert after.sim.truth(user) == truth
    assert await works(after, second)
    assert not await works(after, first)
    assert (await after.refresh(first["refresh_token"])).status_code == 400
    assert not await works(after, second)


async def test_state_of_another_world_is_refused(tmp_path: Path) -> None:
    clock, file = StandingClock(EPOCH), tmp_path / "state.json"
    app = restarted(7, clock, file)
    await app.connect(app.users[0])
    with pytest.raises(ValueError, match="seed"):
        restarted(8, clock, file)
