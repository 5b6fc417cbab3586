"""What this installation is, for a page that nobody has signed in to yet."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from circadia import __version__
from circadia.admission import SignUp
from circadia.api.auth import OPEN
from circadia.api.callers import visitor_of
from circadia.api.deps import GatewayRuntimeDep
from circadia.api.problems import documented
from circadia.config import is_loopback
from circadia.domain.catalog import SCOPES
from circadia.storage import people

router = APIRouter(prefix="/api/v1", tags=["people"])


class Setup(BaseModel):
    """What WHOOP's developer dashboard has to be told, exactly."""

    redirect_url: str
    webhook_url: str
    scopes: list[str]


class Instance(BaseModel):
    """`part` as at `GET /`; `simulated` when WHOOP is a simulator on this machine; `claimed` when it has an owner,
    before whom nobody can sign up, whatever `signup` says; `signed_in` when the browser that asks is somebody's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": __version__,
                    "part": "all",
                    "simulated": True,
                    "whoop_configured": True,
                    "claimed": True,
                    "signup": "invite",
                    "gateway": True,
                    "signed_in": False,
                    "setup": {
                        "redirect_url": "https://whoop.example.org/auth/callback",
                        "webhook_url": "https://whoop.example.org/webhooks/whoop",
                        "scopes": list(SCOPES),
                    },
                }
            ]
        }
    )

    version: str
    part: Literal["all", "whoop", "gateway"]
    simulated: bool
    whoop_configured: bool
    claimed: bool
    signup: SignUp
    gateway: bool
    signed_in: bool
    setup: Setup


@router.get("/instance", summary="What this installation is", openapi_extra=OPEN, responses=documented())
async def show_instance(request: Request, runtime: GatewayRuntimeDep) -> Instance:
    """Open, and nothing about anybody is in it: a page learns here whether asking who is signed in has an answer."""
    settings, part = runtime.settings, request.app.state.part
    return Instance(
        version=__version__,
        part=part,
        simulated=is_loopback(settings.whoop_api_base_url),
        whoop_configured=settings.whoop_client_id is not None,
        claimed=await people.owner(runtime.db) is not None,
        signup=settings.signup,
        gateway=part != "whoop",
        signed_in=await visitor_of(request) is not None,
        setup=Setup(
            redirect_url=settings.whoop_redirect_url,
            webhook_url=f"{settings.public_url}/webhooks/whoop",
            scopes=list(SCOPES),
        ),
    )
