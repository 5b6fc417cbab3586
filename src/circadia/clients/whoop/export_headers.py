"""What a CSV of an export is, told by its header row.

File names, headers and their order follow the account's language and the app's version, so a column is known by
its header alone. `export_headers.json` has the headers seen in real exports in English, Spanish, German, French
and Brazilian Portuguese; the canonical names are Circadia's own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Kind = Literal["cycles", "sleeps", "workouts", "journal"]

_DECIDING: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("journal", frozenset({"question", "answered_yes"})),
    ("workouts", frozenset({"workout_start", "workout_end", "activity_name"})),
    ("sleeps", frozenset({"sleep_onset", "wake_onset", "nap"})),
    ("cycles", frozenset({"day_strain"})),
    ("cycles", frozenset({"recovery_pct"})),
)
_ALWAYS = frozenset({"cycle_start", "cycle_timezone"})
_GLYPHS = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00b4": "'"})
_GPS = re.compile(r"\bgps\b")


@dataclass(frozen=True, slots=True)
class Header:
    """A recognised header row.

    names    the canonical name of each column in file order; an unknown column keeps its own header
    texts    canonical name -> the header as the file has it
    unread   headers of unknown columns, if the kind has columns that were not found
    """

    kind: Kind
    names: tuple[str, ...]
    texts: dict[str, str]
    unread: tuple[str, ...]


def normalised(header: str) -> str:
    """A header for comparison: composed, one kind of space and apostrophe, no space before %, case folded."""
    text = header.translate(_GLYPHS).casefold()
    text = " ".join(text.split()).replace(" %", "%")
    return unicodedata.normalize("NFC", text)


def columns_of(kind: Kind) -> tuple[str, ...]:
    """The canonical names of a kind's columns, the optional ones included, in the order of the English export."""
    return _table()[0][kind]


def recognise(cells: Sequence[str]) -> Header | None:
    """The header row that `cells` are; None if they are none of an export, or name a column twice."""
    columns, known = _table()
    names = [known.get(normalised(cell)) or _gps(cell) or cell.strip() for cell in cells]
    found = frozenset(names)
    kind = next((kind for kind, deciding in _DECIDING if deciding | _ALWAYS <= found), None)
    if kind is None or any(names.count(name) > 1 for name in columns[kind]):
        return None
    strange = tuple(name for name in names if name and name not in columns[kind])
    missing = [name for name in columns[kind] if name not in found]
    return Header(kind, tuple(names), dict(zip(names, cells, strict=True)), strange if missing else ())


def _gps(cell: str) -> str | None:
    # The French header of this column has not been seen; its abbreviation is the same in every language.
    return "gps_enabled" if _GPS.search(normalised(cell)) else None


@cache
def _table() -> tuple[dict[Kind, tuple[str, ...]], dict[str, str]]:
    text = resources.files(__package__).joinpath("export_headers.json").read_text(encoding="utf-8")
    content = json.loads(text)
    columns: dict[Kind, tuple[str, ...]] = {kind: tuple(names) for kind, names in content["columns"].items()}
    known = {normalised(header): name for name, headers in content["headers"].items() for header in headers}
    return columns, known
