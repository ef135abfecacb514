"""A picture of matplotlib as part of a page: SVG without styles of its own, in the colours of the page's theme.

`inline` takes the bytes of an SVG file to an <svg> element that a page's security policy lets through: style attributes
become attributes of their own, identifiers get a prefix, addresses point into the element. Coordinates are rounded to
a tenth of a point and points that lie on a line are left out, which makes curves of 500 epochs small. Colours carry a
class; `dark` is the style sheet that replaces them in a dark theme.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from vgrad.text.escapes import page as inert

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
TOLERANCE = 0.12  # points: less than a pixel of a screen
DROPPED = ("metadata", "style", "title")
_NUMBER = re.compile(r"-?[0-9]+\.[0-9]+(?:e[+-]?[0-9]+)?")
_STRAIGHT = re.compile(r"[ML0-9eE.\s+-]*z?\s*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ADDRESS = re.compile(r"url\(#([^)]+)\)")
Point = tuple[float, float]


def inline(svg: bytes, prefix: str, told: str) -> str:
    """The <svg> element; `told` is its text alternative, and no two of one page have the same `prefix`."""
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag in {SVG + name for name in DROPPED}]:
            parent.remove(child)
    for element in root.iter():
        _plain(element, prefix)
    box = root.get("viewBox", "0 0 720 405")
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "fill": "currentColor", "aria-label": told})
    return _written(root).strip()


def _plain(element: ElementTree.Element, prefix: str) -> None:
    """Styles as attributes, addresses within the element, coordinates rounded."""
    attributes = element.attrib
    for piece in attributes.pop("style", "").split(";"):
        name, _, value = piece.partition(":")
        if value:
            attributes[name.strip()] = value.strip()
    classes = [
        f"{kind[0]}{attributes[kind][1:]}" for kind in ("fill", "stroke") if _COLOUR.fullmatch(attributes.get(kind, ""))
    ]
    if classes:
        attributes["class"] = " ".join(classes)
    if "id" in attributes:
        attributes["id"] = prefix + attributes["id"]
    target = attributes.pop(LINK, "")
    if target:
        attributes["href"] = f"#{prefix}{target[1:]}"
    for name, value in attributes.items():
        if name in ("d", "points", "x", "y", "width", "height", "transform"):
            attributes[name] = _shorter(value) if name == "d" else _rounded(value, 3 if name == "transform" else 1)
        else:
            attributes[name] = _ADDRESS.sub(rf"url(#{prefix}\1)", value)


def _rounded(text: str, digits: int) -> str:
    return _NUMBER.sub(lambda found: _short(float(found[0]), digits), text)


def _short(value: float, digits: int = 1) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _shorter(path: str) -> str:
    """A path with rounded coordinates; one of straight lines without the points that change nothing."""
    joined = " ".join(path.split())
    if not _STRAIGHT.fullmatch(joined):
        return _rounded(joined, 1)
    pieces = []
    for part in joined.replace("z", " z").split("M")[1:]:
        closed = part.rstrip().endswith("z")
        numbers = [float(word) for word in part.replace("L", " ").replace("z", " ").split()]
        points = simplified(list(zip(numbers[::2], numbers[1::2], strict=True)))
        pieces.append("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points) + ("z" if closed else ""))
    return "".join(pieces)


def simplified(points: Sequence[Point], tolerance: float = TOLERANCE) -> list[Point]:
    """The points of a line without those that lie within `tolerance` of it  (Ramer 1972; Douglas and Peucker 1973)."""
    if len(points) < 3:
        return list(points)
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        far, place = tolerance, None
        for at in range(first + 1, last):
            distance = _distance(points[at], points[first], points[last])
            if distance > far:
                far, place = distance, at
        if place is not None:
            kept.add(place)
            spans += [(first, place), (place, last)]
    return [points[at] for at in sorted(kept)]


def _distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the piece of line between two others."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy
    share = min(max(((x - x0) * dx + (y - y0) * dy) / length, 0.0), 1.0) if length else 0.0
    return float(((x - x0 - share * dx) ** 2 + (y - y0 - share * dy) ** 2) ** 0.5)


def _written(element: ElementTree.Element) -> str:
    """The element as HTML has it: no prefixes, and text that stays text."""
    name = element.tag.removeprefix(SVG)
    attributes = "".join(f' {key}="{inert(value)}"' for key, value in element.attrib.items())
    inside = "".join(map(_written, element))
    if name in ("g", "defs") and not inside:
        return ""
    text = inert(element.text.strip()) if element.text and element.text.strip() else ""
    return f"<{name}{attributes}>{text}{inside}</{name}>" if text or inside else f"<{name}{attributes}/>"


def dark(drawn: Iterable[str]) -> str:
    """The rules that turn the colours of these elements light on dark."""
    used = sorted({kind for svg in drawn for found in re.findall(r'class="([^"]*)"', svg) for kind in found.split()})
    names = {"f": "fill", "s": "stroke"}
    return "\n".join(f".{kind} {{ {names[kind[0]]}: {_light(kind[1:])}; }}" for kind in used)


def _light(colour: str) -> str:
    """A colour for a dark ground: white is the ground and black the ink; others keep their hue and become lighter."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    if colour == "ffffff":
        return "var(--paper)"
    if colour == "000000":
        return "var(--ink)"
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    grey = saturation < 0.02  # grids and grounds turn around
    shown = colorsys.hls_to_rgb(hue, 0.92 - 0.7 * lightness if grey else 0.62 + 0.25 * lightness, 0.9 * saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in shown)
