"""The end of a history: what the product still has to do, and whether its store equals WHOOP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from circadia.domain.catalog import COLLECTIONS
from circadia.simulator.whoop import WhoopSimulator
from tests.prove.place import Place
from tests.truth import differences

if TYPE_CHECKING:
    from tests.prove.history import History, Name

_STANDS = timedelta(seconds=2)
_TRIES = 5

_UNFINISHED = {
    "run": "SELECT id::text, kind, lane, state, error FROM runs WHERE state IN ('queued', 'running')",
    "delivery": """SELECT trace_id, type, state, attempts, next_try_at, error FROM deliveries
        WHERE state = 'waiting'
          AND (next_try_at IS NULL OR next_try_at <= %(now)s OR received_at < %(now)s - interval '1 day')""",
    "job": """SELECT id, task_name, status, attempts FROM procrastinate_jobs
        WHERE task_name IN ('sync', 'backfill', 'reconcile')""",
}


async def judge(history: History) -> None:
    """Everybody's newest records once more on a clock that stands, then the comparison. What is found is added to the
    history's problems."""
    whoop = history.place.whoop
    for account in history.accounts:
        await _compare(history, account)
    history.counts["forged"] += len(whoop.forged)
    history.problems += [
        *(f"a forged webhook was answered {each}" for each in whoop.forged if each not in (401, None)),
        *(
            f"a used refresh token was spent again though the new pair had come: {each}"
            for each in whoop.endings
            if each.cause == "reused" and history.held(each)
        ),
        *(f"{each.refused} requests beyond WHOOP's limit" for each in whoop.state.windows.values() if each.refused),
        *(f"left over: {each}" for each in await unfinished(history.place)),
    ]


async def _compare(history: History, account: int) -> None:
    """What is not equal has to be old and WHOOP's word of it lost; then a reconciliation finds it."""
    found = await _newest_differences(history, account)
    if not found:
        return
    excused = history.untold[account] | {
        name for name, told in history.told[account].items() if told in _lost(history.place.whoop)
    }
    history.problems += [
        f"user-{account}, before reconciliation: {each}"
        for each in found
        if not each.startswith("day ") and _name(each) not in excused
    ]
    history.counts["reconciliations needed"] += 1
    await history.request(account, "reconcile", "reconcile", options={"full": True, "allow_deletes": True})
    await history.settle()
    history.problems += [f"user-{account}: {each}" for each in await _newest_differences(history, account)]


async def _newest_differences(history: History, account: int) -> list[str]:
    """What differs right after a sync; once more when the clock went on meanwhile, and with it WHOOP."""
    for _ in range(_TRIES):
        at = history.place.clock()
        await history.request(account, "sync", "person")
        await history.settle()
        found = await _differences(history, account)
        if not found or history.place.clock() - at < _STANDS:
            break
    return found


async def _differences(history: History, account: int) -> list[str]:
    truth = history.place.whoop.truth(account)
    history.counts["records"] += sum(len(truth[each.name]) for each in COLLECTIONS)
    return await differences(history.place.runtime.db, f"user-{account}", truth)


def _name(difference: str) -> Name:
    kind, _, key = difference.partition(":")[0].partition(" ")
    return kind, key


def _lost(whoop: WhoopSimulator) -> set[tuple[str, str]]:
    """Webhooks that never reached the product."""
    return {(each.type, each.id) for each in whoop.state.outbox.finished if each.state in ("dropped", "lost")}


async def unfinished(place: Place) -> list[str]:
    """Runs, webhooks and jobs that nobody ends."""
    found = []
    for name, statement in _UNFINISHED.items():
        found += [f"{name} {each}" for each in await place.runtime.db.rows(statement, {"now": place.clock()})]
    return found
