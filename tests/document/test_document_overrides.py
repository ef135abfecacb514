"""`-s KEY=VALUE`: what it changes, what it refuses, and where values then come from."""

from __future__ import annotations

from typing import Any

import pytest
from rows import each_row

from vgrad.document.document import read_yaml, with_overrides
from vgrad.document.reader import MAX_BYTES
from vgrad.errors import ConfigError
from vgrad.text.escapes import printable

BASE = "layers: [784, 30, 10]\noptimizer: sgd\nepochs: 3\nactivation: [tanh, relu]\nschedule:\nl2: 0.1\n"


def problems(*overrides: str) -> tuple[str, ...]:
    """What is refused in the overrides."""
    with pytest.raises(ConfigError) as caught:
        with_overrides(read_yaml(BASE, "c.yaml"), overrides)
    return caught.value.problems


CHANGES: dict[tuple[str, ...], dict[str, Any]] = {
    (): {},
    ("epochs=5",): {"epochs": 5},
    ("epochs=5", "epochs=6"): {"epochs": 6},
    (" epochs = 5 ",): {"epochs": 5},
    ("epochs=",): {"epochs": None},
    ("epochs='5'",): {"epochs": "5"},
    ("name=a=b",): {"name": "a=b"},
    ("name=on",): {"name": "on"},
    ("l2=1e-3",): {"l2": 1e-3},
    ("l2=012",): {"l2": 12},
    ("layers=[784, 30, 10]",): {"layers": [784, 30, 10]},
    ("layers={depth: 3, width: 30}", "layers.depth=4"): {"layers": {"depth": 4, "width": 30}},
    ("layers.1=50", "layers.02=9"): {"layers": [784, 50, 9]},
    ("optimizer.learning_rate=0.5",): {"optimizer": {"name": "sgd", "learning_rate": 0.5}},
    ("optimizer.name=adam", "optimizer.beta1=.9"): {"optimizer": {"name": "adam", "beta1": 0.9}},
    ("optimizer.a.b=1",): {"optimizer": {"name": "sgd", "a": {"b": 1}}},
    ("activation.1.slope=0.1",): {"activation": ["tanh", {"name": "relu", "slope": 0.1}]},
    ("schedule.name=step",): {"schedule": {"name": "step"}},
    ("data.train=1000", "data.name=mnist"): {"data": {"train": 1000, "name": "mnist"}},
    ("a={b: [1, {c: d}]}", "a.b.1.c=e"): {"a": {"b": [1, {"c": "e"}]}},
    ("a=1 # note",): {"a": 1},
}


@each_row("overrides", CHANGES)
def test_overrides(overrides: tuple[str, ...]) -> None:
    document = read_yaml(BASE, "c.yaml")
    before = read_yaml(BASE, "c.yaml").data
    changed = with_overrides(document, overrides)
    assert repr(changed.data) == repr(before | CHANGES[overrides])
    assert document == read_yaml(BASE, "c.yaml")
    assert changed.source == "c.yaml"


UNFIT = {
    "epochs": "no '='; write KEY=VALUE, such as epochs=10",
    "": "no '='; write KEY=VALUE, such as epochs=10",
    "=3": "the key is empty; write KEY=VALUE",
    "a..b=3": "a part of the key is empty; write KEY=VALUE",
    ".=3": "a part of the key is empty; write KEY=VALUE",
    "layers.depth=3": "layers is a list in the config; write layers={depth: …} to replace it",
    "layers.-1=3": "layers is a list in the config; write layers={-1: …} to replace it",
    "layers.3=3": "layers has 3 items, counted from 0; there is no item 3",
    "epochs.x=1": "epochs is the number 3 in the config; write epochs={x: …}",
    "optimizer.0=sgd": "optimizer is not a list in the config; write optimizer=[…]",
    "missing.0=sgd": "missing is not a list in the config; write missing=[…]",
    "a=!!int 3": "tags are not allowed; remove '!!int'",
    "a={b: 1, b: 2}": "duplicate key 'b'",
    "a={1: 1}": "a key must be text, found the number 1; put it in quotes",
    "layers={depth:3}": "a space is missing after 'depth:'",
    "a=*b": "the alias *b has no anchor &b",
    "a=---\n--- 2": "a second document starts here; a config is one document",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u=1": "nested deeper than 20 levels",
    "a." * 10 + "b=" + "[" * 10 + "]" * 10: "nested deeper than 20 levels",
    "a=" + "9" * 5000: "a number of 5,000 characters; at most 256 are read",
    "a=[" + "1," * 9_990 + "]": "with it the config has more than 10,000 values",
    "a=\x1b[31m": "character U+001B is not allowed; write it as an escape in double quotes",
    "a\udcff=1": "character U+DCFF is not allowed; write it as an escape in double quotes",
    "a=" + "x" * MAX_BYTES: "larger than 1 MiB; a config is a small file",
}


@each_row("text", UNFIT)
def test_unfit_overrides(text: str) -> None:
    assert problems(text) == (f"-s {printable(text)}: {UNFIT[text]}",)


def test_nesting_without_end_is_refused_whoever_counts() -> None:
    """A libyaml may have a limit of its own, and meet it first."""
    text = "a=" + "[" * 100_000
    (problem,) = problems(text)
    assert problem.startswith(f"-s {printable(text)}: ")


def test_unfit_overrides_are_reported_together() -> None:
    assert [line.split(":")[0] for line in problems("x", "epochs=4", "y", "z=[")] == ["-s x", "-s y", "-s z=["]


def test_where_with_overrides() -> None:
    rate, layer, more = "optimizer.learning_rate=abc", "layers.1=50", "data={train: 3}"
    document = with_overrides(read_yaml(BASE, "c.yaml"), [rate, layer, more, "epochs=9"])
    expected = {
        ("optimizer", "learning_rate"): (f"-s {rate}", f"-s {rate}"),
        ("optimizer", "name"): ("c.yaml:2:12", "c.yaml:2:12"),
        ("optimizer",): ("c.yaml:2:12", "c.yaml:2:1"),
        ("layers", 1): (f"-s {layer}", f"-s {layer}"),
        ("layers", 2): ("c.yaml:1:19", "c.yaml:1:19"),
        ("layers",): ("c.yaml:1:9", "c.yaml:1:1"),
        ("data", "train"): (f"-s {more}", f"-s {more}"),
        ("data", "name"): (f"-s {more}", f"-s {more}"),
        ("epochs",): ("-s epochs=9", "c.yaml:3:1"),
        ("l2",): ("c.yaml:6:5", "c.yaml:6:1"),
    }
    assert {path: (document.where(path), document.where(path, key=True)) for path in expected} == expected
