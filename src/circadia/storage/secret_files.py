"""Files that hold one secret each: only their owner reads them, and they are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp


def keep(path: Path, secret: str) -> bool:
    """Write a secret where none is, with mode 0600; whether it was written. What is there is never touched.

    Of several who do it at once, in whichever process or container, one's stands. OSError as the system raises it.
    """
    with beside(path, secret + "\n") as fresh:
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
    return True


@contextmanager
def beside(path: Path, text: str) -> Iterator[Path]:
    """A file with secrets in it, with mode 0600, beside the place that it is for; it goes unless it is moved there.
    OSError as the system raises it."""
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
