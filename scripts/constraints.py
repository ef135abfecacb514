"""The versions that are installed here, of all that pyproject.toml comes to: `constraints.py > constraints.txt`."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def declared() -> list[str]:
    """The requirements of vgrad and of all its extras."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]


def installed(requirements: list[str]) -> dict[str, str]:
    """Name -> version of every package that they come to; what is not installed here is left out."""
    found: dict[str, str] = {}
    pending, seen = [(line, "") for line in requirements], set()
    while pending:
        line, asked = pending.pop()
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if requirement.marker is None or requirement.marker.evaluate({"extra": asked}):
            for extra in {"", *requirement.extras} - {extra for package, extra in seen if package == name}:
                seen.add((name, extra))
                try:
                    found[name] = version(name)
                    pending += [(each, extra) for each in requires(name) or []]
                except PackageNotFoundError:
                    break
    return dict(sorted(found.items()))


if __name__ == "__main__":
    python = ".".join(platform.python_version_tuple()[:2])
    print(
        f"# Versions that vgrad is known to work with, on Python {python}: pip install -c constraints.txt -e '.[dev]'"
    )
    for package, number in installed(declared()).items():
        print(f"{package}=={number}")
