"""The numbers over many days: what there is, the course of figures, and every analysis."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from circadia.api import member_examples as examples
from circadia.api.answers import tagged
from circadia.api.arguments import arguments, as_json, as_openapi, metric_name, newest_days, stretch
from circadia.api.auth import AnyReader, MemberReader
from circadia.api.deps import RuntimeDep, UserId
from circadia.api.problems import documented
from circadia.domain.analyses import ANALYSES, BY_NAME
from circadia.domain.trends import DAY_METRICS
from circadia.errors import Invalid, NotFound
from circadia.storage import trends

router = APIRouter(prefix="/api/v1/whoop", tags=["trends"])

MOST_METRICS = 20
_COURSE_ARGUMENTS = frozenset({"metrics", "columns", "from", "to"})
_DEFAULT = "recovery_score,hrv_rmssd_ms,resting_heart_rate_bpm,sleep_performance_pct,strain"
_A_WHILE = "private, max-age=300"
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match"}}


def _told(example: dict[str, Any], *problems: int) -> dict[int | str, dict[str, Any]]:
    shown: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": example}}}}
    return {**shown, **_UNCHANGED, **documented(401, 403, *problems)}


@router.get(
    "/metrics",
    summary="What figures and analyses there are",
    response_class=Response,
    responses=_told(examples.METRICS),
)
async def list_metrics(request: Request, _caller: AnyReader) -> Response:
    """Every figure of a day and every analysis: label, unit, formula, source, and how many days it takes."""
    told = {"metrics": DAY_METRICS, "analyses": [as_json(each) for each in ANALYSES]}
    return tagged(request, orjson.dumps(told), kept=_A_WHILE)


@router.get(
    "/trends/{user_id}",
    summary="The course of figures",
    response_class=Response,
    responses=_told(examples.TRENDS, 404, 422),
)
async def courses(
    request: Request,
    user_id: UserId,
    runtime: RuntimeDep,
    _caller: MemberReader,
    metrics: Annotated[str, Query(description="Names of figures, with commas between")] = _DEFAULT,
    columns: Annotated[
        str | None, Query(description="Columns of `series`, with commas between; without it all of them")
    ] = None,
    from_: Annotated[str | None, Query(alias="from", description="First date; without it, 28 days")] = None,
    to: Annotated[str | None, Query(description="Last date, included; without it the newest day")] = None,
) -> Response:
    """Each figure day by day, in columns, with its usual range, and the trend of the whole. At most 20 years, for which
    it pays to name the `columns` that are drawn; `day` is always one."""
    if unknown := sorted(set(request.query_params) - _COURSE_ARGUMENTS):
        known = ", ".join(sorted(_COURSE_ARGUMENTS))
        raise Invalid(f"there is no `{unknown[0]}` here; there are {known}", kind="invalid_argument")
    names = list(dict.fromkeys(metric_name(each.strip(), "metrics") for each in metrics.split(",")))
    if len(names) > MOST_METRICS:
        raise Invalid(f"`metrics` names {MOST_METRICS} figures at most", kind="invalid_argument")
    wanted = _columns(columns)
    now = runtime.clock()
    newest = await trends.newest(runtime.db, user_id) or now.date()
    asked = stretch(from_, to, newest_days(newest), now)
    found = await trends.courses(runtime.db, user_id, names, asked.first, asked.last, wanted)
    head = orjson.dumps({"user_id": user_id, "from": asked.first, "to": asked.last})
    return tagged(request, head[:-1] + b',"metrics":' + found + b"}")


def _columns(said: str | None) -> list[str]:
    known = [each.name for each in BY_NAME["series"].columns]
    asked = {"day", *(known if said is None else map(str.strip, said.split(",")))}
    if not asked <= set(known):
        raise Invalid(f"`columns` names columns of series: {', '.join(known)}", kind="invalid_argument")
    return [each for each in known if each in asked]


@router.get(
    "/trends/{user_id}/{analysis}",
    summary="One analysis",
    response_class=Response,
    responses=_told(examples.ANALYSIS, 404, 422),
    openapi_extra={"parameters": as_openapi()},
)
async def analyse(
    request: Request,
    user_id: UserId,
    runtime: RuntimeDep,
    _caller: MemberReader,
    analysis: Annotated[
        str, Path(description="A name out of `analyses` of `/api/v1/whoop/metrics`", examples=["load"])
    ],
) -> Response:
    """The rows that an analysis gives for a user, and the parameters that were taken."""
    asked = BY_NAME.get(analysis)
    if asked is None:
        raise NotFound(
            f"there is no analysis called so; there are {', '.join(BY_NAME)}",
            kind="unknown_analysis",
        )
    now = runtime.clock()
    newest = await trends.newest(runtime.db, user_id) or now.date()
    taken = arguments(asked, request.query_params, newest, now)
    rows = await trends.rows(runtime.db, asked, user_id, list(taken.values()))
    head = orjson.dumps({"user_id": user_id, "analysis": analysis, "parameters": taken})
    return tagged(request, head[:-1] + b',"rows":' + rows + b"}")
