"""One member's days from all sources, merged by policy, saying what is missing."""
