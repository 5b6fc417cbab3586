"""The pages a person sees: the consent question and the error that cannot be redirected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#10151a;color:#e8edf1;display:grid;place-items:center;
min-height:100vh;margin:0}
main{background:#1a2229;border-radius:14px;padding:1.5rem;box-sizing:border-box;width:min(28rem,calc(100vw - 2rem));
box-shadow:0 8px 40px #0008}
h1{font-size:1.25rem;margin:0 0 .25rem}p{color:#9fb0bd;margin:.25rem 0 1rem}
select{box-sizing:border-box;width:100%;padding:.6rem;border-radius:8px;border:1px solid #34424d;
background:#10151a;color:inherit;font:inherit}
ul{list-style:none;padding:0}li{padding:.15rem 0}
button{font:inherit;padding:.6rem 1.4rem;border-radius:8px;border:0;cursor:pointer}
button[value=allow]{background:#19d3a2;color:#06231b;font-weight:600}
button[value=deny]{background:transparent;color:#9fb0bd}
"""

_MEANING = {
    "offline": "stay connected while you are away",
    "read:recovery": "your recovery",
    "read:cycles": "your days and their strain",
    "read:workout": "your workouts",
    "read:sleep": "your sleep",
    "read:profile": "your name and e-mail address",
    "read:body_measurement": "your height, weight and maximum heart rate",
}


def consent_page(
    app: str, profiles: Sequence[Mapping[str, Any]], scopes: Sequence[str], asked: Mapping[str, str]
) -> Response:
    """Who signs in, what the app may read, allow or deny. The form asks the same address again, with an answer."""
    carried = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
        if not name.startswith("sim_")
    )
    members = "".join(
        f'<option value="{profile["user_id"]}">{escape(profile["first_name"])} {escape(profile["last_name"])}'
        f" ({profile['user_id']})</option>"
        for profile in profiles
    )
    choices = "".join(
        f'<li><label><input type="checkbox" name="sim_scope" value="{escape(scope)}" checked> '
        f"{escape(_MEANING.get(scope, scope))} <small>{escape(scope)}</small></label></li>"
        for scope in scopes
    )
    return _page(
        "Simulated WHOOP",
        f"<h1>Simulated WHOOP</h1><p>Nobody real signs in here. <b>{escape(app)}</b> asks to read:</p>"
        f'<form method="get">{carried}<input type="hidden" name="sim_scope" value="">'
        f'<label for="member">Sign in as</label><select id="member" name="sim_member">{members}</select>'
        f'<ul>{choices}</ul><button name="sim_consent" value="allow">Allow</button> '
        '<button name="sim_consent" value="deny">Deny</button></form>',
    )


def error_page(error: str, description: str, status: int) -> Response:
    """What is shown when the redirect target cannot be trusted."""
    return _page("Simulated WHOOP: error", f"<h1>{escape(error)}</h1><p>{escape(description)}</p>", status)


def _page(title: str, content: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><main>{content}</main></body></html>",
        status,
        headers={"Cache-Control": "no-store"},
    )
