"""The tables, described once for Alembic's comparison and for whoever wants the picture.

The record tables are made from the catalogue: one column per model field, called as WHOOP calls it, then the raw JSON
and where the row stands (`source`, `fetched_at` = start of the fetch that wrote it, `deleted_at`, `day` = the date
whose document shows it).
"""

from __future__ import annotations

import typing

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from circadia.domain.catalog import CATALOG, RecordType
from circadia.domain.trends import STORED
from circadia.storage.columns import fields, instant, member

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def table_for(type_: RecordType) -> Table:
    """The table of a record type; its key is `(member_id, key)`."""
    columns: list[Column[typing.Any]] = [member(primary_key=True)]
    if type_.key not in type_.model.model_fields:
        columns.append(Column(type_.key, Date, primary_key=True))
    columns += fields(type_)
    columns += [Column("raw", JSONB, nullable=False), instant("fetched_at", nullable=False)]
    indexes = []
    if type_.collection:
        columns += [
            Column("source", Text, nullable=False, server_default=text("'api'")),
            instant("deleted_at"),
            Column("day", Date),
        ]
        indexes.append(Index(None, "member_id", "day"))
        indexes.append(Index(f"{type_.table}_export_idx", "member_id", postgresql_where=text("source = 'export'")))
    if type_.timed:
        indexes.append(Index(None, "member_id", "start", type_.key))
    if type_.scored:
        pending = text("score_state = 'PENDING_SCORE'")
        indexes.append(Index(f"{type_.table}_pending_idx", "member_id", postgresql_where=pending))
    indexes += [Index(None, "member_id", link.column) for link in type_.links if link.column != type_.key]
    return Table(type_.table, metadata, *columns, *indexes)


members = Table(
    "members",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", Text, nullable=False, unique=True),
    instant("created_at", nullable=False),
    instant("as_of"),
    instant("asked_at"),
    Column("has_export", Boolean, nullable=False, server_default=text("false")),
    Column("wakes_at_min", Integer),
    instant("paused_at"),
)

connections = Table(
    "connections",
    metadata,
    member(primary_key=True),
    Column("whoop_user_id", BigInteger, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("connected_at", nullable=False),
    instant("changed_at", nullable=False),
    instant("pushed_at"),
    CheckConstraint("state IN ('connected', 'needs_reconnect', 'not_connected')", name="state"),
)

tokens = Table(
    "tokens",
    metadata,
    member(primary_key=True, target="connections.member_id"),
    Column("access_token", Text, nullable=False),
    Column("refresh_token", Text),
    instant("obtained_at", nullable=False),
    instant("expires_at", nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("renewing_by", Uuid),
    instant("renewing_until"),
    instant("spent_at"),
)

authorizations = Table(
    "authorizations",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("user_id", Text),
    Column("code_verifier", Text, nullable=False),
    Column("redirect_url", Text),
    Column("browser_hash", LargeBinary),
    Column("purpose", Text, nullable=False, server_default=text("'connect'")),
    Column("email", Text),
    Column("invitation_hash", LargeBinary),
    instant("created_at", nullable=False),
    instant("expires_at", nullable=False),
    CheckConstraint("purpose IN ('connect', 'signin', 'signup')", name="purpose"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("kid", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("created_at", nullable=False),
    instant("expires_at"),
    instant("revoked_at"),
    instant("last_used_at"),
)

for _type in CATALOG:
    table_for(_type)

sync_states = Table(
    "sync_states",
    metadata,
    member(primary_key=True),
    Column("type", Text, primary_key=True),
    instant("cursor_at"),
    instant("floor_at"),
    instant("history_began_at"),
    instant("history_done_at"),
    instant("last_sync_at"),
    instant("last_success_at"),
    instant("success_began_at"),
    instant("due_at", nullable=False),
    instant("compared_recent_at"),
    instant("compared_all_at"),
    Column("walk", JSONB),
    Column("pending", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("error", JSONB),
    Column("outcome", JSONB),
    Index(None, "due_at"),
    Index("sync_states_recent_idx", text("coalesce(compared_recent_at, history_done_at)")),
    Index("sync_states_all_idx", text("coalesce(compared_all_at, history_done_at)")),
    Index("sync_states_pending_idx", "member_id", postgresql_where=text("pending > 0")),
)

holds = Table(
    "holds",
    metadata,
    member(primary_key=True),
    Column("type", Text, primary_key=True),
    Column("keys", ARRAY(Text), nullable=False),
    instant("from_at", nullable=False),
    instant("to_at", nullable=False),
    Column("live", Integer, nullable=False),
    instant("held_at", nullable=False),
)

coverage = Table(
    "coverage",
    metadata,
    member(primary_key=True),
    Column("type", Text, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("arrived", ARRAY(Text), nullable=False),
    Column("rejected", ARRAY(Text), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    member(),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("options", JSONB, nullable=False, server_default=text("'{}'")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),
    instant("created_at", nullable=False),
    instant("started_at"),
    instant("finished_at"),
    Column("progress", JSONB, nullable=False, server_default=text("'{}'")),
    Column("outcome", JSONB),
    Column("error", JSONB),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'partial', 'failed')", name="state"),
    Index(None, "member_id", "created_at"),
    Index("runs_open_idx", "member_id", "kind", postgresql_where=text("state IN ('queued', 'running')")),
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    member(),
    Column("type", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("raw", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("version", Text, nullable=False),
    instant("fetched_at", nullable=False),
    instant("first_seen_at", nullable=False),
    instant("last_seen_at", nullable=False),
    Index("rejects_digest_idx", "member_id", "type", "digest", unique=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("trace_id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("whoop_user_id", BigInteger, nullable=False),
    instant("received_at", nullable=False),
    instant("settled_at"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    instant("next_try_at"),
    Column("error", Text),
    CheckConstraint("state IN ('waiting', 'settled', 'unknown', 'parked')", name="state"),
    Index(None, "whoop_user_id", "received_at"),
    Index(None, "state", "received_at"),
    Index("deliveries_waiting_idx", "next_try_at", postgresql_where=text("state = 'waiting'")),
)

export_rows = Table(
    "export_rows",
    metadata,
    member(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("file", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("raw", JSONB, nullable=False),
    instant("imported_at", nullable=False),
)

journal_entries = Table(
    "journal_entries",
    metadata,
    member(primary_key=True),
    Column("cycle_start", DateTime(timezone=True), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("timezone_offset", Text, nullable=False),
    Column("answered_yes", Boolean, nullable=False),
    Column("notes", Text),
    Column("raw", JSONB, nullable=False),
    instant("fetched_at", nullable=False),
    Column("day", Date),
    Index(None, "member_id", "day"),
)

days = Table(
    "days",
    metadata,
    member(primary_key=True),
    Column("day", Date, primary_key=True),
    Column("document", JSON, nullable=False),
)

day_values = Table(
    "day_values",
    metadata,
    member(primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("timezone_offset", Text),
    *(Column(f"{part}_state", Text) for part in ("recovery", "sleep", "cycle")),
    Column("source", Text),
    Column("calibrating", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),
    instant("sleep_start_at"),
    instant("sleep_end_at"),
    *(Column(each.name, Double) for each in STORED),
    Column(
        "sleep_deficit_s",
        Double,
        Computed(
            "CASE WHEN need_baseline_s < sleep_duration_s + nap_s THEN 0"
            " ELSE need_baseline_s - sleep_duration_s - nap_s END"
        ),
    ),
    Column(
        "zone_load", Double, Computed("(zone_1_s + 2 * zone_2_s + 3 * zone_3_s + 4 * zone_4_s + 5 * zone_5_s) / 60")
    ),
)

day_changes = Table(
    "day_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    member(),
    instant("from_at"),
    instant("to_at"),
    Column("day", Date),
    Index(None, "member_id"),
)
