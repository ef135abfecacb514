"""The page of a study: the verdict first, then each experiment with its table and its pictures, then how it was made.

One file that runs no script and asks nothing of a network: its style is named by hash in its security policy.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from itertools import groupby
from shlex import quote
from string import Template

from vgrad.errors import ConfigError
from vgrad.pictures.fonts import load_matplotlib
from vgrad.pictures.svg import dark, inline
from vgrad.report.page.page import digest
from vgrad.study.outcome import Experiment, Outcome
from vgrad.study.report.marks import NORM
from vgrad.study.report.overview import sheets
from vgrad.study.report.pictures import picture
from vgrad.study.report.table import heading, joint, lay_out, quick, sentence, short_layers, verdict
from vgrad.study.report.words import ALTERNATIVES, found
from vgrad.text.escapes import page as inert
from vgrad.text.numbers import significant
from vgrad.text.sheet import Column, Sheet

OF_ALL = "study-figures"
"""The picture that is of the whole study; each other kind is drawn for each experiment that has something for it."""
NUMBER = ' class="number"'
Drawn = dict[tuple[str, str], tuple[str, str, str]]


def render(outcome: Outcome) -> str:
    """The page of a study."""
    sheet, study = lay_out(outcome), outcome.study
    drawn = _drawn(outcome)
    sections = [_experiment(outcome, sheet, each, drawn) for each in study.experiments]
    style = "\n".join([_file("page.css", "vgrad.report.page"), _file("study.css"), _dark(drawn)])
    everything = _figure(*drawn["", OF_ALL]) if ("", OF_ALL) in drawn else ""
    return Template(_file("study.html")).substitute(
        title=inert(study.title),
        verdict=inert(" ".join([verdict(study), *map(sentence, study.conclusions)])),
        source=_source(outcome),
        aside=_aside(outcome),
        experiments="\n".join(sections),
        runs=_runs(outcome),
        overview=f'<section>\n<h2 id="all">All figures</h2>\n{everything}\n</section>' if everything else "",
        notes="\n".join(f"<li>{inert(note)}</li>" for note in sheet.notes),
        made=_made(outcome),
        foot=inert(f"Made by vgrad reproduce {study.study} from the runs {sheet.provenance}."),
        style=style,
        style_hash=digest(style),
    )


def _file(name: str, package: str = __package__) -> str:
    """A file of this package, or the style that both pages share, of the other one."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _drawn(outcome: Outcome) -> Drawn:
    """Every picture that an experiment has something for, and the one of all, by letter and kind: its name, what is
    drawn, and what it shows."""
    load_matplotlib()
    drawn: Drawn = {}
    for kind, told in ALTERNATIVES.items():
        parts = {each.letter: outcome.part(each) for each in outcome.study.experiments}
        shown = dict[str, tuple[Outcome, bytes]]()
        for letter, part in ({"": outcome} if kind == OF_ALL else parts).items():
            with suppress(ConfigError):  # it has nothing of the kind
                shown[letter] = part, picture(part, kind, "svg")
        for letter, (part, svg) in shown.items():
            name = f"{kind.removeprefix('study-')}{f'-{letter}' if len(shown) > 1 else ''}"
            drawn[letter, kind] = name, inline(svg, f"{name}-", told(part)), told(part)
    return drawn


def _dark(drawn: Drawn) -> str:
    return f"@media (prefers-color-scheme: dark) {{\n{dark(svg for _, svg, _ in drawn.values())}\n}}"


def _source(outcome: Outcome) -> str:
    study = outcome.study
    link = inert(study.url)
    if study.url.startswith(("http://", "https://")):
        link = f'<a href="{link}" rel="noreferrer">{link}</a>'
    return f"{inert(sentence(study.source))} {link}"


def _aside(outcome: Outcome) -> str:
    """The data, what was changed, and what was left out."""
    study = outcome.study
    told = [f"<p>Data: {inert(study.data)}.</p>"]
    if study.settings:
        told.append(f"<p>Changed from the study: {inert(', '.join(study.settings))}.</p>")
    if study.quick:
        told.append(f"<p>{inert(quick(study))}</p>")
    if study.left_out:
        items = "".join(f"<li>{inert(sentence(each))}</li>" for each in study.left_out)
        told.append(f"<p>Left out:</p>\n<ul>{items}</ul>")
    return "\n".join(told)


def _experiment(outcome: Outcome, sheet: Sheet, experiment: Experiment, drawn: Drawn) -> str:
    """What is asked, what was done, what came out; the table; the pictures."""
    name = f"experiment-{experiment.letter}"
    rows = [row for row, groups in enumerate(sheet.groups) if groups[0] == heading(experiment)]
    text = experiment.text
    if text and outcome.study.settings and not outcome.study.comparable:  # what it tells is of the published data
        text = f"The study's networks, on {outcome.study.data}; what it says of its own data is no part of this"
    told = f"<p>{inert(sentence(text))}</p>\n" if text else ""
    table = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">\n{_table(sheet, rows)}\n</div>'
    tables = [_overview(each, name) for each in sheets(outcome.part(experiment))]
    pictures = [_figure(*shown) for (letter, _), shown in drawn.items() if letter == experiment.letter]
    return "\n".join(
        [
            f'<section>\n<h2 id="{name}">{experiment.letter}. {inert(experiment.title)}</h2>',
            f"{told}<p><strong>Found:</strong> {inert(found(outcome, experiment))}</p>",
            *tables,
            table if rows else "",
            *pictures,
            "</section>",
        ]
    )


def _table(sheet: Sheet, rows: list[int]) -> str:
    columns = [*sheet.labels, *sheet.columns]
    head = "".join(f'<th scope="col"{_kind(column)}>{inert(column.title)}</th>' for column in columns)
    bodies = []
    for group, inside in groupby(rows, key=lambda row: sheet.groups[row][-1]):
        lines = "\n".join(_row(columns, row) for row in inside)
        title = f'<tr><th scope="rowgroup" colspan="{len(columns)}">{_raised(group)}</th></tr>'
        bodies.append(f"<tbody>\n{title}\n{lines}\n</tbody>")
    return f"<table>\n<thead><tr>{head}</tr></thead>\n{chr(10).join(bodies)}\n</table>"


def _overview(sheet: Sheet, name: str) -> str:
    """A table of the overview."""
    columns = [*sheet.labels, *sheet.columns]
    head = "".join(f'<th scope="col"{_kind(column)}>{inert(column.title)}</th>' for column in columns)
    lines = "\n".join(_row(columns, row) for row in range(len(sheet.labels[0].cells)))
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">\n{table}\n</div>'
    return f"<p>{_raised(sheet.caption)}</p>\n{scroll}"


def _runs(outcome: Outcome) -> str:
    """The published runs, each with what the joint test says of it."""
    runs = [run for run in outcome.study.published_runs if run.p is not None]
    if not runs:
        return ""
    head = "".join(
        f'<th scope="col"{kind}>{title}</th>'
        for title, kind in (
            ("published run", ""),
            ("strangest number", ""),
            ("t", NUMBER),
            ("n", NUMBER),
            ("p", NUMBER),
        )
    )
    rows = "\n".join(
        f'<tr><th scope="row">{inert(f"{run.experiments}  {short_layers(run.layers)}")}</th>'
        f"<td>{_raised(run.strangest)}</td><td{NUMBER}>{run.t or 0.0:+.2f}</td><td{NUMBER}>{run.n}</td>"
        f"<td{NUMBER}>{significant(run.p or 0.0, 2)}</td></tr>"
        for run in runs
    )
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="runs">\n{table}\n</div>'
    told = "\n".join(f"<p>{inert(each)}</p>" for each in joint(outcome.study))
    return f'<section>\n<h2 id="runs">The published runs as further draws</h2>\n{scroll}\n{told}\n</section>'


def _kind(column: Column) -> str:
    return NUMBER if column.numeric else ""


def _row(columns: list[Column], row: int) -> str:
    outside = ' class="outside"' if any(column.cells[row] == "outside" for column in columns[1:]) else ""
    first = f'<th scope="row">{_raised(columns[0].cells[row])}</th>'
    cells = "".join(f"<td{_kind(column)}>{inert(column.cells[row])}</td>" for column in columns[1:])
    return f"<tr{outside}>{first}{cells}</tr>"


def _raised(text: str) -> str:
    """Text with its norms as Nielsen writes them."""
    return NORM.sub(r"‖δ<sup>\1</sup>‖", inert(text))


def _figure(name: str, svg: str, told: str) -> str:
    """A picture that can be scrolled on a narrow screen, with what it shows below it."""
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-labelledby="picture-{name}">{svg}</div>'
    return f'<figure>\n{scroll}\n<figcaption id="picture-{name}">{inert(told)}</figcaption>\n</figure>'


def _made(outcome: Outcome) -> str:
    study = outcome.study
    words = ["vgrad", "reproduce", study.study, *(["--quick"] if study.quick else [])]
    words += [word for setting in study.settings for word in ("-s", setting)]
    facts = [("command", f"<code>{inert(' '.join(map(quote, words)))}</code>")]
    facts += [(name, inert(version)) for name, version in study.versions.items()]
    facts += [("processor", inert(study.processor))]
    facts += [("BLAS", inert(", ".join(study.blas)))] if study.blas else []
    for each in study.experiments:
        if each.seconds is not None:
            facts.append((each.name, inert(f"{each.runs} runs, {each.seconds:,.0f} seconds in all")))
    rows = "\n".join(f"<dt>{inert(name)}</dt><dd>{told}</dd>" for name, told in facts)
    return f"<dl>\n{rows}\n</dl>"
