"""`script/audit [--sbom FILE]`: what the product is made of, and what is known about it.

Known vulnerabilities of every locked package and vendored file (https://osv.dev; where that cannot be reached it is
said, and nothing else fails for it), licences of what is shipped, secrets in the repository's files, and a bill of
materials (CycloneDX 1.6, JSON). Exit code 1 and a line each when something is not as it has to be.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[1]
OSV = "https://api.osv.dev"
_VENDORED = ROOT / "src" / "circadia" / "web" / "static" / "vendor"
_TIMEOUT_S = 30.0
_NAME = "circadia"

_FINE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|Zlib|CC0|PSF|Python Software Foundation|MPL|Mozilla Public|LGPL|Unlicense)\b", re.I
)
_NOT_FINE = re.compile(r"\b(GPL|GPLv\d|AGPL|SSPL|BUSL|GNU (Affero )?General Public|Commons Clause|Proprietary)\b", re.I)
_LONGEST_NAME = 60
"""Some packages have the whole licence where its name belongs."""

SECRETS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}",
    "AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20}",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "PyPI token": r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20}",
    "signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20}",
    "token encryption key": r"\bk\d+:[A-Za-z0-9+/]{43}=",
}
"""What looks like a secret of somebody's."""

_SECRET = {name: re.compile(pattern) for name, pattern in SECRETS.items()}


@dataclass(frozen=True, slots=True)
class Package:
    """Something that is used: from which ecosystem (`PyPI`, `npm`), and whether it is part of what people install."""

    ecosystem: str
    name: str
    version: str
    shipped: bool
    licence: str | None

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:{self.ecosystem.lower()}/{self.name}@{self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def packages(lock: Path = ROOT / "uv.lock", vendored: Path = _VENDORED / "vendored.json") -> list[Package]:
    """Every locked package, but ours, and every vendored one. What is shipped follows from our dependencies and
    extras."""
    locked = {each["name"]: each for each in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]}
    shipped: set[str] = set()
    waiting = [_NAME]
    while waiting:
        name = waiting.pop()
        if name not in shipped:
            shipped.add(name)
            waiting += _needs(locked[name])
    found = [
        Package("PyPI", name, each["version"], name in shipped, licence_of(name))
        for name, each in locked.items()
        if name != _NAME
    ]
    told: dict[str, Any] = json.loads(vendored.read_text(encoding="utf-8"))
    return found + [Package("npm", name, each["version"], True, each["licence"]) for name, each in told.items()]


def _needs(locked: dict[str, Any]) -> list[str]:
    extras = locked.get("optional-dependencies", {}).values()
    return [each["name"] for part in (locked.get("dependencies", []), *extras) for each in part]


def licence_of(name: str) -> str | None:
    """The licence that an installed package tells; None where it is not installed, or tells none."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if "License-Expression" in told:
        return told["License-Expression"]
    classes = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if each.startswith("License ::")]
    written = told["License"].strip() if "License" in told else ""
    names = [written] if 0 < len(written) <= _LONGEST_NAME else []
    return " / ".join([*names, *classes]) or None


def unfit_licences(found: Iterable[Package]) -> list[str]:
    """Shipped packages that may not be passed on under Apache-2.0's conditions, or do not say."""
    return [
        f"{each}: {each.licence or 'does not tell its licence'}"
        for each in found
        if each.shipped and not (each.licence and _FINE.search(each.licence) and not _NOT_FINE.search(each.licence))
    ]


def vulnerabilities(found: Sequence[Package], source: str = OSV) -> list[str]:
    """Known ones. httpx2.HTTPError when the source does not answer."""
    queries = [{"package": {"ecosystem": each.ecosystem, "name": each.name}, "version": each.version} for each in found]
    answer = httpx2.post(f"{source}/v1/querybatch", json={"queries": queries}, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return [
        f"{package}: {vulnerability['id']}"
        for package, told in zip(found, answer.json()["results"], strict=True)
        for vulnerability in told.get("vulns", ())
    ]


def secrets(files: Iterable[Path]) -> list[str]:
    """Places that look like somebody's secret; the secret itself is not told."""
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for name, pattern in _SECRET.items():
            hits = (hit for hit in pattern.finditer(text) if not _of_tests(hit[0]))
            found += [f"{path}:{text.count(chr(10), 0, hit.start()) + 1}: {name}" for hit in hits]
    return found


def _of_tests(secret: str) -> bool:
    """Keys in tests are the numbers 0 to 31 in some order, which chance does not make."""
    key = secret.partition(":")[2]
    return len(key) == 44 and sorted(b64decode(key)) == list(range(32))


def bill(found: Iterable[Package], version: str) -> dict[str, Any]:
    """What is shipped, as CycloneDX 1.6."""
    components = [
        {
            "type": "library",
            "bom-ref": each.purl,
            "name": each.name,
            "version": each.version,
            "purl": each.purl,
            **({"licenses": [{"license": {"name": each.licence}}]} if each.licence else {}),
        }
        for each in found
        if each.shipped
    ]
    ours = f"pkg:pypi/{_NAME}@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": ours, "name": _NAME, "version": version, "purl": ours}
        },
        "components": components,
    }


def _files() -> list[Path]:
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [Path(each) for each in listed.split("\0") if each and _VENDORED not in (ROOT / each).parents]


def main(words: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="script/audit", description=__doc__)
    parser.add_argument("--sbom", type=Path, metavar="FILE", help="write the bill of materials")
    parser.add_argument("--osv", default=OSV, metavar="URL", help="where vulnerabilities are known")
    options = parser.parse_args(words)
    found = packages()
    away = [str(each) for each in found if each.shipped and each.ecosystem == "PyPI" and not _installed(each)]
    problems = unfit_licences(each for each in found if str(each) not in away)
    print(f"licences: {sum(each.shipped for each in found)} packages are shipped")
    if away:
        print(f"  not installed here, so not looked at: {', '.join(away)}")
    files = _files()
    problems += secrets(files)
    print(f"secrets: {len(files)} files")
    try:
        problems += vulnerabilities(found, options.osv)
        print(f"vulnerabilities: {len(found)} packages")
    except httpx2.HTTPError as error:
        print(f"vulnerabilities: NOT LOOKED AT, {options.osv} cannot be reached ({error})")
    if options.sbom:
        options.sbom.write_text(json.dumps(bill(found, metadata.version(_NAME)), indent=2) + "\n", encoding="utf-8")
    for each in problems:
        print(f"  PROBLEM {each}")
    return 1 if problems else 0


def _installed(package: Package) -> bool:
    try:
        metadata.version(package.name)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
