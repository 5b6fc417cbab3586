"""Floor 3: deeds that keep the store in step with WHOOP."""
