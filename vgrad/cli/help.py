"""Help that says everything at any width: whole summaries, and arguments called as they are typed."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from vgrad.cli.front import width

WHOLE = 1000
"""More characters than the first sentence of any command has."""


def word(parameter: Any) -> str:
    """An argument as its usage says it: RUN, [FILE], RUNS…"""
    name = str(parameter.metavar or parameter.name).strip("[].…").upper()
    name += "…" if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


class Fitted:
    """Help as wide as the terminal, between what a word needs and what is read at ease."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """As of typer, in that width; typer itself never goes below 50 columns."""
        formatter.width = width()
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Told(Fitted):
    """The parts of a command's help that typer would cut short, or tell in the words of Python's types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """[OPTIONS] and the arguments."""
        return ["[OPTIONS]", *(word(each) for each in _arguments(self, ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """A section of arguments, each with its sentence, and one of options."""
        arguments = [(word(each).strip("[]"), _sentence(each)) for each in _arguments(self, ctx)]
        options = [record for each in _options(self, ctx) if (record := each.get_help_record(ctx))]
        for title, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Group(Fitted, TyperGroup):
    """A command of commands: each with the whole first sentence of its help, wrapped and never cut."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """[OPTIONS] and what a command needs."""
        return ["[OPTIONS]", "COMMAND", "[ARGS]…"]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The section of commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, each.get_short_help_str(WHOLE)) for name, each in found if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _sentence(argument: Any) -> str:
    default = argument.default
    shown = default is not None and not callable(default) and not isinstance(default, list | tuple)
    return f"{argument.help}  [default: {default}]" if shown else str(argument.help)


def _arguments(command: Any, ctx: Any) -> list[Any]:
    return [each for each in command.get_params(ctx) if each.param_type_name == "argument"]


def _options(command: Any, ctx: Any) -> list[Any]:
    return [each for each in command.get_params(ctx) if each.param_type_name == "option"]
