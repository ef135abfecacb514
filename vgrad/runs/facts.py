"""run.json and summary.json, read and checked against the config that they belong to.

    run.json       status, machine, digests (DESIGN.md part 2); there is none before a run is complete
    summary.json   what `vgrad.runs.summary.summarize` made

Keys that are not known here are kept: a later version may write more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.runs.folder import CONFIG, DETERMINISTIC, RUN, SUMMARY, read_json
from vgrad.storage.reading import is_file, state_errors
from vgrad.text.escapes import printable

Model = TypeVar("Model", bound=BaseModel)
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


class _Machine(BaseModel):
    model_config = _STRICT
    host: str
    system: str
    processor: str
    blas: list[dict[str, str | int | None]]


class _Facts(BaseModel):
    model_config = _STRICT
    status: Literal["complete", "diverged"]
    name: str
    hash: str
    seed: int
    continued_after_epoch: int | None
    seconds: float
    finished: str
    data: dict[str, str]
    versions: dict[str, str]
    machine: _Machine
    files: dict[str, str]
    seal: str = ""


class _Divergence(BaseModel):
    model_config = _STRICT
    epoch: int
    batch: int | None
    layer: int | None


class _Best(BaseModel):
    model_config = _STRICT
    value: float
    epoch: int


class _Moment(BaseModel):
    model_config = _STRICT
    epoch: int
    delta_norm: list[float]
    decay_rate: float | None
    last_first_ratio: float | None
    verdict: str | None


class _Summary(BaseModel):
    model_config = _STRICT
    status: Literal["complete", "diverged"]
    divergence: _Divergence | None
    epochs: int | None
    final: dict[str, float | None]
    best: dict[str, _Best]
    gradient: dict[Literal["start", "worst", "end"], _Moment]
    verdict: str | None
    vanishing_decay: float


def read_facts(path: Path, config: Config) -> dict[str, Any] | None:
    """run.json, checked; None when there is none."""
    file = path / RUN
    tree = read_json(file)
    if tree is None:
        return None
    facts = _checked(_Facts, tree, file)
    if (facts.name, facts.hash, facts.seed) != (config.name, config.identity, config.seed):
        raise damaged(file, f"is of another run than {CONFIG}")
    with state_errors(path):
        missing = [name for name in facts.files if name in DETERMINISTIC and not is_file(path / name)]
    if missing:
        raise damaged(path, f"{', '.join(missing)} missing")
    return tree


def read_summary(path: Path, config: Config, status: str) -> dict[str, Any]:
    """summary.json, checked: as many epochs, monitors and layers as the config has."""
    file = path / SUMMARY
    tree = read_json(file)
    if tree is None:
        raise damaged(file, "missing")
    summary = _checked(_Summary, tree, file)
    last, hidden = summary.epochs, len(config.sizes) - 2
    whole = status == "complete" and config.early_stopping is None
    if summary.status != status or (status == "diverged") != (summary.divergence is not None):
        raise damaged(file, f"its status is {summary.status}, that of {RUN} {status}")
    if not (last == config.epochs if whole else _possible(last, config, status)):
        raise damaged(file, f"{last} of {config.epochs} epochs")
    columns = {*config.monitors, "penalty", "learning_rate"} if last is not None else set()
    if set(summary.final) != columns or set(summary.best) != set(config.monitors if columns else ()):
        raise damaged(file, "not the monitors of the config")
    moments = summary.gradient.values()
    if len(moments) not in (0, 3) or any(len(moment.delta_norm) != hidden for moment in moments):
        raise damaged(file, f"not the norms of {hidden} hidden layers")
    return tree


def _possible(last: int | None, config: Config, status: str) -> bool:
    """Whether a run may end with epoch `last`: diverged before any, stopped early not before patience could run out."""
    stopping = config.early_stopping
    if status == "diverged" or stopping is None:
        return last is None or 0 <= last <= config.epochs
    return last is not None and min(stopping.patience, config.epochs) <= last <= config.epochs


def _checked(model: type[Model], tree: dict[str, Any], file: Path) -> Model:
    try:
        return model.model_validate(tree)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        raise damaged(file, f"{'.'.join(map(str, error['loc']))}: {error['msg'].lower()}") from None


def damaged(path: Path, reason: str) -> RunStateError:
    """The error for a file that is not what a run writes."""
    return RunStateError(f"{printable(str(path), 200)}: damaged: {printable(reason, 200)}")
