"""A simulated member and their export."""

from __future__ import annotations

from pathlib import Path

import pytest

from circadia.simulator.whoop import WhoopSimulator
from tests.conftest import NewSimulator
from tests.exports_of import export_of
from tests.imports.stored import (
    Json,
    truth_of,
)


@pytest.fixture
def whoop(simulator: NewSimulator) -> WhoopSimulator:
    return simulator(days=45, seed=5)


@pytest.fixture
def truth(whoop: WhoopSimulator) -> Json:
    return truth_of(whoop)


@pytest.fixture
def export(truth: Json, tmp_path: Path) -> Path:
    return export_of(truth, tmp_path / "my_whoop_data_2026_11_20.zip")
