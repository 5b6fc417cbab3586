"""A store whose days are written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import Databases
from tests.reporting.series import Store, open_store


@pytest.fixture(scope="module")
def _opened(_databases: Databases) -> Iterator[Store]:
    url = _databases.take()
    with open_store(url) as opened:
        yield opened
    _databases.give_back(url)


@pytest.fixture
def store(_opened: Store) -> Iterator[Store]:
    """A migrated database without any member, shared by the tests of a module one after the other."""
    yield _opened
    _opened.clear()
