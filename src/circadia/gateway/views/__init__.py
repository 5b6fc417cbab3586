"""The bodies that the gateway's routes answer: pure functions of what it read."""
