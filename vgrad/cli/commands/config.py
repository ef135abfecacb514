"""`vgrad config`: check configs, show them resolved, describe them to an editor, begin a new one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli import completion
from vgrad.cli.command import Command
from vgrad.cli.help import Group
from vgrad.cli.options import ConfigFile, Json, Overrides, Seed, read_config
from vgrad.cli.outputs import answer_name, output_file
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, StorageError, VgradError
from vgrad.storage.json import strict
from vgrad.text.escapes import shown

if TYPE_CHECKING:
    from vgrad.config.config import Config
    from vgrad.sweeps.plan import Plan

app = typer.Typer(cls=Group, help="Check, show and begin configs.", no_args_is_help=True, rich_markup_mode=None)

EDITOR_HELP = """\
To have mistakes marked as you type, in any editor that runs the YAML language server:
`vgrad config schema > vgrad.schema.json`, and as the first line of a config
`# yaml-language-server: $schema=vgrad.schema.json`."""


@app.command("check", cls=Command)
def check(
    files: Annotated[
        list[str], typer.Argument(metavar="CONFIG…", autocompletion=completion.configs, help="YAML files.")
    ],
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Find every mistake in configs and sweeps; name the run, or count the runs. Exits with 2 when one is wrong."""
    failures: list[VgradError] = []
    found: list[dict[str, Any]] = []
    for file in files:
        try:
            found.append({"file": file, **_checked(file, overrides)})
        except VgradError as error:
            failures.append(error)
            found.append({"file": file, "run": None, "problems": list(error.problems)})
        if not as_json and "problems" not in found[-1]:
            _write(f"{file}: fine, {_told(found[-1])}\n")
    if as_json:
        _write_json(found)
    if failures:  # a mistake in a config goes before data that are missing
        worst = min(failures, key=lambda error: error.exit_code)
        raise type(worst)(*dict.fromkeys(problem for error in failures for problem in error.problems))


@app.command("show", cls=Command)
def show(config: ConfigFile, overrides: Overrides = None, seed: Seed = None, as_json: Json = False) -> None:
    """Print the resolved config, every default written out, and what it comes to. Runs again as it is.

    Of a sweep: how many points and runs it has, its axes, and the config that they vary.
    """
    from vgrad.document.writer import dump_yaml

    plan = _plan(config, overrides or [], seed)
    if plan:
        _show_sweep(plan, config, as_json)
        return
    settled = _with_file_digest(read_config(config, overrides, seed), config)
    tree, facts = settled.plain(), _facts(settled)
    if isinstance(tree["init"], dict) and "path" in tree["init"]:  # printed or saved elsewhere, it still finds the file
        tree["init"]["path"] = str((Path(config).parent / tree["init"]["path"]).resolve())
    if as_json:
        _write_json({**facts, "config": tree})
    else:
        comments = "".join(f"# {key.replace('_', ' ')}: {value}\n" for key, value in facts.items())
        _write(comments + dump_yaml(tree))


@app.command("schema", cls=Command, epilog=EDITOR_HELP)
def schema(
    study: Annotated[bool, typer.Option("--study", help="That of studies, for vgrad reproduce FILE.yaml.")] = False,
) -> None:
    """Print the JSON Schema of configs and sweeps: every key and name there is, with descriptions and defaults."""
    from vgrad.config.schema import config_schema
    from vgrad.sweeps.points.schema import sweep_schema

    found = sweep_schema(config_schema())
    if study:
        from vgrad.study.schema import study_schema

        found = study_schema(found)
    _write_json(found)


@app.command("new", cls=Command)
def new(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Where to; stdout by default.")] = None,
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="NAME", autocompletion=completion.data_sets, help="The data set: digits, mnist, …"
        ),
    ] = "digits",
    full: Annotated[bool, typer.Option("--full", help="Every key, and everything that it can be.")] = False,
) -> None:
    """Write a commented config to start from. A file that is there already is never overwritten."""
    from vgrad.config.problems import Problems
    from vgrad.config.synonyms import no_such
    from vgrad.config.template import full_config, starting_config
    from vgrad.data.datasets import BUILT_IN, DATASETS
    from vgrad.storage import write_output

    target = None if file is None else output_file(file)
    if data not in DATASETS:
        raise ConfigError(f"--data: {no_such('data set', data, DATASETS)}")
    if data not in BUILT_IN:
        told = f"write data: {{name: {data}, path: …}} into a config; configs/examples/data has an example"
        raise ConfigError(f"--data {data}: that is a file of your own: {told}")
    try:
        text = (full_config if full else starting_config)(data, target.stem if target else "run")
    except Problems as failure:
        raise ConfigError(*(f"{shown(str(file))}: {problem.message}" for problem in failure.problems)) from None
    if target is None:
        _write(text)
        return
    if not write_output(target, text.encode(), new=True):
        told = "exists already and is left as it is; choose another name, or remove it"
        raise ConfigError(f"{shown(str(file))}: {told}")
    answer_name(target)


def _checked(file: str, overrides: list[str] | None) -> dict[str, Any]:
    """The name of the run that a config makes, or what a sweep comes to; VgradError with what is wrong."""
    plan = _plan(file, overrides or [])
    if plan is None:
        return {"run": _fitting(read_config(file, overrides), file).run_name}
    for _, config in plan.points or ():
        _fitting(config, file)
    return {"sweep": plan.name, **_counts(plan)}


def _told(found: Mapping[str, Any]) -> str:
    if "run" in found:
        return f"run {found['run']}"
    most = "at most " if found["at_most"] else ""
    return f"sweep {found['sweep']} of {most}{found['points']:,} points, {found['runs']:,} runs"


def _plan(file: str, overrides: list[str], seed: int | None = None) -> Plan | None:
    """The plan of a sweep, None for any other file; ConfigError with what is wrong in it."""
    from vgrad.document.document import load_yaml
    from vgrad.sweeps.plan import make_plan
    from vgrad.sweeps.points.grid import read_grid, sweep_key

    document = load_yaml(file)
    if sweep_key(document) is None or "experiments" in document.data:
        return None
    settings = [*overrides, *([] if seed is None else [f"seed={seed}"])]
    return make_plan(read_grid(document, overrides=settings), Path("runs"), Path(file).parent)


def _counts(plan: Plan) -> dict[str, Any]:
    seeds = len(plan.grid.seeds)
    return {"points": plan.count // seeds, "seeds": seeds, "runs": plan.count, "at_most": plan.points is None}


def _show_sweep(plan: Plan, file: str, as_json: bool) -> None:
    """What a sweep would train, and the sweep as it was written, with what -s set."""
    from vgrad.cli.sweeps import axis_lines
    from vgrad.document.document import load_yaml
    from vgrad.document.writer import dump_yaml
    from vgrad.sweeps.points.grid import KEYS

    grid, written = plan.grid, load_yaml(file).data
    tree = {**grid.base.data, **{key: written[key] for key in KEYS if key in written}}
    if grid.sample:
        tree["sample"] = {"count": grid.sample.count, "seed": grid.sample.seed}
    if isinstance(tree.get("init"), dict) and isinstance(tree["init"].get("path"), str):
        tree["init"] = {**tree["init"], "path": str((Path(file).parent / tree["init"]["path"]).resolve())}
    axes = axis_lines(plan)
    counts = _counts(plan)
    if as_json:
        _write_json({"sweep": plan.name, **counts, "axes": axes, "config": tree})
        return
    most = "at most " if counts.pop("at_most") else ""
    lines = [f"sweep: {plan.name}", *(f"{key}: {most if key != 'seeds' else ''}{n:,}" for key, n in counts.items())]
    _write("".join(f"# {line}\n" for line in [*lines, *axes]) + dump_yaml(tree))


def _fitting(config: Config, file: str) -> Config:
    """The config with its digest; StorageError when it does not fit this machine's memory."""
    from vgrad.training.memory import check_memory

    try:
        check_memory(config)
    except StorageError as error:
        raise StorageError(*(f"{shown(file)}: {problem}" for problem in error.problems)) from None
    return _with_file_digest(config, file)


def _with_file_digest(config: Config, file: str) -> Config:
    """The config with the digest of its parameters file, which is part of the run's name; DataError if it is wrong."""
    from vgrad.training.initial import with_digest

    return with_digest(config, Path(file).parent)[0]


def _facts(config: Config) -> dict[str, Any]:
    """What a config comes to."""
    from vgrad.training.assembly import build_network

    return {
        "run": config.run_name,
        "layers": len(config.sizes) - 1,
        "hidden_layers": len(config.sizes) - 2,
        "parameters": build_network(config).parameter_count,
        "probe_examples": config.probe_examples,
    }


def _write(text: str) -> None:
    """`text` on stdout as UTF-8, whatever the terminal: it is YAML, and names of files as they are."""
    answer(text.removesuffix("\n").encode("utf-8", "surrogateescape"))


def _write_json(tree: Mapping[str, Any] | list[Any]) -> None:
    _write(strict(tree) + "\n")
