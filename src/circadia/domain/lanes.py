"""Lanes: the priority classes of requests to WHOOP, the first goes first."""

from __future__ import annotations

from typing import Literal

Lane = Literal["person", "webhook", "scheduled", "reconcile", "backfill"]
