"""Who sees what: each role tries every view, table and function, and the ways around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, InvalidAuthorizationSpecification

from tests.grafana import household
from tests.grafana.household import ALICE, BOB, EVERYBODY, FIRST, LAST, SECRET, Household, asked, names
from tests.postgres import Server

_VIEWS: LiteralString = """
    SELECT relname FROM pg_class WHERE relnamespace = 'reporting'::regnamespace AND relkind IN ('v', 'm') ORDER BY 1"""
_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
"""
_NOT_REPORTS: LiteralString = _TABLES + "AND NOT (n.nspname = 'reporting' AND c.relkind = 'v')"
_WRITABLE: LiteralString = (
    _TABLES
    + """AND (has_any_column_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'UPDATE')
              OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER'))"""
)
_STATISTICS: LiteralString = (
    "SELECT tablename FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)
_ARGUMENTS = {
    "metric": "recovery_score",
    "first": FIRST,
    "last": LAST,
    "day": LAST,
    "lag": 0,
    "with": "strain",
    "only_with": None,
    "nights": 14,
    "by": "strain",
    "unit": "week",
    "needed": 4,
    "before_first": FIRST,
    "before_last": FIRST.replace(day=31),
}


@pytest.fixture(scope="module")
def home(postgres_server: Server) -> Iterator[Household]:
    url = postgres_server.create()
    filled = asyncio.run(household.made(url))
    yield filled
    household.drop(postgres_server, url, list(filled.roles.values()))


@contextmanager
def refused(connection: psycopg.Connection) -> Iterator[None]:
    """What is tried meanwhile is not allowed, and leaves nothing behind."""
    with pytest.raises(InsufficientPrivilege), connection.transaction():
        yield


def test_every_view_is_a_barrier(home: Household) -> None:
    with home.as_service() as service:
        open_ = names(
            service,
            """SELECT relname FROM pg_class WHERE relnamespace = 'reporting'::regnamespace AND relkind IN ('v', 'm')
               AND NOT coalesce('security_barrier=true' = ANY (reloptions) AND relkind = 'v', false)""",
        )
    assert open_ == []


def test_every_view_shows_a_member_their_own_rows_alone(home: Household) -> None:
    with home.as_service() as service, home.as_(ALICE) as alice, home.as_(BOB) as bob, home.as_(EVERYBODY) as all_:
        for view in names(service, _VIEWS):
            query = f"SELECT to_jsonb(v)::text FROM reporting.{view} v ORDER BY 1"
            whole = asked(service, query)
            assert whole, f"{view} is empty: nothing is proved"
            assert asked(all_, query) == whole
            assert SECRET not in str(whole), view
            hers, his = asked(alice, query), asked(bob, query)
            if view.startswith("operations_"):
                assert hers == his == [], view
            else:
                assert sorted(hers + his) == whole, view
                assert len(hers) == len(his), view
                assert asked(alice, f"SELECT DISTINCT user_id FROM reporting.{view}") == [(ALICE,)]


def test_no_condition_is_tried_on_rows_of_others(home: Household) -> None:
    """A division by zero on a row of bob's would tell alice of it."""
    with home.as_service() as service, home.as_(ALICE) as alice:
        views = [each for each in names(service, _VIEWS) if not each.startswith("operations_")]
        telling = {
            "journal": "length(question) - length('Did bob read?')",
            "workouts": "length(sport) - length('running of bob')",
        }
        for view, zero_for_bob in [*product(views, ["length(user_id) - length('bob')"]), *telling.items()]:
            query = f"SELECT count(*) FROM reporting.{view} WHERE 1 / ({zero_for_bob}) IS NOT NULL"
            assert asked(alice, query)[0][0] > 0
            with pytest.raises(psycopg.errors.DivisionByZero):
                asked(service, query)


@pytest.mark.parametrize("whom", [ALICE, EVERYBODY])
def test_nothing_but_the_views_can_be_read_or_written(home: Household, whom: str | None) -> None:
    with home.as_(whom) as role:
        role.execute("SET default_transaction_read_only = off")
        for table in names(role, _NOT_REPORTS):
            with refused(role):
                asked(role, f"SELECT * FROM {table}")
        assert names(role, _WRITABLE) == []
        assert names(role, _STATISTICS) == [], "the most common values of a column are rows too"


@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT * FROM pg_statistic",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_shadow",
        "COPY members TO STDOUT",
        "COPY (SELECT 1) TO '/tmp/out'",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT lo_import('/etc/passwd')",
        "DO $$ BEGIN PERFORM * FROM tokens; END $$",
        "SELECT settle_days(1)",
        "SELECT day_document('bob', '2026-11-19')",
        "SELECT set_config('role', 'circadia', false)",
        "SET ROLE circadia",
        "SET SESSION AUTHORIZATION circadia",
        "SELECT set_config('session_authorization', 'circadia', false)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE reporting.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE VIEW reporting.mine AS SELECT 1",
        "CREATE FUNCTION reporting.mine() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE OR REPLACE FUNCTION reporting.sees_everybody() RETURNS boolean LANGUAGE sql RETURN true",
        "ALTER VIEW reporting.members SET (security_barrier = false)",
        "CREATE ROLE mine",
        "CREATE EXTENSION adminpack",
        "GRANT SELECT ON members TO PUBLIC",
        "INSERT INTO report_grants VALUES ((SELECT session_user), NULL, now())",
        "ALTER ROLE circadia PASSWORD 'x'",
        "SELECT pg_current_logfile()",
    ],
)
def test_the_ways_around_are_closed(home: Household, attempt: LiteralString) -> None:
    with home.as_(ALICE) as alice:
        alice.execute("SET default_transaction_read_only = off")
        with pytest.raises(
            (InsufficientPrivilege, InvalidAuthorizationSpecification, psycopg.errors.FeatureNotSupported)
        ):
            alice.execute(attempt)


def test_another_s_role_cannot_be_taken(home: Household) -> None:
    with home.as_(ALICE) as alice:
        for other in (home.roles[BOB], home.roles[EVERYBODY]):
            for attempt in (f"SET ROLE {other}", f"SET SESSION AUTHORIZATION {other}"):
                with refused(alice):
                    asked(alice, f"{attempt}; SELECT 1")
    # nor does a role that was taken lawfully show anything of its own: who signed in counts
    with home.as_service() as service:
        service.execute(f"GRANT {home.roles[BOB]} TO {home.roles[ALICE]} WITH SET TRUE".encode())
        with home.as_(ALICE) as alice:
            alice.execute(f"SET ROLE {home.roles[BOB]}".encode())
            assert names(alice, "SELECT user_id FROM reporting.members") == [ALICE]
        service.execute(f"REVOKE {home.roles[BOB]} FROM {home.roles[ALICE]}".encode())


def test_tables_of_one_s_own_deceive_nothing(home: Household) -> None:
    """Whoever may make temporary tables puts them in front of everything that is looked for by name."""
    with home.as_(ALICE) as alice:
        alice.execute("SET default_transaction_read_only = off")
        alice.execute("CREATE TEMP TABLE report_grants AS SELECT session_user::text AS role, NULL::text AS user_id")
        alice.execute("CREATE TEMP TABLE members AS SELECT 2::bigint AS id, 'alice' AS user_id, now() AS as_of")
        alice.execute("CREATE TEMP TABLE day_changes AS SELECT 2::bigint AS member_id")
        alice.execute("SET search_path = pg_temp, reporting, public")
        assert names(alice, "SELECT user_id FROM reporting.members") == [ALICE]
        assert asked(
            alice, "SELECT reporting.sees_everybody(), reporting.may_see('bob'), reporting.may_see('alice')"
        ) == [(False, False, True)]
        assert asked(alice, "SELECT reporting.daily_summary('bob', %s)", LAST) == [(None,)]
        ((mine,),) = asked(alice, "SELECT reporting.daily_summary('alice', %s)", LAST)
        assert mine["of"] == 1


def _calls(connection: psycopg.Connection) -> Iterator[tuple[str, list[Any]]]:
    """Every function of the schema that is about a user, with arguments; a KeyError for an argument nobody foresaw."""
    for name, arguments in asked(
        connection,
        """SELECT proname, proargnames[1:pronargs] FROM pg_proc WHERE pronamespace = 'reporting'::regnamespace
           AND proargnames[1] = 'user_id' AND proname <> 'may_see' ORDER BY 1""",
    ):
        yield name, [_ARGUMENTS[each] for each in arguments[1:]]


def test_every_function_answers_about_oneself_and_about_nobody_else(home: Household) -> None:
    with home.as_service() as service, home.as_(ALICE) as alice, home.as_(EVERYBODY) as all_:
        calls = list(_calls(service))
        assert len(calls) > 20
        for name, arguments in calls:
            query = f"SELECT * FROM reporting.{name}({', '.join(['%s'] * (len(arguments) + 1))}) x"
            about_her = asked(service, query, ALICE, *arguments)
            assert asked(alice, query, ALICE, *arguments) == about_her, name
            assert asked(all_, query, BOB, *arguments) == asked(service, query, BOB, *arguments), name
            of_bob, of_nobody = asked(alice, query, BOB, *arguments), asked(alice, query, "nobody", *arguments)
            assert of_bob == of_nobody, name
            assert of_bob != asked(service, query, BOB, *arguments), f"{name} says nothing of bob: nothing is proved"


def test_functions_run_with_the_rights_of_who_calls_them(home: Household) -> None:
    """But for two, which look for nothing where a caller could put something in front."""
    with home.as_service() as service:
        found = asked(
            service,
            """SELECT proname, prosqlbody IS NOT NULL, proconfig FROM pg_proc
               WHERE prosecdef AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
               ORDER BY 1""",
        )
    assert found == [("daily_summary", False, ["search_path=public, pg_temp"]), ("sees_everybody", True, None)]


def test_a_summary_is_settled_where_one_may_write_and_given_where_not(home: Household) -> None:
    waiting: LiteralString = "SELECT count(*) FROM day_changes"
    with home.as_service() as service, home.as_(ALICE) as alice:
        service.execute("INSERT INTO day_changes (member_id, day) SELECT id, '2026-11-18' FROM members")
        assert asked(alice, "SELECT reporting.daily_summary('alice', '2026-11-18') ->> 'user_id'") == [(ALICE,)]
        assert asked(alice, "SELECT reporting.daily_summary('bob', '2026-11-18')") == [(None,)]
        assert asked(service, waiting) == [(2,)]
        alice.execute("SET default_transaction_read_only = off")
        assert asked(alice, "SELECT reporting.daily_summary('bob', '2026-11-18')") == [(None,)]
        assert asked(service, waiting) == [(2,)], "what is not hers is not touched"
        ((hers,),) = asked(alice, "SELECT reporting.daily_summary('alice', '2026-11-18')")
        assert (hers["cycle"]["strain"], asked(service, waiting)) == (10, [(1,)])


def test_a_role_without_a_grant_sees_nobody(home: Household) -> None:
    with home.as_service() as service, home.as_(BOB) as bob:
        grant = asked(service, "DELETE FROM report_grants WHERE user_id = 'bob' RETURNING role, user_id, granted_at")
        assert names(bob, "SELECT user_id FROM reporting.days") == [], "in a session that was open already"
        asked(service, "INSERT INTO report_grants VALUES (%s, %s, %s) RETURNING 1", *grant[0])
        assert names(bob, "SELECT DISTINCT user_id FROM reporting.days") == [BOB]


def test_whoever_may_read_the_tables_sees_everybody(home: Household) -> None:
    reader = f"{home.roles[ALICE]}_reader"
    with home.as_service() as service:
        service.execute(f"CREATE ROLE {reader} LOGIN PASSWORD '{household.PASSWORD}'".encode())
        service.execute(f"GRANT USAGE ON SCHEMA reporting TO {reader}".encode())
        service.execute(f"GRANT SELECT ON members, reporting.days TO {reader}".encode())
        with household.signed_in(home.url, reader) as reading:
            assert names(reading, "SELECT DISTINCT user_id FROM reporting.days ORDER BY 1") == [ALICE, BOB]
        service.execute(f"REVOKE ALL ON members, reporting.days FROM {reader}".encode())
        service.execute(f"REVOKE ALL ON SCHEMA reporting FROM {reader}".encode())
        service.execute(f"DROP ROLE {reader}".encode())


def test_roles_get_in_where_not_everybody_may(home: Household) -> None:
    database = urlsplit(home.url).path[1:]
    with home.as_service() as service:
        service.execute(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC".encode())
        for whom in (ALICE, EVERYBODY):
            with home.as_(whom) as role:
                assert ALICE in names(role, "SELECT user_id FROM reporting.members")
        service.execute(f"GRANT CONNECT ON DATABASE {database} TO PUBLIC".encode())


def test_an_erased_member_s_grant_goes_along(home: Household) -> None:
    with home.as_service() as service, service.transaction(force_rollback=True):
        service.execute("DELETE FROM members WHERE user_id = 'bob'")
        assert asked(service, "SELECT user_id FROM report_grants ORDER BY 1") == [(ALICE,), (None,)]


@contextmanager
def a_crowd(home: Household) -> Iterator[None]:
    """So many others meanwhile that reading all of them is no plan."""
    with home.as_service() as service:
        service.execute(
            "INSERT INTO members (user_id, created_at) SELECT 'crowd' || g, now() FROM generate_series(1, 400) g"
        )
        service.execute(
            """INSERT INTO day_values (member_id, day, state, calibrating, open)
               SELECT m.id, date '2026-11-19' - g, 'complete', false, false FROM members m, generate_series(0, 40) g
               WHERE m.user_id LIKE 'crowd%'"""
        )
        service.execute("ANALYZE members, day_values")
        yield
        service.execute("DELETE FROM members WHERE user_id LIKE 'crowd%'")


def test_the_filter_costs_no_index(home: Household) -> None:
    queries = (
        "SELECT * FROM reporting.days WHERE user_id = 'alice' AND day BETWEEN '2026-11-01' AND '2026-11-19'",
        "SELECT * FROM reporting.observations WHERE user_id = 'alice' AND source = 'whoop' AND day > '2026-11-01'",
        "SELECT * FROM reporting.series('alice', 'strain', '2026-11-01', '2026-11-19')",
        "SELECT * FROM reporting.workouts WHERE user_id = 'alice' AND day > '2026-11-01'",
        "SELECT * FROM reporting.journal WHERE user_id = 'alice' AND day > '2026-11-01'",
    )
    with a_crowd(home), home.as_(ALICE) as alice, home.as_(EVERYBODY) as all_:
        for role, query in product((alice, all_), queries):
            plan = "\n".join(each[0] for each in asked(role, f"EXPLAIN {query}"))
            assert "members_user_id_key" in plan, plan
            assert "Seq Scan" not in plan.replace("Seq Scan on report_grants", ""), plan
