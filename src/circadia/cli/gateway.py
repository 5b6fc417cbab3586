"""`circadia gateway`: why a user's answer is what it is, and how to have it otherwise."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from circadia.cli import output, running
from circadia.cli.arguments import Json, User, span, usage
from circadia.clock import system_clock
from circadia.domain.metrics import BY_NAME, METRICS, Policy, parse_policy, policy_for
from circadia.domain.readings import SOURCES, Reading, Source
from circadia.storage import identities, overrides

if TYPE_CHECKING:
    from circadia.domain.identities import Identity
    from circadia.domain.readings import Merged
    from circadia.gateway.told import Told
    from circadia.gateway.unified import Unified

app = typer.Typer(no_args_is_help=True, help="The gateway: why an answer is what it is, and how a user is merged.")

_NAMES: dict[Source, str] = {"sahha": "Sahha", "whoop": "WHOOP"}


@app.callback()
def commands() -> None:
    """The gateway: why an answer is what it is, and how a user is merged."""


@app.command()
def check(
    user: User,
    days: Annotated[int, typer.Option(min=1, max=30, help="How many of the last dates, today included.")] = 2,
    json: Json = False,
) -> None:
    """Explain a user's merge: what each source says, what wins and why, what is missing and why.

    It reads as the gateway does, with the same settings and the same deadline,
    in a process of its own. Exit code 1 if a source is in trouble.

    \b
    Examples:
      circadia gateway check user-42
      circadia gateway check user-42 --days 7 --json
    """
    running.run(_check(user, days, json))


@app.command()
def policy(
    user: User,
    metric: Annotated[str | None, typer.Argument(metavar="METRIC", help="One metric; all of them without it.")] = None,
    sources: Annotated[
        str | None, typer.Option(metavar="LIST", help="Whom to believe, the first one first: whoop,sahha.")
    ] = None,
    fresh_for: Annotated[
        timedelta | None, typer.Option(metavar="SPAN", parser=span, help="How old a reading may be: 36h, 30d.")
    ] = None,
    how: Annotated[
        str | None, typer.Option(metavar="choose|mean", help="Choose one reading, or take the mean.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="As the catalogue of metrics has it.")] = False,
    json: Json = False,
) -> None:
    """Show how a user is merged, or have a metric merged otherwise.

    \b
    Examples:
      circadia gateway policy user-42
      circadia gateway policy user-42 steps --sources whoop,sahha
      circadia gateway policy user-42 resting_heart_rate_bpm --how mean
      circadia gateway policy user-42 --reset
    """
    wanted: dict[str, Any] = {}
    if sources is not None:
        wanted["sources"] = [each.strip() for each in sources.split(",")]
    if fresh_for is not None:
        wanted["fresh_for_s"] = int(fresh_for.total_seconds())
    if how is not None:
        wanted["how"] = how
    if metric is not None and metric not in BY_NAME:
        raise typer.BadParameter(f"there is no metric {metric!r}; `circadia gateway policy {user}` lists them")
    if wanted and (metric is None or reset):
        raise typer.BadParameter("name the metric to change, and either change it or --reset it")
    if metric is not None and wanted:
        with usage():
            parse_policy(metric, wanted)
    running.run(_policy(user, metric, wanted, reset, json))


async def _check(user: str, days: int, json: bool) -> int:
    from circadia.api.answers import Answer
    from circadia.gateway.told import FAILED
    from circadia.gateway.views import native

    async with running.opened_gateway() as runtime:
        identity = await identities.resolve(runtime.db, user)
        unified = await runtime.gateway.read_last(user, days)
    if json:
        body = native.days(unified) | {"identity": asdict(identity), "timings": asdict(unified.timings)}
        typer.echo(bytes(Answer(body).body).decode())
    else:
        _show(identity, unified, whoop_enabled=runtime.settings.enable_whoop_integration)
    failed = any(told.state in FAILED for told in (unified.sahha, unified.whoop))
    return running.PARTLY if failed else running.DONE


def _show(identity: Identity, unified: Unified, *, whoop_enabled: bool) -> None:
    typer.echo(f"{unified.user_id} at {output.instant(unified.now)} UTC, where it is {unified.today}")
    told = ((unified.sahha, identity.sahha_id), (unified.whoop, identity.whoop_id))
    output.print_table(
        ("source", "known as", "state", "as of", "took", "said"),
        [_standing(each, known_as, unified) for each, known_as in told],
    )
    for sentence in unified.errors:
        typer.echo(sentence)
    for each, known_as in told:
        if sentence := _absence(each, known_as, whoop_enabled):
            typer.echo(sentence)
    for day in () if unified.stranger else sorted(unified.days):
        _show_day(unified, day)


def _standing(told: Told, known_as: str | None, unified: Unified) -> tuple[str, ...]:
    return (
        _NAMES[told.source],
        known_as or "-",
        told.state.replace("_", " "),
        output.age(told.as_of, unified.now) if told.as_of else "-",
        f"{told.took_ms:.0f} ms",
        f"{len(told.observations)} readings",
    )


def _absence(told: Told, known_as: str | None, whoop_enabled: bool) -> str:
    """Why nothing may be expected of a source; empty where something may."""
    if told.connected is not False:
        return ""
    if told.source == "whoop" and not whoop_enabled:
        return "WHOOP is switched off here: ENABLE_WHOOP_INTEGRATION is false."
    if told.state == "not_configured":
        return "Sahha is not configured here: SAHHA_CLIENT_ID and SAHHA_CLIENT_SECRET are not set."
    if known_as is None:
        return f"This user is not at {_NAMES[told.source]}: `circadia identity show` says why."
    return (
        f"There is no profile {known_as} at Sahha."
        if told.source == "sahha"
        else f"{known_as} is not connected to WHOOP."
    )


def _show_day(unified: Unified, day: date) -> None:
    found = unified.days[day]
    share = unified.completeness(day)
    told_of = "nothing is due yet" if share is None else f"{share:.0%} of what the connected sources should tell"
    typer.echo(f"\n{day}: {told_of}")
    if found:
        columns = ("metric", *(_NAMES[each] for each in SOURCES), "age", "quality", "why")
        output.print_table(columns, [row(each, unified.offset) for each in found.values()], wrapping=("quality", "why"))
    if untold := unified.untold(day):
        output.console().print(f"Nobody has told {', '.join(untold)}.")
    for gap in unified.gaps(day):
        reason = f"{_NAMES[gap.source]} has no {gap.part}: {gap.reason.replace('_', ' ')}"
        output.console().print(output.sentence(reason, gap.remedy), markup=False)


def row(merged: Merged, offset: timedelta) -> tuple[str, ...]:
    """A metric: what each source said last and whether it stands, how old and how good what stands is, and why.
    `offset` is the user's from UTC."""
    stands, combined = merged.reading, len(merged.sources) > 1
    said: dict[Source, Reading] = {} if combined else {stands.source: stands}
    for each in merged.lost:
        said.setdefault(each.reading.source, each.reading)
    return (
        merged.metric,
        *(_cell(said.get(each), offset, stands=each in merged.sources) for each in SOURCES),
        output.duration(timedelta(seconds=stands.age_s)),
        stands.quality if stands.unsettled is None else f"{stands.quality} ({stands.unsettled})",
        f"{merged.why}: {_written(stands, offset)}" if combined else merged.why,
    )


def _cell(reading: Reading | None, offset: timedelta, *, stands: bool) -> str:
    written = "-" if reading is None else _written(reading, offset)
    return f"{'✓' if stands else ' '} {written}"


def _written(reading: Reading, offset: timedelta) -> str:
    """A value in its unit; an instant as the user's clock showed it."""
    if isinstance(reading.value, float | int):
        return f"{reading.value:.1f}".removesuffix(".0")
    if isinstance(reading.value, str):
        return reading.value
    return reading.value.astimezone(timezone(offset)).strftime("%H:%M")


async def _policy(user: str, metric: str | None, wanted: dict[str, Any], reset: bool, json: bool) -> int:
    async with running.opened_database() as (_settings, db):
        if reset and metric is None:
            await overrides.replace(db, user, {}, system_clock())
        elif reset and metric is not None:
            await overrides.remove(db, user, metric)
        elif wanted and metric is not None:
            before = (await overrides.said(db, user)).get(metric, {})
            await overrides.put(db, user, {metric: before | wanted}, system_clock())
        own = await overrides.policies(db, user)
    shown = {each.name: policy_for(each, own) for each in METRICS if metric in (None, each.name)}
    if json:
        output.print_json(
            {
                "user_id": user,
                "overridden": [name for name in shown if name in own],
                "policies": {name: each.as_json() for name, each in shown.items()},
            }
        )
    else:
        rows = [_policy_row(name, each, name in own) for name, each in shown.items()]
        output.print_table(("metric", "believed", "fresh for", "how", "said by"), rows)
    return running.DONE


def _policy_row(name: str, policy: Policy, own: bool) -> tuple[str, ...]:
    hours = policy.fresh_for.total_seconds() / 3600
    return (
        name,
        ", ".join(policy.sources),
        f"{hours:g} h" if hours < 72 else f"{hours / 24:g} d",
        policy.how,
        "this user" if own else "the catalogue",
    )
