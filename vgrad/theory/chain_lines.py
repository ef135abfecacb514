"""`vgrad theory` in lines of text: tables that fit, sentences that are broken, ASCII where there is nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from vgrad.text.numbers import MISSING, percent, significant
from vgrad.text.page import Page
from vgrad.theory.chain import LEVELS, Chain, Distribution, geometric, power
from vgrad.theory.identity import Imitation
from vgrad.theory.lesson import MOVED, Explosion, Imitations, Lesson, Setting, Widths
from vgrad.theory.neuron import Interval


def number(x: float) -> str:
    """Three digits; an infinite one as a sign."""
    return "∞" if x == math.inf else "−∞" if x == -math.inf else significant(x)


def size(log10: float, sign: float = 1.0) -> str:
    """A number by its log10: as others where it is not beyond floats."""
    return power(log10, sign) if not -300 < log10 < 300 else significant(math.copysign(10**log10, sign))


def slope_of(setting: Setting) -> str:
    """The slope's sign: the chapter's sigma where it is the sigmoid, f for any other activation."""
    return "σ'" if setting.closed_form else "f'"


def lesson_lines(lesson: Lesson, named: str, width: int, unicode: bool) -> list[str]:
    """Everything that was asked for; short where it is one section of several."""
    page = Page(width, unicode)
    writers: dict[str, Callable[[Page, Lesson, bool], None]] = {
        "factors": _factors,
        "draws": _draws,
        "explode": _explode,
        "width": _width,
        "identity": _identity,
    }
    several = len(lesson.names) > 1
    if several:
        page.words(
            f"The chain of chapter 5: {lesson.setting.neurons} neurons one after the other, activation {named}. "
            "vgrad theory chain SECTION shows one section in full."
        )
    for name in lesson.names:
        writers[name](page, lesson, several)
    return page.lines


def _factors(page: Page, lesson: Lesson, several: bool) -> None:
    found, setting, s = lesson.factors, lesson.setting, slope_of(lesson.setting)
    assert found is not None
    page.title(f"factors: the gradient of one chain, factor by factor ({_origin(setting)}; input {setting.x:g})")
    factor_table(page, found, s)
    count = len(found.w)
    terms = [f"{s}(z1)", *(f"· w{n} {s}(z{n})" for n in range(2, count + 1)), f"· dC/da{count}"]
    values = [significant(found.factor[0]), *(f"· {significant(f)}" for f in found.factor[1:])]
    if count <= 8:
        page.formula(f"dC/db1 =  {'  '.join(terms)}")
        page.formula(f"=  {'  '.join([*values, f'· {significant(found.dC_da)}'])}  = {_dC_db(found, 0)}")
    page.words(_speed(found))
    page.words(f"The cost is (a{count} − y)^2/2, y = {setting.y:g}{', which is a minimum' if not found.dC_da else ''}.")


def _speed(found: Chain) -> str:
    """How fast the first neuron learns, compared with the last."""
    ratio = found.log10_ratio
    if ratio is None:
        return "A factor is exactly 0: what lies before it does not learn."
    return f"b1 learns {size(abs(ratio))} times {'slower' if ratio <= 0 else 'faster'} than b{len(found.w)}."


def _origin(setting: Setting) -> str:
    given = [name for name, one in (("w", setting.weights), ("b", setting.biases)) if one is not None]
    drawn = [name for name in ("w", "b") if name not in given]
    law = {"w": _law(setting), "b": "b ~ N(0, 1)"}
    parts = [f"{' and '.join(given)} given"] if given else []
    parts += [f"{', '.join(law[name] for name in drawn)}, seed {setting.seed}"] if drawn else []
    return ", ".join(parts)


def _law(setting: Setting) -> str:
    return f"w ~ N(0, {'1' if setting.spread == 1 else f'{setting.spread:g}^2'})"


def _dC_db(found: Chain, at: int) -> str:
    return size(float(found.log10_dC_db[at]), float(found.dC_db[at]) or float(found.sign[at]))


def factor_table(page: Page, found: Chain, s: str) -> None:
    """A row a layer; `product` is of this row's factor and all below it, towards the cost."""
    rows = [["l", "w", "b", "z", "a", f"{s}(z)", f"w {s}(z)", "product", "dC/db"]]
    for at in range(len(found.w)):
        plain = (found.w[at], found.b[at], found.z[at], found.a[at], found.slope[at])
        factor = f"({significant(found.factor[0])})" if at == 0 else significant(float(found.factor[at]))
        product = size(float(found.log10_product[at]), float(found.sign[at]))
        rows.append([str(at + 1), *(significant(float(one)) for one in plain), factor, product, _dC_db(found, at)])
    page.table(rows, drop=(2, 4, 5, 3, 1))
    page.words(f"({s}(z1)): the first factor has no weight. product: of the factors from this row to the last.")


def _draws(page: Page, lesson: Lesson, several: bool) -> None:
    found, setting, s = lesson.draws, lesson.setting, slope_of(lesson.setting)
    assert found is not None
    law = f"{_law(setting)}, b ~ N(0, 1)"
    page.title(f"draws: {setting.draws:,} chains of {found.rows[-1].neurons} neurons, {law}, seed {setting.seed}")
    page.words(f"log10 of |w2 {s}(z2) … wn {s}(zn)| for the first n neurons:".replace(" … ", "\xa0…\xa0"))
    rows = [["n", *(f"{100 * level:g} %" for level in LEVELS), "all < 1/4", "> 1", "= 0"]]
    rows[0][1 + LEVELS.index(0.5)] = "median"
    shown = _few(found, 5) if several else found.rows
    for row in shown:
        logs = [number(q) if math.isinf(q) else f"{q:.2f}" for q in row.quantiles]
        rows.append(
            [str(row.neurons), *logs, *(percent(share, 1) for share in (row.all_below, row.above_one, row.zero))]
        )
    if not any(row.zero for row in found.rows):
        rows = [row[:-1] for row in rows]
    page.table(rows, drop=(2, 4, 7))
    page.words("all < 1/4: draws in which every factor is; > 1: draws whose product is.")
    page.words(_pace(found))
    if setting.closed_form:
        page.words("As σ' is at most 1/4, a factor |w σ'| is at most |w|/4; it takes |w| > 4 to make one that grows.")


def _few(found: Distribution, most: int) -> list:  # type: ignore[type-arg]
    rows = found.rows
    if len(rows) <= most:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _pace(found: Distribution) -> str:
    zero = found.rows[-1].zero
    if found.decades is None:
        return "Every product is exactly 0."
    told = f"Geometric mean of a factor: {significant(10**found.decades)}"
    if found.half is not None:
        low, high = 10 ** (found.decades - found.half), 10 ** (found.decades + found.half)
        told += f" (95 %: {significant(low)} to {significant(high)})"
    direction = "shrinks" if found.decades <= 0 else "grows"
    told += f"; the gradient {direction} by {abs(found.decades):.2f} decades with each neuron"
    return told + (f", in the {percent(1 - zero, 1)} of draws where it is not exactly 0." if zero else ".")


def _explode(page: Page, lesson: Lesson, several: bool) -> None:
    found, setting, s = lesson.explode, lesson.setting, slope_of(lesson.setting)
    assert found is not None
    z = float(found.chain.z[0])
    page.title(
        f"explode: all w = {setting.explode_weight:g}, and biases that put every z at {_plain(z)}, "
        f"where {s} = {significant(float(found.chain.slope[0]))}"
    )
    if not several:
        factor_table(page, found.chain, s)
    page.formula(f"dC/db1 =  {_factors_of(found.chain)}")
    _explode_words(page, found, setting)


def _factors_of(found: Chain) -> str:
    last = len(found.w)
    values = [significant(float(f)) for f in found.factor] if last <= 8 else [significant(float(found.factor[0]))]
    values += [f"({_mean_factor(found)})^{last - 1}"] if last > 8 else []
    product = size(float(found.log10_product[0]), float(found.sign[0]))
    return "  · ".join([*values, f"dC/da{last}  = {product} · dC/da{last}"])


def _mean_factor(found: Chain) -> str:
    mean = geometric([abs(float(f)) for f in found.factor[1:]])
    return MISSING if mean is None else significant(mean)


def _explode_words(page: Page, found: Explosion, setting: Setting) -> None:
    page.words(_speed(found.chain))
    factor, slope = abs(float(found.chain.factor[-1])), abs(float(found.chain.slope[-1]))
    if factor < 1 and slope > 0:
        page.words(f"It does not explode: every factor is below 1. That takes |w| above {significant(1 / slope)}.")
    moved = found.moved
    if moved is None:
        page.words(f"With the input moved by {MOVED:g}, the numbers themselves overflow.")
        return
    factors = [significant(float(f)) for f in moved.factor[:6]] + (["…"] if len(moved.w) > 6 else [])
    page.words(
        f"With the input moved by {MOVED:g}, z1 is {significant(float(moved.z[0]))} and the factors are "
        f"{', '.join(factors)}."
    )


def _plain(z: float) -> str:
    return "0" if abs(z) < 1e-7 else number(z)


def _width(page: Page, lesson: Lesson, several: bool) -> None:
    found, s = lesson.width, slope_of(lesson.setting)
    assert found is not None
    page.title(f"width: for which inputs a can |w {s}(w a + b)| be 1 or more?")
    rows = [["|w|", "width of a", "eq. 123", "z = w a + b"]]
    for one in found.rows:
        closed = MISSING if one.closed_form is None or not one.z else f"{one.closed_form:.4f}"
        wide = "∞" if math.isinf(one.width) else f"{one.width:.4f}"
        rows.append([f"{abs(one.w):.4g}", wide if one.z else "none", closed, _intervals(one.z)])
    if not any(one.closed_form is not None for one in found.rows):
        rows = [[*row[:2], row[3]] for row in rows]
    page.table(rows, drop=(len(rows[0]) - 1,), left=(len(rows[0]) - 1,))
    page.words(_reach(found, s))


def _intervals(intervals: Sequence[Interval]) -> str:
    return " and ".join(f"{_plain(low)} … {_plain(high)}" for low, high in intervals) or "none"


def _reach(found: Widths, s: str) -> str:
    reach = found.reach
    if math.isinf(reach.least):
        return f"{s} is 0 everywhere: no weight makes a factor of 1."
    told = f"It takes |w| >= {reach.least:.4g}, one over the largest slope. ".replace(">=", "≥")
    if reach.w is None:
        return told + (
            f"From |w| = {reach.endless:.4g} on there is no limit: {s} does not go to 0, so the inputs that "
            "have such a factor go on for ever, and with them the gradient can pass any number of neurons."
        )
    return told + (
        f"The width does not depend on b, and is largest, {reach.width:.4f}, at |w| = {reach.w:.3f} (solved for): "
        "outside of that narrow range, each neuron shrinks the gradient."
    )


def _identity(page: Page, lesson: Lesson, several: bool) -> None:
    found, setting = lesson.identity, lesson.setting
    assert found is not None
    f = "σ" if setting.closed_form else "f"
    page.title(f"identity: w2 {f}(w1 x + b) close to x for x from 0 to 1")
    rows = [["w1", "b", "w2", "constant", "error", "without it"]]
    for one, bare in found.rows:
        rows.append([*map(significant, (one.w1, one.b, one.w2, one.constant)), _error(one), _error(bare)])
    page.table(rows, drop=(1, 2))
    for sentence in _identity_words(found, f, setting.closed_form):
        page.words(sentence)


def _error(found: Imitation) -> str:
    return "< 1e-7" if found.error < 1e-7 else significant(found.error)


def _of(found: Imitation) -> str:
    return "below 1e-7" if found.error < 1e-7 else f"of {significant(found.error)}"


def _identity_words(found: Imitations, f: str, sigmoid: bool) -> Iterator[str]:
    yield (
        f"error: the largest |w2 {f}(w1 x + b) + constant − x|, with b and w2 of the Taylor expansion about "
        f"x = 1/2, there where {f} is straightest; without it: the least error without a constant, over b and w2."
    )
    one = found.best
    told = f"w1 = {significant(one.w1)}, b = {significant(one.b)}, w2 = {significant(one.w2)}"
    if sigmoid:
        first, last = found.rows[-2][0], found.rows[-1][0]
        power_law = math.log(first.error / last.error) / math.log(first.w1 / last.w1)
        yield (
            f"A small w1 gives x up to a constant, and the error falls as about w1^{power_law:.1f}; the constant is "
            "one that the bias of the next neuron can hold. Without one, w2 σ has to be 1/2 where its slope is 1, "
            f"which takes w1 = 2/(1 − σ) > 2: the best is {told}, with an error {_of(one)}."
        )
    else:
        yield f"Without a constant, the best found is {told}, with an error {_of(one)}."
