"""Everything that speaks to WHOOP."""
