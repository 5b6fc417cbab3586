"""The health-metrics routes of older callers: a profile's figures for a date, 404 where there are none."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from circadia.api import gateway_examples as examples
from circadia.api.answers import Answer
from circadia.api.auth import GatewayReader
from circadia.api.deps import GatewayRuntimeDep
from circadia.api.envelopes import documented_detail
from circadia.api.routes.trouble import of_sahha, of_whoop
from circadia.domain.members import check_user_id
from circadia.errors import NotFound
from circadia.gateway.views.health_metrics import VIEWS, view

router = APIRouter(prefix="/api/v1/health-metrics", tags=["gateway, older"])

_NOTHING = {each: f"Sahha has no {each} of this date" for each in ("scores", "biomarkers")}
"""What is said of views that show Sahha's own records: the merged ones may know the date all the same."""


def _add_route(name: str) -> None:
    async def one_view(
        runtime: GatewayRuntimeDep,
        _key: GatewayReader,
        profile_id: Annotated[str, Query(description="The app's own id of the user")],
        period: Annotated[
            str, Query(description="`today`, `yesterday`, `YYYY-MM-DD` or `MM/DD/YYYY`; default today")
        ] = "today",
    ) -> Answer:
        unified = await runtime.gateway.read_period(check_user_id(profile_id), period)
        body = view(name, unified, period)
        if body is None:
            trouble = of_sahha(unified.sahha.state, unified.sahha.error)
            if name not in _NOTHING:
                trouble = trouble or of_whoop(unified.whoop.state, unified.whoop.error)
            raise trouble or NotFound(_NOTHING.get(name, "nothing is known of this date"), kind="no_data")
        return Answer(body)

    router.add_api_route(
        f"/{name}",
        one_view,
        name=f"health_metrics_{name}",
        summary=f"A date's {name}",
        description=f"Scores are 0..1. 404 when {'Sahha has none' if name in _NOTHING else 'nothing is known'} "
        "of the date.",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {"example": examples.HEALTH_METRICS[name]}}},
            **documented_detail(401, 403, 404, 422),
        },
    )


for _name in VIEWS:
    _add_route(_name)
