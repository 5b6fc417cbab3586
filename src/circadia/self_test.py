"""Whether an installation is set up for WHOOP, found out without anybody's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from circadia.config import Settings, is_loopback, is_private
from circadia.connections import Connections
from circadia.errors import CircadiaError

_SKEW = timedelta(minutes=2)
"""WHOOP's webhooks are signed with the time, and one that seems five minutes old is refused."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was tried, and what to do where it failed."""

    name: str
    ok: bool
    message: str
    remedy: str | None = None


async def run(settings: Settings, connections: Connections, now: datetime) -> list[Check]:
    """Everything that can be tried before somebody connects."""
    try:
        theirs = await connections.try_credentials()
    except CircadiaError as error:
        asked = [Check("credentials", False, error.message, error.remedy or "Wait a moment and try again.")]
    else:
        asked = [Check("credentials", True, "WHOOP takes the app's id and secret"), _clock(theirs, now)]
    return [*asked, _redirect(settings), _public(settings), _webhooks(settings)]


def _clock(theirs: datetime | None, now: datetime) -> Check:
    if theirs is None:
        return Check("clock", True, "WHOOP did not say what its clock shows")
    apart = abs(now - theirs)
    if apart <= _SKEW:
        return Check("clock", True, "this machine's clock agrees with WHOOP's")
    return Check(
        "clock",
        False,
        f"this machine's clock is {apart.total_seconds():.0f} s away from WHOOP's",
        "Let the machine set its clock over the network (NTP).",
    )


def _redirect(settings: Settings) -> Check:
    url = settings.whoop_redirect_url
    if url == f"{settings.public_url}/auth/callback":
        return Check("redirect_url", True, f"WHOOP sends people back to {url}; the developer dashboard has to list it")
    return Check(
        "redirect_url",
        False,
        f"WHOOP sends people back to {url}, which is not where this service answers them",
        "Leave WHOOP_REDIRECT_URL out, or have your app hand the code on to POST /internal/auth/callback.",
    )


def _public(settings: Settings) -> Check:
    url = settings.public_url
    if urlsplit(url).scheme == "https" or is_loopback(url):
        return Check("public_url", True, f"people reach this service at {url}")
    return Check(
        "public_url", False, f"{url} is not https, so sessions could be read on the way", "Set an https PUBLIC_URL."
    )


def _webhooks(settings: Settings) -> Check:
    url = f"{settings.public_url}/webhooks/whoop"
    if urlsplit(url).scheme == "https" and not is_private(url):
        return Check("webhook_url", True, f"WHOOP can reach {url}; the developer dashboard has to name it")
    return Check(
        "webhook_url",
        False,
        f"WHOOP cannot reach {url}: everything works by schedule, some minutes later",
        "For news within seconds, make the service reachable over https and name it in PUBLIC_URL.",
    )
