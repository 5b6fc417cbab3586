"""Colours that can be read on Grafana's dark and light ground. Each means one thing everywhere."""

from __future__ import annotations

GREEN, YELLOW, RED = "#2EB872", "#E5B03C", "#E5575A"
"""The bands of recovery, and nothing else but good, watch and bad."""
STRAIN, SLEEP, ENERGY, NEUTRAL = "#4A90E2", "#8A78F0", "#E8964F", "#8E97A3"
HRV, HEART, BREATH, OXYGEN, TEMPERATURE = "#35B8A3", "#EC6A80", "#7A9FF0", "#45AEDF", "#E8964F"
AWAKE, LIGHT, REM, DEEP = "#E09A72", "#A99DF5", "#49B5D3", "#6552E0"
ZONES = ("#56616E", "#2F5C96", "#3872B8", "#4A90E2", "#7FB4F2", "#C3DDFB")

NAMED = {
    "recovery": NEUTRAL,
    "hrv": HRV,
    "heart": HEART,
    "breath": BREATH,
    "oxygen": OXYGEN,
    "temperature": TEMPERATURE,
    "sleep": SLEEP,
    "strain": STRAIN,
    "energy": ENERGY,
    "neutral": NEUTRAL,
}
"""By the names that the figures of a day use."""
Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first has no beginning."""
RECOVERY: Steps = ((None, RED), (33.5, YELLOW), (66.5, GREEN))
PERFORMANCE: Steps = ((None, RED), (70, YELLOW), (85, GREEN))
PLAIN: Steps = ((None, NEUTRAL),)


def only(colour: str) -> Steps:
    """One colour, whatever the value."""
    return ((None, colour),)
