"""Secrets at rest: bound to their place, rotated by key id, refused when anything was changed."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circadia.errors import Misconfigured
from circadia.storage import tokens
from circadia.storage.envelope import Keyring, kid_of, new_key
from circadia.storage.postgres import Database
from tests.conftest import NewStage

OLD, NEW = f"k1:{b64encode(b'1' * 32).decode()}", f"k2:{b64encode(b'2' * 32).decode()}"
PLACE = {"table": "tokens", "row": 7, "column": "access_token"}


@given(st.text())
def test_what_is_sealed_opens_in_its_place(secret: str) -> None:
    keyring = Keyring.parse(OLD)
    assert keyring.open(keyring.seal(secret, **PLACE), **PLACE) == secret  # type: ignore[arg-type]


def test_the_same_secret_never_looks_the_same() -> None:
    keyring = Keyring.parse(OLD)
    assert keyring.seal("x", **PLACE) != keyring.seal("x", **PLACE)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"row": 8}, {"column": "refresh_token"}, {"table": "authorizations"}])
def test_an_envelope_opens_in_no_other_place(change: dict[str, object]) -> None:
    keyring = Keyring.parse(OLD)
    envelope = keyring.seal("secret", **PLACE)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="row was changed"):
        keyring.open(envelope, **(PLACE | change))  # type: ignore[arg-type]


def test_another_key_of_the_same_name_opens_nothing() -> None:
    envelope = Keyring.parse(OLD).seal("secret", **PLACE)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="cannot be decrypted"):
        Keyring.parse(new_key("k1")).open(envelope, **PLACE)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="'k1', which is not configured"):
        Keyring.parse(NEW).open(envelope, **PLACE)  # type: ignore[arg-type]


def test_the_newest_key_seals_and_every_key_opens() -> None:
    both = Keyring.parse(f"{NEW}, {OLD}")
    old = Keyring.parse(OLD).seal("secret", **PLACE)  # type: ignore[arg-type]
    fresh = both.seal("secret", **PLACE)  # type: ignore[arg-type]
    assert (kid_of(old), kid_of(fresh), both.newest, both.kids) == ("k1", "k2", "k2", ("k2", "k1"))
    assert both.open(old, **PLACE) == both.open(fresh, **PLACE) == "secret"  # type: ignore[arg-type]


def test_a_lookup_hash_hangs_on_its_key() -> None:
    both = Keyring.parse(f"{NEW},{OLD}")
    assert both.hash("x", kid="k1") == Keyring.parse(OLD).hash("x") != both.hash("x")
    assert both.hash("x", kid="gone") == b""
    assert len(both.hash("x")) == 32


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("AAAA", "list of kid:base64"),
        (":AAAA", "list of kid:base64"),
        ("a.b:AAAA", "a kid has no dot"),
        ("k1:!!", "not base64"),
        ("k1:AAAA", "3 bytes instead of 32"),
        pytest.param(f"{OLD},{OLD}", "occurs twice", id="twice"),
    ],
)
def test_keys_that_are_none(text: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told) as caught:
        Keyring.parse(text)
    assert OLD[3:] not in str(caught.value)


async def test_a_swapped_row_is_found_out(stage: NewStage) -> None:
    here = await stage()
    await here.db.execute("INSERT INTO members (user_id, created_at) VALUES ('mallory', now())")
    await here.db.execute(
        "INSERT INTO connections SELECT m.id, 1, 'connected', NULL, '{}', now(), now() FROM members m "
        "WHERE m.user_id = 'mallory'"
    )
    await here.db.execute(
        "INSERT INTO tokens (member_id, access_token, refresh_token, obtained_at, expires_at, version) "
        "SELECT m.id, t.access_token, t.refresh_token, t.obtained_at, t.expires_at, 1 FROM tokens t, members m "
        "WHERE m.user_id = 'mallory'"
    )
    thief = await here.db.row("SELECT id FROM members WHERE user_id = 'mallory'")
    assert thief is not None
    with pytest.raises(Misconfigured, match="row was changed"):
        await tokens.load(here.db, here.runtime.keyring, thief[0])


async def test_rotation_rewrites_online_what_is_not_under_the_newest_key(stage: NewStage) -> None:
    here = await stage()
    before = await here.runtime.tokens.stored(here.grant.member_id)
    kids = ",".join(f"{kid}" for kid in here.runtime.keyring.kids)
    assert kids == "k1"
    both = Keyring.parse(f"{NEW},k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    assert await tokens.reseal(here.db, both) == 1
    assert await tokens.reseal(here.db, both) == 0
    assert await kids_of(here.db) == {"k2"}
    assert await tokens.load(here.db, Keyring.parse(NEW), here.grant.member_id) == before


async def kids_of(db: Database) -> set[str]:
    rows = await db.rows("SELECT access_token, refresh_token FROM tokens")
    return {kid_of(each) for row in rows for each in row}
