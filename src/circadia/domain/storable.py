"""What JSON allows and the database does not."""

from __future__ import annotations

from typing import Any

import orjson


def unstorable(raw: Any) -> str | None:
    """Why PostgreSQL could not hold a JSON value (NUL characters, lone surrogates, numbers beyond 64 bits), else
    None."""
    try:
        text = orjson.dumps(raw)
    except TypeError:
        return "record: text that is no valid Unicode, or a number beyond 64 bits"
    return "record: a NUL character" if b"\\u0000" in text else None
