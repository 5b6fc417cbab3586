"""The addresses of the dashboard: what a browser is given, how long it may keep it, and what the page may do."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request

import circadia
from circadia.web import pages
from circadia.web.assets import STATIC, Assets

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ADDRESSES = tuple(room.replace("{date}", "2026-11-19") for room in pages.ROOMS)
_DEED = re.compile(r"[a-z]+\.[a-z]+")
_REMOTE = re.compile(r"""(?:\bfrom|\bimport|\bimport\(|fetch\(|url\(|@import)\s*["'`]?(?:https?:)?//""")


@pytest.fixture
def http() -> httpx2.AsyncClient:
    """The pages alone, behind a root that answers programs."""
    app = FastAPI()
    pages.install_static(app)
    pages.install(app)

    async def root() -> dict[str, str]:
        return {"service": "circadia"}

    app.add_api_route("/", root)
    pages.install_elsewhere(app)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000")


async def test_a_browser_is_given_the_page_and_a_program_json(http: httpx2.AsyncClient) -> None:
    page = await http.get("/", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in page.headers["vary"]
    for accept in ("application/json", "*/*"):
        assert (await http.get("/", headers={"Accept": accept})).json() == {"service": "circadia"}
    for address in ADDRESSES:
        assert (await http.get(address)).content == page.content, address


async def test_who_is_lost_with_a_browser_finds_the_page_and_a_program_is_told_so(http: httpx2.AsyncClient) -> None:
    page = await http.get("/", headers=BROWSER)
    for address in ("/nowhere", "/day", "/metrics/of/nothing"):
        lost = await http.get(address, headers=BROWSER)
        assert (lost.status_code, lost.content) == (404, page.content)
        assert lost.headers["content-security-policy"] == page.headers["content-security-policy"]
        assert (await http.get(address)).headers["content-type"] == "application/json"
    assert (await http.get("/api/v1/nowhere", headers=BROWSER)).headers["content-type"] == "application/json"
    assert (await http.get("/static/nothing.js", headers=BROWSER)).headers["content-type"].startswith("text/plain")


async def test_the_policy_allows_this_host_and_nothing_inline(http: httpx2.AsyncClient) -> None:
    for address in ("/", "/trends", "/sw.js"):
        answer = await http.get(address, headers=BROWSER)
        policy = answer.headers["content-security-policy"]
        assert {"default-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert not re.search("unsafe|http", policy)
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "geolocation=()" in answer.headers["permissions-policy"]
    page = (await http.get("/", headers=BROWSER)).text
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


async def test_what_the_page_names_is_there_and_good_for_ever(http: httpx2.AsyncClient) -> None:
    page = (await http.get("/", headers=BROWSER)).text
    assert "{{" not in page
    named = [each for each in re.findall(r'(?:href|src)="(/static/[^"]+)"', page) if "manifest" not in each]
    assert len(named) > 10
    for address in named:
        answer = await http.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_first_room_is_preloaded_with_everything_it_imports(http: httpx2.AsyncClient) -> None:
    page = (await http.get("/", headers=BROWSER)).text
    told = {each.split("/", 3)[3] for each in re.findall(r'modulepreload" href="([^"]+)"', page)}
    assert {"app/main.js", "app/rooms/today.js", "app/charts/ring.js", "vendor/preact/preact-htm.js"} <= told
    assert not any("echarts" in each for each in told)


async def test_an_old_version_is_answered_with_the_present_file_and_not_kept(http: httpx2.AsyncClient) -> None:
    for address in ("/static/0123456789ab/app/main.js", "/static/app/main.js"):
        answer = await http.get(address)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
        assert answer.text == (STATIC / "app" / "main.js").read_text(encoding="utf-8")


async def test_a_file_that_is_known_is_not_sent_again(http: httpx2.AsyncClient) -> None:
    for address in ("/static/styles/tokens.css", "/"):
        first = await http.get(address, headers=BROWSER)
        again = await http.get(address, headers={**BROWSER, "If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


async def test_files_are_packed_for_who_takes_it(http: httpx2.AsyncClient) -> None:
    plain = await http.get("/static/app/ui.js", headers={"Accept-Encoding": "identity"})
    packed = await http.get("/static/app/ui.js", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.content == plain.content
    assert "content-encoding" not in (await http.get("/static/icons/icon-192.png")).headers


@pytest.mark.parametrize(
    "path", ["..%2f..%2fapp.py", "%2e%2e/assets.py", "app", "nothing.js", "app/%00", "a" * 300, ""]
)
async def test_nothing_outside_is_served(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(f"/static/{path}")).status_code == 404


async def test_the_service_worker_keeps_files_that_exist_and_no_answers(http: httpx2.AsyncClient) -> None:
    worker = (await http.get("/sw.js")).text
    assert not re.search(r"\{\{|/api/", worker)
    found = re.search(r"const SHELL = (\[.*\]);", worker)
    assert found is not None
    kept = json.loads(found[1])
    assert len(kept) == len(set(kept)) > 20
    for address in kept:
        assert (await http.get(address)).status_code == 200, address


async def test_the_manifest_names_icons_that_are_there(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/static/manifest.webmanifest")
    assert answer.headers["content-type"] == "application/manifest+json"
    for icon in answer.json()["icons"]:
        assert (await http.get(icon["src"])).headers["content-type"] == icon["type"]


def test_what_the_page_is_made_of_asks_no_other_host() -> None:
    for path in (each for each in STATIC.rglob("*") if "vendor" not in each.parts and each.suffix in {".js", ".css"}):
        assert not _REMOTE.search(path.read_text(encoding="utf-8")), path.name


def test_the_log_has_words_for_every_deed_that_is_noted() -> None:
    sources = (each.read_text(encoding="utf-8") for each in Path(circadia.__file__).parent.rglob("*.py"))
    noted = {deed for source in sources if "audit.note(" in source for deed in _noted(ast.parse(source))}
    words = (STATIC / "app" / "settings" / "words.js").read_text(encoding="utf-8")
    assert noted == set(re.findall(r'^  "([a-z.]+)": ', words, re.MULTILINE))


def _noted(module: ast.Module) -> Iterator[str]:
    """The deeds, like `session.opened`, that are handed to `audit.note` or are called `deed` before."""
    for node in ast.walk(module):
        called = isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.note"
        if called or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "deed"):
            strings = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            yield from (each for each in strings if isinstance(each, str) and _DEED.fullmatch(each))


def test_the_first_page_stays_light() -> None:
    """What the first room needs, compressed: the aim is 150 KB."""
    assets = Assets()
    names = assets.modules("app/main.js", "app/rooms/today.js") + assets.names("styles")
    assert sum(len(gzip.compress((STATIC / each).read_bytes())) for each in names) < 100_000


async def test_a_file_is_kept_once_however_its_path_is_written(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.js").write_text("export const x = 1;\n")
    assets, asked = Assets(tmp_path), Request({"type": "http", "headers": []})
    spellings = ["app/a.js", "app//a.js", "app/./a.js", "./app/a.js", "app/../app/a.js", f"{assets.version}/app/a.js"]
    kept = [(await assets.answer(each, asked)).body for each in spellings]
    assert all(each is kept[0] for each in kept)


async def test_a_changed_file_is_read_anew_and_changes_the_version(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import "./b.js";\n')
    (tmp_path / "b.js").write_text('export { x } from "./c/d.js";\n')
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "d.js").write_text("export const x = 1;\n")
    before = Assets(tmp_path)
    assert before.modules("a.js") == ["a.js", "b.js", "c/d.js"]
    (tmp_path / "b.js").write_text("export const y = 2;\n")
    after = Assets(tmp_path)
    assert after.modules("a.js") == ["a.js", "b.js"]
    assert after.version != before.version
