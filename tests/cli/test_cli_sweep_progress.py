"""What a sweep shows: the block on a terminal, the lines elsewhere, the table at the end, the shipped sweeps."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vgrad.cli.commands.sweep import _repeat
from vgrad.cli.options import read_config
from vgrad.cli.screen.streams import Screen
from vgrad.cli.screen.sweep_progress import SweepProgress
from vgrad.cli.screen.sweep_table import table_lines
from vgrad.document.document import load_yaml, read_yaml
from vgrad.sweeps.comparison import Comparison, Row
from vgrad.sweeps.dispatch import Ended, Failed, Skipped
from vgrad.sweeps.estimate import estimate
from vgrad.sweeps.job import Job, Progress
from vgrad.sweeps.plan import make_plan
from vgrad.sweeps.points.grid import read_grid
from vgrad.sweeps.tally import StatusFile, Tally, read_statuses

CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(frozen=True)
class Named:
    name: str

    def is_complete(self) -> bool:
        return False


class Painted(Screen):
    """A terminal of 60 x 6 that keeps what is painted."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.live, self.pictures, self.painted = True, False, list[list[str]]()

    @property
    def size(self) -> tuple[int, int]:
        return 60, 6

    def paint(self, lines: Any) -> None:
        self.painted.append([text for text, _ in lines])


EVENTS: list[Any] = [
    Skipped(Named("a")),
    Progress("b", 3, 30, 0.25),
    Progress("c", 0, 30, None),
    Ended(Named("d"), "diverged"),
    Failed(Named("e"), "its worker was killed by SIGKILL", 1, final=False),
    Failed(Named("e"), "its worker was killed by SIGKILL", 2, final=True),
]


def test_the_block_has_a_bar_and_the_active_runs() -> None:
    screen, tally = Painted(), Tally(8)
    progress = SweepProgress(screen, "s", tally, {"b": "layers.depth=2"}, quiet=False)
    for event in EVENTS:
        tally.add(event)
        progress._due = 0.0
        progress.show(event)
    head, *active = screen.painted[-1]
    assert head.startswith("s ###########................... 3/8 runs  ")
    assert active == ["  epoch 3/30  cost 0.25  layers.depth=2", "  epoch 0/30  c"]
    assert all(len(line) < 60 for block in screen.painted for line in block)
    for k in range(9):
        tally.add(Progress(f"x{k}", 0, 1, None))
    progress._due = 0.0
    progress.show(EVENTS[1])
    assert len(screen.painted[-1]) == 4
    assert screen.painted[-1][-1] == "and 9 more"


def test_plain_lines_tell_of_ends_and_failures() -> None:
    stream, tally = io.StringIO(), Tally(8)
    progress = SweepProgress(Screen(stream), "s", tally, {"d": "layers.depth=2"}, quiet=False)
    for event in EVENTS:
        tally.add(event)
        progress.show(event)
    assert stream.getvalue().splitlines() == [
        "2/8 d layers.depth=2 diverged",
        "2/8 e FAILED: its worker was killed by SIGKILL (attempt 1; it will be repeated)",
        "3/8 e FAILED: its worker was killed by SIGKILL",
    ]


def test_status_of_others(tmp_path: Path) -> None:
    tally = Tally(8)
    for event in EVENTS:
        tally.add(event)
    first = StatusFile(tmp_path / "s", "s")
    first.write(tally)
    found, problems = read_statuses(tmp_path)
    assert [(sweep.state, sweep.status.total, sweep.status.failed, len(sweep.status.active)) for sweep in found] == [
        ("running", 8, 1, 2)
    ]
    assert not problems
    first.write(tally, "finished")
    StatusFile(tmp_path / "s", "s").write(tally)
    assert [sweep.state for sweep in read_statuses(tmp_path / "s")[0]] == ["running"]
    (tmp_path / "s" / ".sweep-bad.json").write_text("{")
    (tmp_path / "s" / ".sweep-folder.json").mkdir()
    StatusFile(tmp_path / "s", "s")  # leaves alone what is not a sweep's
    found, problems = read_statuses(tmp_path)
    assert [sweep.state for sweep in found] == ["running"]
    assert [Path(line.split(":")[0]).name for line in problems] == [".sweep-bad.json", ".sweep-folder.json"]


def test_means_over_seeds() -> None:
    row = Row()
    for accuracy, ratio in ((0.5, 100.0), (0.7, 1.0), (None, None)):
        moment = {"delta_norm": [1.0, ratio] if ratio else [0.0, 1.0], "last_first_ratio": ratio}
        moments = {"start": moment, "end": moment}
        row.add({"status": "complete", "divergence": None, "final": {"a": accuracy}, "gradient": moments}, "a")
    assert row.runs == 3
    assert row.final == pytest.approx(0.6)
    assert row.last_first == pytest.approx(10)
    assert row.verdicts == {"vanishing": 1, "even": 1, "dead": 1}


def test_the_table_is_sorted_by_number_and_keeps_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.sweeps.comparison.MOST_POINTS", 2)
    config, comparison = read_config(str(CONFIGS / "quickstart.yaml"), ["probes.record=[dead]"]), Comparison()
    measured = {"final": dict.fromkeys(config.monitors, 0.5) | {"penalty": 0.0, "learning_rate": 0.5}, "gradient": {}}
    measured["best"] = {name: {"value": 0.5, "epoch": 0} for name in config.monitors}
    facts = {"status": "complete", "divergence": None, "verdict": None}
    summary = {**facts, "epochs": config.epochs, **measured}
    for depth in ("10", "9", "8"):
        job = Job(config, tmp_path, tmp_path, (("depth", depth),))
        job.path.mkdir(exist_ok=True)
        (job.path / "summary.json").write_text(json.dumps(summary))
        comparison.add(job)
    assert comparison.overflown
    lines = table_lines(comparison.table())
    assert [line.split() for line in lines] == [
        ["depth", "runs", "validation_accuracy", "last_first_ratio"],
        ["9", "1", "0.5", "-"],
        ["10", "1", "0.5", "-"],
    ]


def test_points_of_several_variants_are_one_table_and_repeat_alone(tmp_path: Path) -> None:
    text = "layers: [2, 3, 2]\ndata: xor\nbatch_size: 4\n"
    text += "grid: {optimizer: [momentum, adam], optimizer.momentum: [0.9, 0.5]}\n"
    plan = make_plan(read_grid(read_yaml(text, "own.yaml")), tmp_path, tmp_path)
    jobs = [job for job in plan.jobs() if isinstance(job, Job)]
    comparison = Comparison("m", rows={job.cells: Row() for job in jobs})
    cells = [(row["optimizer"], row["optimizer.momentum"]) for row in comparison.table()]
    assert cells == [("adam", None), ("momentum", "0.5"), ("momentum", "0.9")]
    repeated = [_repeat(job, plan, ["own.yaml"]) for job in jobs]
    assert repeated == [
        "vgrad sweep own.yaml -g optimizer=momentum -g optimizer.momentum=0.9 --seeds 0..0",
        "vgrad sweep own.yaml -g optimizer=momentum -g optimizer.momentum=0.5 --seeds 0..0",
        "vgrad sweep own.yaml -g optimizer=adam --seeds 0..0",
    ]
    for job, command in zip(jobs, repeated, strict=True):
        typed = [word for word in command.split() if "=" in word]
        (again,) = make_plan(read_grid(read_yaml(text, "own.yaml"), typed=typed), tmp_path, tmp_path).jobs()
        assert again.name == job.name


@pytest.mark.parametrize("path", sorted((CONFIGS / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_sweeps(path: Path, tmp_path: Path) -> None:
    plan = make_plan(read_grid(load_yaml(path)), tmp_path, path.parent)
    assert plan.points
    assert plan.name == path.stem
    guess = estimate([config for _, config in plan.points])
    assert 0.01 < guess.seconds < 1000
    assert 1e4 < guess.bytes < 1e7
