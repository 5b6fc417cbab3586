"""Plain e-mail through somebody's SMTP server.

`smtps://` speaks TLS from the first byte. `smtp://` turns to TLS where the server offers it, and always before a
password is sent; a server on this machine may do without.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from circadia.errors import UpstreamDown

_PORTS = {"smtp": 587, "smtps": 465}
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port})"

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_smtp_url(url: str) -> SmtpServer:
    """A server from its URL; ValueError says what is allowed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("it has to be smtp://user:password@host:port or smtps://…, special characters as %XX")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("it has to name both a user and a password, or neither")
    return SmtpServer(
        parts.hostname,
        port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def hand_in(server: SmtpServer, message: EmailMessage) -> None:
    """Hand a message in; blocks for at most ten seconds a step. UpstreamDown when it was not taken."""
    try:
        with _connected(server) as smtp:
            if server.user and server.password:
                smtp.login(server.user, server.password)
            smtp.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise UpstreamDown(f"the mail server answered {error.smtp_code}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _text in error.recipients.values()})
        raise UpstreamDown(f"the mail server refused the recipient ({', '.join(map(str, codes))})") from error
    except ssl.SSLError as error:
        raise UpstreamDown(f"no TLS with the mail server: {error.reason or type(error).__name__}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise UpstreamDown(f"the mail server cannot be used ({type(error).__name__})") from error


def _connected(server: SmtpServer) -> smtplib.SMTP:
    if server.implicit_tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.password or not server.local:
            _secure(smtp, server)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _secure(smtp: smtplib.SMTP, server: SmtpServer) -> None:
    if smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
    elif server.password and not server.local:
        raise UpstreamDown("the mail server offers no TLS, so the password was not sent")
