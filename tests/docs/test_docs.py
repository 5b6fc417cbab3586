"""The documentation says what the code does: settings, commands, routes, columns, the day document, links, examples."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import psycopg
import pytest
import typer
from psycopg import sql

from circadia import config
from circadia.api import examples
from circadia.app import create_app
from circadia.cli import app as commands
from circadia.clients.notify import Message
from circadia.clients.signature import key_of, signed_headers
from circadia.config import NAMES, SECRETS, Settings
from circadia.domain.catalog import CATALOG
from circadia.domain.notices import Kind
from circadia.simulator import admin, console, faults, mutations, switches
from circadia.simulator.sahha import admin as sahha_admin
from circadia.simulator.sahha import switches as sahha_switches
from circadia.storage.schema import metadata

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

GLOSSARY = (
    "member, connection, grant, record type, record, cycle, window, cursor, page, overlap, due, run, outcome, reject, "
    "delivery, hint, backfill, budget, lane, source, reading, day, stretch, hold, walk, coverage, notice, turn, slice, "
    "leader, reconciliation, breaker, external id, identity, metric, observation, policy, person, owner, coach, share, "
    "session, link, invitation, audit, issuer, figure, analysis, baseline, debt, load"
)
QUERYABLE = [
    *("members", "cycles", "sleeps", "recoveries", "workouts", "profiles", "body_measurements", "journal_entries"),
    *("rejects", "deliveries", "runs"),
]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _sections(path: Path, level: int = 2) -> dict[str, str]:
    """A page's sections by heading: those of `level` or deeper, each up to the next heading."""
    parts = re.split(rf"^(#{{{level},}}) (.+)$", _text(path), flags=re.MULTILINE)
    return dict(zip(parts[2::3], parts[3::3], strict=True))


def _first_column(text: str) -> list[str]:
    """Everything in backticks in the first column of the tables in a text."""
    cells = re.findall(r"^\| ([^|]*)\|", text, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}(?: run)?\n(.*?)^ *```$", _text(path), flags=re.MULTILINE | re.DOTALL)


def _prose(path: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", _text(path), flags=re.MULTILINE | re.DOTALL)


# Settings


def _settings_rows() -> dict[str, tuple[bool, str]]:
    """Each documented setting: whether it is marked as a secret, and its default column."""
    text = _text(REFERENCE / "settings.md")
    found = re.findall(r"^\| `([A-Z_]+)`( ✱)? \| ([^|]*) \|", text, flags=re.MULTILINE)
    assert len(found) == len({name for name, _, _ in found})
    return {name: (bool(mark), default) for name, mark, default in found}


def test_every_setting_is_documented_and_no_other() -> None:
    rows = _settings_rows()
    assert set(rows) == set(NAMES)
    assert {name for name, (secret, _) in rows.items() if secret} == SECRETS


def test_documented_defaults_are_the_real_ones() -> None:
    settings = config.load({}, dotenv=Path("nowhere"))
    rows = _settings_rows()
    told = {name: re.findall(r"`([^`]+)`", default) for name, (_, default) in rows.items()}
    for name, field in NAMES.items():
        value = getattr(settings, field)
        if field in ("circadia_data_dir", "public_url", "whoop_redirect_url", "log_format"):
            continue  # these follow others, or the surroundings
        plain = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
        assert told[name] == ([] if value in (None, ()) else [plain]), name


def test_settings_that_the_pages_name_exist() -> None:
    assigned = re.compile(r"^ *([A-Z][A-Z_]{3,})=", flags=re.MULTILINE)
    ours = {"KEY", "SIM"}
    for page in PAGES:
        for block in _blocks(page, "sh"):
            assert set(assigned.findall(block)) - ours <= set(NAMES), page


def test_the_example_that_verifies_a_signature_does(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = _blocks(DOCS / "how-to" / "be-told.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    sent_at = 1_800_000_000
    headers = signed_headers(key_of(secret), "notice_1_2_raised", sent_at, b'{"kind": "test"}')
    monkeypatch.setattr(names["time"], "time", lambda: sent_at + 299)
    assert names["verified"](secret, headers, b'{"kind": "test"}')
    assert not names["verified"](secret, headers, b'{"kind": "tested"}')
    assert not names["verified"](secret, headers | {"webhook-id": "notice_1_2_over"}, b'{"kind": "test"}')
    assert not names["verified"](secret.replace("M", "N"), headers, b'{"kind": "test"}')
    monkeypatch.setattr(names["time"], "time", lambda: sent_at + 301)
    assert not names["verified"](secret, headers, b'{"kind": "test"}')


def test_the_example_of_a_message_has_its_fields_and_every_kind_is_documented() -> None:
    page = DOCS / "how-to" / "be-told.md"
    (example,) = _blocks(page, "json")
    message = Message("notice_1_2", "test", None, "", None, datetime.now(UTC))
    assert set(json.loads(example)) == set(json.loads(message.body()))
    table = _text(page)[: _text(page).index("Each is told once")]
    assert set(_first_column(table)) == set(get_args(Kind))


# Commands


def _walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its path."""
    for name, each in getattr(command, "commands", {}).items():
        if hasattr(each, "commands"):
            yield from _walk(each, (*path, name))
        else:
            yield (*path, name), each


COMMANDS = dict(_walk(typer.main.get_command(commands)))


def _options(command: Any) -> set[str]:
    names = (
        name
        for each in command.params
        if not getattr(each, "hidden", False)
        for name in (*each.opts, *each.secondary_opts)
    )
    return {name for name in names if name.startswith("--")}


def test_every_command_and_option_is_documented_and_no_other() -> None:
    documented: dict[tuple[str, ...], set[str]] = {}
    for heading, body in _sections(REFERENCE / "cli.md", 3).items():
        if found := re.fullmatch(r"`circadia ([^`]+)`", heading):
            words = tuple(word for word in found[1].split() if word == word.lower())
            documented[words] = {each for each in _first_column(body) if each.startswith("--")}
    assert documented == {path: _options(command) for path, command in COMMANDS.items()}


def _command_lines() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                for found in re.findall(r"^ *(circadia .*)|\$\((circadia [^)]*)\)", line):
                    yield page, "".join(found)


def test_commands_in_examples_exist() -> None:
    lines = list(_command_lines())
    assert len(lines) > 20
    for page, line in lines:
        words = shlex.split(line, comments=True)[1:]
        path = next((tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in COMMANDS), None)
        assert path is not None, f"{page.name}: {line}"
        if path != ("db", "psql"):
            used = {word for word in words if word.startswith("--")}
            assert used <= _options(COMMANDS[path]), f"{page.name}: {line}"


def test_scripts_in_examples_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"script/[a-z-]+", _text(page)):
            assert (ROOT / name).is_file(), f"{page.name}: {name}"


# HTTP


def _openapi() -> dict[str, Any]:
    settings = Settings(circadia_data_dir=Path("nowhere"))
    return create_app(settings).openapi()


def _routes() -> dict[str, dict[str, Any]]:
    paths = _openapi()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


def test_every_route_is_documented_and_no_other() -> None:
    sections = _sections(REFERENCE / "http.md", 3)
    documented = {name.strip("`"): body for name, body in sections.items() if name.startswith("`")}
    routes = _routes()
    assert set(documented) == set(routes)
    for name, told in routes.items():
        asked = {each["name"] for each in told.get("parameters", ()) if each["in"] == "query"}
        assert asked <= set(re.findall(r"`([^`]+)`", documented[name])), name


def test_documented_scopes_are_the_real_ones() -> None:
    sections = _sections(REFERENCE / "http.md", 3)
    for name, told in _routes().items():
        words = {"[]": "Open", "[{'Session': []}]": "Session"}.get(str(told.get("security")), "Scope `")
        assert sections[f"`{name}`"].lstrip().startswith(words), name


def test_addresses_in_examples_are_routes() -> None:
    templates = [re.sub(r"\{[^}]+\}", "[^/]+", name.partition(" ")[2]) for name in _routes()]
    fixed = ("/docs", "/openapi.json", "/_sim/")
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for path in re.findall(r"(?:127\.0\.0\.1:\d+|whoop\.example\.org|\$SIM)(/[^\s\"?]*)", block):
                known = any(re.fullmatch(each, path) for each in templates) or path.startswith(fixed)
                assert known, f"{page.name}: {path}"


def test_every_problem_type_is_documented_and_no_other() -> None:
    section = _sections(REFERENCE / "http.md")["Problem types"]
    raised = {"internal", "no_such_route", "method_not_allowed"}
    source = ROOT / "src" / "circadia"
    for path in source.rglob("*.py"):
        # what runtime.py raises ends a start, not a request
        if path.relative_to(source).parts[0] not in ("simulator", "cli", "runtime.py"):
            raised |= set(re.findall(r'\bkind ?= ?"([a-z_]+)"', _text(path)))
    assert set(_first_column(section)) == raised - {"error"}


# The day document


def _keys(value: Any, path: str = "") -> set[str]:
    if isinstance(value, list):
        return {key for each in value for key in _keys(each, f"{path}[]")}
    if not isinstance(value, dict):
        return set()
    names = {f"{path}.{name}" if path else name for name in value}
    return names.union(*(_keys(each, f"{path}.{name}" if path else name) for name, each in value.items()))


def _documented_keys() -> set[str]:
    text = _text(REFERENCE / "day-document.md")
    text = text[: text.index("| Reason |")]
    return set(_first_column(text[text.index("## The document") :]))


def test_every_key_of_the_day_document_is_documented() -> None:
    assert _keys(examples.DAY) <= _documented_keys()


def test_documented_keys_of_the_day_document_are_those_that_the_database_builds(database_url: str) -> None:
    row = '{"id": %s, "cycle_id": 1, "zone_one_milli": 1, "total_light_sleep_time_milli": 1, "baseline_milli": 1}'
    some_uuid = '"00000000-0000-0000-0000-000000000000"'
    keys: set[str] = set()
    with psycopg.connect(database_url) as connection:
        for part, table, number in (
            *(("recovery", "recoveries", "1"), ("sleep", "sleeps", some_uuid)),
            *(("cycle", "cycles", "1"), ("workout", "workouts", some_uuid)),
        ):
            built = connection.execute(
                sql.SQL("SELECT {}(jsonb_populate_record(NULL::{}, %s::jsonb))").format(
                    sql.Identifier(f"{part}_json"), sql.Identifier(table)
                ),
                (row % number,),
            ).fetchone()
            assert built is not None
            keys |= _keys(built[0], "workouts[]" if part == "workout" else part)
        found = connection.execute("SELECT reporting.daily_summary('nobody', '2026-11-19')").fetchone()
        assert found is not None
        keys |= _keys(found[0])
        for reason, remedy in connection.execute("SELECT r, empty_remedy(r) FROM (VALUES ('no_data')) v (r)"):
            assert reason
            assert remedy
    keys |= set(examples.DAY) | {"recovery", "sleep", "cycle", "workouts"}
    keys |= {"journal[].question", "journal[].answered_yes", "journal[].notes"}
    assert _documented_keys() == keys


def test_every_reason_for_a_gap_is_documented_and_no_other() -> None:
    statements = _text(ROOT / "src/circadia/storage/migrations/sql/0001_days.sql")
    gap, empty = (
        re.search(rf"CREATE FUNCTION {name}\(.*?;\n\n", statements, flags=re.DOTALL) for name in ("gap", "empty_reason")
    )
    assert gap
    assert empty
    reasons = set(re.findall(r"'reason', '([a-z_]+)'", gap[0])) | set(re.findall(r"(?:THEN|ELSE) '(\w+)'", empty[0]))
    text = _text(REFERENCE / "day-document.md")
    table = text[text.index("| Reason |") :]
    assert set(_first_column(table)) == reasons | {"fetching"}


def test_json_examples_are_json() -> None:
    for page in PAGES:
        for block in _blocks(page, "json"):
            json.loads(block)


# Tables


def test_every_column_of_the_tables_people_query_is_documented_and_no_other() -> None:
    sections = _sections(REFERENCE / "tables.md")
    for name in QUERYABLE:
        documented = _first_column(sections[f"`{name}`"])
        assert sorted(documented) == sorted(each.name for each in metadata.tables[name].columns), name
    assert {each.table for each in CATALOG} <= set(QUERYABLE)


def test_every_other_table_is_named() -> None:
    section = _sections(REFERENCE / "tables.md")["The others"]
    assert set(metadata.tables) - set(QUERYABLE) <= set(re.findall(r"`([^`]+)`", section))


def test_sql_examples_run(database_url: str) -> None:
    statements = [each for page in PAGES for each in _blocks(page, "sql") if each.lstrip().startswith("SELECT")]
    assert len(statements) > 5
    with psycopg.connect(database_url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_role_as_documented_may_read_the_day(database_url: str) -> None:
    grants = [each for each in _blocks(DOCS / "how-to/use-your-own-postgresql.md", "sql") if "GRANT" in each]
    assert len(grants) == 1
    with psycopg.connect(database_url, autocommit=True) as connection, connection.transaction(force_rollback=True):
        connection.execute(grants[0].encode())
        connection.execute("INSERT INTO members (user_id, created_at) VALUES ('demo', now())")
        connection.execute("INSERT INTO day_changes (member_id, day) SELECT id, current_date FROM members")
        connection.execute("GRANT reader TO CURRENT_USER WITH SET TRUE")
        connection.execute("SET LOCAL ROLE reader")
        connection.execute("SET LOCAL transaction_read_only = on")
        found = connection.execute("SELECT reporting.daily_summary('demo', '2026-11-19') ->> 'state'").fetchone()
    assert found == ("empty",)


# The simulator


def test_switches_faults_mutations_and_routes_of_the_simulator_are_documented() -> None:
    sections = _sections(REFERENCE / "simulator.md")
    defaults = switches.DEFAULT_SWITCHES.model_dump()
    found = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", sections["Switches"], flags=re.MULTILINE)
    assert dict(found) == {name: str(_as_json(value)) for name, value in defaults.items()}
    kinds = {*get_args(faults.RequestFault), *get_args(faults.WebhookFault)}
    assert set(_first_column(sections["Faults"])) == kinds
    assert set(_first_column(sections["Mutations"])) == set(mutations.ACTIONS)
    told = set(re.findall(r"(/_sim/[^`]*)`", sections["Admin API"]))
    assert told == _steered(admin)


def test_switches_and_routes_of_the_simulated_sahha_are_documented() -> None:
    sections = _sections(REFERENCE / "simulator.md", 3)
    defaults = sahha_switches.DEFAULT_SWITCHES.model_dump()
    found = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", sections["Switches of Sahha"], flags=re.MULTILINE)
    assert dict(found) == {name: str(_as_json(value)) for name, value in defaults.items()}
    told = set(re.findall(r"(/_sim/[^`]*)`", sections["Routes under /_sim"]))
    assert told == _steered(sahha_admin)


def _steered(admin: ModuleType) -> set[str]:
    """The paths of an admin API, those that every simulator has included."""
    code = _text(Path(str(admin.__file__))) + _text(Path(console.__file__))
    return {f"/_sim{path.replace(':int', '')}" for path in re.findall(r'\broute\("([^"]+)"', code)}


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# Pages


def test_the_glossary_has_every_noun() -> None:
    defined = re.findall(r"^\*\*(.+?)\.\*\*", _text(DOCS / "glossary.md"), flags=re.MULTILINE)
    assert sorted(each.lower() for each in defined) == sorted(GLOSSARY.split(", "))
    assert defined == sorted(defined)


def _anchor(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        assert "://" not in target, f"{target}: the documentation has to be readable without a network"
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", _text(path), flags=re.MULTILINE)
            assert anchor in {_anchor(each) for each in headings}, target


def test_every_page_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", _prose(page))]
    assert set(PAGES) <= seen


def test_the_root_holds_no_other_pages() -> None:
    found = {each.name for each in ROOT.glob("*.md")}
    assert found == {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}


def test_decisions_are_numbered_and_have_their_parts() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))
    for number, path in enumerate(decisions, 1):
        assert path.name.startswith(f"{number:04}-")
        assert _text(path).startswith(f"# {number}. ")
        assert list(_sections(path)) == ["Context", "Decision", "Consequences", "Alternatives"], path.name
