"""What goes with what: correlations, effects, comparisons, days that stand out."""

from __future__ import annotations

from circadia.domain.analyses.analysis import Analysis

INSIGHTS: tuple[Analysis, ...] = ()
