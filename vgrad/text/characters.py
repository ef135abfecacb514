"""Characters that look like others: what stands there, by code and name, and what was meant by it.

Editors, chats and word processors put them in: a space that does not break, typographic quotes and minus signs, digits
of another width. None of them means in a config what it looks like.
"""

from __future__ import annotations

import unicodedata

MEANT = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
    **dict.fromkeys("\u066b\uff0e\u2024", "."),
    **dict.fromkeys("\u066c\uff0c\u3001\u060c", ","),
    **dict.fromkeys("\uff1a\ufe55\u2236", ":"),
    "\u2026": "..",
    "\u2025": "..",
    "\uff1d": "=",
    "\u00d7": "x",
}
"""Character -> the one of ASCII that it is taken for. Spaces, invisible ones and digits of other scripts come by their
category."""
MOST_NAMED = 3
MOST_WRITTEN = 40


def plain(text: str) -> str:
    """`text` as it was meant: without such characters."""
    return "".join(map(_meant, text))


def foreign(text: str) -> str:
    """The characters of `text` that are not what they look like, each by code and name; "" without any."""
    found = list(dict.fromkeys(character for character in text if _meant(character) != character))
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(map(named, found[:MOST_NAMED])) + more


def named(character: str) -> str:
    """`U+00A0 NO-BREAK SPACE`."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


def hint(text: str, *, remedy: bool = True) -> str:
    """The end of a message about `text`: which characters are in it, and what to write; "" where it has none."""
    told = foreign(text)
    if not told:
        return ""
    meant = plain(text).strip()
    short = remedy and meant.isprintable() and 0 < len(meant) <= MOST_WRITTEN
    return f"; it has {told}; write {meant}" if short else f"; it has {told}"


def _meant(character: str) -> str:
    if character.isascii():
        return character
    known = MEANT.get(character)
    if known is not None:
        return known
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category == "Cf":
        return ""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    width = unicodedata.normalize("NFKC", character)
    return width if unicodedata.east_asian_width(character) == "F" and width.isascii() else character
