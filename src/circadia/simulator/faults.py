"""Faults on demand: what they are, and when they strike."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter
from starlette.responses import Response

TOKEN_PATH = "/oauth/oauth2/token"  # noqa: S105

RequestFault = Literal[
    "lose_response",
    "status",
    "rate_limited",
    "slow",
    "hang",
    "disconnect",
    "truncate",
    "invalid_json",
    "early_401",
    "html_200",
    "repeat_page",
    "token_down",
]
WebhookFault = Literal["webhook_drop", "webhook_duplicate", "webhook_reorder", "webhook_delay", "webhook_forge"]


class Fault(BaseModel):
    """One fault, and which requests or webhooks it strikes.

    It skips the first `after` that match, then strikes each with `probability`, at most `count` times (`None`: for
    ever).

    - `lose_response`: the request takes effect, its answer is a 502 page of the edge
    - `status`: `status` with `body`, without effect; `token_down` is a 503 page at the token endpoint
    - `rate_limited`: 429, with the three headers or (`headers` false) without, and `retry_after` seconds if given
    - `slow`: takes effect at once, answers `seconds` later; `hang`: takes effect, never answers (at most `seconds`)
    - `disconnect`: the connection breaks amid the body; `truncate`: half the body as a whole answer
    - `invalid_json`, `html_200`: 200 with something else than JSON
    - `early_401`: the access token dies before its time
    - `repeat_page`: a page whose `next_token` leads to itself
    - `webhook_*`: never sent; sent twice; sent after the others of its batch; held back for `seconds`; preceded by one
      of another's making, which says that the record was deleted and is signed with another secret
    """

    model_config = ConfigDict(extra="forbid")

    kind: RequestFault | WebhookFault
    path: str = ""
    """Prefix of the request path, from the root: `/developer/v2/cycle`."""
    method: str | None = None
    user_id: int | str | None = None
    """WHOOP's user id, or the external id of a profile at Sahha."""
    grant_type: str | None = None
    type: str = ""
    """Prefix of a webhook's type: `sleep`."""
    count: int | None = Field(default=1, gt=0)
    after: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    status: int = Field(default=500, ge=100, le=599)
    body: Literal["html", "json", "text", "empty"] = "json"
    headers: bool = True
    retry_after: int | None = None
    seconds: float = Field(default=60.0, ge=0)
    matched: int = 0
    struck: int = 0

    _rng: Random = PrivateAttr()

    def model_post_init(self, context: object, /) -> None:
        """Seed the dice; `token_down` is a status fault with its answer filled in."""
        self._rng = Random(self.seed)
        if self.kind == "token_down":
            self.status, self.body = 503, "html"

    @property
    def for_webhooks(self) -> bool:
        return self.kind.startswith("webhook_")

    def strikes(self) -> bool:
        """Count one match; whether it is struck."""
        if self.count is not None and self.struck >= self.count:
            return False
        self.matched += 1
        if self.matched <= self.after or self._rng.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def reply(self) -> Response:
        """The answer of a `status` fault."""
        match self.body:
            case "html":
                return edge_page(self.status)
            case "json":
                return Response(b'{"error":"simulated"}', self.status, media_type="application/json")
            case "text":
                return Response("simulated fault", self.status, media_type="text/plain")
            case "empty":
                return Response(status_code=self.status)


_ONE_OR_MORE = TypeAdapter(Fault | list[Fault])


class Faults:
    """The faults in force, in the order they were set; the first that strikes wins."""

    def __init__(self, token_path: str = TOKEN_PATH) -> None:
        self._token_path = token_path
        self.active: list[Fault] = []

    def add(self, given: Any) -> list[Fault]:
        """Set one fault or a list of them. Raises `pydantic.ValidationError`."""
        parsed = _ONE_OR_MORE.validate_python(given)
        added = parsed if isinstance(parsed, list) else [parsed]
        for fault in added:
            if fault.kind == "token_down":
                fault.path = self._token_path
        self.active.extend(added)
        return added

    def clear(self) -> None:
        """End all faults."""
        self.active.clear()

    def for_request(
        self, *, path: str, method: str, user_id: int | str | None, grant_type: str | None = None
    ) -> Fault | None:
        """The fault that strikes this request."""
        for fault in self.active:
            if (
                not fault.for_webhooks
                and path.startswith(fault.path)
                and fault.method in (None, method)
                and fault.user_id in (None, user_id)
                and fault.grant_type in (None, grant_type)
                and fault.strikes()
            ):
                return fault
        return None

    def for_webhook(self, *, type: str, user_id: int | str) -> Fault | None:  # noqa: A002
        """The fault that strikes this webhook."""
        for fault in self.active:
            if (
                fault.for_webhooks
                and type.startswith(fault.type)
                and fault.user_id in (None, user_id)
                and fault.strikes()
            ):
                return fault
        return None


_REASONS = {
    403: "Forbidden",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway time-out",
    520: "Web server is returning an unknown error",
}


def edge_page(status: int) -> Response:
    """An HTML page as the CDN before WHOOP shows it."""
    title = f"prod.whoop.com | {status}: {_REASONS.get(status, 'Error')}"
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(page, status, media_type="text/html")
