"""Secrets at rest: AES-256-GCM in an envelope `v1.<kid>.<nonce>.<ciphertext>`, bound to table, row and column.

The binding (associated data) makes an envelope worthless in another row; the key id makes rotation a matter of
re-writing rows whose `kid` is not the newest. What is only ever looked up is kept as a keyed hash instead.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from circadia.errors import Misconfigured

_REMEDY = "put the key back into TOKEN_ENCRYPTION_KEYS, or have the member connect again"


class Keyring:
    """The encryption keys by id, newest first. Built once from TOKEN_ENCRYPTION_KEYS."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {kid: AESGCM(key) for kid, key in keys.items()}
        self._peppers = {kid: _derive(key, b"circadia lookup hash") for kid, key in keys.items()}
        self.newest = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """From `kid:base64,kid:base64`, newest first; Misconfigured says what is wrong with it."""
        keys: dict[str, bytes] = {}
        for entry in filter(None, (each.strip() for each in text.split(","))):
            kid, colon, encoded = entry.partition(":")
            if not colon or not kid or "." in kid:
                raise Misconfigured("TOKEN_ENCRYPTION_KEYS is a list of kid:base64, newest first; a kid has no dot")
            try:
                key = b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
            except binascii.Error as error:
                raise Misconfigured(f"TOKEN_ENCRYPTION_KEYS: the key {kid!r} is not base64") from error
            if len(key) != 32:
                raise Misconfigured(f"TOKEN_ENCRYPTION_KEYS: the key {kid!r} has {len(key)} bytes instead of 32")
            if kid in keys:
                raise Misconfigured(f"TOKEN_ENCRYPTION_KEYS: the key id {kid!r} occurs twice")
            keys[kid] = key
        if not keys:
            raise Misconfigured("TOKEN_ENCRYPTION_KEYS is empty")
        return cls(keys)

    @property
    def kids(self) -> tuple[str, ...]:
        """All key ids, newest first."""
        return tuple(self._ciphers)

    def seal(self, secret: str, *, table: str, row: object, column: str) -> str:
        """Encrypt with the newest key for exactly this place."""
        nonce = os.urandom(12)
        sealed = self._ciphers[self.newest].encrypt(nonce, secret.encode(), _place(table, row, column))
        return f"v1.{self.newest}.{_text(nonce)}.{_text(sealed)}"

    def open(self, envelope: str, *, table: str, row: object, column: str) -> str:
        """Decrypt what `seal` made for this place; Misconfigured if the key is gone or the envelope is not of here."""
        version, kid, nonce, sealed = envelope.split(".")
        cipher = self._ciphers.get(kid)
        if version != "v1" or cipher is None:
            raise Misconfigured(
                f"a secret in {table} is encrypted with the key {kid!r}, which is not configured: {_REMEDY}"
            )
        try:
            return cipher.decrypt(_bytes(nonce), _bytes(sealed), _place(table, row, column)).decode()
        except InvalidTag as error:
            raise Misconfigured(
                f"a secret in {table} cannot be decrypted: its key or its row was changed; {_REMEDY}"
            ) from error

    def hash(self, secret: str, *, kid: str | None = None) -> bytes:
        """The keyed hash a looked-up secret is stored as (32 bytes)."""
        pepper = self._peppers.get(kid or self.newest)
        if pepper is None:
            return b""
        return hmac.digest(pepper, secret.encode(), hashlib.sha256)


def kid_of(envelope: str) -> str:
    """The id of the key an envelope was made with."""
    return envelope.split(".", 2)[1]


def new_key(kid: str = "k1") -> str:
    """A fresh entry for TOKEN_ENCRYPTION_KEYS."""
    return f"{kid}:{urlsafe_b64encode(os.urandom(32)).decode()}"


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


def _place(table: str, row: object, column: str) -> bytes:
    return f"{table}|{row}|{column}".encode()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
