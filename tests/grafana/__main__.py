"""`python -m tests.grafana`: writes Grafana's files, compares them, or draws the dashboards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from circadia.grafana.files import files

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Write, compare or draw."""
    parser = argparse.ArgumentParser(prog="script/grafana", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the files are up to date")
    parser.add_argument("--sheet", metavar="DIR", type=Path, help="draw each dashboard from simulated data")
    parser.add_argument("--days", type=int, default=1200, help="days of history in what is drawn")
    parser.add_argument("--light", action="store_true", help="draw on Grafana's light ground")
    options = parser.parse_args()
    if options.sheet:
        from tests.grafana import sheet

        sheet.draw_all(options.sheet, days=options.days, light=options.light)
        return 0
    if options.check:
        stale = [path for path, text in files().items() if not _is(ROOT / path, text)]
        for path in stale:
            print(f"{path} is not what script/grafana writes", file=sys.stderr)
        return bool(stale)
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
