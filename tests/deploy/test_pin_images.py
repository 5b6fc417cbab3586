"""`script/pin-images` against a registry that speaks like the real ones."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.files import ROOT

MANIFEST = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Registry(BaseHTTPRequestHandler):
    """It has one image, for whoever has fetched a token for it."""

    def do_GET(self) -> None:
        place = f"http://{self.headers['Host']}"
        if self.path == "/token?service=registry&scope=repository%3Athing%3Apull":
            self._answer(200, b'{"token": "t"}')
        elif self.headers["Authorization"] != "Bearer t":
            asked = f'Bearer realm="{place}/token",service="registry",scope="repository:thing:pull"'
            self._answer(401, b"", {"WWW-Authenticate": asked})
        elif self.path == "/v2/thing/manifests/1.2.3" and "oci.image.index" in self.headers["Accept"]:
            self._answer(200, MANIFEST)
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what it was asked is seen by its answers."""


@contextmanager
def _registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    with _registry() as place:
        yield place


def _pin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "script" / "pin-images", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_an_image_gets_its_digest_and_keeps_its_tag(registry: str, tmp_path: Path) -> None:
    dockerfile, compose = tmp_path / "Dockerfile", tmp_path / "compose.yaml"
    dockerfile.write_text(f"FROM {registry}/thing:1.2.3 AS build\nFROM build\n")
    compose.write_text(f"services:\n  thing:\n    image: {registry}/thing:1.2.3\n  ours:\n    image: circadia:0.1.0\n")
    checked = _pin("--check", dockerfile, compose)
    assert (checked.returncode, checked.stdout) == (1, f"{registry}/thing:1.2.3@{DIGEST}\n")
    assert "sha256" not in dockerfile.read_text()
    assert _pin(dockerfile, compose).returncode == 0
    assert dockerfile.read_text() == f"FROM {registry}/thing:1.2.3@{DIGEST} AS build\nFROM build\n"
    assert f"image: {registry}/thing:1.2.3@{DIGEST}\n" in compose.read_text()
    assert "image: circadia:0.1.0\n" in compose.read_text()
    again = _pin("--check", dockerfile, compose)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_stale_digest_is_found_and_replaced(registry: str, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {registry}/thing:1.2.3@sha256:{'0' * 64}\n")
    assert _pin("--check", dockerfile).returncode == 1
    assert _pin(dockerfile).returncode == 0
    assert dockerfile.read_text() == f"FROM {registry}/thing:1.2.3@{DIGEST}\n"


def test_an_image_that_cannot_be_resolved_stays_and_is_told(registry: str, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    written = f"FROM {registry}/thing:9 AS other\nFROM {registry}/thing:1.2.3\n"
    dockerfile.write_text(written)
    done = _pin(dockerfile)
    assert done.returncode == 1
    assert "thing:9: not resolved" in done.stderr
    assert dockerfile.read_text() == written.replace("1.2.3", f"1.2.3@{DIGEST}")
