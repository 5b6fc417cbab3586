"""The settings: where they come from, what is refused and in which words, and that every list of them is complete."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from circadia.config import FOR_COMPOSE, NAMES, SECRETS, Settings, default_data_dir, is_loopback, load
from circadia.errors import Misconfigured

ROOT = Path(__file__).parents[1]
ALERTS = {
    "ALERT_WEBHOOK_URL": "https://alerts.example/circadia/",
    "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "ALERT_EMAIL_TO": "owner@a.example, b+c@d.example",
    "ALERT_EMAIL_FROM": "circadia@a.example",
    "SMTP_URL": "smtp://me:hunter2@mail.example:587",
}
DATABASE = {
    "DATABASE_URL": "postgresql://db/x",
    "TOKEN_ENCRYPTION_KEYS": "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def refused(environment: dict[str, str], dotenv: Path | None = None) -> str:
    with pytest.raises(Misconfigured) as caught:
        load(environment, dotenv)
    return caught.value.message


def test_nothing_said(tmp_path: Path) -> None:
    settings = load({"XDG_DATA_HOME": str(tmp_path)})
    assert settings.database_url is None
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert settings.whoop_redirect_url == "http://127.0.0.1:8000/auth/callback"
    assert (settings.rate_limit_per_minute, settings.rate_limit_per_day) == (90, 9000)
    assert settings.environment == "production"
    assert settings.redirect_urls == settings.cors_origins == ()
    assert settings.migrate_on_start
    assert settings.circadia_data_dir == default_data_dir({"XDG_DATA_HOME": str(tmp_path)})


def test_they_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load({}).__setattr__("port", 1)


def test_the_environment_wins_over_the_file_and_empty_is_not_set(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=9000\nHOST=0.0.0.0\nPUBLIC_URL=https://a.example/\nLOG_LEVEL=\n# a comment\n")
    settings = load({"PORT": "9001", "HOST": ""}, file)
    assert (settings.port, settings.host, settings.public_url) == (9001, "127.0.0.1", "https://a.example")
    assert settings.whoop_redirect_url == "https://a.example/auth/callback"
    assert settings.log_level == "INFO"


def test_the_file_in_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=9123\n")
    monkeypatch.chdir(tmp_path)
    assert load({}).port == 9123


GATEWAY = {
    "SAHHA_CLIENT_ID": "id",
    "SAHHA_CLIENT_SECRET": "another-secret",
    "WHOOP_SERVICE_URL": "http://localhost:8001",
    "WHOOP_SERVICE_API_KEY": "key-of-the-service",
}

BACKUPS = {"CIRCADIA_BACKUP_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}

ISSUER = {
    "AUTH_JWT_ISSUER": "https://auth.example/",
    "AUTH_JWT_AUDIENCE": "circadia",
    "AUTH_JWT_SECRET": "a-secret-of-thirty-two-characters",
}


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_every_secret_can_come_from_a_file(tmp_path: Path, name: str) -> None:
    values = DATABASE | BACKUPS | ALERTS | GATEWAY | ISSUER
    values |= {"WHOOP_CLIENT_ID": "id", "WHOOP_CLIENT_SECRET": "some-secret"}
    text = values.pop(name, "a-secret-of-some-length")
    file = tmp_path / "secret"
    file.write_text(f"{text}\n")
    found = getattr(load(values | {f"{name}_FILE": str(file)}), NAMES[name])
    assert isinstance(found, SecretStr)
    assert found.get_secret_value() == text
    assert text not in repr(load(values | {f"{name}_FILE": str(file)}))


def test_a_secret_s_file_that_is_not_there(tmp_path: Path) -> None:
    message = refused({"SERVICE_API_KEY_FILE": str(tmp_path / "no")})
    assert message.startswith("SERVICE_API_KEY_FILE: cannot read it")


def test_who_opens_no_tokens_needs_no_keys_for_them() -> None:
    url = {"DATABASE_URL": DATABASE["DATABASE_URL"]}
    assert load(url, opens_tokens=False).token_encryption_keys is None
    assert "TOKEN_ENCRYPTION_KEYS is required" in refused(url | {"PORT": "eight"})


def test_unknown_names(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PROT=9000\nPORT_FILE=x\n")
    message = refused({"WHOOP_CLIENT": "x", "CIRCADIA_DIR": "x", "SAHHA_X": "", "AUTH_Y": "", "HOSTNAME": "fine"}, file)
    assert sorted(message.splitlines()) == sorted(
        [
            "PROT: unknown setting in .env",
            "PORT_FILE: unknown setting in .env",
            "WHOOP_CLIENT: unknown setting",
            "CIRCADIA_DIR: unknown setting",
            "SAHHA_X: unknown setting",
            "AUTH_Y: unknown setting",
        ]
    )


def test_what_compose_reads_of_the_same_file_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}=x\n" for name in (*FOR_COMPOSE, "COMPOSE_FILE")) + "PORT=9000\n")
    assert load({}, file).port == 9000
    file.write_text("GRAFANA_PROT=3001\n")
    assert refused({}, file) == "GRAFANA_PROT: unknown setting in .env"
    assert not FOR_COMPOSE & set(NAMES)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"PORT": "eight"}, "PORT: "),
        ({"PORT": "70000"}, "PORT: "),
        ({"METRICS_PORT": "0"}, "METRICS_PORT: "),
        ({"ENVIRONMENT": "test"}, "ENVIRONMENT: "),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL: "),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT: "),
        ({"RATE_LIMIT_PER_MINUTE": "0"}, "RATE_LIMIT_PER_MINUTE: "),
        ({"MIGRATE_ON_START": "perhaps"}, "MIGRATE_ON_START: "),
        ({"SERVICE_API_KEY": "short"}, "SERVICE_API_KEY: "),
        ({"SYNC_PLAN": "interval:2m"}, "SYNC_PLAN: "),
        ({"SYNC_PLAN": "hourly"}, "SYNC_PLAN: "),
        ({"PUBLIC_URL": "circadia.example"}, "PUBLIC_URL: it has to be a full http(s) URL"),
        ({"PUBLIC_URL": "http://circadia.example"}, "PUBLIC_URL has to be https in production"),
        ({"WHOOP_REDIRECT_URL": "http://a.example/x"}, "WHOOP_REDIRECT_URL has to be https in production"),
        ({"WHOOP_CLIENT_ID": "x"}, "WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET belong together"),
        ({"WHOOP_CLIENT_SECRET": "x"}, "WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET belong together"),
        ({"DATABASE_URL": "postgresql://x/y"}, "TOKEN_ENCRYPTION_KEYS is required with a DATABASE_URL"),
        ({"REDIRECT_URLS": "https://a.example, b"}, "it has to be a full http(s) URL"),
        (ALERTS | {"ALERT_WEBHOOK_SECRET": ""}, "ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET belong together"),
        (ALERTS | {"ALERT_WEBHOOK_URL": ""}, "ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET belong together"),
        (ALERTS | {"ALERT_WEBHOOK_URL": "alerts.example"}, "ALERT_WEBHOOK_URL: it has to be a full http(s) URL"),
        (ALERTS | {"ALERT_WEBHOOK_URL": "http://alerts.example"}, "ALERT_WEBHOOK_URL has to be https in production"),
        (ALERTS | {"ALERT_WEBHOOK_SECRET": "hunter2"}, "ALERT_WEBHOOK_SECRET: it has to be whsec_"),
        (ALERTS | {"ALERT_EMAIL_FROM": ""}, "ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL belong together"),
        (ALERTS | {"ALERT_EMAIL_TO": ""}, "ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL belong together"),
        (ALERTS | {"ALERT_EMAIL_TO": "a@b.example, owner"}, "ALERT_EMAIL_TO: it has to be an e-mail address"),
        (ALERTS | {"ALERT_EMAIL_FROM": "Me <a@b.example>"}, "ALERT_EMAIL_FROM: it has to be an e-mail address"),
        (ALERTS | {"SMTP_URL": "mail.example"}, "SMTP_URL: it has to be smtp://"),
        ({"CIRCADIA_BACKUP_KEY": "c2hvcnQ="}, "CIRCADIA_BACKUP_KEY: it has to be 32 bytes in base64"),
        (ALERTS | {"SMTP_URL": "smtp://me@mail.example"}, "SMTP_URL: it has to name both a user and a password"),
        ({"WHOOP_API_BASE_URL": "ftp://x"}, "WHOOP_API_BASE_URL: it has to be a full http(s) URL"),
    ],
)
def test_a_bad_value_is_one_clear_line(values: dict[str, str], words: str) -> None:
    message = refused(values)
    assert len(message.splitlines()) == 1
    assert words in message
    assert "Value error" not in message


def test_everything_wrong_is_said_at_once() -> None:
    message = refused({"PORT": "x", "LOG_LEVEL": "y", "WHOOP_X": "1"})
    assert [each.split(":")[0] for each in message.splitlines()] == ["WHOOP_X", "PORT", "LOG_LEVEL"]


def test_how_somebody_is_told() -> None:
    settings = load(ALERTS)
    assert settings.alert_webhook_url == ALERTS["ALERT_WEBHOOK_URL"]
    assert settings.alert_email_to == ("owner@a.example", "b+c@d.example")
    assert load(ALERTS | {"ALERT_WEBHOOK_URL": "http://127.0.0.1:9/x"}).alert_webhook_url
    local = {"ALERT_WEBHOOK_URL": "http://alerts.lan/x", "ENVIRONMENT": "development"}
    assert load(ALERTS | local).alert_webhook_url


def test_a_secret_is_not_repeated_in_what_is_wrong_with_it() -> None:
    for name in ("ALERT_WEBHOOK_SECRET", "SMTP_URL"):
        assert "hunter2" not in refused(ALERTS | {name: "hunter2"})
    assert "hunter2" not in refused({"SERVICE_API_KEY": "hunter2"})


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "http://127.8.8.8"])
def test_http_is_fine_on_this_machine(url: str) -> None:
    assert is_loopback(url)
    assert load({"PUBLIC_URL": url}).public_url == url


def test_http_is_fine_in_development() -> None:
    assert load({"PUBLIC_URL": "http://pi.local:8000", "ENVIRONMENT": "development"}).origin == "http://pi.local:8000"


def test_an_ipv6_host() -> None:
    assert load({"HOST": "::1", "PORT": "8123"}).public_url == "http://[::1]:8123"


def test_lists() -> None:
    settings = load({"REDIRECT_URLS": " https://a.example/x ,https://b.example,", "CORS_ORIGINS": "https://a.example"})
    assert settings.redirect_urls == ("https://a.example/x", "https://b.example")
    assert settings.cors_origins == ("https://a.example",)


def test_the_example_file_lists_every_setting_with_a_comment() -> None:
    """And starts the service as it is: everything is commented out or a default."""
    text = (ROOT / ".env.example").read_text()
    listed = re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(NAMES)
    assert len(listed) == len(set(listed))
    for block in text.strip().split("\n\n")[1:]:
        lines = block.splitlines()
        assert lines[0].startswith("# "), block
        assert re.match(r"#? ?[A-Z]", lines[-1]), block
    load({}, ROOT / ".env.example")
    everything = re.sub(r"^# ([A-Z][A-Z_]+=)", r"\1", text, flags=re.MULTILINE)
    assert set(dotenv_values(stream=StringIO(everything), interpolate=False)) == set(NAMES)


def test_the_reference_lists_every_setting() -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    rows = re.findall(r"^\| `([A-Z][A-Z_]+)`( ✱)? \|", text, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(NAMES)
    assert {name for name, star in rows if star} == SECRETS


def test_a_field_is_a_name_in_lower_case() -> None:
    assert {name.lower(): name for name in NAMES} == {field: field.upper() for field in Settings.model_fields}


@pytest.mark.parametrize("name", sorted(GATEWAY))
def test_what_the_gateway_speaks_to_is_set_whole(name: str) -> None:
    assert "belong together" in refused({each: value for each, value in GATEWAY.items() if each != name})


@pytest.mark.parametrize("name", sorted(ISSUER))
def test_an_issuer_is_set_whole(name: str) -> None:
    assert "belong together" in refused({each: value for each, value in ISSUER.items() if each != name})


def test_an_issuer_has_one_kind_of_key() -> None:
    assert "never mixed" in refused(ISSUER | {"AUTH_JWT_JWKS_URL": "https://auth.example/keys"})


@pytest.mark.parametrize("url", ["http://localhost:8000", "https://10.1.2.3", "https://192.168.0.7:8000"])
def test_everybody_may_read_where_nobody_but_us_gets(url: str) -> None:
    assert load({"GATEWAY_ANONYMOUS": "true", "PUBLIC_URL": url}).gateway_anonymous


@pytest.mark.parametrize("url", ["https://health.example.org", "https://8.8.8.8"])
def test_nobody_reads_without_a_key_where_the_world_gets(url: str) -> None:
    assert "GATEWAY_ANONYMOUS" in refused({"GATEWAY_ANONYMOUS": "true", "PUBLIC_URL": url})
