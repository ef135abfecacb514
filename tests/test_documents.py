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
DOCUMENTS = sorted(path for path in (HOUSE / "README.md", *HOUSE.glob("docs/*.md")) if CHECKED.search(path.read_text()))


def documents(*words: object) -> forked.CompletedProcess[str]:
    """Runs scripts/documents.py."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return forked.run(command, capture_output=True, text=True, timeout=HANGS, env=forked.in_bash("vgrad"))


@pytest.mark.timeout(HANGS)
@pytest.mark.parametrize(
    "document",
    [path if path.name == "README.md" else pytest.param(path, marks=pytest.mark.slow) for path in DOCUMENTS],
    ids=lambda path: path.name,
)
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


@pytest.mark.parametrize("document", [HOUSE / "README.md", HOUSE / "SECURITY.md"], ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    files = set(re.findall(r"\b(?:tests|docs|configs|benchmarks|vgrad)/[\w./-]*\w", text))
    assert len(files) > 5
    assert [name for name in sorted(files) if not (HOUSE / name).exists()] == []
