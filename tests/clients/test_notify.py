"""Telling the owner, against a real web server and a real mail server: signed, encrypted, and refusals in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from circadia import config
from circadia.clients import notify
from circadia.clients.http import open_client
from circadia.clients.mail import SmtpServer, parse_smtp_url
from circadia.clients.notify import Channel, Message
from circadia.clients.signature import key_of, signed_headers
from circadia.errors import UpstreamDown
from circadia.runtime import channels
from tests.receivers import certified, mailing, receiving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MESSAGE = Message("notice_7_1795176000", "needs_reconnect", "alice", "alice has to connect", "Ask them.", NOW)
OVER = Message("notice_7_1795176000", "needs_reconnect", "alice", "alice has to connect", "Ask them.", NOW, NOW)
PEOPLE = {"ALERT_EMAIL_TO": "owner@example.org, second@example.org", "ALERT_EMAIL_FROM": "circadia@example.org"}


async def send(settings: Mapping[str, str], message: Message = MESSAGE) -> None:
    async with open_client() as http:
        for channel in made(settings, http):
            await channel.send(message, NOW)


def made(settings: Mapping[str, str], http: httpx2.AsyncClient) -> tuple[Channel, ...]:
    found = channels(config.load(settings, Path("nowhere")), http)
    assert found
    return found


def test_a_signature_is_the_one_of_the_specification() -> None:
    """The example of the Standard Webhooks libraries."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_?"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="openssl rand"):
        key_of(secret)


async def test_a_message_arrives_signed_and_says_no_more_than_it_should() -> None:
    with receiving() as receiver:
        await send(receiver.settings)
        await send(receiver.settings, OVER)
    first, last = receiver.told
    assert first == {
        "id": "notice_7_1795176000",
        "kind": "needs_reconnect",
        "user_id": "alice",
        "message": "alice has to connect",
        "remedy": "Ask them.",
        "raised_at": "2026-11-20T12:00:00Z",
        "over_at": None,
    }
    assert last == first | {"over_at": "2026-11-20T12:00:00Z"}
    assert [each["webhook-id"] for each in receiver.requests] == [f"{first['id']}_raised", f"{first['id']}_over"]
    assert receiver.requests[0]["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert receiver.requests[0]["user-agent"].startswith("circadia/")


@pytest.mark.parametrize("status", [301, 307, 400, 410, 500, 503])
async def test_every_answer_but_a_yes_is_a_no_and_redirects_are_not_followed(status: int) -> None:
    with receiving() as receiver:
        receiver.answers = [status]
        with pytest.raises(UpstreamDown, match=f"the receiver answered {status}"):
            await send(receiver.settings)
    assert len(receiver.requests) == 1


async def test_a_receiver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "_TIMEOUT_S", 0.3)
    with receiving() as receiver:
        receiver.hold.clear()
        with pytest.raises(UpstreamDown, match=r"did not answer|cannot be reached"):
            await send(receiver.settings)
    with pytest.raises(UpstreamDown, match="cannot be reached"):
        await send(receiver.settings)


async def test_a_mail_says_what_happened_since_when_and_what_to_do() -> None:
    with mailing() as box:
        settings = PEOPLE | {"SMTP_URL": f"smtp://127.0.0.1:{box.port}", "PUBLIC_URL": "https://whoop.example"}
        await send(settings)
        await send(settings, OVER)
    first, last = box.mails
    assert first["Subject"] == "Circadia: needs_reconnect: alice"
    assert (first["From"], first["To"]) == ("circadia@example.org", "owner@example.org, second@example.org")
    assert first["Message-ID"] == "<notice_7_1795176000_raised@example.org>"
    assert first.get_content_type() == "text/plain"
    lines = first.get_content().splitlines()
    assert lines[:4] == ["Alice has to connect.", "Since 2026-11-20 12:00 UTC.", "", "Ask them."]
    assert lines[-1] == "Circadia at https://whoop.example"
    assert last["Subject"] == "Circadia: needs_reconnect: alice (over)"
    assert last["Message-ID"] != first["Message-ID"]
    assert "Over since 2026-11-20 12:00 UTC" in last.get_content()
    assert "Ask them" not in last.get_content()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_password_goes_over_tls(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, certificate = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mailing(tls=tls, starttls=scheme == "smtp", user="me@x", password="a:b/c") as box:
        await send(PEOPLE | {"SMTP_URL": f"{scheme}://me%40x:a%3Ab%2Fc@127.0.0.1:{box.port}"})
        assert (len(box.mails), box.logins) == (1, [("me@x", True)])
        with pytest.raises(UpstreamDown, match="the mail server answered 535"):
            await send(PEOPLE | {"SMTP_URL": f"{scheme}://me%40x:wrong@127.0.0.1:{box.port}"})


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_server_that_is_not_who_it_says_gets_no_password(scheme: str, tmp_path: Path) -> None:
    tls, _ = certified(tmp_path)
    with mailing(tls=tls, starttls=scheme == "smtp", user="me", password="pw") as box:
        with pytest.raises(UpstreamDown, match="no TLS"):
            await send(PEOPLE | {"SMTP_URL": f"{scheme}://me:pw@127.0.0.1:{box.port}"})
        assert box.logins == []


async def test_a_server_elsewhere_without_tls_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with mailing(user="me", password="pw") as box:
        monkeypatch.setattr(SmtpServer, "local", False)
        with pytest.raises(UpstreamDown, match="offers no TLS"):
            await send(PEOPLE | {"SMTP_URL": f"smtp://me:pw@127.0.0.1:{box.port}"})
        assert box.logins == []
        await send(PEOPLE | {"SMTP_URL": f"smtp://127.0.0.1:{box.port}"})
        assert len(box.mails) == 1


async def test_mail_that_is_not_taken() -> None:
    with mailing(refuses=550) as box:
        settings = PEOPLE | {"SMTP_URL": f"smtp://127.0.0.1:{box.port}"}
        with pytest.raises(UpstreamDown, match=r"refused the recipient \(550\)"):
            await send(settings)
    with pytest.raises(UpstreamDown, match="cannot be used"):
        await send(settings)


@pytest.mark.parametrize(
    ("url", "host", "port", "implicit_tls", "local"),
    [
        ("smtp://mail.example", "mail.example", 587, False, False),
        ("smtps://u:p@mail.example/", "mail.example", 465, True, False),
        ("smtp://localhost:25", "localhost", 25, False, True),
        ("smtp://[::1]:2525", "::1", 2525, False, True),
    ],
)
def test_mail_servers(url: str, host: str, port: int, implicit_tls: bool, local: bool) -> None:
    server = parse_smtp_url(url)
    assert (server.host, server.port, server.implicit_tls, server.local) == (host, port, implicit_tls, local)
    assert "p" not in repr(server).removeprefix(f"SmtpServer({host}")


@pytest.mark.parametrize("url", ["mail.example:25", "http://x", "smtp://", "smtp://x:port", "smtp://x/y", "smtp://u@x"])
def test_a_url_that_is_no_mail_server(url: str) -> None:
    with pytest.raises(ValueError, match="it has to"):
        parse_smtp_url(url)


async def test_a_channel_never_shows_its_secrets() -> None:
    settings = {"ALERT_WEBHOOK_URL": "https://a.example/capability", **PEOPLE, "SMTP_URL": "smtp://me:hunter2@x"}
    with receiving() as receiver:
        secret = receiver.settings["ALERT_WEBHOOK_SECRET"]
    async with open_client() as http:
        shown = repr(made(settings | {"ALERT_WEBHOOK_SECRET": secret}, http))
    assert "capability" not in shown
    assert "hunter2" not in shown
    assert repr(key_of(secret)) not in shown
