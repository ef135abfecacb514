"""`vgrad worker`: what a sweep starts for its runs; not for typing."""

from __future__ import annotations


def worker(descriptor: int) -> None:
    """Serve the sweep that opened the socket DESCRIPTOR."""
    import vgrad.sweeps.job  # noqa: F401  what it is going to need, before its time counts
    from vgrad.sweeps.workers import serve

    serve(descriptor)
