"""The authorization server: authorization request with consent page, token endpoint, RFC 7009 revocation."""

from __future__ import annotations

import hmac
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from circadia.simulator.consent import consent_page, error_page
from circadia.simulator.grants import OAuthError
from circadia.simulator.state import Answer, Call, Client, State

STATE_LENGTH = 8


def authorize(state: State, call: Call) -> Response:
    """`GET /oauth/oauth2/auth`.

    Without an answer to the consent question it is a page that asks it. `sim_consent=allow|deny` with
    `sim_member=<WHOOP user id>` (and, to grant less than was asked, any number of `sim_scope`) is the answer.
    """
    asked = dict(call.query)
    client = state.clients.get(asked.get("client_id", ""))
    if client is None:
        return error_page("invalid_client", "The requested OAuth 2.0 Client does not exist.", 401)
    redirect_uri = asked.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        return error_page(
            "invalid_request",
            "The 'redirect_uri' parameter does not match any of the OAuth 2.0 Client's pre-registered redirect urls.",
            400,
        )
    try:
        scopes = _requested_scopes(client, asked)
    except OAuthError as error:
        return _error_redirect(state, redirect_uri, asked, error)
    return _answer_consent(state, call, client, asked, scopes)


def _requested_scopes(client: Client, asked: dict[str, str]) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(asked.get("scope", "").split()))
    if not set(scopes) <= set(client.scopes):
        raise OAuthError("invalid_scope")
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type")
    if len(asked.get("state", "")) < STATE_LENGTH:
        raise OAuthError("invalid_state")
    if "code_challenge" in asked and asked.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request")
    return scopes


def _answer_consent(
    state: State, call: Call, client: Client, asked: dict[str, str], scopes: tuple[str, ...]
) -> Response:
    answer = asked.get("sim_consent", state.switches.consent)
    if answer not in ("allow", "deny"):
        profiles = [state.world.member(user_id).profile() for user_id in state.world.user_ids]
        return consent_page(client.client_id, profiles, scopes, asked)
    if answer == "deny":
        return _error_redirect(state, asked["redirect_uri"], asked, OAuthError("access_denied"))
    member = asked.get("sim_member", str(state.switches.consent_member or state.world.user_ids[0]))
    if member not in map(str, state.world.user_ids):
        return error_page("unknown_member", "Nobody with this WHOOP user id lives in the simulated world.", 400)
    kept = [value for key, value in call.query if key == "sim_scope"]
    granted = tuple(scope for scope in scopes if scope in kept) if kept else scopes
    code = state.grants.consent(
        client.client_id,
        int(member),
        scopes=granted,
        redirect_uri=asked["redirect_uri"],
        challenge=asked.get("code_challenge"),
        now=call.now,
        switches=state.switches,
    )
    state.save()
    return _redirect(asked["redirect_uri"], {"code": code, "scope": " ".join(granted), "state": asked["state"]})


def _error_redirect(state: State, uri: str, asked: dict[str, str], error: OAuthError) -> Response:
    fields = {"error": error.error, "error_description": error.description}
    match state.switches.error_state:
        case "sent":
            fields["state"] = asked.get("state", "")
        case "empty":
            fields["state"] = ""
        case "absent":
            pass
    return _redirect(uri, fields)


def _redirect(uri: str, fields: dict[str, str]) -> Response:
    location = f"{uri}{'&' if '?' in uri else '?'}{urlencode(fields)}"
    return Response(status_code=303, headers={"Location": location, "Cache-Control": "no-store"})


def token(state: State, call: Call) -> Response:
    """`POST /oauth/oauth2/token`: form-encoded, client credentials in the body."""
    try:
        answer = _token_answer(state, call)
    except OAuthError as error:
        state.save()
        return oauth_error(error)
    state.save()
    return _json(answer)


def _token_answer(state: State, call: Call) -> dict[str, str | int]:
    form, now, switches = call.form, call.now, state.switches
    if call.form_problem or "grant_type" not in form:
        raise OAuthError("invalid_request")
    client = _authenticated(state, call)
    match form["grant_type"]:
        case "authorization_code":
            if "code" not in form:
                raise OAuthError("invalid_request")
            lineage = state.grants.redeem(
                form["code"],
                client_id=client.client_id,
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier"),
                now=now,
                switches=switches,
            )
        case "refresh_token":
            if not form.get("refresh_token"):
                raise OAuthError("invalid_request")
            if not set(form.get("scope", "").split()) <= set(client.scopes):
                raise OAuthError("invalid_scope")
            lineage = state.grants.rotate(form["refresh_token"], client_id=client.client_id, now=now, switches=switches)
        case _:
            raise OAuthError("unsupported_grant_type")
    answer: dict[str, str | int] = {
        "access_token": lineage.access_token,
        "expires_in": switches.access_token_seconds,
        "scope": " ".join(lineage.scopes),
        "token_type": "bearer",
    }
    if lineage.refresh_token is not None:
        answer["refresh_token"] = lineage.refresh_token
    return answer


def _authenticated(state: State, call: Call) -> Client:
    client = state.clients.get(call.form.get("client_id", ""))
    secret = call.form.get("client_secret", "").encode()
    if client is None or not hmac.compare_digest(secret, client.client_secret.encode()):
        raise OAuthError("invalid_client", 401)
    return client


def revoke(state: State, call: Call) -> Response:
    """`POST /oauth/oauth2/revoke` (RFC 7009): 200 whether or not the token was known."""
    if call.form_problem or not call.form.get("token"):
        return oauth_error(OAuthError("invalid_request"))
    try:
        state.grants.revoke_token(call.form["token"], _authenticated(state, call).client_id)
    except OAuthError as error:
        return oauth_error(error)
    state.save()
    return Response(status_code=200)


def oauth_error(error: OAuthError) -> Response:
    """An OAuth error as the JSON that Hydra sends."""
    return _json({"error": error.error, "error_description": error.description}, error.status)


def _json(content: dict[str, str | int] | dict[str, str], status: int = 200) -> Response:
    return Response(
        orjson.dumps(content),
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
    )


ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/oauth/oauth2/auth", authorize),
    ("POST", "/oauth/oauth2/token", token),
    ("POST", "/oauth/oauth2/revoke", revoke),
)
"""Method, path template, answer."""
