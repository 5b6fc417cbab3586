"""Floor 2: rows. Functions that take a `Database`; no entities, no repositories."""
