"""Files that hold one secret each: only their owner reads them, and they are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp


def keep(path: Path, secret: str) -> bool:
    """Write a secret where none is, with mode 0600; whether it was written. What is there is never touched.

    Of several who do it at once, in whichever process or container, one's stands. OSError as the system raises it.
    """
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret + "\n")
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True
