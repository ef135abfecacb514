"""Free text made safe to show: what is not printable becomes an escape, markup stays text in every format."""

from __future__ import annotations

import html

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "-": "{-}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "Δ": r"$\Delta$",
    "δ": r"$\delta$",
    "‖": r"$\Vert$",
    "–": "--",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "…": r"\ldots{}",
    "ˡ": r"\textsuperscript{$l$}",
}
ASCII = {
    "±": "+-",
    "×": "x",
    "÷": "/",
    "Δ": "diff",
    "δ": "delta",
    "‖": "||",
    "–": "-",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
}
ASCII |= {"ˡ": "^l"}
MARKDOWN = "\\`*_{}[]<>#+!|~$&"


def visible(text: str) -> str:
    """`text` on one line, with control characters, direction marks and lone surrogates as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def markdown(text: str) -> str:
    """Text of a Markdown table's cell: no markup, no HTML, no second cell."""
    return "".join(f"\\{character}" if character in MARKDOWN else character for character in visible(text))


def latex(text: str) -> str:
    """Text of a LaTeX table's cell; what an 8-bit font has not is named by its code."""
    pieces = []
    for character in visible(text):
        known = LATEX.get(character)
        pieces.append(known if known else character if character.isascii() else rf"\texttt{{U+{ord(character):04X}}}")
    return "".join(pieces)


def ascii_only(text: str) -> str:
    """Text for a terminal that knows nothing but ASCII."""
    return "".join(ASCII.get(character, character) for character in text).encode("ascii", "replace").decode("ascii")


def spreadsheet(text: str) -> str:
    """Text of a CSV cell that no spreadsheet takes for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def page(text: str) -> str:
    """Text of an HTML element or attribute."""
    return html.escape(visible(text), quote=True)
