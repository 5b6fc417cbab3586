"""The page about figures and analyses says what the code says."""

from __future__ import annotations

import psycopg

from circadia.domain.analyses import ANALYSES
from circadia.domain.trends import DAY_METRICS
from tests.docs.trends_page import BEGIN, PAGE, tables


def test_every_figure_and_every_analysis_is_documented_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) :] == tables(), "run python -m tests.docs.trends_page"


def test_nothing_is_left_unsaid() -> None:
    for each in DAY_METRICS:
        assert each.label
        assert each.about
    for analysis in ANALYSES:
        assert all((analysis.title, analysis.about, analysis.formula, analysis.source)), analysis.name
        assert all(each.about for each in analysis.parameters), analysis.name
        assert all(each.about for each in analysis.columns), analysis.name


def test_every_analysis_is_a_function_that_sql_users_find(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            """SELECT p.proname, p.proargnames[1:p.pronargs] FROM pg_proc p
               WHERE p.pronamespace = 'reporting'::regnamespace"""
        ).fetchall()
    functions = {name: arguments for name, arguments in found if arguments}
    for each in ANALYSES:
        assert functions[each.function] == ["user_id", *(parameter.name for parameter in each.parameters)], each.name
