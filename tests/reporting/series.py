"""Days of members written straight into `day_values`, and series that are hard on whoever computes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Json = dict[str, Any]
Series = npt.NDArray[np.float64]
"""A value a day without a date left out; NaN: none."""
FIRST = date(2023, 12, 20)
"""Where every series begins: before a turn of the year and a 29th of February."""
NAN = float("nan")


class Store:
    """A database with members whose days are as the test says."""

    def __init__(self, connection: psycopg.Connection[Json]) -> None:
        self._connection = connection

    def keep(
        self,
        user_id: str,
        figures: Mapping[str, Sequence[float] | Series],
        *,
        first: date = FIRST,
        calibrating: Collection[int] = (),
        open_: Collection[int] = (),
        states: Mapping[int, str] | None = None,
        source: str = "api",
    ) -> None:
        """Write the days of a new member. A day of which all figures are NaN and no state is told has no row."""
        states = states or {}
        found = self._connection.execute(
            "INSERT INTO members (user_id, created_at) VALUES (%s, now()) RETURNING id", (user_id,)
        ).fetchone()
        assert found is not None
        names = ["member_id", "day", "state", "recovery_state", "sleep_state", "cycle_state", "source"]
        statement = sql.SQL("COPY day_values ({}) FROM STDIN").format(
            sql.SQL(", ").join(map(sql.Identifier, [*names, "calibrating", "open", *figures]))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for at, row in enumerate(zip(*figures.values(), strict=True)):
                values = [None if value is None or np.isnan(value) else float(value) for value in row]
                state = states.get(at, "SCORED")
                if at in states or any(each is not None for each in values):
                    whole = "open" if at in open_ else "pending" if state == "PENDING_SCORE" else "complete"
                    day = first + timedelta(days=at)
                    head = (found["id"], day, whole, state, state, state, source, at in calibrating, at in open_)
                    copy.write_row((*head, *values))

    def ask(self, function: LiteralString, *arguments: object) -> list[Json]:
        """The rows of `reporting.<function>`."""
        places = ", ".join(["%s"] * len(arguments))
        return self.rows(f"SELECT * FROM reporting.{function}({places})", *arguments)

    def rows(self, query: LiteralString, *arguments: object) -> list[Json]:
        """The rows of a query, by column."""
        return self._connection.execute(query, arguments).fetchall()

    def clear(self) -> None:
        """Forget every member, and what hangs on them."""
        self._connection.execute("DELETE FROM members")


@contextmanager
def open_store(url: str) -> Iterator[Store]:
    """The store at a database's URL."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield Store(connection)


def day(at: int, first: date = FIRST) -> date:
    """The date of a place in a series."""
    return first + timedelta(days=at)


def same(got: object, wanted: object, *, rel: float = 1e-8, absolute: float = 1e-8) -> bool:
    """Equal words, or numbers but for rounding; NaN and null are the same."""
    if isinstance(wanted, (float, np.floating)) and np.isnan(wanted):
        wanted = None
    if isinstance(wanted, (float, int, np.number)) and not isinstance(wanted, bool):
        return isinstance(got, (float, int)) and bool(np.isclose(got, float(wanted), rtol=rel, atol=absolute))
    return got == wanted


def _random(length: int, seed: int, *, share: float = 1) -> Series:
    dice = np.random.default_rng(seed)
    found = dice.normal(50, 8, length)
    found[dice.random(length) >= share] = NAN
    return found


def _following(length: int, seed: int) -> Series:
    """Noise of which each day is much like the one before."""
    dice = np.random.default_rng(seed)
    found = np.empty(length)
    found[0] = 0
    for at in range(1, length):
        found[at] = 0.9 * found[at - 1] + dice.normal()
    return found + 60


def _first_of(length: int, count: int) -> Series:
    return np.where(np.arange(length) < count, _random(length, 3), NAN)


CASES: dict[str, Series] = {
    "empty": np.full(40, NAN),
    "one": _first_of(40, 1),
    "constant": np.full(100, 0.1),
    "zero": np.zeros(60),
    "noise": _random(130, 1),
    "gaps": _random(150, 2, share=0.6),
    "sparse": _random(150, 4, share=0.25),
    "thirteen": _first_of(60, 13),
    "fourteen": _first_of(60, 14),
    "hole": np.concatenate([_random(45, 5), np.full(45, NAN), _random(45, 6)]),
    "line": np.linspace(40, 62.25, 90),
    "falling": (_random(120, 7) - 50) / 2 + 80 - 0.3 * np.arange(120),
    "following": _following(140, 8),
    "ties": np.array([round(each, -1) for each in _random(120, 9)]),
    "extreme": np.where(np.arange(100) % 11 == 0, 1e6, np.where(np.arange(100) % 7 == 0, 1e-6, _random(100, 10))),
    "alternating": np.where(np.arange(80) % 2 == 0, 40.0, 60.0),
}
