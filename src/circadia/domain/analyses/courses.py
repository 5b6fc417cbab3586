"""How a figure goes: baselines, trends, load, debt, rhythm."""

from __future__ import annotations

from circadia.domain.analyses.analysis import Analysis

COURSES: tuple[Analysis, ...] = ()
