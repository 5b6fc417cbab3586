"""axe-core, asked whether a page shuts anybody out."""

from __future__ import annotations

from pathlib import Path

from tests.dashboard.chromium import Page, Watched, still

_SOURCE = (Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
_RUN = """() => axe.run(document, {resultTypes: ['violations'], preload: false}).then(({violations}) => violations
  .filter(each => ['serious', 'critical'].includes(each.impact))
  .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html}: ${node.any[0]?.message ?? each.help}`)))"""
_ITS_OWN = "Applying inline style violates"


def shut_out(page: Page, watched: Watched) -> list[str]:
    """The serious and critical faults of what a page shows now; the inline styles that axe itself tries, and the policy
    refuses, are not the page's."""
    known = len(watched.errors)
    still(page)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {_SOURCE} }}")
    found: list[str] = page.evaluate(_RUN)
    watched.errors[known:] = [each for each in watched.errors[known:] if _ITS_OWN not in each]
    return found
