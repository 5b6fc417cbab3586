"""The server of `tests.bench.gateway`: the product as its settings in the environment say, and a constant route.

`python -m tests.bench.gateway_served --only all|gateway --port N`.
"""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path

import uvicorn

from circadia import config, logs
from circadia.app import create_app

CONSTANT = "/bench/constant"


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    settings = config.load(os.environ | {"PORT": str(options.port)}, dotenv=Path(os.devnull))
    logs.configure("INFO", "json")
    app = create_app(settings, part=options.only, worker=False)

    @app.get(CONSTANT)
    async def constant() -> dict[str, object]:
        return {"user_id": "member-1", "recovery": {"score": 71, "hrv": 64.2}, "missing": []}

    gc.collect()
    gc.freeze()  # as `circadia serve` does
    uvicorn.run(
        app, port=options.port, log_level="critical", access_log=False, loop="uvloop", http="httptools", ws="none"
    )


if __name__ == "__main__":
    main()
