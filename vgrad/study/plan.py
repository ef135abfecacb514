"""The sweeps of a study as plans, and where the runs of its experiments are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vgrad.config.check import settled
from vgrad.errors import ConfigError
from vgrad.study.measured import Trained
from vgrad.study.published import Experiment, Study
from vgrad.sweeps.plan import Plan, make_plan


def make_plans(
    study: Study, folder: Path, settings: Sequence[str], seeds: str | None = None, *, quick: bool = False
) -> list[Plan]:
    """A plan for each experiment, all checked before anything is trained. `folder` is that of the study, `settings` are
    overrides of every sweep, `seeds` those of the command line. ConfigError for a setting that the study varies.
    """
    plans = []
    for experiment in study.contents.experiments:
        count = (experiment.quick.seeds if quick else None) or study.contents.seeds
        varied = set(study.grid(experiment, [], None).keys)
        clash = next((text for text in settings if text.partition("=")[0].strip() in varied), None)
        if clash:
            key = clash.partition("=")[0].strip()
            raise ConfigError(f"-s {clash}: the study varies {key} itself; vgrad sweep trains other values")
        grid = study.grid(experiment, settings, str(count) if seeds is None else seeds, quick=quick)
        plan = make_plan(grid, folder, study.folder)
        if quick and plan.points:
            plan = replace(plan, points=plan.points[: experiment.quick.points])
        plans.append(plan)
    return plans


def trained(study: Study, plans: Sequence[Plan], *, quick: bool = False) -> list[Trained]:
    """Where the runs of every experiment are; comparable where the data are those of the study, and nothing is scaled
    down for a quick look."""
    found = []
    for index, (experiment, plan) in enumerate(zip(study.contents.experiments, plans, strict=True)):
        assert plan.points is not None
        points = [
            [plan.folder / config.model_copy(update={"seed": seed}).run_name for seed in plan.grid.seeds]
            for _, config in plan.points
        ]
        places = [dict(point.cells) for point, _ in plan.points]
        comparable = not (quick and experiment.quick.sweep) and _of_its_data(study, experiment, plan)
        found.append(Trained(experiment, chr(ord("A") + index), list(plan.grid.seeds), points, comparable, places))
    return found


def _of_its_data(study: Study, experiment: Experiment, plan: Plan) -> bool:
    assert plan.points is not None
    own = study.grid(experiment, [], "1")
    theirs = [settled(own.document(point)).data for point in own.points()][: len(plan.points)]
    return [config.data for _, config in plan.points] == theirs
