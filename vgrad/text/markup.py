"""A sheet as Markdown and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from vgrad.text import escapes
from vgrad.text.sheet import Column, Sheet


def _rows(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    return list(zip(*(column.cells for column in columns), strict=True))


def as_markdown(sheet: Sheet) -> str:
    """A pipe table with its caption before and its notes after it; a heading is a row with one cell."""
    columns = [*sheet.labels, *sheet.columns]
    written = [" | ".join(escapes.markdown(column.title) for column in columns)]
    written.append(" | ".join("---:" if column.numeric else ":---" for column in columns))
    for index, row in enumerate(_rows(columns)):
        for heading in sheet.headings(index):
            written.append(f"**{escapes.markdown(heading)}**" + " | " * (len(columns) - 1))
        written.append(" | ".join(map(escapes.markdown, row)))
    lines = [escapes.markdown(sheet.caption), "", *(f"| {row} |" for row in written), ""]
    lines += [f"- {escapes.markdown(note)}" for note in (*sheet.notes, f"Runs: {sheet.provenance}.")]
    return "\n".join(lines) + "\n"


def as_latex(sheet: Sheet) -> str:
    r"""A booktabs table to \input; needs \usepackage{booktabs} and nothing else."""
    columns = [*sheet.labels, *sheet.columns]
    written = [" & ".join(escapes.latex(column.title) for column in columns) + r" \\"]
    for index, row in enumerate(_rows(columns)):
        headings = sheet.headings(index)
        written += [r"\addlinespace"] if headings and index else []
        written += [rf"\multicolumn{{{len(columns)}}}{{l}}{{{escapes.latex(heading)}}} \\" for heading in headings]
        written.append(" & ".join(map(escapes.latex, row)) + r" \\")
    small = [r"\footnotesize"] if sheet.groups else []  # a long table, which has to fit a page
    return "\n".join(
        [
            f"% made by vgrad report; runs: {escapes.ascii_only(escapes.visible(sheet.provenance))}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escapes.latex(sheet.caption)}}}",
            *small,
            rf"\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in columns)}}}",
            r"\toprule",
            written[0],
            r"\midrule",
            *written[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
            r"\medskip\raggedright\footnotesize",
            " ".join(map(escapes.latex, (*sheet.notes, f"Runs: {sheet.provenance}."))),
            r"\end{table}",
            "",
        ]
    )
