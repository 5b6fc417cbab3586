"""The gateway put together from the settings: both sources, each with a breaker and connections of its own, so that one
that hangs takes nothing from the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx2

from circadia.clients.http import open_client
from circadia.clients.sahha.client import SahhaClient
from circadia.clients.sahha.tokens import Credentials
from circadia.clients.whoop_service import CONNECTIONS, WhoopService
from circadia.clock import Clock
from circadia.config import Settings
from circadia.gateway.breaker import Breaker
from circadia.gateway.core import Gateway
from circadia.gateway.links import Links
from circadia.gateway.sahha import SahhaSource
from circadia.gateway.whoop import WhoopSource
from circadia.gateway.whoop_reading import WhoopLink
from circadia.storage import erasure, identities, overrides
from circadia.storage.postgres import Database
from circadia.storage.whoop_links import LinkMemory


@asynccontextmanager
async def open_sources(
    settings: Settings,
    db: Database,
    clock: Clock,
    transport: httpx2.AsyncBaseTransport | None,
    here: WhoopLink | None = None,
) -> AsyncIterator[tuple[SahhaSource, Gateway]]:
    """Sahha, and the gateway over it and WHOOP. `here` is the WHOOP service where it runs in this process: it is asked
    unless WHOOP_SERVICE_URL names another."""
    async with AsyncExitStack() as stack:
        client = None
        if settings.sahha_client_id is not None and settings.sahha_client_secret is not None:
            http = await stack.enter_async_context(open_client(transport))
            credentials = Credentials(settings.sahha_client_id, settings.sahha_client_secret.get_secret_value())
            client = SahhaClient(http, credentials, settings.sahha_api_base_url, clock)
        sahha = SahhaSource(db, client, Breaker("sahha", now=clock), clock)
        stack.push_async_callback(sahha.close)
        link, apart = here, here is None or settings.whoop_service_url is not None
        if link is None or apart:
            http = await stack.enter_async_context(open_client(transport, CONNECTIONS))
            link = _elsewhere(settings, http, clock)
        gateway = Gateway(
            sahha,
            WhoopSource(
                link,
                Breaker("whoop", now=clock),
                Links(kept=apart),
                fetch=settings.gateway_fetch,
                memory=LinkMemory(db, clock) if apart else None,
                exists=here is not None or settings.whoop_service_url is not None,
            ),
            partial(identities.resolve, db),
            partial(overrides.policies, db),
            partial(erasure.erase_user, db),
            clock,
            deadline_s=settings.gateway_deadline,
            fetch=settings.gateway_fetch,
            whoop_enabled=settings.enable_whoop_integration,
        )
        stack.push_async_callback(gateway.close)
        yield sahha, gateway


def _elsewhere(settings: Settings, http: httpx2.AsyncClient, clock: Clock) -> WhoopService:
    """The WHOOP service over HTTP; without an address it is switched off and nobody asks it."""
    key = settings.whoop_service_api_key
    return WhoopService(
        http,
        settings.whoop_service_url or "",
        key.get_secret_value() if key else "",
        settings.whoop_service_timeout,
        clock,
    )
