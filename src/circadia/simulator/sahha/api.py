"""Sahha's routes: tokens, profiles, and what is told of one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import orjson
from starlette.responses import Response

from circadia.simulator.sahha import query
from circadia.simulator.sahha.insights import comparisons, trends
from circadia.simulator.sahha.profiles import ACCOUNT_ID, Profile
from circadia.simulator.sahha.senses import Device
from circadia.simulator.sahha.state import API, TOKEN_PATH, Call, State, newest_first
from circadia.simulator.sahha.windows import synced, utc_text

Answer = Callable[[State, Call], Response]
Access = Literal["open", "account", "profile"]

UNDATED = {"score": 13, "biomarker": 13, "archetype": 28, "trend": 35, "comparison": 0}
"""How many days before today a listing reaches back when no dates are asked for."""
_SOURCES: dict[Device, tuple[tuple[str, str], ...]] = {
    "watch": (("com.apple.health", "iPhone15,2"), ("com.apple.health", "Watch7,1")),
    "phone": (("com.apple.health", "iPhone15,2"),),
    "whoop": (("com.apple.health", "iPhone15,2"), ("com.whoop.iphone", "Watch")),
}


def json_answer(content: Any, status: int = 200) -> Response:
    """A JSON body."""
    return Response(orjson.dumps(content), status, media_type="application/json; charset=utf-8")


def envelope(status: int, title: str, location: str, origin: str = "", sentence: str = "") -> Response:
    """Sahha's error body."""
    errors = [{"origin": origin, "errors": [sentence]}] if origin else []
    return json_answer({"title": title, "statusCode": status, "location": location, "errors": errors}, status)


def unauthorized() -> Response:
    """A token that is missing, over, of the wrong kind, or sent under another scheme."""
    return envelope(401, "Unauthorized", "authorization")


def internal() -> Response:
    """The 500 of a service that has broken."""
    return envelope(500, "An internal exception has occurred.", "domain")


def _invalid(state: State, origin: str, sentence: str) -> Response:
    if state.switches.plain_400:
        return Response("Bad Request", 400, media_type="text/plain")
    return envelope(400, "One or more validation errors occurred.", "request", origin, sentence)


def _account_token(state: State, call: Call) -> Response:
    known = state.credentials
    client_id, secret = (str(call.body.get(name, "")) for name in ("clientId", "clientSecret"))
    if not client_id or not secret:
        return _invalid(state, "clientId", "The clientId and clientSecret fields are required.")
    if client_id != known.client_id or not secrets.compare_digest(secret.encode(), known.client_secret.encode()):
        return unauthorized()
    seconds = state.switches.account_token_seconds
    told: dict[str, Any] = {"accountToken": state.tokens.issue("account", client_id, call.now, seconds)}
    if state.switches.token_type:
        told["tokenType"] = "Account"
    return json_answer(told | {"expiresIn": seconds})


def _profile_tokens(state: State, call: Call, external_id: str, status: int = 200) -> Response:
    seconds = state.switches.profile_token_seconds
    told = {
        "profileToken": state.tokens.issue("profile", external_id, call.now, seconds),
        "refreshToken": state.tokens.issue("refresh", external_id, call.now, 90 * seconds),
        "expiresIn": seconds,
    }
    return json_answer(told | ({"tokenType": "Profile"} if state.switches.token_type else {}), status)


def _register(state: State, call: Call) -> Response:
    external_id = call.external_id
    if not external_id:
        return _invalid(state, "externalId", "The externalId field is required.")
    if external_id in state.profiles:
        return _invalid(state, "externalId", "External ID already exists")
    state.add(external_id)
    return _profile_tokens(state, call, external_id, 201)


def _profile_token(state: State, call: Call) -> Response:
    external_id = call.external_id
    if not external_id:
        return _invalid(state, "externalId", "The externalId field is required.")
    return _profile_tokens(state, call, external_id) if external_id in state.profiles else Response(status_code=404)


def _refresh(state: State, call: Call) -> Response:
    token = str(call.body.get("refreshToken", ""))
    holder = state.tokens.holder("refresh", token, call.now)
    if holder is None:
        return unauthorized()
    state.tokens.end(token)
    return _profile_tokens(state, call, holder.subject)


def _search(state: State, call: Call) -> Response:
    sought = (query.word(call.query, "searchParameter") or "").lower()
    found = [each for each in state.profiles.values() if sought in each.external_id.lower()]
    try:
        page, size = (
            int(query.word(call.query, name) or usual) for name, usual in (("currentPage", 1), ("pageSize", 20))
        )
    except ValueError:
        return _invalid(state, "currentPage", "The value is not valid.")
    first = max(0, page - 1) * size
    return json_answer(
        {
            "items": [_found(each, call) for each in found[first : first + size]],
            "currentPage": page,
            "totalPages": -(-len(found) // size),
            "pageSize": size,
            "totalCount": len(found),
        }
    )


def _described(profile: Profile, call: Call) -> dict[str, Any]:
    return {
        "profileId": str(profile.profile_id),
        "accountId": str(ACCOUNT_ID),
        "externalId": profile.external_id,
        "createdAtUtc": utc_text(profile.since),
        "dataLastReceivedAtUtc": utc_text(synced(call.now)) if profile.member else None,
        "isSampleProfile": profile.sample,
    }


def _found(profile: Profile, call: Call) -> dict[str, Any]:
    device = {"sdkId": "flutter", "sdkVersion": "1.2.0", "deviceType": "iPhone15,2"}
    return _described(profile, call) | (device if profile.member else dict.fromkeys(device))


def _profile(state: State, call: Call, profile: Profile) -> Response:
    sources = _SOURCES[profile.device] if profile.member else ()
    named = [{"sourceName": name, "deviceType": device} for name, device in sources]
    return json_answer(_described(profile, call) | {"dataSources": named})


def _scores(state: State, call: Call, profile: Profile) -> Response:
    first, last = _range(state, call, profile, "score")
    types = query.words(call.query, "types")
    items = state.scores(profile, first, last, call.now)
    return _listing(state, newest_first(each for each in items if not types or each.name in types))


def _biomarkers(state: State, call: Call, profile: Profile) -> Response:
    categories, types = query.words(call.query, "categories"), query.words(call.query, "types")
    if not categories:
        return _invalid(state, "categories", "The categories field is required.")
    first, last = _range(state, call, profile, "biomarker")
    items = state.biomarkers(profile, first, last, call.now)
    return _listing(
        state,
        newest_first(
            each for each in items if each.payload["category"] in categories and (not types or each.name in types)
        ),
    )


def _archetypes(state: State, call: Call, profile: Profile) -> Response:
    first, last = _range(state, call, profile, "archetype")
    items = newest_first(state.archetypes(profile, first, last, call.now))
    return _listing(state, [each for each in items if _asked(call, each)])


def _trends(state: State, call: Call, profile: Profile) -> Response:
    first, last = _range(state, call, profile, "trend")
    found = trends(profile, state.switches, first, last, call.now)
    return _listing(state, [each for each in found if _asked(call, each)])


def _comparisons(state: State, call: Call, profile: Profile) -> Response:
    first, last = _range(state, call, profile, "comparison")
    found = comparisons(profile, state.switches, first, last, call.now)
    return _listing(state, [each for each in found if _asked(call, each)])


def _asked(call: Call, told: dict[str, Any]) -> bool:
    """Whether an object has the name, category and periodicity that are asked for, where they are."""
    asked = ((name, query.word(call.query, name)) for name in ("name", "category", "periodicity"))
    return all(value is None or told.get(name) == value for name, value in asked)


def _integrations(state: State, call: Call, profile: Profile) -> Response:
    if profile.device != "whoop" or profile.person is None:
        return Response(status_code=204)
    whoop = {"integrationType": "whoop", "integrationIdentifier": str(profile.person.user_id), "integrationValues": {}}
    return json_answer([whoop])


def _range(state: State, call: Call, profile: Profile, kind: str) -> tuple[date, date]:
    """The local dates asked for, both included. ValueError if they are none or the first is after the last."""
    zone, today = profile.zone(call.now), profile.today(call.now)
    last = query.day(call.query, "endDateTime", zone) or today
    first = query.day(call.query, "startDateTime", zone) or min(last, today) - timedelta(days=UNDATED[kind])
    if first > last:
        raise ValueError("The end of the range lies before its start.")
    return max(first, profile.first_day(call.now)), min(last, today + timedelta(days=1))


def _listing(state: State, found: list[dict[str, Any]]) -> Response:
    return Response(status_code=204) if not found and state.switches.empty == 204 else json_answer(found)


def _version(state: State, call: Call) -> Response:
    return Response("1.0.0", media_type="text/plain")


def _of_profile(answer: Callable[[State, Call, Profile], Response]) -> Answer:
    """An answer about a profile: 404 if there is none, 400 for a range that is none."""

    def answered(state: State, call: Call) -> Response:
        profile = state.profiles.get(call.external_id or "")
        if profile is None:
            return Response(status_code=404)
        try:
            return answer(state, call, profile)
        except ValueError as error:
            return _invalid(state, "startDateTime", str(error))

    return answered


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path, which token it wants, and its answer."""

    method: str
    template: str
    access: Access
    answer: Answer


def _read_both_ways(name: str, answer: Callable[[State, Call, Profile], Response]) -> Iterator[Route]:
    """By external id with the account's token, and without one with the profile's own."""
    yield Route("GET", f"{API}/profile/{name}/{{external_id}}", "account", _of_profile(answer))
    yield Route("GET", f"{API}/profile/{name}", "profile", _of_profile(answer))


ROUTES = (
    Route("POST", TOKEN_PATH, "open", _account_token),
    Route("POST", f"{API}/oauth/profile/register", "account", _register),
    Route("POST", f"{API}/oauth/profile/token", "account", _profile_token),
    Route("POST", f"{API}/oauth/profile/refreshToken", "open", _refresh),
    Route("GET", f"{API}/account/profile/search", "account", _search),
    Route("GET", f"{API}/account/profile/{{external_id}}", "account", _of_profile(_profile)),
    Route("GET", f"{API}/profile", "profile", _of_profile(_profile)),
    *_read_both_ways("score", _scores),
    *_read_both_ways("biomarker", _biomarkers),
    *_read_both_ways("archetypes", _archetypes),
    *_read_both_ways("insight/trend", _trends),
    *_read_both_ways("insight/comparison", _comparisons),
    *_read_both_ways("integration", _integrations),
    Route("GET", "/Version", "open", _version),
)
