"""A norm over the batch and a single example: what is refused is what training would do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rows import each_row

from vgrad.config import lone
from vgrad.config.check import check, settled
from vgrad.document.document import read_yaml
from vgrad.document.writer import dump_yaml
from vgrad.errors import ConfigError
from vgrad.nn.norms import NormPass
from vgrad.runs.runner import run
from vgrad.training.small import SmallSteps

BASE: dict[str, Any] = {"name": "lone", "layers": [64, 2, 10], "epochs": 1, "batch_norm": True, "monitor": []}


def tree(n: int, m: int | str, **more: Any) -> dict[str, Any]:
    return {**BASE, "data": {"name": "digits", "train": n, "validation": 0, "test": 0}, "batch_size": m, **more}


@pytest.mark.parametrize(
    ("n", "m", "probed"),
    [(21, 20, 2), (21, 4, 2), (21, 7, 2), (22, 20, 2), (21, "full", 2), (2, 2, 2), (3, 2, 2), (22, 20, 1)]
    + [(502, 502, probed) for probed in (500, 501, 502)]
    + [(1, "full", 1)],
)
def test_it_is_refused_where_training_would_meet_it(
    n: int, m: int | str, probed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[int] = []
    forward, steps = NormPass.forward, SmallSteps.steps

    def noted(self: NormPass, u: np.ndarray, out: np.ndarray) -> np.ndarray:
        met.append(len(u))
        return forward(self, u, out)

    def noted_steps(self: SmallSteps, *of: Any) -> Iterator[Any]:
        for number, passes in steps(self, *of):
            met.append(passes.rows)
            yield number, passes

    monkeypatch.setattr(NormPass, "forward", noted)
    monkeypatch.setattr(SmallSteps, "steps", noted_steps)
    config = tree(n, m, probes={"examples": probed})
    for _ in run(check(config), tmp_path):
        pass
    assert met
    document = read_yaml(dump_yaml(config), "c.yaml")
    if 1 in met:
        with pytest.raises(
            ConfigError, match=r"^c\.yaml:[0-9]+:[0-9]+: (batch_size|probes\.examples): .* say nothing to"
        ):
            settled(document)
    else:
        assert settled(document) == check(config)


@each_row("n", range(2, 30))
@each_row("m", [2, 3, 5, 7, 20])
def test_the_remedy_is_one(n: int, m: int) -> None:
    if m > n or n % m != 1:
        return
    (problem,) = lone.lone_examples(check(tree(n, m, probes={"examples": 2})), {"batch_size": m})
    sizes = [int(word) for word in problem.message.split("a batch_size of ")[1].split(" or ")]
    for size in sizes:
        assert not list(lone.lone_examples(check(tree(n, size, probes={"examples": 2})), {}))


def test_other_norms_do_not_mind_and_an_unwritten_batch_size_is_told_at_the_norm() -> None:
    assert not list(lone.lone_examples(check(tree(21, 20, batch_norm=False)), {}))
    assert not list(lone.lone_examples(check({**tree(21, 20, batch_norm=False), "layer_norm": True}), {}))
    text = "layers: [64, 2, 10]\nbatch_norm: true\ndata: {name: digits, train: 101}\n"
    with pytest.raises(ConfigError) as caught:
        settled(read_yaml(text, "c.yaml"), "c")
    assert caught.value.problems == (
        "c.yaml:2:13: batch_norm: 101 training examples in batches of 10 leave a last batch of one, whose statistics "
        "say nothing to batch_norm; use a batch_size of 9 or 11",
    )
