"""The tree of errors. Everything below the command line raises from it; only the command line exits.

    VgradError             exit code
    |- ConfigError         2   a config, an override or an argument is wrong; may hold several problems
    |- DataError           3   data or a parameters file is missing or damaged
    |- RunStateError       4   a run directory is locked, corrupt or holds another config
    |  `- Unreadable       6   it, or a file in it, may be whole and cannot be read: a permission, a failing disk
    |- StorageError        5   disk, permission or memory
    |- SweepError          6   some runs failed, or could not be read
    `- Interrupted         130 (SIGINT) or 143 (SIGTERM); the run can be continued

Each problem is one line: what is wrong, where, and what to do.
"""

from __future__ import annotations


class VgradError(Exception):
    """An error that the user can act on.

    `problems` holds one line each; `exit_code` is what the process exits with.
    """

    exit_code = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConfigError(VgradError):
    """A config, an override or a command-line argument is wrong."""

    exit_code = 2


class DataError(VgradError):
    """Data or a parameters file is missing, damaged or does not fit the network."""

    exit_code = 3


class RunStateError(VgradError):
    """A run directory is locked, corrupt, or holds another config."""

    exit_code = 4


class Unreadable(RunStateError):
    """A run directory or a file in it may be whole, and cannot be read: a permission, a failing disk."""

    exit_code = 6


class StorageError(VgradError):
    """The disk, a permission or the memory is missing."""

    exit_code = 5


class SweepError(VgradError):
    """Some runs failed or could not be read; the others are whole."""

    exit_code = 6


class Interrupted(VgradError):
    """A signal ended the work early; what was done is kept and can be continued."""

    def __init__(self, problem: str, *, signal_number: int) -> None:
        super().__init__(problem)
        self.exit_code = 128 + signal_number
