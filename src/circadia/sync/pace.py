"""How much a worker does at once, and how quickly workers notice each other's death."""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = 16
"""Runs side by side in one process: they wait for WHOOP, and WHOOP's limit is far below what they could ask."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between a worker's signs of life, of silence until it counts as dead, between looks for what the dead
    have left, and for pages to finish at a stop."""

    heartbeat_s: float = 5.0
    dead_after_s: float = 20.0
    rescue_every_s: float = 5.0
    grace_s: float = 10.0
