"""The composition root's parts: everything that lives as long as the process, made in one place and handed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import httpx2
import psycopg
import structlog

from circadia.clients.governor import Governor, Limits, Window
from circadia.clients.http import open_client
from circadia.clients.mail import parse_smtp_url
from circadia.clients.notify import Channel, Email, Webhook
from circadia.clients.signature import key_of
from circadia.clients.whoop.auth import Tokens
from circadia.clients.whoop.client import WhoopClient
from circadia.clients.whoop.oauth import Client, OAuth
from circadia.clock import Clock, Sleep, system_clock
from circadia.config import Settings, is_loopback
from circadia.connections import Connections
from circadia.domain.lanes import Lane, Turn
from circadia.domain.members import Token
from circadia.errors import Misconfigured
from circadia.gateway.assembly import open_sources
from circadia.gateway.core import Gateway
from circadia.gateway.sahha import SahhaSource
from circadia.gateway.whoop_here import WhoopHere
from circadia.storage import budget, members, migrate, secret_files, tokens
from circadia.storage.day_reader import DayReader
from circadia.storage.embedded import EmbeddedPostgres
from circadia.storage.envelope import Keyring, new_key
from circadia.storage.intake import Intake
from circadia.storage.postgres import Database
from circadia.sync import pages
from circadia.sync.engine import Engine
from circadia.sync.installation import Installation
from circadia.sync.notices import Notices
from circadia.sync.on_demand import OnDemand
from circadia.sync.pace import Pace
from circadia.sync.schedule import Schedule

if TYPE_CHECKING:
    from circadia.clients.issuer import Issuer
    from circadia.sync.jobs import Jobs

log = structlog.get_logger()

_KEY_FILE = "token_encryption_keys"
_PACE = Pace()
_SCHEMA_EVERY_S = 1.0
_PATIENCE_S = 10.0
"""How long a statement waits for a connection to the database."""


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """`clients.whoop.auth.TokenStore` over `storage.tokens`. With the machine's clock the slot is held by the
    database's own, because every process on every machine has to agree."""

    db: Database
    keyring: Keyring
    clock: Clock

    async def load(self, member_id: int) -> Token | None:
        return await tokens.load(self.db, self.keyring, member_id)

    @property
    def _now(self) -> datetime | None:
        return None if self.clock is system_clock else self.clock()

    async def claim(self, member_id: int, by: UUID, held_for: timedelta, version: int) -> tokens.Slot | None:
        return await tokens.claim(self.db, self.keyring, member_id, by, self._now, held_for, version)

    async def record_spending(self, member_id: int, by: UUID, held_for: timedelta) -> bool:
        return await tokens.record_spending(self.db, member_id, by, self._now, held_for)

    async def replace(self, member_id: int, fresh: Token) -> bool:
        return await tokens.replace(self.db, self.keyring, member_id, fresh)

    async def release(self, member_id: int, by: UUID, *, unspent: bool) -> None:
        await tokens.release(self.db, member_id, by, unspent=unspent)

    async def lose(self, member_id: int, version: int, reason: str) -> None:
        await tokens.lose(self.db, member_id, version, reason, self.clock())


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """`clients.governor.Budget` over `storage.budget`. With the machine's clock the database's own is used instead,
    because every process on every machine has to agree."""

    db: Database
    app: str
    limits: Limits
    clock: Clock

    @property
    def _now(self) -> datetime | None:
        return None if self.clock is system_clock else self.clock()

    async def take(self, lane: Lane, member_id: int | None, patience_s: float, ticket: int | None) -> Turn:
        return await budget.take(
            self.db,
            self.app,
            lane,
            member_id,
            self._now,
            per_minute=self.limits.per_minute,
            per_day=self.limits.per_day,
            patience_s=patience_s,
            ticket=ticket,
        )

    async def pause(self, seconds: float) -> None:
        await budget.pause(self.db, self.app, seconds, self._now)

    async def learn(self, per_minute: int | None, per_day: int | None) -> None:
        await budget.learn(self.db, self.app, per_minute, per_day, self._now)

    async def compare(self, window: Window, limit: int, left: int, on_its_way: timedelta) -> None:
        await budget.compare(self.db, self.app, window, limit, left, on_its_way, self._now)


@dataclass(frozen=True, slots=True)
class GatewayRuntime:
    """What the gateway's faces work with, wherever it runs. `revision` is the schema this version needs."""

    settings: Settings
    clock: Clock
    db: Database
    keyring: Keyring
    revision: str
    sahha: SahhaSource
    gateway: Gateway


@dataclass(frozen=True, slots=True)
class Runtime(GatewayRuntime):
    """What the faces work with where the WHOOP service is."""

    client: WhoopClient
    tokens: Tokens
    engine: Engine
    jobs: Jobs
    connections: Connections
    days: DayReader
    intake: Intake
    on_demand: OnDemand
    notices: Notices
    schedule: Schedule
    issuer: Issuer | None

    @property
    def app(self) -> str:
        """The name under which this installation's budget is kept: the WHOOP client's id."""
        return self.settings.whoop_client_id or "unconfigured"


def installation(settings: Settings) -> Installation:
    """What the faces' reports need of the settings."""
    return Installation(
        app=settings.whoop_client_id,
        per_minute=settings.rate_limit_per_minute,
        per_day=settings.rate_limit_per_day,
        plan=settings.sync_plan,
        webhook_url=f"{settings.public_url}/webhooks/whoop",
        reachable=not is_loopback(settings.public_url),
    )


@asynccontextmanager
async def database(
    settings: Settings, *, migrated: bool = True, patience_s: float = _PATIENCE_S
) -> AsyncIterator[Database]:
    """The database of these settings, open and, unless told otherwise, at this version's schema."""
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
        else:
            url = await _embedded(settings, stack)
        if migrated and settings.migrate_on_start and not await _has_schema(url):
            await asyncio.to_thread(migrate.upgrade, url)
        db = Database(url, size=20, timeout=patience_s)
        await db.open()
        stack.push_async_callback(db.close)
        yield db


async def _embedded(settings: Settings, stack: AsyncExitStack) -> str:
    """Start the embedded server; it is left in any case, also by one who is told to stop while it starts."""
    embedded = EmbeddedPostgres(settings.circadia_data_dir)
    starting = asyncio.create_task(asyncio.to_thread(embedded.start))

    async def leave() -> None:
        await asyncio.wait([starting])
        await asyncio.to_thread(embedded.stop)

    stack.push_async_callback(leave)
    return await asyncio.shield(starting)


async def _has_schema(url: str) -> bool:
    """Whether a database has a schema that this version works on. Misconfigured when the server does not answer."""
    try:
        return migrate.fits(await asyncio.to_thread(migrate.current, url), await asyncio.to_thread(migrate.head))
    except psycopg.OperationalError as error:
        raise Misconfigured(
            "cannot connect to PostgreSQL: check DATABASE_URL and that the server is up", kind="database_unreachable"
        ) from error


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    transport: httpx2.AsyncBaseTransport | None = None,
    sleep: Sleep = asyncio.sleep,
    pace: Pace = _PACE,
) -> AsyncIterator[Runtime]:
    """Everything, open; closed in the opposite order. `sleep` waits for the budget in the clock's seconds."""
    from circadia.sync.jobs import Jobs  # the job engine is heavy, and only a running process needs it

    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(database(settings))
        keyring = load_keyring(settings)
        http = await stack.enter_async_context(open_client(transport))
        limits = Limits(settings.rate_limit_per_minute, settings.rate_limit_per_day)
        app = settings.whoop_client_id or "unconfigured"
        client = WhoopClient(
            http,
            Governor(StoredBudget(db, app, limits, clock), limits, clock, sleep),
            settings.whoop_api_base_url,
            clock,
        )
        oauth = OAuth(http, _oauth_client(settings), clock)
        held = Tokens(StoredTokens(db, keyring, clock), oauth, client.accepts, clock)
        schedule = Schedule(db, settings.sync_plan, limits, app, clock)
        engine = Engine(db, client, held, clock, schedule)
        notices = Notices(db, channels(settings, http), clock, app, settings.rate_limit_per_day)
        jobs = Jobs(db, engine, held, clock, schedule, pace=pace, watch=notices.watch)
        await jobs.open()
        stack.push_async_callback(jobs.close)
        connections = Connections(
            db,
            keyring,
            oauth if settings.whoop_client_id else None,
            client,
            held,
            jobs,
            clock,
            settings.redirect_allowed,
        )
        on_demand = OnDemand(db, jobs, clock)
        here = WhoopHere(db, connections, on_demand, clock, settings.whoop_service_timeout)
        sahha, gateway = await stack.enter_async_context(open_sources(settings, db, clock, transport, here))
        yield Runtime(
            settings,
            clock,
            db,
            keyring,
            await asyncio.to_thread(migrate.head),
            sahha,
            gateway,
            client,
            held,
            engine,
            jobs,
            connections,
            DayReader(db),
            Intake(db),
            on_demand,
            notices,
            schedule,
            _issuer(settings, http, clock),
        )


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, clock: Clock = system_clock, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[GatewayRuntime]:
    """The gateway's parts alone, open. Misconfigured when nothing says where the WHOOP service is."""
    if settings.enable_whoop_integration and settings.whoop_service_url is None:
        raise Misconfigured(
            "the gateway alone does not know where the WHOOP service is",
            remedy="Set WHOOP_SERVICE_URL and WHOOP_SERVICE_API_KEY, or ENABLE_WHOOP_INTEGRATION=false for Sahha only.",
        )
    async with AsyncExitStack() as stack:
        # keys are looked up before the deadline's clock starts: a database that is away may not hold them up for long
        db = await stack.enter_async_context(database(settings, patience_s=settings.gateway_deadline))
        sahha, gateway = await stack.enter_async_context(open_sources(settings, db, clock, transport))
        revision = await asyncio.to_thread(migrate.head)
        yield GatewayRuntime(settings, clock, db, load_keyring(settings), revision, sahha, gateway)


async def await_schema(runtime: GatewayRuntime) -> bool:
    """Wait until somebody has brought the database to a schema that this version works on; returns whether it had to
    wait. The log says so, and also that the schema is a newer one."""
    waits = False
    while not migrate.fits(found := await asyncio.to_thread(migrate.current, runtime.db.url), runtime.revision):
        if not waits:
            log.warning("schema.behind", found=found, needs=runtime.revision, remedy="run `circadia db upgrade`")
        waits = True
        await asyncio.sleep(_SCHEMA_EVERY_S)
    if found != runtime.revision:
        log.warning("schema.newer", found=found, made_for=runtime.revision)
    return waits


async def retry_rejects(runtime: GatewayRuntime) -> int:
    """Read again what an older version could not; returns how many records are readable now. None are, before the
    schema is there."""
    if not migrate.fits(await asyncio.to_thread(migrate.current, runtime.db.url), runtime.revision):
        return 0
    readable = await runtime.sahha.retry_rejects()
    if not isinstance(runtime, Runtime):
        return readable

    async def account_of(member_id: int) -> int | None:
        grant = await members.grant(runtime.db, member_id)
        return grant.whoop_user_id if grant else None

    return readable + await pages.retry_rejects(runtime.db, account_of)


def channels(settings: Settings, http: httpx2.AsyncClient) -> tuple[Channel, ...]:
    """The ways in which somebody is told."""
    made: list[Channel] = []
    if settings.alert_webhook_url and settings.alert_webhook_secret:
        key = key_of(settings.alert_webhook_secret.get_secret_value())
        made.append(Webhook(http, settings.alert_webhook_url, key))
    if settings.alert_email_from and settings.smtp_url:
        server = parse_smtp_url(settings.smtp_url.get_secret_value())
        made.append(Email(server, settings.alert_email_from, settings.alert_email_to, settings.public_url))
    return tuple(made)


def load_keyring(settings: Settings) -> Keyring:
    """The encryption keys: the setting, else those generated into the data directory (mode 0600) at the first start."""
    if settings.token_encryption_keys is not None:
        return Keyring.parse(settings.token_encryption_keys.get_secret_value())
    path = settings.circadia_data_dir / _KEY_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            secret_files.keep(path, new_key())
        return Keyring.parse(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise Misconfigured(f"cannot keep the encryption keys in {path}: {error.strerror}") from error


def _oauth_client(settings: Settings) -> Client:
    secret = settings.whoop_client_secret
    return Client(
        id=settings.whoop_client_id or "",
        secret=secret.get_secret_value() if secret else "",
        redirect_url=settings.whoop_redirect_url,
        base_url=settings.whoop_oauth_base_url,
    )


def _issuer(settings: Settings, http: httpx2.AsyncClient, clock: Clock) -> Issuer | None:
    """Whose tokens of an app's users are believed; None when nobody's are."""
    url, secret = settings.auth_jwt_jwks_url, settings.auth_jwt_secret
    if settings.auth_jwt_issuer is None or settings.auth_jwt_audience is None:
        return None
    from circadia.clients.issuer import Issuer, PublishedKeys, SharedSecret  # few need it, and it takes time to load

    trust = PublishedKeys(http, url, clock) if url else SharedSecret(secret.get_secret_value()) if secret else None
    return Issuer(trust, settings.auth_jwt_issuer, settings.auth_jwt_audience, clock) if trust else None
