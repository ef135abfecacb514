"""run.json and summary.json, read and checked against the config that they belong to.

    run.json       status, machine, digests (docs/contract.md); there is none before a run is complete
    summary.json   what `vgrad.runs.summary.summarize` made

Keys that are not known here are kept: a later version may write more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.runs.checkpoint import CHECKPOINT
from vgrad.runs.folder import CONFIG, DETERMINISTIC, RUN, SUMMARY
from vgrad.runs.history import columns
from vgrad.storage.json import read_json
from vgrad.storage.reading import is_file, state_errors
from vgrad.text.escapes import printable
from vgrad.training.metrics import OF_STEPS
from vgrad.vanishing import decay

Model = TypeVar("Model", bound=BaseModel)
_STRICT = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
Count = Annotated[int, Field(ge=0, le=2**53)]
Words = Annotated[str, Field(max_length=500)]
"""Free text; whoever shows it escapes it."""
Verdict = Annotated[str, Field(pattern=r"^[a-z][a-z +_-]{0,39}$")]
Cause = Annotated[str, Field(pattern=r"^[a-z]{1,20}: [0-9]{1,3} % of layer [0-9]{1,6}$")]
Norm = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Decades = Annotated[float, Field(ge=-1000, le=1000)]
"""A float has no more of them between its least and its greatest."""
YEAR = 366 * 86_400.0


class _Machine(BaseModel):
    model_config = _STRICT
    host: Words
    system: Words
    processor: Words
    blas: list[dict[str, Words | Count | None]]


class _Facts(BaseModel):
    model_config = _STRICT
    status: Literal["complete", "diverged"]
    name: Words
    hash: Words
    seed: int
    continued_after_epoch: Count | None
    continued_from: Words | None = None
    seconds: float = Field(ge=0, le=100 * YEAR)
    finished: Words
    data: dict[str, Words]
    versions: dict[str, Words]
    machine: _Machine
    files: dict[str, Words]
    seal: Words = ""


class _Divergence(BaseModel):
    model_config = _STRICT
    epoch: Count
    batch: Annotated[Count, Field(ge=1)] | None
    layer: Annotated[Count, Field(ge=1)] | None


class _Best(BaseModel):
    model_config = _STRICT
    value: float
    epoch: Count


class _Moment(BaseModel):
    model_config = _STRICT
    epoch: Count
    speed: Literal["delta_norm", "delta_norm_mean"] = "delta_norm"
    delta_norm: list[Norm]
    delta_norm_mean: list[Norm] | None = None
    dead: list[Share] | None = None
    saturated: list[Share | None] | None = None
    decay_rate: Decades | None
    last_first_ratio: Norm | None
    verdict: Verdict | None
    cause: Cause | None = None


class _Learning(BaseModel):
    model_config = _STRICT
    part: Literal["train", "validation", "test"]
    examples: Annotated[Count, Field(ge=1)]
    largest_class: Share
    low: Share
    high: Share
    word: Verdict


class _Summary(BaseModel):
    model_config = _STRICT
    status: Literal["complete", "diverged"]
    divergence: _Divergence | None
    epochs: Count | None
    final: dict[str, float | None]
    best: dict[str, _Best]
    gradient: dict[Literal["start", "worst", "end"], _Moment]
    learning: _Learning | None = None
    verdict: Verdict | None
    cause: Cause | None = None


def read_facts(path: Path, config: Config) -> dict[str, Any] | None:
    """run.json, checked; None when there is none."""
    file = path / RUN
    tree = read_json(file)
    if tree is None:
        return None
    files = check_facts(tree, file, config.name, config.identity, config.seed)
    with state_errors(path):
        needed = [name for name in files if name in DETERMINISTIC and name != CHECKPOINT]
        missing = [name for name in needed if not is_file(path / name)]
    if missing:
        raise damaged(path, f"{', '.join(missing)} missing")
    return tree


def check_facts(tree: dict[str, Any], file: Path, name: str, identity: str, seed: int) -> dict[str, str]:
    """The digests in run.json, which is `tree`; RunStateError when it is damaged or of another run than this one."""
    facts = checked(_Facts, tree, file)
    if (facts.name, facts.hash, facts.seed) != (name, identity, seed):
        raise damaged(file, f"is of another run than {CONFIG}")
    return facts.files


def read_summary(path: Path, config: Config, status: str | None = None) -> dict[str, Any]:
    """summary.json, checked; `status` is that of run.json where it is known."""
    file = path / SUMMARY
    tree = read_json(file)
    if tree is None:
        raise damaged(file, "missing")
    check_summary(tree, file, config, status)
    return tree


def check_summary(tree: dict[str, Any], file: Path, config: Config, status: str | None = None) -> None:
    """RunStateError unless summary.json, which is `tree`, has the epochs, monitors and layers of the config, and
    numbers that can be. What versions before knew of one measure only is told apart in it."""
    summary = checked(_Summary, tree, file)
    status = summary.status if status is None else status
    last = summary.epochs
    whole = status == "complete" and config.early_stopping is None
    if summary.status != status or (status == "diverged") != (summary.divergence is not None):
        raise damaged(file, f"its status is {summary.status}, that of {RUN} {status}")
    if not (last == config.epochs if whole else _possible(last, config, status)):
        raise damaged(file, f"{last} of {config.epochs} epochs")
    due = {*columns(config.monitors)} if last is not None else set()
    if set(summary.final) != due or set(summary.best) != set(config.monitors if due else ()):
        raise damaged(file, "not the monitors of the config")
    wrong = next(_impossible(summary), None)
    if wrong:
        raise damaged(file, wrong)
    _check_moments(summary, file, config)
    for moment in tree["gradient"].values():
        if "speed" not in moment:
            if config.speed == "delta_norm":  # it held the slope of a regression
                fall = decay(moment["delta_norm"])
                moment["decay_rate"] = fall.rate if fall else None
            else:
                moment.update(decay_rate=None, last_first_ratio=None)
            moment.update(speed=config.speed, delta_norm_mean=None)


def _impossible(summary: _Summary) -> Iterator[str]:
    """What cannot be of the numbers of the monitors."""
    for name, value in summary.final.items():
        if value is None and not (name in OF_STEPS and summary.epochs == 0):
            yield f"no {name}"
    for name, best in summary.best.items():
        if best.epoch > (summary.epochs or 0):
            yield f"the best {name} in epoch {best.epoch} of {summary.epochs}"
        final = summary.final[name]
        if name.endswith("_accuracy") and not (0 <= best.value <= 1 and (final is None or 0 <= final <= 1)):
            yield f"an impossible {name}"


def _check_moments(summary: _Summary, file: Path, config: Config) -> None:
    """The norms of the hidden layers at the first epoch, the last and one of those between that were measured."""
    last, hidden, moments = summary.epochs, len(config.sizes) - 2, summary.gradient
    due = 3 if last is not None and "delta_norm" in config.probes.record else 0
    lists = ((m.delta_norm, m.delta_norm_mean, m.dead, m.saturated) for m in moments.values())
    listed = (each for of_moment in lists for each in of_moment if each is not None)
    if len(moments) != due or any(len(each) != hidden for each in listed):
        raise damaged(file, f"not the norms of {hidden} hidden layers")
    if last is None or not moments:
        return
    ends = (last, config.probes.measured(last, config.epochs)[-1])  # an early end is measured, by earlier versions not
    worst, end = moments["worst"].epoch, moments["end"].epoch
    measured = worst <= end and (worst == end or config.probes.measures(worst, config.epochs))
    if not measured or moments["start"].epoch != 0 or end not in ends:
        told = ", ".join(f"{name} {moment.epoch}" for name, moment in moments.items())
        raise damaged(file, f"norms of epochs that are not those of the config: {told}")


def _possible(last: int | None, config: Config, status: str) -> bool:
    """Whether a run may end with epoch `last`: diverged before any, stopped early not before patience could run out."""
    stopping = config.early_stopping
    if status == "diverged" or stopping is None:
        return last is None or 0 <= last <= config.epochs
    return last is not None and min(stopping.patience, config.epochs) <= last <= config.epochs


def checked(model: type[Model], tree: dict[str, Any], file: Path) -> Model:
    """`tree`, which is the content of `file`, as a model; RunStateError that names the first field that is wrong."""
    try:
        return model.model_validate(tree)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        raise damaged(file, f"{'.'.join(map(str, error['loc']))}: {error['msg'].lower()}") from None


def damaged(path: Path, reason: str) -> RunStateError:
    """The error for a file that is not what a run writes."""
    return RunStateError(f"{printable(str(path), 200)}: damaged: {printable(reason, 200)}")
