"""What a worker counts reaches the server that it works for, whole."""

from __future__ import annotations

import subprocess
import sys

from circadia import metrics

CHILD = """
import sys
from circadia import metrics
metrics.relay(sys.stdout.buffer.write)
metrics.count_sync("told", "succeeded", {"written": 3, "deleted": 0})
metrics.count_run("told", "partial")
metrics.count_renewal("told")
"""


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_counts_of_a_child_are_its_parent_s() -> None:
    told = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, check=True).stdout
    assert value("circadia_runs_total", kind="told", ended="partial") is None
    for _ in range(2):
        for line in told.splitlines():
            metrics.count_told(line)
    assert value("circadia_sync_types_total", type="told", ended="succeeded") == 2
    assert value("circadia_sync_records_total", type="told", result="written") == 6
    assert value("circadia_sync_records_total", type="told", result="deleted") is None
    assert value("circadia_runs_total", kind="told", ended="partial") == 2
    assert value("circadia_token_renewals_total", ended="told") == 2
