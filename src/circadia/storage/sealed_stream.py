"""A stream of any length under one key: AES-256-GCM in pieces that can neither be changed, reordered nor left out.

    "circadia backup 1\\n" | key id, 8 bytes | salt, 16 bytes | piece | piece | ...

Each stream has a key of its own (HKDF-SHA256 of the key and the salt). A piece is 1 MiB, only the last is shorter. Its
nonce is its place (11 bytes) and whether it is the last (1 byte), so that a stream which was cut off is not taken for a
whole one. This is the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015).
"""

from __future__ import annotations

import binascii
import io
import os
from base64 import b64decode
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from circadia.errors import Invalid, Misconfigured

_MAGIC = b"circadia backup 1\n"
_ID, _SALT, _TAG, _PIECE = 8, 16, 16, 1 << 20


def parse_key(text: str) -> bytes:
    """A key from its setting, 32 bytes in base64; ValueError says how to make one."""
    try:
        key = b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError("it has to be 32 bytes in base64: make one with `openssl rand -base64 32`")
    return key


class Sealing:
    """Seals what is written into `file`. Only after `finish` is the stream a whole one."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        salt = os.urandom(_SALT)
        self._header = _MAGIC + _key_id(key) + salt
        self._cipher = AESGCM(_derived(key, b"circadia backup", salt))
        self._file = file
        self._waiting = bytearray()
        self._place = 0
        file.write(self._header)

    def write(self, data: bytes) -> int:
        """Take more of the stream."""
        self._waiting += data
        while len(self._waiting) > _PIECE:
            self._seal(_PIECE, last=False)
        return len(data)

    def flush(self) -> None:
        """Nothing leaves before its piece is full."""

    def finish(self) -> None:
        """Seal the rest, as the last piece."""
        self._seal(_PIECE, last=True)

    def _seal(self, size: int, *, last: bool) -> None:
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._file.write(self._cipher.encrypt(_nonce(self._place, last=last), piece, self._header))
        self._place += 1


class Opening(io.RawIOBase):
    """Reads what `Sealing` wrote into `file`.

    Raises:
        Invalid: it is not such a stream, or not as it was written.
        Misconfigured: it was written with another key.
    """

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        super().__init__()
        self._header = file.read(len(_MAGIC) + _ID + _SALT)
        if not self._header.startswith(_MAGIC) or len(self._header) != len(_MAGIC) + _ID + _SALT:
            raise Invalid("this is not a backup of Circadia, or of a version that this one cannot read")
        if self._header[len(_MAGIC) : -_SALT] != _key_id(key):
            raise Misconfigured(
                "the backup was made with another key", remedy="Set CIRCADIA_BACKUP_KEY to the key of its time."
            )
        self._cipher = AESGCM(_derived(key, b"circadia backup", self._header[-_SALT:]))
        self._file = file
        self._place = 0
        self._opened = memoryview(b"")
        self._next = file.read(_PIECE + _TAG)
        if not self._next:
            raise _damaged()

    def readable(self) -> bool:
        """It is only read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill some of `buffer`; 0 at the end of a whole stream."""
        if not self._opened and self._next:
            self._open()
        size = min(len(buffer), len(self._opened))
        buffer[:size] = self._opened[:size]
        self._opened = self._opened[size:]
        return size

    def _open(self) -> None:
        piece, self._next = self._next, self._file.read(_PIECE + _TAG)
        try:
            opened = self._cipher.decrypt(_nonce(self._place, last=not self._next), piece, self._header)
        except InvalidTag:
            raise _damaged() from None
        self._place += 1
        self._opened = memoryview(opened)


def _damaged() -> Invalid:
    return Invalid("the backup is damaged or cut off", remedy="Take another one.")


def _nonce(place: int, *, last: bool) -> bytes:
    return place.to_bytes(11, "big") + bytes([last])


def _key_id(key: bytes) -> bytes:
    """What tells a key from another and says nothing about it."""
    return _derived(key, b"circadia backup key id", None)[:_ID]


def _derived(key: bytes, purpose: bytes, salt: bytes | None) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(key)
