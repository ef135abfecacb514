"""Every command that a document shows prints what the document says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from project import HANGS

HOUSE = Path(__file__).resolve().parents[1]
SCRIPT = HOUSE / "scripts" / "documents.py"
CHECKED = re.compile("```console|<!-- vgrad")
WRITTEN = sorted(path for place in (".", "docs", "benchmarks", "runs") for path in (HOUSE / place).glob("*.md"))
FOLDERS = r"(?<![\w./-])(?:tests|docs|configs|benchmarks|vgrad|scripts)/"
DOCUMENTS = sorted(path for path in (HOUSE / "README.md", *HOUSE.glob("docs/*.md")) if CHECKED.search(path.read_text()))


def documents(*words: object) -> forked.CompletedProcess[str]:
    """Runs scripts/documents.py."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return forked.run(command, capture_output=True, text=True, timeout=HANGS, env=forked.in_bash("vgrad"))


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_print_what_is_shown(document: Path) -> None:
    done = documents(document)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_generated_text_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text("Before\n\n<!-- vgrad --version -->\n\nvgrad 99\n\n<!-- end -->\n\nAfter\n")
    assert documents(document).returncode == 1
    assert documents(document, "--write").returncode == 0
    lines = document.read_text().splitlines()
    assert (lines[0], lines[2], lines[6], lines[8]) == ("Before", "<!-- vgrad --version -->", "<!-- end -->", "After")
    assert re.fullmatch(r"vgrad [0-9.]+", lines[4])
    assert documents(document).returncode == 0


def test_what_is_alike_is_left_alone_and_the_rest_put_in(tmp_path: Path) -> None:
    document = tmp_path / "tipped.md"
    tipped = "```console\n$ echo 0.30000000000000001\n0.30000000000000004\n$ echo 2 runs\n%s runs\n```\n"
    document.write_text(tipped % 3)
    subprocess.run([sys.executable, str(SCRIPT), str(document), "--write"], check=True)
    assert document.read_text() == tipped % 2
    assert subprocess.run([sys.executable, str(SCRIPT), str(document)], check=False).returncode == 0


def test_a_picture_that_the_project_does_not_have_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    told = "vgrad plot runs/reference/gallery --kind layers -o docs/pictures/no-such.png"
    document.write_text(f"```console\n$ {told}\ndocs/pictures/no-such.png\n```\n")
    done = documents(document)
    assert done.returncode == 1
    assert "docs/pictures/no-such.png looks different now" in done.stdout


def test_a_wrong_output_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text("```console\n$ vgrad --version\nvgrad 99\n```\n")
    done = documents(document)
    assert done.returncode == 1
    assert "-vgrad 99" in done.stdout


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document: Path) -> None:
    """Files of the project, those of the package also without vgrad/, links, and tests as `file.py::test`."""
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(FOLDERS + r"[\w./-]*\w", text)) | set(re.findall(r"`([a-z]+/[a-z_]+\.py)`", text))
    named = {name for name in named if "NAME" not in name}  # of a file that a reader is to make
    assert [name for name in sorted(named) if not ((HOUSE / name).exists() or (HOUSE / "vgrad" / name).exists())] == []
    links = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text))
    assert [link for link in sorted(links) if not (document.parent / link).exists()] == []
    tests = {(HOUSE / "tests" / file, test) for file, test in re.findall(r"`(?:tests/)?([\w/]+\.py)::(\w+)`", text)}
    assert [f"{file}::{test}" for file, test in tests if f"def {test}(" not in file.read_text(encoding="utf-8")] == []


def test_every_fault_has_its_test() -> None:
    text = (HOUSE / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| ") and not row.startswith(("| what", "|---"))]
    assert len(rows) > 40
    assert [row for row in rows if "::test_" not in row.split(" | ")[-1]] == []
