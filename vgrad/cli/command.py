"""What all commands have in common: a word that would be left out without a word is refused.

An empty value names nothing, and of an option that is given twice only the last would count.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand

from vgrad.cli.help import Told
from vgrad.errors import ConfigError


class Command(Told, TyperCommand):
    """A command whose values are not empty, and whose options stand once, unless they are lists."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of typer, then ConfigError for each value that says nothing."""
        words, _, order = self.make_parser(ctx).parse_args(args=list(args))
        rest = super().parse_args(ctx, args)
        problems = [
            f"{_called(parameter)}: the value is empty; write one"
            for parameter in dict.fromkeys(order)
            if any(isinstance(word, str) and not word.strip() for word in _listed(words.get(parameter.name)))
        ]
        problems += [
            f"{_called(parameter)}: stands {times} times, and only one can count; write it once"
            for parameter, times in Counter(order).items()
            if times > 1 and not getattr(parameter, "multiple", False) and not getattr(parameter, "is_flag", False)
        ]
        if problems:
            raise ConfigError(*problems)
        return rest


def given(context: typer.Context) -> dict[str, str]:
    """Parameter -> option, of those that stand on the command line."""
    sources = {each.name: context.get_parameter_source(each.name) for each in context.command.params if each.name}
    return {
        each.name: _called(each)
        for each in context.command.params
        if each.name and (source := sources[each.name]) is not None and source.name == "COMMANDLINE"
    }


def _called(parameter: Any) -> str:
    """The long name of an option, or the word in the place of an argument."""
    names = [name for name in parameter.opts if name.startswith("-")]
    return str(max(names, key=len) if names else (parameter.metavar or parameter.name).strip("[].…"))


def _listed(words: Any) -> list[Any]:
    return list(words) if isinstance(words, list | tuple) else [words]
