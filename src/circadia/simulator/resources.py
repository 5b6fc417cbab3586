"""The data endpoints of `/developer`: what a member has allowed an app to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from circadia.simulator.pages import BadRequest, Range
from circadia.simulator.state import Answer, Call, State
from circadia.simulator.stream import SIGNALS, sleep_stream
from circadia.simulator.switches import presented
from circadia.simulator.timeline import Kind, Row

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INT64 = 2**63


def unauthorized() -> Response:
    """401 as WHOOP sends it: plain text."""
    return Response("Authorization was not valid", 401, media_type="text/plain")


def answered(state: State, call: Call, scope: str | None, answer: Answer) -> Response:
    """The answer to an authenticated call, or why there is none: 401, missing scope, 400."""
    if call.lineage is None:
        return unauthorized()
    if scope is not None and scope not in call.lineage.scopes:
        refusal = state.switches.missing_scope
        return unauthorized() if refusal == 401 else Response(status_code=refusal)
    try:
        return answer(state, call)
    except BadRequest as error:
        return Response(str(error), 400, media_type="text/plain")


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _not_found() -> Response:
    return Response(status_code=404)


def _rows(state: State, call: Call, kind: Kind) -> Sequence[Row]:
    if call.user_id is None or call.user_id in state.hidden:
        return ()
    return state.world.member(call.user_id).rows(kind, call.now)


def _collection(kind: Kind) -> Answer:
    def answer(state: State, call: Call) -> Response:
        switches, now = state.switches, call.now
        wanted = Range.asked(kind, call, switches)
        offset = wanted.offset(call.argument("nextToken"), now, switches)
        rows = wanted.select(_rows(state, call, kind), now)
        if not rows and switches.empty_collection == 404:
            return _not_found()
        page = rows[offset : offset + wanted.limit]
        content: dict[str, Any] = {"records": [presented(kind, row.payload, switches) for row in page]}
        if offset + wanted.limit < len(rows):
            content["next_token"] = wanted.token(offset + wanted.limit, now)
        elif switches.last_page != "absent":
            content["next_token"] = None if switches.last_page == "null" else ""
        return _json(content)

    return answer


def repeated_page(kind: Kind, state: State, call: Call, response: Response) -> Response:
    """The same page with a `next_token` that leads to itself."""
    content = orjson.loads(response.body)
    first = Range.asked(kind, call, state.switches).token(0, call.now)
    return _json(content | {"next_token": call.argument("nextToken") or first})


def _single(kind: Kind, row: Row | None, state: State) -> Response:
    return _not_found() if row is None else _json(presented(kind, row.payload, state.switches))


def _cycle_id(call: Call) -> str:
    text = call.params["id"]
    if not re.fullmatch(r"-?[0-9]{1,19}", text) or not -_INT64 <= int(text) < _INT64:
        raise BadRequest("the id is not an int64")
    return str(int(text))


def _uuid(call: Call) -> str:
    if not _UUID.fullmatch(call.params["id"]):
        raise BadRequest("the id is not a UUID")
    return call.params["id"].lower()


def _row(state: State, call: Call, kind: Kind, key: str) -> Row | None:
    if call.user_id is None or call.user_id in state.hidden:
        return None
    return state.world.member(call.user_id).row(kind, key, call.now)


def _cycle(state: State, call: Call) -> Response:
    return _single("cycle", _row(state, call, "cycle", _cycle_id(call)), state)


def _cycle_recovery(state: State, call: Call) -> Response:
    return _single("recovery", _row(state, call, "recovery", _cycle_id(call)), state)


def _cycle_sleep(state: State, call: Call) -> Response:
    """The cycle's main sleep: the one its recovery was computed from; without a recovery the longest."""
    key = _cycle_id(call)
    recovery = _row(state, call, "recovery", key)
    if recovery is not None:
        return _single("sleep", _row(state, call, "sleep", recovery.payload["sleep_id"]), state)
    parts = [
        row for row in _rows(state, call, "sleep") if row.payload["cycle_id"] == int(key) and not row.payload["nap"]
    ]
    return _single("sleep", max(parts, key=_length, default=None), state)


def _length(row: Row) -> float:
    return (row.end - row.start).total_seconds() if row.end else 0.0


def _sleep(state: State, call: Call) -> Response:
    return _single("sleep", _row(state, call, "sleep", _uuid(call)), state)


def _workout(state: State, call: Call) -> Response:
    return _single("workout", _row(state, call, "workout", _uuid(call)), state)


def _stream(state: State, call: Call) -> Response:
    if call.user_id in state.hidden:
        return Response(b'{"error":"deactivated_user"}', 403, media_type="application/json")
    wanted = [value for key, value in call.query if key == "types"] or list(SIGNALS)
    if not set(wanted) <= set(SIGNALS):
        raise BadRequest(f"types are {', '.join(SIGNALS)}")
    row = _row(state, call, "sleep", _uuid(call))
    return _not_found() if row is None else _json(sleep_stream(row, wanted))


def _profile(state: State, call: Call) -> Response:
    assert call.user_id is not None
    return _json(state.world.member(call.user_id).profile())


def _body(state: State, call: Call) -> Response:
    assert call.user_id is not None
    body = state.body(call.user_id)
    return _not_found() if body is None else _json(body)


def _end_access(state: State, call: Call) -> Response:
    assert call.lineage is not None
    end_access(state, call.lineage.user_id, call.lineage.client_id)
    return Response(status_code=204)


def end_access(state: State, user_id: int, client_id: str | None = None) -> int:
    """End all lineages, the consent and the webhooks of a member with one app, or with all."""
    ended = state.grants.disconnect(user_id, client_id)
    state.outbox.forget(user_id, client_id)
    state.save()
    return ended


def _activity_mapping(state: State, call: Call) -> Response:
    v1_id = int(_cycle_id(call))
    kinds: tuple[Kind, ...] = ("sleep", "workout")
    for kind in kinds:
        for row in _rows(state, call, kind):
            if row.payload.get("v1_id") == v1_id:
                return _json({"v2_activity_id": row.payload["id"]})
    return _not_found()


_V2 = "/developer/v2"
COLLECTIONS: dict[str, Kind] = {
    f"{_V2}/cycle": "cycle",
    f"{_V2}/recovery": "recovery",
    f"{_V2}/activity/sleep": "sleep",
    f"{_V2}/activity/workout": "workout",
}
_SCOPES: dict[Kind, str] = {
    "cycle": "read:cycles",
    "recovery": "read:recovery",
    "sleep": "read:sleep",
    "workout": "read:workout",
}

ROUTES: tuple[tuple[str, str, str | None, Answer], ...] = (
    *(("GET", path, _SCOPES[kind], _collection(kind)) for path, kind in COLLECTIONS.items()),
    ("GET", f"{_V2}/cycle/{{id}}", "read:cycles", _cycle),
    ("GET", f"{_V2}/cycle/{{id}}/recovery", "read:recovery", _cycle_recovery),
    ("GET", f"{_V2}/cycle/{{id}}/sleep", "read:sleep", _cycle_sleep),
    ("GET", f"{_V2}/activity/sleep/{{id}}", "read:sleep", _sleep),
    ("GET", f"{_V2}/activity/sleep/{{id}}/stream", "read:sleep", _stream),
    ("GET", f"{_V2}/activity/workout/{{id}}", "read:workout", _workout),
    ("GET", f"{_V2}/user/profile/basic", "read:profile", _profile),
    ("GET", f"{_V2}/user/measurement/body", "read:body_measurement", _body),
    ("DELETE", f"{_V2}/user/access", None, _end_access),
    ("GET", "/developer/v1/activity-mapping/{id}", None, _activity_mapping),
)
"""Method, path template, scope needed, answer."""
