"""The gateway's tables, described as `storage.tables` describes the others: what Sahha says, who is who, how to merge.

They hang on Sahha's profiles and the app's user ids and not on members, because the gateway may have a database of its
own.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from circadia.storage.columns import instant
from circadia.storage.tables import metadata


def profile(*, primary_key: bool = True) -> Column[int]:
    """Whose row it is; it goes with them."""
    return Column(
        "profile_id",
        BigInteger,
        ForeignKey("sahha_profiles.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


sahha_profiles = Table(
    "sahha_profiles",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, server_default=text("'active'")),
    Column("sources", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    instant("described_at"),
    instant("known_at"),
    instant("heard_at"),
    instant("logged_at"),
    instant("created_at", nullable=False),
    CheckConstraint("state IN ('active', 'unknown', 'gone')", name="state"),
)

sahha_scores = Table(
    "sahha_scores",
    metadata,
    profile(),
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("day", Date, nullable=False),
    instant("score_at", nullable=False),
    Column("state", Text),
    Column("score", Double),
    Column("utc_offset_min", Integer, nullable=False),
    instant("computed_at"),
    instant("received_at", nullable=False),
    Column("raw", JSONB, nullable=False),
    Index(None, "profile_id", "day"),
)

sahha_biomarkers = Table(
    "sahha_biomarkers",
    metadata,
    profile(),
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("span", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("category", Text, nullable=False),
    Column("aggregation", Text),
    Column("value", Text, nullable=False),
    Column("unit", Text),
    Column("value_type", Text, nullable=False),
    instant("start_at", nullable=False),
    instant("end_at", nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("utc_offset_min", Integer, nullable=False),
    instant("computed_at"),
    instant("received_at", nullable=False),
    Column("raw", JSONB, nullable=False),
    Index(None, "profile_id", "day"),
)

sahha_archetypes = Table(
    "sahha_archetypes",
    metadata,
    profile(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("periodicity", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("value", Text, nullable=False),
    Column("data_type", Text, nullable=False),
    Column("ordinality", Numeric),
    instant("start_at", nullable=False),
    instant("end_at", nullable=False),
    Column("utc_offset_min", Integer, nullable=False),
    instant("computed_at"),
    instant("received_at", nullable=False),
    Column("raw", JSONB, nullable=False),
    Index(None, "profile_id", "day"),
)

sahha_rejects = Table(
    "sahha_rejects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    profile(primary_key=False),
    Column("kind", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("raw", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("version", Text, nullable=False),
    instant("received_at", nullable=False),
    instant("first_seen_at", nullable=False),
    instant("last_seen_at", nullable=False),
    Index("sahha_rejects_digest_idx", "profile_id", "kind", "digest", unique=True),
)

sahha_fetches = Table(
    "sahha_fetches",
    metadata,
    profile(),
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    instant("fetched_at", nullable=False),
)

sahha_deliveries = Table(
    "sahha_deliveries",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("event", Text, nullable=False),
    instant("received_at", nullable=False),
    Index(None, "received_at"),
)

identities = Table(
    "identities",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("sahha_id", Text, unique=True),
    Column("whoop_id", Text, unique=True),
    instant("changed_at", nullable=False),
)

merge_overrides = Table(
    "merge_overrides",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("policy", JSONB, nullable=False),
    instant("changed_at", nullable=False),
)

whoop_links = Table(
    "whoop_links",
    metadata,
    Column("whoop_id", Text, primary_key=True),
    Column("linked", Boolean, nullable=False),
    instant("heard_at", nullable=False),
)
