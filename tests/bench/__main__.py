"""`python -m tests.bench [NAME ...]`: imports, reads, ingest, memory; all of them without a name."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.bench import imports, ingest, memory, reads

BENCHES = {"imports": imports.run, "ingest": ingest.run, "reads": reads.run, "memory": memory.run}


def main() -> int:
    """Run the benches that are named."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all without a name")
    for name in parser.parse_args().names or BENCHES:
        print(f"== {name}", flush=True)
        asyncio.run(BENCHES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
