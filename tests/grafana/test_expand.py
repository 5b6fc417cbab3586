"""Queries are expanded as Grafana's documentation says, and what it does not know is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.grafana.expand import Asked, moment

UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)
ABOVE = Asked(UNTIL - timedelta(days=1), UNTIL, {"member": "o'brien", "both": ["a", "b"]})
SINCE_SAID, UNTIL_SAID = "'2026-11-19T12:00:00.000000Z'", "'2026-11-20T12:00:00.000000Z'"


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("${member:sqlstring}", "'o''brien'"),
        ("${both:sqlstring}", "'a','b'"),
        ("$member ${member} [[both:csv]] ${both:raw}", "o'brien o'brien a,b a,b"),
        ("$__timeFrom()::date", f"{SINCE_SAID}::date"),
        ("$__timeTo()", UNTIL_SAID),
        ("$__timeFilter(d.day)", f"d.day BETWEEN {SINCE_SAID} AND {UNTIL_SAID}"),
        ("$__timeGroup(u.at, '5m')", "floor(extract(epoch from u.at)/300)*300"),
        ("$__timeGroupAlias(at,'1h')", 'floor(extract(epoch from at)/3600)*3600 AS "time"'),
        ("'$__interval'", "'15m'"),
    ],
)
def test_macros_and_variables(sql: str, expanded: str) -> None:
    assert ABOVE.expanded(sql, 96) == expanded


@pytest.mark.parametrize("sql", ["$__timeEver()", "$__timeFilter()", "${nobody}", "$nobody", "${member:json}"])
def test_what_grafana_does_not_know_is_refused(sql: str) -> None:
    with pytest.raises(AssertionError):
        ABOVE.expanded(sql)


def test_ends_of_a_range() -> None:
    assert moment("now", UNTIL) == UNTIL
    assert moment("now+14h", UNTIL) == UNTIL + timedelta(hours=14)
    assert moment("now-90d", UNTIL) == UNTIL - timedelta(days=90)
    assert moment("now-1y", UNTIL) == UNTIL - timedelta(days=365.25)
