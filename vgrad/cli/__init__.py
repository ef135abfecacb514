"""The command line: each command parses, calls and prints; what goes wrong becomes one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from vgrad.cli.screen.streams import answer, complain, explain, lost, open_streams, silence
from vgrad.errors import VgradError

__all__ = ["run"]

COMPLETING = "_VGRAD_COMPLETE"
"""What shells set where they ask what may follow."""
NO_THREAD = "can't start new thread"
"""What Python raises a RuntimeError with where the system gives it no further thread."""
NOT_LOADED = ("failed to map segment", "cannot allocate memory")
"""What the dynamic loader says of a library for which there is no memory."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; see `vgrad.errors` for the codes."""
    open_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        words = [word for word in given if word != "--debug"]
        if words in (["-h"], ["--help"]) and COMPLETING not in os.environ:
            from vgrad.cli.front import page

            answer(page())
            return 0
        from vgrad.cli.app import app  # typer and the command: longer than NumPy takes

        code = app(words, prog_name="vgrad", standalone_mode=False)
        sys.stdout.flush()
        return _report(KeyboardInterrupt()) if code == 130 else int(code or 0)  # what typer makes of Ctrl-C
    except (BrokenPipeError, SystemExit) as end:  # typer exits when it sees a broken pipe
        if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
            raise
        silence(sys.stdout)  # the reader of stdout has gone; what was done is done
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        return _report(lost(error) if isinstance(error, OSError) and _is_of_stdout(error) else error)


def _is_of_stdout(error: OSError) -> bool:
    """Whether it was raised where the help is printed, by typer, or where stdout is flushed, here."""
    raised = error.__traceback__
    while raised and raised.tb_next:
        raised = raised.tb_next
    module = str(raised.tb_frame.f_globals.get("__name__")) if raised else ""
    return module == __name__ or module.startswith("typer.")


def _report(error: BaseException) -> int:
    """Tells the error in one line for each problem, and returns the exit code that belongs to it."""
    import typer

    if isinstance(error, VgradError):
        lines, code = error.problems, error.exit_code
    elif isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        if context and error.format_message() == context.get_help():  # a command that is to be followed by another
            explain(context.get_help())
            return 2
        command = context.command_path if context else "vgrad"
        lines, code = (f"{error.format_message()} See {command} --help",), 2
    elif isinstance(error, MemoryError):
        lines, code = ("not enough memory; use smaller layers or a smaller batch_size",), 5
    elif isinstance(error, ImportError) and any(words in str(error).lower() for words in NOT_LOADED):
        lines, code = ("not enough memory to load the libraries; raise its limit, such as ulimit -v",), 5
    elif isinstance(error, RuntimeError) and str(error).startswith(NO_THREAD):
        lines, code = ("no thread can be started: out of memory or of processes; raise the limit or end others",), 5
    elif isinstance(error, KeyboardInterrupt | typer.Abort):
        lines, code = ("interrupted",), 130
    else:
        told = f"{type(error).__name__}: {error}".replace("\n", " ")
        lines, code = (f"this is a bug in vgrad: {told}; the same command with --debug shows where",), 1
    complain(lines)
    return code
