"""JSON is strict both ways: what other readers refuse is neither written nor read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vgrad.errors import RunStateError
from vgrad.storage.json import dump_json, read_json, strict


def test_json_has_no_infinity() -> None:
    assert json.loads(strict({"a": [float("inf"), (float("nan"), 1.5)], "b": -float("inf"), "c": None})) == {
        "a": [None, [None, 1.5]],
        "b": None,
        "c": None,
    }


def test_a_file_is_written_as_it_is_read_or_not_at_all(tmp_path: Path) -> None:
    tree = {"b": [1, 0.1, None], "a": {"ä": "δ"}}
    path = tmp_path / "x.json"
    assert read_json(path) is None
    path.write_bytes(dump_json(tree))
    assert read_json(path) == tree
    assert list(read_json(path) or {}) == ["b", "a"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": float("nan")})


@pytest.mark.parametrize("content", [b"[]", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1', b"\xff{}", b""])
def test_what_is_no_strict_object_is_damaged(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(RunStateError, match=r"x\.json: damaged: "):
        read_json(path)


def test_a_file_nested_deeper_than_any_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for depth, fits in ((40, True), (60, False), (3000, False)):
        path.write_text('{"more": ' + "[" * depth + "]" * depth + "}")
        if fits:
            assert read_json(path)
            continue
        with pytest.raises(RunStateError, match="damaged"):
            read_json(path)
