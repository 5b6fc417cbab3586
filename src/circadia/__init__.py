"""Circadia: the self-hosted home of WHOOP data."""

__version__ = "0.1.0"
