"""The columns that many tables share, and those that a record type's model stands for."""

from __future__ import annotations

import typing
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, ForeignKey, Text, Uuid
from sqlalchemy.types import TypeEngine

from circadia.domain.catalog import RecordType

_COLUMN_TYPES: dict[type, type[TypeEngine[typing.Any]]] = {
    int: BigInteger,
    float: Double,
    str: Text,
    bool: Boolean,
    UUID: Uuid,
    datetime: DateTime,
}


def _plain(annotation: typing.Any) -> type:
    """The Python type under Annotated, Optional and Literal."""
    if annotation is AwareDatetime:
        return datetime
    origin = typing.get_origin(annotation)
    if origin is None:
        return typing.cast("type", annotation)
    if origin is typing.Literal:
        return str
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    return _plain(arguments[0])


def instant(name: str, *, nullable: bool = True) -> Column[datetime]:
    """A point in time, with its zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def member(*, primary_key: bool = False, target: str = "members.id") -> Column[int]:
    """Whose row it is; it goes with them."""
    return Column(
        "member_id",
        BigInteger,
        ForeignKey(target, ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def fields(type_: RecordType) -> list[Column[typing.Any]]:
    """The columns of a record type's model."""
    columns: list[Column[typing.Any]] = []
    for name, field in type_.model.model_fields.items():
        kind = _COLUMN_TYPES[_plain(field.annotation)]
        nullable = not field.is_required() and name != type_.key
        made = DateTime(timezone=True) if kind is DateTime else kind()
        columns.append(Column(name, made, primary_key=name == type_.key, nullable=nullable, autoincrement=False))
    return columns
