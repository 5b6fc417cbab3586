"""Sahha on the wire."""
