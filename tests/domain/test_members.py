"""Members as values: ids that may be, scopes that include others, tokens that do not show themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from circadia.domain.members import ApiKey, KeyScope, Token, check_user_id
from circadia.errors import Invalid

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", ["a", "7", "user-1", "a.b_c@d.example:x+y", "0" * 128])
def test_a_user_id_is_taken_as_it_is(text: str) -> None:
    assert check_user_id(text) == text


@pytest.mark.parametrize("text", ["", "0" * 129, " a", "a ", "a/b", "a?b", ".a", "_a", "a\n", "é", "a\x00"])
def test_what_no_user_can_be_called(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_user_id(text)
    assert caught.value.kind == "invalid_user_id"


@pytest.mark.parametrize(
    ("scopes", "read", "write", "admin"),
    [
        ({"read"}, True, False, False),
        ({"write"}, True, True, False),
        ({"admin"}, True, True, True),
        ({"read", "admin"}, True, True, True),
        (set(), False, False, False),
        ({"root"}, False, False, False),
    ],
)
def test_a_wider_scope_includes_the_narrower(scopes: set[str], read: bool, write: bool, admin: bool) -> None:
    key = ApiKey("id", "name", frozenset(scopes), NOW)
    asked: dict[KeyScope, bool] = {"read": read, "write": write, "admin": admin}
    assert {scope: key.allows(scope) for scope in asked} == asked


def test_a_token_does_not_show_its_secrets() -> None:
    token = Token("secret-access", "secret-refresh", NOW, NOW, 3)
    assert "secret" not in repr(token) + str(token) + f"{token}"
    assert "version=3" in repr(token)
