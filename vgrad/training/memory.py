"""How much memory a run needs, asked before anything is allocated."""

from __future__ import annotations

from vgrad.config.config import Config
from vgrad.errors import StorageError
from vgrad.machine import available_bytes
from vgrad.nn.measurement import CHUNK
from vgrad.training.assembly import build_network


def needed_bytes(config: Config) -> int:
    """What training `config` allocates at the least: parameters with their copies, and one pass of a batch."""
    numbers = build_network(config).parameter_count
    rows = max(min(config.rows_per_step, 2000), CHUNK)
    width = 8 if config.dtype == "float64" else 4
    # working copy, initial, kept epoch and the file in memory; then the float64 copy of the probes
    pretraining = 3 * numbers * width + 8 * CHUNK * max(config.sizes) * 8 if config.pretrain else 0
    return numbers * (5 * width + 8) + 4 * rows * sum(config.sizes) * 8 + pretraining


def epoch_bytes(config: Config) -> int:
    """What an epoch's record takes in memory, about: 1.6 kB of a small network with the default monitors."""
    probed = (len(config.sizes) - 1) * len(config.probes.record)
    return 700 + 100 * len(config.monitors) + 120 * probed // config.probes.every + 60 * probed * len(config.step_marks)


def check_memory(config: Config) -> None:
    """StorageError, with the figures, when `config` cannot fit; before anything is allocated."""
    needed, available = needed_bytes(config), available_bytes()
    if available is not None and needed > available:
        sizes = f"{len(config.sizes)} layers, the widest of {max(config.sizes):,}"
        told = f"{needed / 2**30:,.1f} GiB of memory, and {available / 2**30:,.1f} GiB are free"
        raise StorageError(f"layers: training {sizes}, needs {told}; use smaller layers")
    kept = (config.epochs + 1) * epoch_bytes(config)
    if available is not None and kept > available:
        told = f"{kept / 2**30:,.1f} GiB of memory, and {available / 2**30:,.1f} GiB are free"
        raise StorageError(f"epochs: the measurements of {config.epochs:,} epochs need {told}; use fewer epochs")
