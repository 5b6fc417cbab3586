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
    with _fresh(path, secret + "\n") as fresh:
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
    return True


def replace(path: Path, text: str) -> None:
    """Write a text with secrets in it, with mode 0600, in the place of what is there. OSError as the system raises it."""
    with _fresh(path, text) as fresh:
        fresh.replace(path)


@contextmanager
def _fresh(path: Path, text: str) -> Iterator[Path]:
    """A file beside another, which goes unless it has been moved."""
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
