"""The sealed stream: what comes out is what went in, or nothing."""

from __future__ import annotations

import io
import random
from base64 import b64encode, urlsafe_b64encode

import pytest

from circadia.errors import Invalid, Misconfigured
from circadia.storage.sealed_stream import Opening, Sealing, parse_key

KEY = bytes(range(32))
PIECE = 1 << 20
HEADER = 42


def _sealed(data: bytes, key: bytes = KEY) -> bytes:
    file = io.BytesIO()
    stream = Sealing(file, key)
    for start in range(0, len(data), 300_000):
        stream.write(data[start : start + 300_000])
    stream.finish()
    return file.getvalue()


def _opened(sealed: bytes, key: bytes = KEY) -> bytes:
    return io.BufferedReader(Opening(io.BytesIO(sealed), key)).read()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_what_went_in_comes_out(size: int) -> None:
    data = random.Random(size).randbytes(size)
    sealed = _sealed(data)
    assert _opened(sealed) == data
    assert len(sealed) == HEADER + size + 16 * max(1, -(-size // PIECE))
    assert size < 64 or data[:64] not in sealed


def test_two_streams_of_the_same_have_nothing_in_common() -> None:
    one, other = _sealed(b"x" * 100), _sealed(b"x" * 100)
    assert one[:26] == other[:26]
    assert all(one[at : at + 8] != other[at : at + 8] for at in range(26, len(one) - 8))


@pytest.mark.parametrize("place", [26, HEADER - 1, HEADER, HEADER + 5, HEADER + PIECE + 16, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    sealed = bytearray(_sealed(bytes(PIECE + 100)))
    sealed[place] ^= 1
    with pytest.raises(Invalid, match="damaged"):
        _opened(bytes(sealed))


@pytest.mark.parametrize("length", [HEADER, HEADER + 16, HEADER + PIECE, HEADER + PIECE + 16, HEADER + 2 * PIECE, -1])
def test_a_stream_that_was_cut_off_is_found(length: int) -> None:
    with pytest.raises(Invalid, match="damaged"):
        _opened(_sealed(bytes(2 * PIECE + 100))[:length])


def test_pieces_have_their_places() -> None:
    sealed = _sealed(random.Random(1).randbytes(3 * PIECE))
    pieces = [sealed[at : at + PIECE + 16] for at in range(HEADER, len(sealed), PIECE + 16)]
    assert len(pieces) == 3
    for order in ([1, 0, 2], [0, 2], [0, 1, 1, 2], [0, 1, 2, 2]):
        with pytest.raises(Invalid, match="damaged"):
            _opened(sealed[:HEADER] + b"".join(pieces[each] for each in order))


def test_another_key_and_another_file_are_told_apart() -> None:
    with pytest.raises(Misconfigured, match="another key"):
        _opened(_sealed(b"data"), bytes(32))
    for other in (b"", b"circadia backup", b"PGDMP" * 20, b"circadia backup 2\n" + bytes(60)):
        with pytest.raises(Invalid, match="not a backup"):
            _opened(other)


def test_a_key_is_32_bytes_in_base64() -> None:
    key = random.Random(5).randbytes(32)
    assert parse_key(f" {b64encode(key).decode()}\n") == key
    assert parse_key(urlsafe_b64encode(key).decode()) == key
    for text in ("", "secret", b64encode(key[:16]).decode(), b64encode(key).decode() + "!", key.hex()):
        with pytest.raises(ValueError, match="openssl rand -base64 32"):
            parse_key(text)
