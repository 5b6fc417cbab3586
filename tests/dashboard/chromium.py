"""A browser that writes down what a page must never do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

Scheme = Literal["light", "dark"]
PHONE, WIDE = (390, 844), (1440, 900)

_PATIENCE_MS = 15_000  # a machine that does something else, too
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """The machine's own Chromium; None leaves it to Playwright, which says how to get one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium without a window."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        # root in a container has no sandbox to use
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """What happened in a browser's pages: errors and violations of the policy that scripts and styles are held to
    (Chromium tells both in the console), answers of 400 and above, requests to anybody but `hosts`."""

    hosts: frozenset[str]
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Write down what all pages of a browser do from now on."""
        context.on("console", self._console)
        context.on("weberror", lambda each: self.errors.append(str(each.error)))
        context.on("request", self._request)
        context.on("response", lambda each: self._response(each.status, each.url))

    def clean(self) -> bool:
        """Whether nothing happened that must not; what happened is in the failing assertion."""
        return not (self.errors or self.foreign)

    def forget(self) -> None:
        """Begin anew, after something that was meant to go wrong."""
        self.errors.clear()
        self.refused.clear()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc not in self.hosts:
            self.foreign.append(request.url)

    def _response(self, status: int, url: str) -> None:
        if status >= 400:
            self.refused.append(f"{status} {url}")


@contextmanager
def browsing(
    browser: Browser,
    watched: Watched,
    *,
    size: tuple[int, int] = WIDE,
    scheme: Scheme = "light",
    **options: Any,
) -> Iterator[Page]:
    """A page of a person of its own: no cookie, no cache, nothing stored."""
    width, height = size
    touch = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch, is_mobile=touch, **options
    )
    watched.watch(context)
    try:
        yield context.new_page()
    finally:
        context.close()


def settle(page: Page) -> None:
    """Wait until nothing is fetched and nothing moves any more."""
    page.wait_for_load_state("networkidle")
    still(page)


def still(page: Page) -> None:
    """Wait until nothing moves that comes to an end."""
    page.evaluate(
        "() => Promise.all(document.getAnimations().filter(each => each.effect?.getTiming().iterations !== Infinity)"
        ".map(each => each.finished.catch(() => null))).then(() => null)"
    )


__all__ = ["PHONE", "WIDE", "Browser", "Error", "Page", "Scheme", "Watched", "browsing", "launched", "settle", "still"]
