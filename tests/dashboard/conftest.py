"""One demo and one browser for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboard.chromium import Browser, launched
from tests.dashboard.stage import Stage, staged


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("demo")) as made:
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made
