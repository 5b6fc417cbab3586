"""From what was looked at to findings: each function knows one part of the road from WHOOP to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from circadia.domain import notices
from circadia.domain.catalog import COLLECTIONS
from circadia.domain.findings import Finding
from circadia.domain.lanes import LANES
from circadia.domain.members import Connection as Grant
from circadia.domain.members import Member
from circadia.domain.preferences import Preferences
from circadia.storage.checkup import Pushes, Rejected, TokenTimes
from circadia.sync.installation import Installation

_OVERDUE = timedelta(hours=1)
_STALE = timedelta(days=1)
_WEBHOOKS_WAIT = timedelta(minutes=15)
_UNANNOUNCED = 2
_NAMED = 3

_REMEDIES = {
    "upstream_down": "WHOOP did not answer. Nothing to do: it is tried again by itself.",
    "rate_limited": "Nothing to do: it goes on as soon as the request budget allows.",
    "unexpected_reply": "It is tried again by itself. If it stays, WHOOP has changed something: please report it.",
    "scope_missing": "Connect WHOOP again and leave it ticked.",
}
_TRIED_AGAIN = "It is tried again by itself. If it stays, see the log of the worker."


def never_connected(user_id: str, status: dict[str, Any]) -> Finding:
    """Nobody has consented, or the connection was ended; perhaps an export was imported."""
    starts = (status["types"].get(each.name, {}).get("newest_record_at") for each in COLLECTIONS)
    newest = max((each for each in starts if each), default=None)
    here = f"; what is stored goes to {newest:%Y-%m-%d}" if newest else ""
    why = f": {reason}" if (reason := status["connection"]["reason"]) else ""
    return Finding(
        "not_connected",
        "error",
        f"{user_id} is not connected to WHOOP{why}, so nothing new comes in{here}",
        f"Connect them in your app or with `circadia connect {user_id}`, or import an export.",
    )


def of_the_token(grant: Grant, token: TokenTimes | None, now: datetime) -> Iterator[Finding]:
    """A pair that cannot be renewed, or that should have been."""
    connect = f"Connect WHOOP again (`circadia connect {grant.user_id}`)"
    if token is None:
        yield Finding("token_gone", "error", "there is no token although the member is connected", f"{connect}.")
    elif not token.renewable:
        yield Finding(
            "token_not_renewable",
            "error",
            f"WHOOP gave no refresh token: the connection ends at {token.expires_at:%Y-%m-%d %H:%M} UTC",
            f"{connect} and leave `offline` ticked.",
        )
    elif token.unanswered_since is not None:
        yield Finding(
            "token_unanswered",
            "warning",
            f"a renewal of the token, begun at {token.unanswered_since:%Y-%m-%d %H:%M} UTC, is without an answer",
            f"It is settled at the next use, by itself; `circadia sync {grant.user_id}` does it now.",
        )
    elif token.expires_at < now - _STALE:
        yield Finding(
            "token_expired",
            "warning",
            f"the access token expired at {token.expires_at:%Y-%m-%d %H:%M} UTC and was not renewed since",
            f"`circadia sync {grant.user_id}` renews it; a running worker does so by itself.",
        )


def of_the_types(grant: Grant, status: dict[str, Any], now: datetime) -> Iterator[Finding]:
    """Types that are not allowed, fail or are late."""
    for name, each in status["types"].items():
        error = each["error"]
        if each["state"] == "scope_missing" and error:
            yield Finding("scope_missing", "warning", f"{name}: {error['message']}", error["remedy"], name)
        elif error:
            again = f", again {each['due_at']:%Y-%m-%d %H:%M} UTC" if each["due_at"] else ""
            times = f" ({each['failures']} times in a row{again})"
            remedy = error["remedy"] or _REMEDIES.get(error["kind"], _TRIED_AGAIN)
            yield Finding("sync_failing", "error", f"{name}: {error['message']}{times}", remedy, name)
        elif each["due_at"] and each["due_at"] < now - _OVERDUE:
            yield Finding(
                "overdue",
                "warning",
                f"{name} was due at {each['due_at']:%Y-%m-%d %H:%M} UTC and has not been asked for",
                f"`circadia status` shows what waits; `circadia sync {grant.user_id}` asks now.",
                name,
            )


def of_the_road(workers: dict[str, Any], budgets: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """Nobody works, or nobody may ask WHOOP."""
    if not workers["alive"]:
        seen_at = workers["last_sign_at"]
        seen = f"; the last sign of one was at {seen_at:%Y-%m-%d %H:%M} UTC" if seen_at else ""
        yield Finding(
            "no_worker",
            "error",
            f"no worker is alive, so nothing is fetched{seen}",
            "Start `circadia serve` or `circadia worker`, and see why it ended.",
        )
    for each in budgets:
        used, limit = each["day"]["used"], each["day"]["limit"]
        if each["paused_until"]:
            trouble = notices.budget_paused(each["paused_until"], begun=True)
            yield Finding("budget_paused", "warning", trouble.message, trouble.remedy)
        elif limit and used >= int(limit * LANES["scheduled"].day_share):
            trouble = notices.budget_exhausted(used, limit, begun=True)
            yield Finding(trouble.kind, "warning", trouble.message, trouble.remedy)


def of_the_plan(
    installation: Installation, member: Member, preferences: Preferences, now: datetime
) -> Iterator[Finding]:
    """A plan that asks for nothing by itself."""
    late = member.as_of is None or member.as_of < now - _STALE
    if preferences.sync == "on_request":
        yield Finding(
            "sync_on_request",
            "warning" if late else "info",
            "the member's own setting is to be asked for: nothing is fetched unless somebody asks or a webhook comes",
            f"Set it to automatic in the settings, or ask with `circadia sync {member.user_id}`.",
        )
    elif installation.app is not None and installation.plan.name == "manual":
        yield Finding(
            "plan_manual",
            "warning" if late else "info",
            "SYNC_PLAN is manual: nothing is fetched unless somebody asks or a webhook comes",
            f"Set SYNC_PLAN=adaptive, or ask with `circadia sync {member.user_id}`.",
        )


def of_the_history(user_id: str, backfill: dict[str, Any] | None, proof: dict[str, Any]) -> Iterator[Finding]:
    """A history that is not here whole."""
    coming = [name for name, each in proof["types"].items() if not each["history_complete"]]
    if not coming:
        return
    reached = max((at for name in coming if (at := proof["types"][name]["reached_at"])), default=None)
    far = f"has reached {reached:%Y-%m-%d}" if reached else "has not begun"
    if backfill is not None and backfill["paused"]:
        message, remedy = f"the history is held back and {far}", f"`circadia backfill {user_id} --resume` goes on."
        yield Finding("history_paused", "warning", message, remedy)
    elif backfill is not None and backfill["state"] in ("failed", "partial"):
        why = f": {backfill['error']['message']}" if backfill["error"] else ""
        message = f"the last walk through the history did not reach its beginning; it {far}{why}"
        remedy = f"It is tried again by itself; `circadia backfill {user_id}` does it now."
        yield Finding("history_failed", "warning", message, remedy)
    else:
        by = f", expected by {backfill['eta_at']:%Y-%m-%d %H:%M} UTC" if backfill and backfill["eta_at"] else ""
        remedy = "Nothing to do: it comes by itself, newest days first."
        yield Finding("history_unfinished", "info", f"the history is still arriving: it {far}{by}", remedy)


def of_the_proof(proof: dict[str, Any]) -> Iterator[Finding]:
    """Records that arrived and are nowhere."""
    for each in proof["reasons"]:
        if each["kind"] == "records_lost":
            yield Finding("records_lost", "error", each["message"], each["remedy"], each["type"])


def of_the_webhooks(
    installation: Installation, grant: Grant, pushes: Pushes, unannounced: int, now: datetime
) -> Iterator[Finding]:
    """Webhooks that do not come, wait or were given up."""
    last = max(pushes.last.values(), default=None)
    if unannounced >= _UNANNOUNCED:
        said = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
        found = f"{unannounced} changes were found by asking that no webhook told of"
        if pushes.last_of_anybody is None or pushes.last_of_anybody == last:
            message = f"WHOOP has sent no webhook {said}: {found}"
        else:
            message = f"WHOOP sends webhooks, but none about {grant.user_id} {said}: {found}"
        yield Finding("webhooks_absent", "warning", message, _webhook_remedy(installation))
    if pushes.parked:
        trouble = notices.delivery_parked(grant.user_id, grant.member_id, pushes.parked)
        because = f": {'; '.join(pushes.parked_because[:_NAMED])}" if pushes.parked_because else ""
        yield Finding(trouble.kind, "warning", trouble.message + because, trouble.remedy)
    if pushes.waiting and pushes.waiting_since and pushes.waiting_since < now - _WEBHOOKS_WAIT:
        yield Finding(
            "webhooks_waiting",
            "warning",
            f"{pushes.waiting} webhooks wait to be acted on, the first since {pushes.waiting_since:%Y-%m-%d %H:%M} UTC",
            f"A worker answers them; `circadia sync {grant.user_id}` does it now.",
        )


def _webhook_remedy(installation: Installation) -> str:
    """Where the address belongs, if WHOOP could reach it at all."""
    place = "in WHOOP's developer dashboard, with the model version v2"
    if installation.reachable:
        return f"Set {installation.webhook_url} as the webhook URL {place}. Until then asking brings everything, later."
    return (
        f"WHOOP cannot reach {installation.webhook_url}: set PUBLIC_URL to a public https address, and that with "
        f"/webhooks/whoop as the webhook URL {place}. Without it asking brings everything, later."
    )


def of_the_rejects(rejected: Sequence[Rejected]) -> Iterator[Finding]:
    """Records that could not be read."""
    for (type_name, error), count in Counter((each.type, each.error) for each in rejected).most_common():
        yield Finding(
            "rejects",
            "warning",
            f"{count} {'record' if count == 1 else 'records'} of {type_name} could not be read: {error}",
            "Kept whole in the table rejects and read again by the next version: update Circadia, and report it if "
            "that does not help.",
            type_name,
        )
