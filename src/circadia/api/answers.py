"""JSON answers straight from a body: instants in UTC end in `Z`, a number that is not finite becomes null."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi.responses import Response


class Answer(Response):
    """A body as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of a body."""
        return orjson.dumps(content, option=orjson.OPT_UTC_Z)
