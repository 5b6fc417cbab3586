"""Whoever is told: a web server that takes signed messages, and a mail server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass
class Receiver:
    """Takes messages on `url`, checks their signatures, and answers with the next of `answers`, else 204."""

    url: str
    answers: list[int] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    requests: list[dict[str, str]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead here."""
        return {"ALERT_WEBHOOK_URL": self.url, "ALERT_WEBHOOK_SECRET": SECRET}

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Check a message; `told` has those that were answered with a 2xx."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()
        version, _, signature = headers["webhook-signature"].partition(",")
        assert (version, base64.b64decode(signature)) == ("v1", expected)
        assert headers["content-type"] == "application/json"
        self.requests.append(headers)
        self.arrived.set()
        self.hold.wait(30)
        status = self.answers.pop(0) if self.answers else 204
        if 200 <= status < 300:
            self.told.append(orjson.loads(body))
        return status


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of this machine."""

    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if status in (301, 307):
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """It says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Request) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/alerts/")
        receiver.hold.set()
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield receiver
        finally:
            receiver.hold.set()
            server.shutdown()


@dataclass
class Mailbox:
    """What a mail server took, and what it was told on the way."""

    port: int
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    user: str | None = None
    password: str | None = None
    refuses: int | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a sender needs."""

    server: _Mailserver
    encrypted = False

    def handle(self) -> None:
        box = self.server.mailbox
        with suppress(OSError):
            if box.tls and not box.starttls:
                self._encrypt(box.tls)
            self._say("220 test")
            while line := self.rfile.readline():
                if not self._obey(box, line.decode().strip()):
                    return

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _obey(self, box: Mailbox, line: str) -> bool:
        verb = line.split(" ")[0].upper()
        if verb == "EHLO":
            extras = ["mail.test"]
            extras += ["STARTTLS"] if box.starttls and not self.encrypted else []
            extras += ["AUTH PLAIN"] if box.user else []
            for each in extras:
                self._say(f"250-{each}")
            self._say("250 8BITMIME")
        elif verb == "STARTTLS" and box.tls:
            self._say("220 go on")
            self._encrypt(box.tls)
        elif verb == "AUTH":
            _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
            box.logins.append((user, self.encrypted))
            good = (user, password) == (box.user, box.password)
            self._say("235 welcome" if good else "535 5.7.8 wrong password")
        elif verb == "RCPT" and box.refuses:
            self._say(f"{box.refuses} not here")
        elif verb == "DATA":
            self._say("354 go on")
            text = b""
            while (read := self.rfile.readline()) != b".\r\n":
                text += read
            box.mails.append(message_from_bytes(text, policy=policy.default))
            self._say("250 taken")
        elif verb == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 fine")
        return True

    def _encrypt(self, tls: ssl.SSLContext) -> None:
        self.connection = tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.encrypted = True

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Mailserver(socketserver.ThreadingTCPServer):
    mailbox: Mailbox


@contextmanager
def mailing(**how: Any) -> Iterator[Mailbox]:
    """A mail server on a port of this machine; `how` are fields of the mailbox."""
    with _Mailserver(("127.0.0.1", 0), _Session) as server:
        server.mailbox = Mailbox(server.server_address[1], **how)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield server.mailbox
        finally:
            server.shutdown()


def certified(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for 127.0.0.1, and the file of the certificate to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private, public = directory / "key.pem", directory / "certificate.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public
