"""The tables of people: who signs in, by which links, what is shared, what was done.

They hang on user ids and not on members: an owner or a coach need not wear a strap, and what an erased member did stays
in the audit.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from circadia.storage.columns import instant
from circadia.storage.tables import metadata

people = Table(
    "people",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("name", Text),
    instant("created_at", nullable=False),
    CheckConstraint("role IN ('owner', 'member', 'coach')", name="role"),
    Index("people_owner_idx", "role", unique=True, postgresql_where=text("role = 'owner'")),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("offered_hash", LargeBinary, unique=True),
    Column("previous_hash", LargeBinary, unique=True),
    Column("user_id", Text, ForeignKey("people.user_id", ondelete="CASCADE", onupdate="CASCADE"), nullable=False),
    Column("how", Text, nullable=False),
    Column("agent", Text),
    instant("created_at", nullable=False),
    instant("rotated_at", nullable=False),
    instant("offered_at"),
    instant("seen_at", nullable=False),
    instant("expires_at", nullable=False),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

links = Table(
    "links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", Text),
    Column("note", Text),
    Column("made_by", Text, nullable=False),
    instant("made_at", nullable=False),
    instant("expires_at", nullable=False),
    CheckConstraint("kind IN ('owner', 'signin', 'invitation', 'share')", name="kind"),
    Index(None, "user_id"),
)

shares = Table(
    "shares",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("coach", Text, ForeignKey("people.user_id", ondelete="CASCADE", onupdate="CASCADE")),
    Column("name", Text, nullable=False),
    Column("link_hash", LargeBinary, unique=True),
    instant("made_at", nullable=False),
    instant("accepted_at"),
    instant("expires_at"),
    instant("revoked_at"),
    Index(None, "user_id"),
    Index(None, "coach"),
)

allowed_emails = Table(
    "allowed_emails",
    metadata,
    Column("email", Text, primary_key=True),
    instant("added_at", nullable=False),
)

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("settings", JSONB, nullable=False),
    instant("changed_at", nullable=False),
)

report_grants = Table(
    "report_grants",
    metadata,
    Column("role", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("members.user_id", ondelete="CASCADE", onupdate="CASCADE")),
    instant("granted_at", nullable=False),
    Index(None, "user_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    instant("at", nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("user_id", Text),
    Column("deed", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    CheckConstraint("actor_kind IN ('person', 'key', 'token', 'terminal', 'system')", name="actor_kind"),
    Index(None, "user_id", "id"),
)
