"""All analyses, by what they are about."""

from __future__ import annotations

from circadia.domain.analyses.analysis import Analysis
from circadia.domain.analyses.courses import COURSES
from circadia.domain.analyses.insights import INSIGHTS

ANALYSES: tuple[Analysis, ...] = (*COURSES, *INSIGHTS)
BY_NAME = {each.name: each for each in ANALYSES}
