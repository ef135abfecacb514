"""`vgrad worker`: what a sweep starts for its runs; not for typing."""

from __future__ import annotations


def worker(descriptor: int) -> None:
    """Serve the sweep that opened the socket DESCRIPTOR."""
    from vgrad.lab.workers import serve

    serve(descriptor)
