"""The files that a study's folder gets besides its tables: a picture of each kind, and the page.

write_pictures(folder)      page.html and study-*.png, from the CSV and JSON files that are there
"""

from __future__ import annotations

from pathlib import Path

from vgrad.errors import ConfigError
from vgrad.pictures.fonts import load_matplotlib
from vgrad.storage import write_file
from vgrad.study.files import read_outcome
from vgrad.study.report.formats import as_page
from vgrad.study.report.pictures import STUDY_PICTURES, picture

PAGE = "page.html"


def write_pictures(folder: Path) -> list[Path]:
    """Writes the page and every picture that the study has something for, and names them, the page first.

    RunStateError where the folder's tables are damaged, StorageError where it cannot be written to. The same tables
    give the same bytes.
    """
    outcome = read_outcome(folder)
    load_matplotlib()
    written = [folder / PAGE]
    write_file(folder / PAGE, as_page(outcome).encode())
    for kind in STUDY_PICTURES:
        try:
            found = picture(outcome, kind, "png")
        except ConfigError:  # an experiment was left out
            continue
        written.append(folder / f"{kind}.png")
        write_file(written[-1], found)
    return written
