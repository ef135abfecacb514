"""What a user asks of an executor: so many processes, so much time a run, or the scheduler of other machines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """`jobs` processes of this machine (0: this very process), unless there is the address of a `scheduler`."""

    jobs: int = 1
    timeout: float | None = None
    scheduler: str = ""
