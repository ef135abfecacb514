"""Mutations that cosmic-ray does not make by itself, as its operators: what a hand slips over in numeric code.

An axis or another keyword that is lost, two arguments the wrong way round, a condition or a bound that is dropped, a
step that is left out, `abs` that is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator

import parso
from cosmic_ray.operators.operator import Operator
from parso.tree import NodeOrLeaf

UNWRAPPED = {"abs", "np.abs", "np.sqrt", "math.sqrt", "sorted", "reversed", "set", "round", "math.floor", "np.square"}
COMMUTATIVE = {"add", "multiply", "maximum", "minimum", "min", "max", "isclose"}
EXTREMES = {"min": "max", "max": "min", "np.minimum": "np.maximum", "np.maximum": "np.minimum"}
EXTREMES |= {"argmin": "argmax", "argmax": "argmin", "any": "all", "all": "any"}


def _parsed(code: str) -> NodeOrLeaf:
    return parso.parse(code)


def _called(node: NodeOrLeaf) -> tuple[str, NodeOrLeaf] | None:
    """Name and trailer of a plain call `f(…)` or `np.f(…)`, the node being all of it."""
    if node.type != "atom_expr" or node.children[-1].type != "trailer" or node.children[-1].children[0].value != "(":
        return None
    if any(child.type not in ("name", "trailer") for child in node.children):
        return None
    return "".join(child.get_code() for child in node.children[:-1]).strip(), node.children[-1]


def _arguments(trailer: NodeOrLeaf) -> list[NodeOrLeaf]:
    """The arguments of a call, without commas and parentheses."""
    inner = trailer.children[1:-1]
    if len(inner) == 1 and inner[0].type == "arglist":
        inner = inner[0].children
    return [child for child in inner if child.get_code().strip() != ","]


class _Texts(Operator):
    """An operator that puts other code in the place of a node: `_texts` are all that it would put there."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        raise NotImplementedError

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Where the node begins and ends, once for each of its mutations."""
        for _ in self._texts(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """The node with mutation number `index` in its place."""
        prefix = node.get_first_leaf().prefix
        return _parsed(prefix + list(self._texts(node))[index])

    @classmethod
    def examples(cls) -> tuple[()]:
        """None."""
        return ()


class DropKeyword(_Texts):
    """x.mean(axis=0) becomes x.mean()."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        if node.type == "trailer" and node.children[0].value == "(":
            arguments = _arguments(node)
            for at, argument in enumerate(arguments):
                if argument.type == "argument" and argument.children[1].get_code().strip() == "=":
                    rest = [other.get_code().strip() for other in arguments[:at] + arguments[at + 1 :]]
                    yield f"({', '.join(rest)})"


class SwapArguments(_Texts):
    """f(a, b) becomes f(b, a), but for a sum and its like."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        if node.type == "trailer" and node.children[0].value == "(":
            arguments = _arguments(node)
            codes = [argument.get_code().strip() for argument in arguments]
            before = node.get_previous_sibling()
            first = before is not None and before.get_code().strip(". ") in COMMUTATIVE
            for at in range(first, len(arguments) - 1):
                pair = arguments[at : at + 2]
                if all(one.type != "argument" for one in pair) and codes[at] != codes[at + 1]:
                    yield f"({', '.join([*codes[:at], codes[at + 1], codes[at], *codes[at + 2 :]])})"


class DropOperand(_Texts):
    """`a and b` becomes `a`, or `b`."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        if node.type in ("and_test", "or_test"):
            codes = [child.get_code().strip() for child in node.children]
            for at in range(0, len(codes), 2):
                rest = codes[:at] + codes[at + 2 :] if at + 2 < len(codes) else codes[: at - 1]
                yield f"({' '.join(rest)})"


class Unwrap(_Texts):
    """abs(x) becomes x; min(a, b) becomes max(a, b), a or b."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        call = _called(node)
        if call is None:
            return
        name, trailer = call
        arguments = [argument.get_code().strip() for argument in _arguments(trailer)]
        if name in UNWRAPPED and arguments:
            yield f"({arguments[0]})"
        short = name if name in EXTREMES else name.rpartition(".")[2]
        if short in EXTREMES:
            yield f"{name.removesuffix(short)}{EXTREMES[short]}{trailer.get_code().strip()}"
        if name in ("min", "max", "np.minimum", "np.maximum") and len(arguments) == 2 and "=" not in arguments[1]:
            yield f"({arguments[0]})"
            yield f"({arguments[1]})"


class DropStatement(_Texts):
    """A call for its effect, or `x += 1`, becomes `pass`."""

    def _texts(self, node: NodeOrLeaf) -> Iterator[str]:
        if node.parent is None or node.parent.type != "simple_stmt":
            return
        augmented = node.type == "expr_stmt" and node.children[1].type == "operator" and node.children[1].value != "="
        if augmented or (_called(node) is not None and "super" not in node.get_code()):
            yield "pass"


OURS = {each.__name__: each() for each in (DropKeyword, SwapArguments, DropOperand, Unwrap, DropStatement)}
