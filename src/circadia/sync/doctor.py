"""Why is data missing? One look at everything between WHOOP and the store, each finding with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from circadia.domain import notices
from circadia.domain.catalog import CATALOG
from circadia.domain.findings import Finding
from circadia.domain.members import Connection as Grant
from circadia.domain.members import Member
from circadia.domain.preferences import Preferences
from circadia.storage import checkup, holds, members, preferences
from circadia.storage.checkup import Pushes, Rejected, TokenTimes
from circadia.storage.holds import Hold
from circadia.storage.postgres import Database
from circadia.sync import symptoms
from circadia.sync.coverage import proof
from circadia.sync.gaps import gaps
from circadia.sync.installation import Installation
from circadia.sync.overview import workers
from circadia.sync.status import sync_status

DAYS, MOST_DAYS = 30, 90

_NEWS_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Case:
    """All that was looked at. `status` is the member's sync status, `proof` that of their history, `unannounced` how
    many changes were found by asking since the last webhook should have told of them."""

    now: datetime
    installation: Installation
    member: Member
    grant: Grant
    status: dict[str, Any]
    proof: dict[str, Any]
    token: TokenTimes | None
    pushes: Pushes
    unannounced: int
    rejected: list[Rejected]
    holds: list[Hold]
    workers: dict[str, Any]
    budgets: list[dict[str, Any]]
    preferences: Preferences


async def examine(
    db: Database, user_id: str, now: datetime, installation: Installation, days: int = DAYS
) -> dict[str, Any]:
    """`{user_id, checked_at, fine, findings, evidence}`: fine when no finding is an error or a warning. `days` (1..90)
    is how far back days are looked at. An unknown user is answered like one who is not connected."""
    member = await members.find(db, user_id)
    grant = await members.grant(db, member.id) if member else None
    if member is None or grant is None:
        status = await sync_status(db, user_id, now, installation)
        return _told(user_id, now, [symptoms.never_connected(user_id, status)], {})
    case = await _case(db, member, grant, now, installation)
    told = list(_findings(case))
    whole = all(each["history_complete"] for each in case.proof["types"].values())
    async with db.connection() as connection:
        offset = await members.local_offset(connection, member.id)
    lacking, looked_at = await gaps(db, member.id, user_id, (now + offset).date(), days, case.rejected, whole=whole)
    return _told(user_id, now, told + lacking, _evidence(case) | {"days": looked_at})


async def _case(db: Database, member: Member, grant: Grant, now: datetime, installation: Installation) -> Case:
    status = await sync_status(db, member.user_id, now, installation)
    told = await proof(db, member.user_id)
    async with db.connection() as connection:
        pushes = await checkup.pushes(connection, grant.whoop_user_id)
        last = max(pushes.last.values(), default=grant.connected_at)
        after = max(last + checkup.PUSH_LATENESS, grant.connected_at, now - _NEWS_FOR)
        unannounced = await checkup.unannounced(connection, member.id, after, now - checkup.PUSH_LATENESS)
        rejected = await checkup.rejected(connection, member.id)
    return Case(
        now=now,
        installation=installation,
        member=member,
        grant=grant,
        status=status,
        proof=told,
        token=await checkup.token(db, member.id),
        pushes=pushes,
        unannounced=unannounced,
        rejected=rejected,
        holds=await holds.all_of(db, member.id),
        workers=await workers(db),
        budgets=await installation.budgets(db, now),
        preferences=await preferences.get(db, member.user_id),
    )


def _findings(case: Case) -> Iterator[Finding]:
    """What is wrong with the connection, the road and what came along it."""
    if case.grant.state == "needs_reconnect":
        trouble = notices.needs_reconnect(case.grant)
        yield Finding(trouble.kind, "error", trouble.message, trouble.remedy)
    elif case.grant.state == "not_connected":
        yield symptoms.never_connected(case.grant.user_id, case.status)
    else:
        yield from symptoms.of_the_token(case.grant, case.token, case.now)
        yield from symptoms.of_the_types(case.grant, case.status, case.now)
        yield from symptoms.of_the_road(case.workers, case.budgets)
        yield from symptoms.of_the_plan(case.installation, case.member, case.preferences, case.now)
        yield from symptoms.of_the_history(case.grant.user_id, case.status["backfill"], case.proof)
        yield from symptoms.of_the_webhooks(case.installation, case.grant, case.pushes, case.unannounced, case.now)
    yield from symptoms.of_the_rejects(case.rejected)
    yield from symptoms.of_the_proof(case.proof)
    for each in case.holds:
        trouble = notices.deletions_held(each.user_id, each.member_id, each.type, each.missing, each.live)
        yield Finding(trouble.kind, "error", trouble.message, trouble.remedy, each.type)


def _evidence(case: Case) -> dict[str, Any]:
    """What was seen, good or bad."""
    types = {
        each.name: {
            name: case.status["types"][each.name][name]
            for name in (
                "state",
                "last_success_at",
                "due_at",
                "total_records",
                "newest_record_at",
                "pending",
                "rejects",
            )
        }
        | {"last_webhook_at": case.pushes.last.get(each.push) if each.push else None}
        for each in CATALOG
    }
    return {
        "connection": case.status["connection"] | {"connected_at": case.grant.connected_at},
        "as_of": case.member.as_of,
        "token": asdict(case.token) if case.token else None,
        "types": types,
        "webhooks": {
            "last_at": max(case.pushes.last.values(), default=None),
            "last_of_anybody_at": case.pushes.last_of_anybody,
            "waiting": case.pushes.waiting,
            "parked": case.pushes.parked,
        },
        "history": {"complete": case.proof["complete"], "backfill": case.status["backfill"]},
        "workers": case.workers,
        "budgets": case.budgets,
        "plan": str(case.installation.plan) if case.installation.app else None,
    }


def _told(user_id: str, now: datetime, findings: list[Finding], evidence: dict[str, Any]) -> dict[str, Any]:
    findings = sorted(findings, key=lambda each: each.order)
    return {
        "user_id": user_id,
        "checked_at": now,
        "fine": all(each.severity == "info" for each in findings),
        "findings": [asdict(each) for each in findings],
        "evidence": evidence,
    }
