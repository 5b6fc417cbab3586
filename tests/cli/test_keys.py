"""Service keys from the terminal work at the API, until they end."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from circadia.clock import system_clock
from circadia.storage import keys, members, tokens
from circadia.storage.envelope import Keyring, kid_of
from circadia.storage.postgres import Database
from tests.cli.conftest import Whoop
from tests.cli.terminal import Terminal
from tests.simulated import KEYS

KEYRING = Keyring.parse(KEYS)
NEWER = f"k2:{b64encode(bytes(range(32, 64))).decode()}"


async def test_a_key_lives_until_it_is_revoked(terminal: Terminal, db: Database) -> None:
    made = terminal.run("keys", "create", "dashboard", "--scope", "read", "--json").data
    assert list(made) == ["id", "name", "key", "scopes"]
    assert (made["name"], made["scopes"]) == ("dashboard", ["read"])
    key = await keys.check(db, KEYRING, made["key"], system_clock())
    assert key is not None
    assert key.allows("read")
    assert not key.allows("write")

    (listed,) = terminal.run("keys", "list", "--json").data["keys"]
    assert (listed["id"], listed["state"]) == (made["id"], "good")
    assert made["key"] not in terminal.run("keys", "list").stdout

    assert terminal.run("keys", "revoke", made["id"]).code == 0
    assert await keys.check(db, KEYRING, made["key"], system_clock()) is None
    assert "revoked" in terminal.run("keys", "list").stdout
    assert terminal.run("keys", "revoke", made["id"]).refused(made["id"], "circadia keys list")


async def test_a_key_for_a_while(terminal: Terminal, db: Database) -> None:
    said = terminal.run("keys", "create", "visitor", "--scope", "write", "--expires", "90d")
    assert "only time it is shown" in said.stderr
    key = await keys.check(db, KEYRING, said.stdout.strip(), system_clock())
    assert key is not None
    assert key.expires_at is not None
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert await keys.check(db, KEYRING, said.stdout.strip(), key.expires_at) is None


async def test_rotation_seals_with_the_newest_key(connected: Terminal, whoop: Whoop, db: Database) -> None:
    member = await members.find(db, "alice")
    assert member is not None
    before = await tokens.load(db, KEYRING, member.id)
    rotated = connected.with_settings(TOKEN_ENCRYPTION_KEYS=f"{NEWER},{KEYS}").run("keys", "rotate", "--json").data
    assert rotated == {"resealed": 1, "key": "k2"}
    stored = await db.row("SELECT access_token FROM tokens")
    assert stored is not None
    assert kid_of(stored[0]) == "k2"
    assert await tokens.load(db, Keyring.parse(NEWER), member.id) == before
