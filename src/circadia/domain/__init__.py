"""Floor 1: what things are. Pure: no I/O, no clock, `now` is an argument."""
