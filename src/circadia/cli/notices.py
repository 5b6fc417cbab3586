"""`circadia notices`: what somebody has to look at, and whether telling them works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from circadia import config
from circadia.cli import output, running
from circadia.cli.arguments import Json
from circadia.clock import system_clock
from circadia.errors import Misconfigured, UpstreamDown
from circadia.storage import notices
from circadia.storage.notices import Notice, Sending

if TYPE_CHECKING:
    from circadia.clients.notify import Message
    from circadia.config import Settings

app = typer.Typer(no_args_is_help=True, help="What somebody has to look at.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many; those that are not over come first.")] = 50,
    json: Json = False,
) -> None:
    """List what somebody has to look at, and who was told of it.

    \b
    Examples:
      circadia notices list
      circadia notices list --limit 500 --json
    """
    running.run(_list(limit, json))


@app.command("test")
def send(json: Json = False) -> None:
    """Send a message through every way of telling that is set, and say how it went.

    Exit code 1 if one of several failed, 3 if none worked.

    \b
    Examples:
      circadia notices test
      circadia notices test --json
    """
    settings = config.load()
    running.quiet_log(settings)
    running.run(_test(settings, json))


async def _list(limit: int, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        found = await notices.newest(db, limit)
        sendings = await notices.sendings(db, [each.id for each in found])
    told = {each.id: [one for one in sendings if one.notice_id == each.id] for each in found}
    if json:
        output.print_json({"notices": [_shown(each, told[each.id]) for each in found]})
    elif found:
        rows = [
            (
                output.instant(each.raised_at),
                output.instant(each.over_at),
                each.kind,
                each.message,
                _told(told[each.id]),
            )
            for each in found
        ]
        output.print_table(("raised (UTC)", "over (UTC)", "kind", "what", "told"), rows)
        for remedy in dict.fromkeys(each.remedy for each in found if each.remedy and each.over_at is None):
            typer.echo(remedy)
    else:
        typer.echo("There is nothing to look at.")
    return running.DONE


def _shown(notice: Notice, sendings: Sequence[Sending]) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": notice.kind,
        "user_id": notice.user_id,
        "type": notice.type,
        "message": notice.message,
        "remedy": notice.remedy,
        "raised_at": notice.raised_at,
        "over_at": notice.over_at,
        "sendings": [
            {
                "channel": each.channel,
                "state": _state(each),
                "attempts": each.attempts,
                "next_try_at": each.next_try_at,
                "sent_at": each.sent_at,
                "error": each.error,
            }
            for each in sendings
        ],
    }


def _state(sending: Sending) -> str:
    if sending.given_up:
        return "given_up"
    return "sent" if sending.next_try_at is None else "waiting"


def _told(sendings: Sequence[Sending]) -> str:
    said = [
        f"{each.channel} {_state(each).replace('_', ' ')}{f' ({each.error})' if each.error else ''}"
        for each in sendings
    ]
    return ", ".join(said) or "-"


async def _test(settings: Settings, json: bool) -> int:
    from circadia.clients.http import open_client
    from circadia.runtime import channels

    now = system_clock()
    results: dict[str, str | None] = {}
    async with open_client() as http:
        for channel in channels(settings, http):
            results[channel.name] = None
            try:
                await channel.send(_message(now), now)
            except UpstreamDown as refusal:
                results[channel.name] = refusal.message
    if not results:
        raise Misconfigured(
            "there is no way to tell anybody",
            remedy="Set ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET, or ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL.",
        )
    if json:
        output.print_json({name: {"sent": error is None, "error": error} for name, error in results.items()})
    else:
        for name, error in results.items():
            typer.echo(f"{name}: {error or 'sent'}")
    failed = [each for each in results.values() if each is not None]
    if not failed:
        return running.DONE
    return running.PARTLY if len(failed) < len(results) else running.REFUSED


def _message(now: datetime) -> Message:
    from circadia.clients.notify import Message

    return Message(f"notice_test_{int(now.timestamp())}", "test", None, "this is a test: telling you works", None, now)
