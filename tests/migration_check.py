"""`script/migration-check`: migrate an empty throw-away database and compare it with the described tables."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from circadia.storage import migrate
from circadia.storage.embedded import EmbeddedPostgres


def main() -> int:
    """0 when they agree, else 1 and what differs."""
    place = Path(tempfile.mkdtemp(prefix="circadia-migrations-", dir="/tmp"))
    place.chmod(0o755)
    try:
        with EmbeddedPostgres(place) as server:
            url = server.start()
            migrate.upgrade(url)
            differences = migrate.drift(url)
            server.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print("\n".join(differences) or f"the schema is at {migrate.head()} and matches the described tables")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
