"""Fail unless pyproject.toml, poetry.lock and deploy/*.txt agree. Needs no poetry."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
Pins = dict[tuple[str, str], frozenset[str]]
"""Hashes of each package and version; one package may be locked twice, for older and newer Pythons."""


def locked(groups: set[str]) -> Pins:
    """What poetry.lock says of some groups."""
    packages = tomllib.loads((ROOT / "poetry.lock").read_text())["package"]
    return {
        (canonicalize_name(package["name"]), package["version"]): frozenset(file["hash"] for file in package["files"])
        for package in packages
        if groups & set(package["groups"])
    }


def exported(name: str) -> Pins:
    """What a requirements file says."""
    pins: Pins = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "deploy" / name).read_text().strip()):
        found = re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", entry)
        if found is None:
            sys.exit(f"deploy/{name}: cannot read {entry.splitlines()[0]!r}")
        pins[canonicalize_name(found[1]), found[2]] = frozenset(re.findall(r"--hash=(\S+)", entry))
    return pins


def main() -> int:
    """Print each disagreement; 1 when there is any."""
    faults = []
    for name, groups in (("requirements.txt", {"main"}), ("requirements-dev.txt", {"main", "dev"})):
        expected, found = locked(groups), exported(name)
        faults += [
            f"deploy/{name}: {' '.join(package)} differs from poetry.lock"
            for package in sorted(expected.keys() | found.keys())
            if expected.get(package) != found.get(package)
        ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    pins = locked({"main", "dev"})
    for requirement in map(Requirement, wanted):
        versions = [version for name, version in pins if name == canonicalize_name(requirement.name)]
        if not versions or not all(version in requirement.specifier for version in versions):
            faults.append(f"poetry.lock: {requirement} is locked at {', '.join(versions) or 'no version'}")
    for fault in faults:
        print(fault)
    if faults:
        print("Run `make lock`.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
