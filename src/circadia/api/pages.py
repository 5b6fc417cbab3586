"""The few pages a browser sees while connecting: plain HTML, no script, a strict policy."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

from circadia.api.problems import documented

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; box-sizing: border-box;
  font: 17px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 30rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 .75rem; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 1.5rem; }
button { font: inherit; padding: .6rem 1.2rem; border-radius: 8px; border: 1px solid GrayText; background: Canvas;
  color: CanvasText; cursor: pointer; }
button.main { background: #14614a; border-color: #14614a; color: #fff; }
small { color: color-mix(in srgb, CanvasText 70%, Canvas); }
a { color: inherit; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'%s; base-uri 'none'; frame-ancestors 'none'"
)


def _page(title: str, body: str, status: int, *, form_leads_to: str | None = None) -> HTMLResponse:
    html = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} · Circadia</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(
        html, status, {"Content-Security-Policy": _POLICY % (f" {form_leads_to}" if form_leads_to else "")}
    )


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of the problems that a route for browsers tells on a page."""
    return {
        each: {**told, "description": "What happened and what to do", "content": {"text/html": {}, **told["content"]}}
        for each, told in documented(*statuses).items()
    }


_ON = "<p><a href='/'>To the start page</a></p>"


def _sentence(text: str) -> str:
    return escape(text[:1].upper() + text[1:] + ("" if text.endswith(".") else "."))


def message(title: str, what: str, remedy: str, *, status: int = 200) -> HTMLResponse:
    """What happened and what to do."""
    return _page(title, f"<p>{_sentence(what)}</p><p><small>{escape(remedy)}</small></p>{_ON}", status)


def link(title: str, what: str, button: str, token: str) -> HTMLResponse:
    """Ask once before a one-time link is used. The browser has to say where the form was sent from, which it does not
    for a page that wants no referrer at all."""
    response = _page(
        title,
        f"<p>{escape(what)}</p><p><small>The link works once. If you did not expect it, close this page.</small></p>"
        "<form method='post' action='/auth/link'>"
        f"<input type='hidden' name='token' value='{escape(token)}'>"
        f"<button class='main'>{escape(button)}</button></form>",
        200,
    )
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def confirmation(user_id: str, code: str, state: str, redirect_url: str | None) -> HTMLResponse:
    """Name the account a WHOOP is about to be attached to, and ask once. Where the browser goes afterwards has to be
    allowed here already: browsers hold a form to its policy through the redirect."""
    parts = urlsplit(redirect_url or "")
    return _page(
        "Connect your WHOOP?",
        f"<p>Your WHOOP data will be shown to whoever uses the account <strong>{escape(user_id)}</strong> here.</p>"
        "<p><small>If somebody sent you a link and this is not your own account, choose Cancel.</small></p>"
        "<form method='post' action='/auth/confirm'>"
        f"<input type='hidden' name='code' value='{escape(code)}'>"
        f"<input type='hidden' name='state' value='{escape(state)}'>"
        "<button class='main' name='decision' value='connect'>Connect</button>"
        "<button name='decision' value='cancel'>Cancel</button></form>",
        200,
        form_leads_to=f"{parts.scheme}://{parts.netloc}" if parts.netloc else None,
    )
