"""`script/audit` tells what is wrong, and what it could not look at."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

from tests import audit
from tests.audit import Package

FOUND = audit.packages()
TREACHEROUS = Package("PyPI", "treacherous", "1.0", True, "MIT")


class Osv(BaseHTTPRequestHandler):
    """Knows of one vulnerability of one package."""

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        known = {"package": {"ecosystem": "PyPI", "name": "treacherous"}, "version": "1.0"}
        told = {"results": [{"vulns": [{"id": "PYSEC-1"}]} if each == known else {} for each in queries]}
        body = json.dumps(told).encode()
        self.send_response(200 if self.path == "/v1/querybatch" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_shipped_follows_from_the_lock() -> None:
    shipped = {each.name for each in FOUND if each.shipped}
    assert {"fastapi", "psycopg-pool", "boto3", "opentelemetry-sdk", "echarts"} <= shipped
    assert shipped.isdisjoint({"pytest", "ruff", "moto", "circadia"})


def test_known_vulnerabilities_are_told(osv: str) -> None:
    assert audit.vulnerabilities([*FOUND, TREACHEROUS], osv) == ["treacherous 1.0: PYSEC-1"]


def test_everything_is_well_here_also_without_the_network(
    osv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["--osv", osv]) == 0
    assert "NOT LOOKED AT" not in capsys.readouterr().out
    file = tmp_path / "sbom.json"
    assert audit.main(["--osv", "http://127.0.0.1:9", "--sbom", str(file)]) == 0
    assert "NOT LOOKED AT, http://127.0.0.1:9 cannot be reached" in capsys.readouterr().out
    told = json.loads(file.read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    purls = [each["purl"] for each in told["components"]]
    assert sorted(purls) == sorted(each.purl for each in FOUND if each.shipped)
    assert [each for each in purls if each.startswith("pkg:npm/echarts@")]


@pytest.mark.parametrize("licence", [None, "GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "My own"])
def test_an_unfit_licence_is_told_where_it_is_shipped(licence: str | None) -> None:
    shipped, other = (Package("PyPI", "thing", "1", each, licence) for each in (True, False))
    assert len(audit.unfit_licences([shipped, other])) == 1


@pytest.mark.parametrize("licence", ["MIT", "LGPL-3.0-only", "Apache-2.0 OR BSD-3-Clause", "BSD License"])
def test_a_fit_licence(licence: str) -> None:
    assert audit.unfit_licences([Package("PyPI", "thing", "1", True, licence)]) == []


def test_secrets_are_told_by_their_place_alone(tmp_path: Path) -> None:
    letters, rng = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", Random(1)

    def some(count: int) -> str:
        return "".join(rng.choices(letters, k=count))

    key = b64encode(rng.randbytes(32)).decode()
    of_tests = b64encode(bytes(range(32))).decode()
    secrets = ["AKIA" + some(16), "ghp_" + some(36), "k3:" + key, "-----BEGIN " + f"PRIVATE KEY-----\n{some(64)}"]
    file = tmp_path / "notes.txt"
    file.write_text("\n".join(["k1:" + of_tests, *secrets, ""]))
    (tmp_path / "picture").write_bytes(bytes(range(256)))
    found = audit.secrets([file, tmp_path / "picture", tmp_path / "gone"])
    lines = {"AWS key": 2, "GitHub token": 3, "token encryption key": 4, "private key": 5}
    assert sorted(found) == sorted(f"{file}:{line}: {name}" for name, line in lines.items())
