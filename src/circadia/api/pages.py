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
:root { color-scheme: dark light; --back: #0b0d10; --card: #14171b; --ink: #f3f5f8; --ink-2: #b0b8c3; --line: #3a424c;
  --main: #f3f5f8; --on-main: #0b0d10; --focus: #7db8ff; }
@media (prefers-color-scheme: light) { :root { --back: #f4f5f7; --card: #fff; --ink: #11151b; --ink-2: #454e5b;
  --line: #c3cad3; --main: #11151b; --on-main: #fff; --focus: #0b63d6; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-content: center; justify-items: center;
  gap: 24px; padding: 24px 16px; font: 400 16px/1.5 ui-sans-serif, -apple-system, BlinkMacSystemFont, "Segoe UI",
  Inter, Roboto, system-ui, sans-serif; background: var(--back); color: var(--ink); }
svg { width: 48px; height: 48px; }
main { width: 100%; max-width: 28rem; padding: 24px; border-radius: 20px; background: var(--card); }
h1 { font-size: 22px; line-height: 1.25; letter-spacing: -.02em; margin: 0 0 8px; text-wrap: balance; }
p { margin: 0 0 12px; overflow-wrap: anywhere; text-wrap: pretty; }
p:last-child { margin-bottom: 0; }
small { font-size: 14px; color: var(--ink-2); }
form, .on { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; }
button, .on a { flex: 1; font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
  padding: 11px 20px; border-radius: 12px; border: 1px solid var(--line); background: none; color: inherit; }
button.main { border-color: var(--main); background: var(--main); color: var(--on-main); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
"""
_MARK = (
    "<svg viewBox='0 0 512 512' aria-hidden='true'><rect width='512' height='512' rx='116' fill='#0b0d10'/>"
    "<g fill='none' stroke-width='40' stroke-linecap='round'><circle cx='256' cy='256' r='150' stroke='#242a32'/>"
    "<path d='M256 106a150 150 0 1 1-130 225' stroke='#33d17e'/>"
    "<path d='M256 186a70 70 0 0 1 60.6 105' stroke='#9d8cff' stroke-width='30'/></g>"
    "<circle cx='256' cy='256' r='18' fill='#4a9eff'/></svg>"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'%s; base-uri 'none'; frame-ancestors 'none'"
)


def _page(title: str, body: str, status: int, *, form_leads_to: str | None = None) -> HTMLResponse:
    html = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} · Circadia</title><style>{_STYLE}</style></head>"
        f"<body>{_MARK}<main><h1>{escape(title)}</h1>{body}</main></body></html>"
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


_ON = "<p class='on'><a href='/'>To the start page</a></p>"


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
