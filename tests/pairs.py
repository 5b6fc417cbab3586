"""What a test asks about a member's token pair."""

from __future__ import annotations

from circadia.domain.members import Token
from circadia.storage import members
from tests.simulated import Stage

TOKEN = "/oauth/oauth2/token"
PROBE = "/developer/v2/user/profile/basic"


def renewals(here: Stage, status: int = 200) -> int:
    """Answers of this status that the token endpoint gave to refresh tokens."""
    return here.simulator.traffic.token_calls["refresh_token", status]


async def stored(here: Stage) -> Token:
    token = await here.runtime.tokens.stored(here.grant.member_id)
    assert token is not None
    return token


async def usable(here: Stage) -> Token:
    return await here.runtime.tokens.usable(here.grant.member_id)


async def state_of(here: Stage) -> str:
    grant = await members.grant(here.db, here.grant.member_id)
    assert grant is not None
    return grant.state


async def works(here: Stage) -> bool:
    """Whether WHOOP takes the stored pair, both of its tokens."""
    token = await stored(here)
    if not await here.runtime.client.accepts(token):
        return False
    await here.runtime.tokens.renewed(here.grant.member_id, token.version)
    return True
