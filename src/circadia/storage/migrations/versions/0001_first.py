"""The first schema: tables, the rules of the day in SQL, and the job engine's own tables."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None

_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    for part in (
        "tables",
        "days",
        "exports",
        "budget",
        "sahha",
        "people",
        "grafana",
        "values",
        "statistics",
        "courses",
        "observations",
        "insights",
    ):
        connection.execute((_SQL / f"0001_{part}.sql").read_text(encoding="utf-8"))
    connection.execute(SchemaManager.get_schema())
    connection.execute((_SQL / "0001_operations.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("0001 is the first schema: restore a backup or start with an empty database instead")
