"""docs/notebook.ipynb, made from docs/notebook.md and executed: `notebook.py [--write]`.

Its Python blocks are cells of code, the rest are cells of text. It runs in a scratch directory that has the project's
configs. Without --write, exits 1 when what the cells print is no longer what the notebook shows (scripts/likeness.py).
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from likeness import alike
from nbclient import NotebookClient

HOUSE = Path(__file__).resolve().parents[1]
TEXT, NOTEBOOK = HOUSE / "docs" / "notebook.md", HOUSE / "docs" / "notebook.ipynb"
BLOCK = re.compile(r"^```python\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)
SECONDS = 120
VOLATILE = {"image/png", "text/html", "application/vnd.jupyter.widget-view+json"}
"""What is not compared: pixels, and tables whose texts stand in text/plain as well."""


def cells(text: str) -> list[Any]:
    """The cells that a document is made of."""
    found, at = [], 0
    for block in BLOCK.finditer(text):
        found += [nbformat.v4.new_markdown_cell(told)] if (told := text[at : block.start()].strip()) else []
        found.append(nbformat.v4.new_code_cell(block[1].rstrip()))
        at = block.end()
    found += [nbformat.v4.new_markdown_cell(told)] if (told := text[at:].strip()) else []
    for number, cell in enumerate(found):
        cell["id"] = f"cell-{number}"  # a random one would be another each time
    return found


def executed() -> Any:
    """The notebook, run from its beginning in a kernel of this very Python."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells(TEXT.read_text(encoding="utf-8")), metadata={"kernelspec": kernel})
    os.environ["PYTHONPATH"] = str(HOUSE)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "configs").symlink_to(HOUSE / "configs")
        NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)  # the time of day
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]  # progress
    return notebook


def shown(notebook: Any) -> list[tuple[str, str]]:
    """Each cell with what it prints."""
    return [(cell.source, "".join(map(_text, cell.get("outputs", [])))) for cell in notebook.cells]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    plain = str(output.get("data", {}).get("text/plain", ""))
    kinds = sorted(set(output.get("data", {})) & VOLATILE)
    return f"{plain}\n{' '.join(kinds)}\n"


def differing(kept: Any, made: Any) -> list[str]:
    """The cells that no longer print what the notebook shows."""
    pairs = zip(shown(kept), shown(made), strict=False)
    wrong = [
        f"{source}\n-- shown:\n{one}\n-- printed:\n{other}"
        for (_, one), (source, other) in pairs
        if not alike(one, other)
    ]
    sources = [[source for source, _ in shown(each)] for each in (kept, made)]
    return wrong + ([] if sources[0] == sources[1] else ["docs/notebook.md has other cells"])


def main() -> int:
    """Writes the notebook, or compares it."""
    made = executed()
    kept = nbformat.read(NOTEBOOK, as_version=4) if NOTEBOOK.exists() else nbformat.v4.new_notebook()
    wrong = differing(kept, made)
    if "--write" in sys.argv[1:]:
        if wrong:
            nbformat.write(made, NOTEBOOK)
        return 0
    print(*wrong, sep="\n\n", end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
