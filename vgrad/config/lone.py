"""Where a norm over the batch would meet a single example, whose mean is itself and whose variance is zero.

A batch size of one is refused with the config (see `remedies`). Here is what follows from the number of examples: the
last, short batch of an epoch, and the last chunk of the probe examples. Such a config can be trained, and the runs of
one stay readable; but whoever asks for it is told before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vgrad.config.config import Config
from vgrad.config.problems import Problem
from vgrad.nn.measurement import CHUNK
from vgrad.nn.norms import NORMS


def lone_examples(config: Config, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each place where a norm over examples is left alone with one; `tree` is the config as written."""
    norm = norm_over_examples(config)
    if norm is None:
        return
    n, m, probed = config.part_sizes["train"], config.rows_per_step, config.probe_examples
    if n % m == 1 or n == 1:
        left = "one example, and that is all" if n == 1 else "a last batch of one"
        remedy = "use more of them" if n == 1 else f"use {_listed(_near(n, m))}"
        yield Problem(
            ("batch_size",) if "batch_size" in tree else (norm,),
            f"{n} training examples in batches of {m} leave {left}, whose statistics say nothing to {norm}; {remedy}",
        )
    if n > 1 and probed % CHUNK == 1:
        chunk = f"{probed} examples, measured by {CHUNK}, have a last chunk of one"
        told = "the probes have one example" if probed == 1 else f"the probes' {chunk}"
        yield Problem(
            ("probes", "examples") if isinstance(tree.get("probes"), Mapping) else (norm,),
            f"{told}, whose statistics say nothing to {norm}; use probes.examples: {_other(probed, n)}",
        )


def norm_over_examples(config: Config) -> str | None:
    """The key of the config's norm whose statistics are taken over examples, if there is one."""
    on = ((name, getattr(config, name)) for name in NORMS)
    return next((name for name, choice in on if choice and NORMS[name](**choice.parameters).axis == 0), None)


def _near(n: int, m: int) -> list[int]:
    """The next batch sizes below and above that leave no batch of one, where there are any."""
    fits = [size for size in range(max(2, m - 2), min(n, m + 2) + 1) if n % size != 1]
    return [*[size for size in fits if size < m][-1:], *[size for size in fits if size > m][:1]] or [n]


def _listed(sizes: list[int]) -> str:
    return f"a batch_size of {' or '.join(map(str, sizes))}"


def _other(probed: int, n: int) -> int:
    return probed + 1 if probed < n else probed - 1
