"""The queue: how a run that somebody wants becomes a job that some worker carries out.

Four queues keep the lanes apart, so that no lane's waiting for the budget holds another's slots: "person", "webhook",
"sync" (scheduled and reconcile) and "backfill". A member has at most one running and one waiting job of a kind; who
asks meanwhile joins the waiting one, which goes by the better of both lanes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg.errors import ForeignKeyViolation

from circadia.clock import Clock
from circadia.domain.catalog import CATALOG, COLLECTIONS
from circadia.domain.lanes import Lane
from circadia.errors import UpstreamDown
from circadia.storage import jobs, records, runs
from circadia.storage.postgres import Connection, Database
from circadia.storage.runs import Run, RunKind

QueueName = Literal["person", "webhook", "sync", "backfill"]

PRIORITIES: dict[Lane, int] = {"person": 50, "webhook": 40, "scheduled": 30, "reconcile": 20, "backfill": 10}
"""Higher goes first."""

QUEUES: dict[Lane, QueueName] = {
    "person": "person",
    "webhook": "webhook",
    "scheduled": "sync",
    "reconcile": "sync",
    "backfill": "backfill",
}

_TRIES = 100
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def key(kind: RunKind, member_id: int) -> str:
    """The lock of a member's jobs of a kind."""
    return f"{kind}:{member_id}"


class Queue:
    """Puts runs into the queue; whoever works takes them out."""

    def __init__(self, app: App, db: Database, clock: Clock) -> None:
        self._app = app
        self._db = db
        self._clock = clock

    async def request(
        self,
        member_id: int,
        kind: RunKind,
        lane: Lane,
        types: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Ask for a run of some types (None or nothing: all of the kind); returns the run to follow.

        One that waits is widened and, from a better lane, goes earlier. A backfill under way is joined: it looks again
        before it ends. NotFound for an erased member, UpstreamDown when the database does not answer."""
        wanted = list(types or ()) or [each.name for each in (CATALOG if kind == "sync" else COLLECTIONS)]
        for _ in range(_TRIES):
            try:
                async with self._db.begin() as connection:
                    return await self._ask(connection, member_id, kind, lane, wanted, options or _NO_OPTIONS)
            except AlreadyEnqueued:  # somebody was faster: theirs is the run that waits
                continue
            except ForeignKeyViolation as error:
                raise records.erased() from error
            except ConnectorException as error:
                raise UpstreamDown("the database does not answer") from error
        raise UpstreamDown("the queue holds a run of this member that cannot be joined now")

    async def put(self, run: Run, lane: Lane, at: datetime | None = None) -> bool:
        """A job for a run that goes on, at the end of its lane and not before `at`; False when another job of the
        kind waits already for the member."""
        try:
            await self._defer(None, run.id, run.member_id, run.kind, lane, at)
        except AlreadyEnqueued:
            return False
        except ConnectorException as error:
            raise UpstreamDown("the database does not answer") from error
        return True

    async def _ask(
        self,
        connection: Connection,
        member_id: int,
        kind: RunKind,
        lane: Lane,
        types: Sequence[str],
        options: Mapping[str, Any],
    ) -> UUID:
        lock = key(kind, member_id)
        waiting = await jobs.hold_waiting(connection, lock)
        if waiting is not None:
            await runs.widen(connection, waiting, lane, types, options)
            await jobs.raise_waiting(connection, lock, PRIORITIES[lane], QUEUES[lane])
            return waiting
        if kind == "backfill" and (joined := await runs.go_again(connection, member_id, kind)) is not None:
            return joined
        left = await runs.without_job(connection, member_id, kind)
        if left is not None:
            await runs.widen(connection, left, lane, types, options)
        run_id = left or await runs.add(connection, member_id, kind, lane, types, options, self._clock())
        await self._defer(connection, run_id, member_id, kind, lane, None)
        return run_id

    async def _defer(
        self,
        connection: Connection | None,
        run_id: UUID,
        member_id: int,
        kind: RunKind,
        lane: Lane,
        at: datetime | None,
    ) -> None:
        lock = key(kind, member_id)
        deferrer = self._app.configure_task(
            kind,
            lock=lock,
            queueing_lock=lock,
            queue=QUEUES[lane],
            priority=PRIORITIES[lane],
            schedule_at=at,
            connection=connection,
        )
        await deferrer.defer_async(run_id=str(run_id))
