"""Links from the terminal: the owner's, and a member's who cannot sign in with WHOOP."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from datetime import UTC, datetime, timedelta

from circadia.clock import system_clock
from circadia.storage import links, members, people
from circadia.storage.postgres import Database
from tests.cli.terminal import PROGRAM, Terminal

_LINK = re.compile(r"http://127\.0\.0\.1:\d+/auth/link/(\S+)")


async def found(db: Database, url: str) -> links.Link:
    """What a printed link stands for."""
    token = _LINK.fullmatch(url.strip())
    assert token is not None, url
    link = await links.look(db, token[1], system_clock())
    assert link is not None
    return link


async def member(db: Database, user_id: str) -> None:
    async with db.begin() as connection:
        await members.ensure(connection, user_id, system_clock())


async def test_the_owner_s_link(terminal: Terminal, db: Database) -> None:
    made = terminal.run("owner-link", "--json").data
    assert made["user_id"].startswith("m-")
    link = await found(db, made["url"])
    assert (link.kind, link.user_id) == ("owner", made["user_id"])
    assert abs(link.expires_at - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(minutes=1)
    assert await people.owner(db) is None, "making a link claims nothing"

    await member(db, "alice")
    said = terminal.run("owner-link")
    assert (await found(db, said.stdout)).user_id == "alice", "the only member"
    assert "alice" in said.stderr
    await member(db, "bob")
    assert (await found(db, terminal.run("owner-link", "--user", "bob").stdout)).user_id == "bob"

    async with db.begin() as connection:
        await people.claim(connection, "bob", system_clock())
    assert (await found(db, terminal.run("owner-link").stdout)).user_id == "bob"
    assert terminal.run("owner-link", "--user", "alice").refused("bob")


async def test_a_member_s_link(terminal: Terminal, db: Database) -> None:
    assert terminal.run("signin-link", "alice").refused("nobody is called alice", "circadia status")
    await member(db, "alice")
    said = terminal.run("signin-link", "alice")
    link = await found(db, said.stdout)
    assert (said.code, link.kind, link.user_id) == (0, "signin", "alice")
    assert terminal.run("signin-link", "a b").code == 2
    audit = await db.rows("SELECT actor_kind, user_id, deed, details FROM audit")
    assert audit == [("terminal", "alice", "link.made", {"kind": "signin"})]


async def test_the_first_start_on_a_terminal_says_how_to_own_it(terminal: Terminal, db: Database) -> None:
    url = _LINK.search(_shown(terminal))
    assert url is not None
    assert (await found(db, url[0])).kind == "owner"
    async with db.begin() as connection:
        await people.claim(connection, "alice", system_clock())
    assert _LINK.search(_shown(terminal)) is None


def _shown(terminal: Terminal) -> str:
    """What `circadia serve` shows on a terminal until it serves."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "HOME": os.fspath(terminal.directory), **terminal.settings}
    process = subprocess.Popen(
        [PROGRAM, "serve", "--no-worker", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=terminal.directory,
        env=environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while b"serve.ready" not in shown:
            shown += os.read(ours, 4096)
    finally:
        process.terminate()
        process.wait()
        os.close(ours)
    return shown.decode()
