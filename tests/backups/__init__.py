"""Backups, restoring them, and moving a database."""
