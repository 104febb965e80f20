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
    """The pins of some groups in poetry.lock."""
    packages = tomllib.loads((ROOT / "poetry.lock").read_text())["package"]
    return {
        (canonicalize_name(package["name"]), package["version"]): frozenset(file["hash"] for file in package["files"])
        for package in packages
        if groups & set(package["groups"])
    }


def exported(name: str) -> Pins:
    """The pins of a requirements file in deploy/."""
    pins: Pins = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "deploy" / name).read_text().strip()):
        match = re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", entry)
        if match is None:
            sys.exit(f"deploy/{name}: cannot read {entry.splitlines()[0]!r}")
        pins[canonicalize_name(match[1]), match[2]] = frozenset(re.findall(r"--hash=(\S+)", entry))
    return pins


def main() -> int:
    """Print each disagreement. Returns the exit status: 1 if there is any."""
    problems = []
    for name, groups in (("requirements.txt", {"main"}), ("requirements-dev.txt", {"main", "dev"})):
        expected, actual = locked(groups), exported(name)
        problems += [
            f"deploy/{name}: {' '.join(package)} differs from poetry.lock"
            for package in sorted(expected.keys() | actual.keys())
            if expected.get(package) != actual.get(package)
        ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    pins = locked({"main", "dev"})
    for requirement in map(Requirement, declared):
        versions = [version for name, version in pins if name == canonicalize_name(requirement.name)]
        if not versions or not all(version in requirement.specifier for version in versions):
            problems.append(f"poetry.lock: {requirement} is locked at {', '.join(versions) or 'no version'}")
    for problem in problems:
        print(problem)
    if problems:
        print("Run `make lock`.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
