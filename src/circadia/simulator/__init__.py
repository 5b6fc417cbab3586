"""WHOOP on this machine: a seeded world in time, behind the same protocol as the real service."""
