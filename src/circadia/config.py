"""The settings: read once by a root, frozen, handed down in parts.

Sources, the later wins: defaults, `.env` in the working directory, the environment. Every secret can also come from a
file named by NAME_FILE. A bad or unknown value stops the start with one line each.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from circadia.clients.mail import parse_smtp_url
from circadia.clients.signature import key_of
from circadia.domain.plans import Plan, parse_plan
from circadia.errors import Misconfigured
from circadia.storage.sealed_stream import parse_key

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*", re.ASCII)
_GUARDED_PREFIXES = ("CIRCADIA_", "WHOOP_", "SAHHA_", "AUTH_")

FOR_COMPOSE = frozenset(
    {
        *("API_DOMAIN", "SERVICE_DOMAIN", "GRAFANA_PORT"),
        *("AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SECRET_ACCESS_KEY"),
    }
)
"""What our compose files read of the same `.env`, beside COMPOSE_*, and no setting."""


def _no_trailing_slash(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("it has to be a full http(s) URL")
    return url.rstrip("/")


def _listed(value: object) -> object:
    return tuple(filter(None, (each.strip() for each in value.split(",")))) if isinstance(value, str) else value


def _plan(value: object) -> object:
    return parse_plan(value) if isinstance(value, str) else value


def _full_url(url: str) -> str:
    _no_trailing_slash(url)
    return url


def _address(text: str) -> str:
    if _ADDRESS.fullmatch(text) is None:
        raise ValueError("it has to be an e-mail address like owner@example.org")
    return text


def _read_by(reader: Callable[[str], object]) -> AfterValidator:
    """Takes a secret that `reader` takes."""

    def check(secret: SecretStr) -> SecretStr:
        reader(secret.get_secret_value())
        return secret

    return AfterValidator(check)


Url = Annotated[str, AfterValidator(_no_trailing_slash)]
Address = Annotated[str, AfterValidator(_address)]
ListOfText = Annotated[tuple[str, ...], BeforeValidator(_listed)]


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """Where the embedded database and generated keys live when nothing is said."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/circadia")
    base = environment.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    return Path(base) / "circadia"


class Settings(BaseModel):
    """Everything an operator can set. The field names are the setting names in lower case."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    database_url: SecretStr | None = None
    circadia_data_dir: Path
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: Url = ""
    environment: Literal["production", "development"] = "production"
    whoop_client_id: str | None = None
    whoop_client_secret: SecretStr | None = None
    whoop_client_secret_previous: SecretStr | None = None
    whoop_redirect_url: str = ""
    whoop_api_base_url: Url = "https://api.prod.whoop.com/developer"
    whoop_oauth_base_url: Url = "https://api.prod.whoop.com/oauth/oauth2"
    sahha_client_id: str | None = None
    sahha_client_secret: SecretStr | None = None
    sahha_api_base_url: Url = "https://api.sahha.ai"
    sahha_webhook_secret: SecretStr | None = None
    whoop_service_url: Url | None = None
    whoop_service_api_key: SecretStr | None = None
    whoop_service_timeout: float = Field(default=2.0, gt=0, le=60)
    gateway_deadline: float = Field(default=3.0, gt=0, le=60)
    gateway_fetch: Literal["parallel", "sequential"] = "parallel"
    gateway_anonymous: bool = False
    enable_whoop_integration: bool = True
    rate_limit_per_minute: int = Field(default=90, ge=1)
    rate_limit_per_day: int = Field(default=9000, ge=1)
    sync_plan: Annotated[Plan, BeforeValidator(_plan)] = Plan("adaptive")
    service_api_key: SecretStr | None = Field(default=None, min_length=16)
    gateway_api_key: SecretStr | None = Field(default=None, min_length=16)
    token_encryption_keys: SecretStr | None = None
    circadia_backup_key: Annotated[SecretStr, _read_by(parse_key)] | None = None
    redirect_urls: ListOfText = ()
    cors_origins: ListOfText = ()
    signup: Literal["owner", "invite", "allowlist", "open"] = "owner"
    auth_jwt_issuer: str | None = None
    auth_jwt_audience: str | None = None
    auth_jwt_jwks_url: Annotated[str, AfterValidator(_full_url)] | None = None
    auth_jwt_secret: SecretStr | None = Field(default=None, min_length=32)
    migrate_on_start: bool = True
    alert_webhook_url: Annotated[str, AfterValidator(_full_url)] | None = None
    alert_webhook_secret: Annotated[SecretStr, _read_by(key_of)] | None = None
    alert_email_to: Annotated[tuple[Address, ...], BeforeValidator(_listed)] = ()
    alert_email_from: Address | None = None
    smtp_url: Annotated[SecretStr, _read_by(parse_smtp_url)] | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        host, port = values.get("host") or "127.0.0.1", values.get("port") or 8000
        if not values.get("public_url"):
            values["public_url"] = f"http://{f'[{host}]' if ':' in str(host) else host}:{port}"
        if not values.get("whoop_redirect_url"):
            values["whoop_redirect_url"] = f"{str(values['public_url']).rstrip('/')}/auth/callback"
        values.setdefault("log_format", "console" if sys.stderr.isatty() else "json")
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.whoop_client_id) != bool(self.whoop_client_secret):
            raise ValueError("WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET belong together: set both or neither")
        self._gateway_fits()
        self._tokens_fit()
        if self.environment == "production":
            for name, url in (
                ("PUBLIC_URL", self.public_url),
                ("WHOOP_REDIRECT_URL", self.whoop_redirect_url),
                ("ALERT_WEBHOOK_URL", self.alert_webhook_url or ""),
                ("AUTH_JWT_JWKS_URL", self.auth_jwt_jwks_url or ""),
            ):
                if urlsplit(url).scheme == "http" and not is_loopback(url):
                    raise ValueError(f"{name} has to be https in production (or loopback, or ENVIRONMENT=development)")
        for each in self.redirect_urls:
            _no_trailing_slash(each)
        self._alerts_fit()
        return self

    def _gateway_fits(self) -> None:
        if bool(self.sahha_client_id) != bool(self.sahha_client_secret):
            raise ValueError("SAHHA_CLIENT_ID and SAHHA_CLIENT_SECRET belong together: set both or neither")
        if bool(self.whoop_service_url) != bool(self.whoop_service_api_key):
            raise ValueError("WHOOP_SERVICE_URL and WHOOP_SERVICE_API_KEY belong together: set both or neither")
        if self.gateway_anonymous and not is_private(self.public_url):
            raise ValueError(
                "GATEWAY_ANONYMOUS lets everybody who reaches the service read: it is refused unless PUBLIC_URL is "
                "loopback or a private address"
            )

    def _tokens_fit(self) -> None:
        key = self.auth_jwt_jwks_url or self.auth_jwt_secret
        if len({bool(self.auth_jwt_issuer), bool(self.auth_jwt_audience), bool(key)}) > 1:
            raise ValueError(
                "AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE and AUTH_JWT_JWKS_URL (or AUTH_JWT_SECRET) belong together: set "
                "all or none"
            )
        if self.auth_jwt_jwks_url and self.auth_jwt_secret:
            raise ValueError(
                "AUTH_JWT_JWKS_URL and AUTH_JWT_SECRET are two kinds of trust that are never mixed: set one of them"
            )

    def _alerts_fit(self) -> None:
        if bool(self.alert_webhook_url) != bool(self.alert_webhook_secret):
            raise ValueError("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET belong together: set both or neither")
        if len({bool(self.alert_email_to), bool(self.alert_email_from), bool(self.smtp_url)}) > 1:
            raise ValueError("ALERT_EMAIL_TO, ALERT_EMAIL_FROM and SMTP_URL belong together: set all or none")

    @property
    def origin(self) -> str:
        """Scheme, host and port of PUBLIC_URL."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def redirect_allowed(self, url: str) -> bool:
        """Whether a browser may be sent to `url` after connecting: listed exactly, or on our own origin."""
        if url in self.redirect_urls:
            return True
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}" == self.origin and "\\" not in url


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Whether a URL's host is this machine or an address of a private network, as written."""
    try:
        return is_loopback(url) or ip_address(urlsplit(url).hostname or "").is_private
    except ValueError:
        return False


NAMES = {name.upper(): name for name in Settings.model_fields}


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


SECRETS = frozenset(name for name, field in NAMES.items() if _is_secret(field))


def load(
    environment: Mapping[str, str] | None = None, dotenv: Path | None = None, *, opens_tokens: bool = True
) -> Settings:
    """The settings of this process; Misconfigured lists everything that is wrong, a line each. Who never opens what
    TOKEN_ENCRYPTION_KEYS seals does without them."""
    surroundings = os.environ if environment is None else environment
    path = Path(".env") if dotenv is None else dotenv
    written = (
        {name: text or "" for name, text in dotenv_values(path, interpolate=False).items()} if path.is_file() else {}
    )
    problems = [f"{name}: unknown setting in {path.name}" for name in written if not (_known(name) or _compose_s(name))]
    problems += [
        f"{name}: unknown setting" for name in surroundings if name.startswith(_GUARDED_PREFIXES) and not _known(name)
    ]
    values: dict[str, Any] = {}
    merged = {**written, **surroundings}
    for name, field in NAMES.items():
        text = merged.get(name) or _from_file(name, merged, problems)
        if text:
            values[field] = text
    values.setdefault("circadia_data_dir", default_data_dir(surroundings))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_line(each["loc"], each["msg"]) for each in error.errors()]
    if opens_tokens and "database_url" in values and "token_encryption_keys" not in values:
        problems.append(
            "TOKEN_ENCRYPTION_KEYS is required with a DATABASE_URL: make one with "
            "`echo k1:$(openssl rand -base64 32)` and keep it safe, apart from the database"
        )
    if problems:
        raise Misconfigured("\n".join(problems))
    return settings


def _known(name: str) -> bool:
    return name in NAMES or name.removesuffix("_FILE") in SECRETS


def _compose_s(name: str) -> bool:
    return name in FOR_COMPOSE or name.startswith("COMPOSE_")


def _from_file(name: str, merged: Mapping[str, str], problems: list[str]) -> str | None:
    path = merged.get(f"{name}_FILE")
    if name not in SECRETS or not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        problems.append(f"{name}_FILE: cannot read it ({error.strerror})")
        return None


def _line(where: tuple[int | str, ...], message: str) -> str:
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    return f"{str(where[0]).upper()}: {message}" if where else message
