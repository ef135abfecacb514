"""Runs as TensorBoard events: a scalar a monitor, and a scalar a probe and layer, by epoch.

Messages and records are those of the tensorboard package (the extra `tb`). Wall times are the epochs, so the same run
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from vgrad.errors import ConfigError
from vgrad.report.runs import Run
from vgrad.runs.tables import measured
from vgrad.storage import own_folder, write_file

NAME = "events.out.tfevents.0.vgrad"


def write_events(run: Run, folder: Path) -> Path:
    """The events of a run, in a folder of its name below `folder`; returns that folder."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise ConfigError('TensorBoard is not installed; pip install "vgrad[tb]"') from None
    place = folder / run.label
    records = [Event(wall_time=0.0, file_version="brain.Event:2")]
    records += [
        Event(wall_time=float(epoch), step=epoch, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
        for tag, epoch, value in scalars(run)
    ]
    content = BytesIO()
    writer = RecordWriter(content)
    for record in records:
        writer.write(record.SerializeToString())
    own_folder(place)
    write_file(place / NAME, content.getvalue())
    return place


def scalars(run: Run) -> Iterator[tuple[str, int, float]]:
    """Tag, epoch and value of everything that the run has measured."""
    metrics, gradients = run.stored.metrics, run.stored.gradients
    for name in measured(metrics):
        for epoch, value in metrics[["epoch", name]].dropna().itertuples(index=False):
            yield f"metrics/{name}", int(epoch), float(value)
    for probe in measured(gradients):
        for epoch, layer, value in gradients[["epoch", "layer", probe]].dropna().itertuples(index=False):
            yield f"{probe}/layer_{int(layer):02d}", int(epoch), float(value)
