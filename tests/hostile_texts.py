"""Texts that would do something where they are not escaped, and what a browser would make of a page with them."""

from __future__ import annotations

from html.parser import HTMLParser

HOSTILE = (
    "</script><img src=x onerror=alert(1)> | `a` [x](y) $\\input{/etc/passwd}$ %&#_^~{} \"' \x1b[31m\u202e ‖δ^1‖ é"
)
ALL_ASCII = "".join(map(chr, range(32, 127)))


class Elements(HTMLParser):
    """What a browser would make of a page: its elements, its event handlers, its addresses, the embedded data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.handlers: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.data = ""
        self._in_data = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag not in ("meta", "input"):
            self.open.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self._in_data = ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._in_data = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._in_data else ""

    def count(self, name: str) -> int:
        return self.names.count(name)
