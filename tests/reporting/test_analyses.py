"""What is said of an analysis is what the database has: the function, its arguments and its columns."""

from __future__ import annotations

from circadia.domain.analyses import ANALYSES
from circadia.domain.analyses.analysis import Analysis
from tests.reporting.series import Store

_KINDS = {"date": "date", "metric": "text", "word": "text", "number": "integer"}


def _signature(store: Store, function: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and types of a function's arguments, and its columns."""
    found = store.rows(
        """SELECT a.name, a.mode, format_type(a.type, NULL) AS type
           FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace AND s.nspname = 'reporting',
                unnest(p.proargnames, p.proargmodes::text[], p.proallargtypes)
                    WITH ORDINALITY a (name, mode, type, place)
           WHERE p.proname = %s ORDER BY a.place""",
        function,
    )
    taken = [(row["name"], row["type"]) for row in found if row["mode"] == "i"]
    return taken, [row["name"] for row in found if row["mode"] == "t"]


def _wanted(analysis: Analysis) -> tuple[list[tuple[str, str]], list[str]]:
    taken = [("user_id", "text"), *((each.name, _KINDS[each.kind]) for each in analysis.parameters)]
    return taken, [each.name for each in analysis.columns]


def test_every_analysis_is_as_described(store: Store) -> None:
    described = {each.name: _wanted(each) for each in ANALYSES}
    assert {each.name: _signature(store, each.function) for each in ANALYSES} == described


def test_a_function_reads_only(store: Store) -> None:
    rows = store.rows(
        "SELECT p.proname AS name, p.provolatile AS how FROM pg_proc p"
        " JOIN pg_namespace s ON s.oid = p.pronamespace AND s.nspname = 'reporting'"
    )
    functions = {row["name"]: row["how"] for row in rows}
    assert {functions[each.function] for each in ANALYSES} == {"s"}
