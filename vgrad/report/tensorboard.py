"""Runs as TensorBoard events: a scalar a monitor, and a scalar a probe and layer, by epoch.

The file is a TFRecord: length and payload, each with its masked CRC-32C; the payload is an Event message. The messages
come from the tensorboard package (the extra `tb`). Wall times are the epochs, so the same run gives the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from vgrad.errors import ConfigError
from vgrad.report.runs import Run
from vgrad.storage import own_folder, write_file

NAME = "events.out.tfevents.0.vgrad"


def write_events(run: Run, folder: Path) -> Path:
    """The events of a run, in a folder of its name below `folder`; returns that folder."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
    except ImportError:
        raise ConfigError('TensorBoard is not installed; pip install "vgrad[tb]"') from None
    place = folder / run.label
    records = [Event(wall_time=0.0, file_version="brain.Event:2")]
    records += [
        Event(wall_time=float(epoch), step=epoch, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
        for tag, epoch, value in scalars(run)
    ]
    own_folder(place)
    write_file(place / NAME, b"".join(_record(record.SerializeToString()) for record in records))
    return place


def scalars(run: Run) -> Iterator[tuple[str, int, float]]:
    """Tag, epoch and value of everything that the run has measured."""
    metrics, gradients = run.stored.metrics, run.stored.gradients
    for name in metrics.columns.drop("epoch"):
        for epoch, value in metrics[["epoch", name]].dropna().itertuples(index=False):
            yield f"metrics/{name}", int(epoch), float(value)
    for probe in gradients.columns.drop(["epoch", "layer", "kind", "units"]):
        for epoch, layer, value in gradients[["epoch", "layer", probe]].dropna().itertuples(index=False):
            yield f"{probe}/layer_{int(layer):02d}", int(epoch), float(value)


def _record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + _checksum(length) + payload + _checksum(payload)


def _table() -> tuple[int, ...]:
    """Of CRC-32C: the remainders of all bytes by the reflected Castagnoli polynomial."""
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


_REMAINDERS = _table()


def _checksum(content: bytes) -> bytes:
    """CRC-32C, rotated and shifted as TFRecord wants it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _REMAINDERS[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
