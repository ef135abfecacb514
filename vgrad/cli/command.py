"""What all commands have in common: a word that would be left out without a word is refused.

An empty value names nothing, and of an option that is given twice only the last would count. A key of the config in the
place of an option or an argument (`--l2 0.1`, `lr=0.1`) is told how it is set.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand

from vgrad.cli.help import Told
from vgrad.errors import ConfigError
from vgrad.text.escapes import printable

_SETTING = re.compile(r"[A-Za-z_][\w.-]*=.*", re.DOTALL)


class Command(Told, TyperCommand):
    """A command whose values are not empty, and whose options stand once, unless they are lists."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of typer, then ConfigError for each value that says nothing."""
        try:
            words, left, order = self.make_parser(ctx).parse_args(args=list(args))
        except typer.TyperException as error:
            self._refuse_key(str(getattr(error, "option_name", "")), args)
            raise
        taken = [word for each in self.params if not _is_option(each) for word in _listed(words.get(each.name))]
        for word in [] if ctx.resilient_parsing else [*left, *taken]:  # which is how shells complete
            if isinstance(word, str) and _SETTING.fullmatch(word) and not os.path.lexists(word):
                self._refuse_setting(word, *word.split("=", 1))
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

    def _refuse_key(self, option: str, args: list[str]) -> None:
        """ConfigError for an option that is a key of configs: `--l2 0.1`, `--lr=0.1`."""
        at = next((index for index, word in enumerate(args) if option and word.startswith(option)), None)
        if at is not None:
            key, equals, value = args[at].lstrip("-").partition("=")
            follows = args[at + 1 : at + 2] if not equals else []
            value = value or next((word for word in follows if not re.match(r"-\D", word)), "VALUE")
            self._refuse_setting(args[at].partition("=")[0], key.replace("-", "_"), value)

    def _refuse_setting(self, word: str, key: str, value: str) -> None:
        """ConfigError, with what to type, where `key` is one of a config and this command takes -s."""
        if not any(each.name == "overrides" for each in self.params):
            return
        from vgrad.config.keys import setting

        target, told = setting(key, value)
        command = f"{self.name} takes keys of the config as -s KEY=VALUE"
        if target == "seed" and any(each.name == "seeds" for each in self.params):
            told = printable(f"{value}..{value}")
            raise ConfigError(f"{printable(word)}: {command}, and seeds as --seeds: write --seeds {told}")
        if target:
            axis = any(each.name == "axes" for each in self.params) and re.search(r"\.\.|,(?![^\[{]*[\]}])", value)
            written = f"{'-g' if axis else '-s'} {shlex.quote(f'{target}={value}')}"
            axes = ", and axes as -g KEY=SPEC" if axis else ""
            raise ConfigError(f"{printable(word)}: {command}{axes}: write {printable(written, 120)}")
        if told:
            raise ConfigError(f"{printable(word)}: {command}; of {printable(key)}: {told}")


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


def _is_option(parameter: Any) -> bool:
    return any(name.startswith("-") for name in parameter.opts)


def _listed(words: Any) -> list[Any]:
    return list(words) if isinstance(words, list | tuple) else [words]
