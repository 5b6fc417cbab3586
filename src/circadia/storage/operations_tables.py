"""The tables of operation: what the request budget was spent on, what somebody has to look at, when backups were made."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from circadia.storage.columns import instant
from circadia.storage.tables import metadata

budget = Table(
    "budget",
    metadata,
    Column("app", Text, primary_key=True),
    instant("paused_until"),
    Column("per_minute", Integer),
    Column("per_day", Integer),
    instant("limits_until"),
)

budget_usage = Table(
    "budget_usage",
    metadata,
    Column("app", Text, primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    CheckConstraint("bucket IN ('second', 'minute')", name="bucket"),
)

budget_turns = Table(
    "budget_turns",
    metadata,
    Column("app", Text, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    instant("taken_at", nullable=False),
)

budget_waits = Table(
    "budget_waits",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("app", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    instant("waits_until", nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("member_id", BigInteger, ForeignKey("members.id", ondelete="CASCADE")),
    Column("type", Text),
    Column("message", Text, nullable=False),
    Column("remedy", Text),
    instant("raised_at", nullable=False),
    instant("over_at"),
    Index(
        None,
        "kind",
        "member_id",
        "type",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("over_at IS NULL"),
    ),
)

backups = Table(
    "backups",
    metadata,
    Column("made_at", DateTime(timezone=True), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
)

notice_sendings = Table(
    "notice_sendings",
    metadata,
    Column("notice_id", BigInteger, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    instant("next_try_at"),
    instant("sent_at"),
    Column("error", Text),
)
