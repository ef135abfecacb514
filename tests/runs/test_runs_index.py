"""Finding runs: in a folder, a sweep's and a study's, by name and by content, and nothing else that lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
import runs_factory

from vgrad.errors import ConfigError
from vgrad.runs.index import find_runs

TREE = {"name": "read", "layers": [2, 2, 2], "data": "xor", "batch_size": 4, "epochs": 1}


def test_found_are_runs_and_nothing_else(tmp_path: Path) -> None:
    folder = runs_factory.trained(tmp_path, TREE)
    names = [
        "a-00000000-s10",
        "a-00000000-s9",
        "grid/b-00000000-s1",
        "study/grid/c-00000000-s1",
        "study/grid/deep/d-00000000-s1",
    ]
    names += ["foreign/x", "kept/grid/e-00000000-s1"]
    for name in names:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("epochs: 1\n")
    (tmp_path / "a-11111111-s1").mkdir()  # nothing in it
    (tmp_path / "file-00000000-s1").write_text("")
    (tmp_path / "study" / "study.json").write_text("{}")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "renamed").symlink_to(folder)
    found = [str(path.relative_to(tmp_path)) for path in find_runs(tmp_path)]
    assert found == [
        "a-00000000-s9",
        "a-00000000-s10",
        "grid/b-00000000-s1",
        folder.name,
        "renamed",
        "study/grid/c-00000000-s1",
    ]
    assert find_runs(folder) == [folder]
    with pytest.raises(ConfigError, match="vgrad train CONFIG"):
        find_runs(tmp_path / "missing")
