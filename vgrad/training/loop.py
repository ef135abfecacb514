"""Training as a generator of epoch records: saving, printing and stopping early are the caller's loop.

Epoch 0 is the untrained network; epoch k is what stands after k passes over the training part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from vgrad.config.config import Config
from vgrad.config.monitors import is_best, turned, waited
from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Parameters, all_finite
from vgrad.nn.fullbatch import FullBatch
from vgrad.nn.network import Network
from vgrad.nn.parameters import copy_into
from vgrad.nn.probes import PROBES, Measurement, histograms
from vgrad.training.assembly import build_network, build_rule, build_schedule, noise_of
from vgrad.training.descent import Descent
from vgrad.training.evaluation import Evaluator, ProbeSet
from vgrad.training.feed import Index
from vgrad.training.metrics import OTHERS, After
from vgrad.training.randomness import Purpose, generator
from vgrad.training.record import Divergence, EpochRecord, Norms, TrainingState, stopped, values_of
from vgrad.training.rule import Cancelled, Epoch, Penalty


def train(
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    *,
    resumed: bool = False,
    past: Sequence[EpochRecord] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[EpochRecord, TrainingState]]:
    """Yields (record, state) after each epoch: epoch 0 first, unless `resumed`, then state.epoch + 1 to config.epochs.

    A resumed run is told its `past` records, which schedules and early stopping look at. The arrays of a yielded state
    are valid until the next one is asked for. When `cancelled()` becomes true, Cancelled is raised between two batches.
    A run that diverges ends with a record that says where; its state then has the last finite parameters. Where the
    epoch before was not measured, its record comes again before that one, now with the norms of the end.
    """
    session = _Session(config, dataset, state, past)
    if not resumed:
        record = session.look.record(state.epoch, None)
        yield record, session.after(record)
        if record.divergence:
            return
    for number in range(state.epoch + 1, config.epochs + 1):
        if session.is_over:
            return
        record = session.epoch(number, cancelled)
        if session.last_whole:
            yield session.last_whole, session.after(session.last_whole)
        yield record, session.after(record)
        if record.divergence:
            return


class _Session:
    """Training under way: its arrays, and the metrics so far."""

    def __init__(self, config: Config, dataset: Dataset, state: TrainingState, past: Sequence[EpochRecord]) -> None:
        network, self._config, self._n = build_network(config), config, len(dataset.train)
        self._buffers, self._memory, self._best = (
            {**arrays} for arrays in (state.buffers, state.optimizer, state.best)
        )
        rule = build_rule(config, self._n)
        self._descent = Descent(network, state.parameters, self._buffers, dataset, config.rows_per_step, rule)
        self._parameters = self._descent.parameters
        self._schedule, self._eta = build_schedule(config), rule.optimizer.learning_rate
        self.look = _Look(config, network, dataset, self._parameters, self._buffers, self._descent.full_batch)
        self._arrays = (self._parameters, self._memory, self._buffers)
        self._kept = [{name: value.copy() for name, value in arrays.items()} for arrays in self._arrays]
        self._past = list(past)
        self.last_whole: EpochRecord | None = None
        """After a divergence, the record before it with the norms that were not measured then."""

    def epoch(self, number: int, cancelled: Callable[[], bool]) -> EpochRecord:
        """One pass over the training part, and what is measured after it."""
        config, descent = self._config, self._descent
        eta = self._eta * self._schedule(number, self._values(config.schedule.parameters.get("monitor")))
        epoch = Epoch(number, _order(config, self._n, number), eta, noise_of(config, number))
        _overwrite(self._kept, self._arrays)
        try:
            watched = self.look.watches(number, may_end=self._waited() + 1)
            within = dict[int, Norms]()
            marks, after = config.step_marks, self._measuring(within)
            ratios = descent.epoch(epoch, self._memory, cancelled, watched=watched, marks=marks, after=after)
        except Cancelled:
            self._restore()
            raise
        finite = all(all_finite(value) for arrays in self._arrays[::2] for value in arrays.values())
        record = self.look.record(number, eta, ratios, ends=self._ends) if finite else None
        if record is None or record.divergence:
            self._restore()
            if self._past[-1].gradients is None:
                self.last_whole = self.look.again(self._past[-1])
            return EpochRecord(number, divergence=descent.locate(epoch, self._memory))
        return replace(record, steps=tuple(within.values())) if within else record

    def _restore(self) -> None:
        """Everything as it was before the epoch."""
        _overwrite(self._arrays, self._kept)
        if self._descent.full_batch is not None:
            self._descent.full_batch.changed()

    def _measuring(self, found: dict[int, Norms]) -> Callable[[int], None]:
        """What measures after a step, into `found`. A batch that is gathered in pieces is told of with each; the last
        one has made the step."""

        def after(step: int) -> None:
            found[step] = self.look.norms()

        return after

    def _waited(self, *values: float) -> int:
        """Epochs since the best one, with further values of the monitor of early stopping."""
        stopping = self._config.early_stopping
        return waited([*self._values(stopping.monitor), *values]) if stopping else 0

    def _ends(self, metrics: Mapping[str, float | None]) -> bool:
        """Whether training ends with the epoch that has these metrics, because patience runs out."""
        stopping = self._config.early_stopping
        if stopping is None:
            return False
        return self._waited(turned(stopping.monitor, metrics[stopping.monitor])) >= stopping.patience

    def after(self, record: EpochRecord) -> TrainingState:
        """The state after `record`, which becomes part of the past."""
        if record.divergence is None:
            if self._past and self._past[-1].epoch == record.epoch:
                self._past.pop()
            self._past.append(record)
            stopping = self._config.early_stopping
            if stopping and is_best(self._values(stopping.monitor)):
                self._best = {name: value.copy() for name, value in (self._parameters | self._buffers).items()}
        return TrainingState(record.epoch, self._parameters, self._memory, self._buffers, self._best)

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return stopped(self._config, self._past)

    def _values(self, monitor: str | None) -> list[float]:
        return values_of(monitor, self._past) if monitor else []


class _Look:
    """What is measured after an epoch."""

    def __init__(
        self,
        config: Config,
        network: Network,
        dataset: Dataset,
        parameters: Parameters,
        buffers: Parameters,
        batch: FullBatch | None,
    ) -> None:
        self._config, self._parameters = config, parameters
        self._evaluator = Evaluator(network, parameters, buffers, dataset, config.dtype, batch)
        self._probes = ProbeSet(network, dataset, config.probe_examples, config.label_smoothing, batch)
        self._penalty = Penalty(config.l2, config.l1, len(dataset.train))

    def watches(self, epoch: int, may_end: int) -> bool:
        """Whether the last step of `epoch` is measured: `may_end` epochs without a better one may end it."""
        stopping = self._config.early_stopping
        last = stopping is not None and may_end >= stopping.patience
        return "update_ratio" in self._config.probes.record and (last or self._is_probed(epoch))

    def _is_probed(self, epoch: int) -> bool:
        return self._config.probes.measures(epoch, self._config.epochs)

    def record(
        self,
        epoch: int,
        eta: float | None,
        ratios: list[float | None] | None = None,
        ends: Callable[[Mapping[str, float | None]], bool] = lambda metrics: False,
    ) -> EpochRecord:
        """The record of the epoch: of a divergence where the numbers overflow, although the parameters do not."""
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
                return self._measured(epoch, eta, ratios, ends)
        except FloatingPointError:
            return EpochRecord(epoch, divergence=Divergence(epoch, None, None))

    def again(self, record: EpochRecord) -> EpochRecord | None:
        """That record with the norms that were not measured; None where they are not finite."""
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
                return _finite(self._with_norms(record, self._probes.measure(self._parameters, None)))
        except FloatingPointError:
            return None

    def norms(self) -> Norms:
        """Those of the network as it stands within an epoch; None for what is not finite."""
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
                measurement = self._probes.measure(self._parameters, None)
                found = {name: PROBES[name](measurement) for name in self._config.probes.record}
        except FloatingPointError:
            layers = len(self._config.sizes) - 1
            return {name: [None] * layers for name in self._config.probes.record}
        return {name: [_if_finite(number) for number in numbers] for name, numbers in found.items()}

    def _with_norms(self, record: EpochRecord, measurement: Measurement) -> EpochRecord:
        gradients = {name: PROBES[name](measurement) for name in self._config.probes.record}
        return replace(record, gradients=gradients, silent=measurement.silent, mean_norms=measurement.mean_norms)

    def _measured(
        self,
        epoch: int,
        eta: float | None,
        ratios: list[float | None] | None,
        ends: Callable[[Mapping[str, float | None]], bool],
    ) -> EpochRecord:
        config, probes = self._config, self._config.probes
        means = self._evaluator.means(config.monitors, config.cost, config.output)
        after = After(self._parameters, self._penalty, eta)
        metrics = {**means, **{name: of(after) for name, of in OTHERS.items()}}
        record, probed = EpochRecord(epoch, metrics), self._is_probed(epoch) or ends(metrics)
        if probed or epoch in (*probes.neurons, *probes.histograms):
            measurement = self._probes.measure(self._parameters, ratios)
            record = replace(
                self._with_norms(record, measurement) if probed else record,
                neurons=measurement.mean_delta if epoch in probes.neurons else None,
                histograms=histograms(measurement) if epoch in probes.histograms else None,
            )
        return _finite(record)


def _if_finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _finite(record: EpochRecord) -> EpochRecord:
    """The record; FloatingPointError where a mean or a norm in it is not finite."""
    numbers = chain(record.metrics.values(), record.mean_norms or (), *(record.gradients or {}).values())
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise FloatingPointError("a mean or a norm is not finite")
    return record


def _overwrite(targets: Sequence[Parameters], sources: Sequence[Parameters]) -> None:
    for target, source in zip(targets, sources, strict=True):
        copy_into(target, source)


def _order(config: Config, n: int, epoch: int) -> Index:
    """The examples of an epoch: shuffled, or in file order; a full batch has no order and stays in the file's."""
    if config.shuffle and config.rows_per_step < n:
        return generator(config.seed, Purpose.SHUFFLE, epoch).permutation(n)
    return np.arange(n, dtype=np.intp)
