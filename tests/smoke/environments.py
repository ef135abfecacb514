"""Python environments with the lowest versions that pyproject.toml declares, and with the newest.

They are kept in .venv/smoke, under a name that follows from what was asked for, so a second time is fast; the newest
are looked for again every week.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".venv" / "smoke"
VERSIONS = ("3.11", "3.12", "3.13")
EXTRAS = ("cluster", "tb")


def do(*words: object, **options: object) -> str:
    """Runs a program and returns its output; SystemExit with all that it said when it fails."""
    command = [str(word) for word in words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return str(done.stdout)


def interpreters() -> dict[str, Path]:
    """The Pythons of `VERSIONS` that are here and run: this one, those on the path, and those of a pyenv."""
    found: dict[str, Path] = {}
    for version in VERSIONS:
        for candidate in _candidates(version):
            told = _told_by(candidate)
            if told.startswith(f"{version} "):
                found[version] = Path(told.split(" ", 1)[1].strip())
                break
    return found


def _told_by(python: str) -> str:
    """Version and place of an interpreter; nothing when it does not run, as a shim for one that is not selected."""
    code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout


def _candidates(version: str) -> Iterator[str]:
    if sys.version.startswith(f"{version}."):
        yield os.path.realpath(sys.executable)
    for folder in os.get_exec_path():
        yield str(Path(folder, f"python{version}"))
    if shutil.which("pyenv"):
        yield from map(str, Path(do("pyenv", "root").strip()).glob(f"versions/{version}.*/bin/python"))


def requirements(*, lowest: bool) -> list[str]:
    """What pyproject.toml declares, with the extras that change what vgrad does; `lowest`: at its floors."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["dependencies"] + [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    return [re.sub(r"^([\w.-]+)>=", r"\1==", line) if lowest else line for line in declared]


def environment(python: Path, version: str, *, lowest: bool) -> Path:
    """The interpreter of an environment with all that vgrad requires, and not vgrad; made when it is not there."""
    asked = requirements(lowest=lowest)
    week = "" if lowest else time.strftime("%G-%V")
    key = hashlib.sha256("\n".join([str(python), week, *asked]).encode()).hexdigest()[:8]
    folder = KEPT / f"{version}-{'lowest' if lowest else 'newest'}-{key}"
    inside = folder / "bin" / "python"
    if not (folder / "whole").exists():
        for old in KEPT.glob(f"{folder.name.rsplit('-', 1)[0]}-*"):
            shutil.rmtree(old)
        do(python, "-m", "venv", "--without-pip", folder)
        install(inside, "--only-binary", ":all:", *asked)
        (folder / "whole").touch()
    return inside


def install(inside: Path, *words: object) -> None:
    """Installs into the environment of an interpreter: with uv when it can be had, else with pip."""
    tool = uv()
    if tool:
        do(tool, "pip", "install", "--quiet", "--python", inside, *words)
    else:
        do(tools(), "-m", "pip", "--quiet", "--python", inside, "install", *words)


def tools() -> Path:
    """The interpreter of an environment with what builds and installs; made when it is not there."""
    folder = KEPT / "tools"
    inside = folder / "bin" / "python"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        do(sys.executable, "-m", "venv", folder)
        do(inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip", "build")
        subprocess.run([str(inside), "-m", "pip", "install", "--quiet", "uv"], capture_output=True, check=False)
        (folder / "whole").touch()
    return inside


def uv() -> str | None:
    """A uv, from the path or from `tools`; None where there is none."""
    return shutil.which("uv") or shutil.which("uv", path=str(tools().parent))
