"""All the described tables, for whoever compares or lists them."""

from __future__ import annotations

from circadia.storage import gateway_tables, operations_tables, people_tables
from circadia.storage.tables import metadata

__all__ = ["gateway_tables", "metadata", "operations_tables", "people_tables"]
