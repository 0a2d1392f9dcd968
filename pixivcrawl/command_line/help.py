"""The output of `--help`, for the program and for each command."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import NoReturn

from scrapy import __version__ as scrapys_version
from scrapy.cmdline import ScrapyArgumentParser
from scrapy.commands import ScrapyCommand

from pixivcrawl import __version__
from pixivcrawl.command_line.lookup import OURS, SCRAPYS, SPIDERS, command_named, names
from pixivcrawl.console import complain
from pixivcrawl.errors import ConfigurationError

NARROWEST, WIDEST = 40, 100
"""Columns: a narrower terminal breaks the lines itself, where a name and its text no longer stand beside each other."""

VERSION = f"pixivcrawl {__version__} (Scrapy {scrapys_version})"

COMMON_OPTIONS = {
    "--config FILE": "the configuration file (default: pixivcrawl.toml here or in a folder above, otherwise your own)",
    "--as NAME": "the profile in it: another account, another archive",
    "-s NAME=VALUE": "one setting for this run; docs/settings.md lists them",
    "--version, --help": "which version this is; what can be typed",
}
"""`--config` and `--as` may stand anywhere; Scrapy's own are shown by each command."""


SCRAPY_OPTION_HELP = {
    "-h": "show this help",
    "-o": "also append what the run learned to FILE: JSON, CSV or XML by its name, or FILE:FORMAT",
    "-O": "as -o, but replace FILE",
    "-a": argparse.SUPPRESS,
    "--logfile": "write warnings and errors to FILE",
    "-L": "how much is logged: ERROR, WARNING, INFO or DEBUG",
    "--nolog": "log nothing",
    "-s": "one setting for this run; can be repeated",
    "--profile": argparse.SUPPRESS,
    "--pidfile": argparse.SUPPRESS,
    "--pdb": argparse.SUPPRESS,
}
"""Scrapy's options, described for people who archive; options that only help to write spiders work but are not shown."""

SCRAPY_OPTIONS = "Global Options"


class Parser(ScrapyArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print the error in one line, instead of argparse's usage text."""
        said = " ".join(message.split())
        complain(f"pixivcrawl: {said}" if "--help" in said else f"pixivcrawl: {said}; see {self.prog} --help")
        self.exit(ConfigurationError.exit_code)

    def known_options(self) -> list[str]:
        """Every option that the command takes, in each of its spellings."""
        return [each for action in self._actions for each in action.option_strings]

    def use_plain_words(self) -> None:
        """Describe Scrapy's options in our words, and list those of every command last."""
        for action in self._actions:
            action.help = next(
                (SCRAPY_OPTION_HELP[each] for each in action.option_strings if each in SCRAPY_OPTION_HELP), action.help
            )
        last = ["options", SCRAPY_OPTIONS]
        self._action_groups.sort(key=lambda group: last.index(group.title) if group.title in last else -1)
        for group in self._action_groups:
            group.title = {"options": "this run", SCRAPY_OPTIONS: "every command"}.get(group.title or "", group.title)


class Formatter(argparse.HelpFormatter):
    """Fits the terminal, and 100 columns in any case; keeps paragraphs apart."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=width())

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(super(Formatter, self)._fill_text(part, width, indent) for part in text.split("\n\n"))


def width() -> int:
    return max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))


def parser_of(name: str, command: ScrapyCommand) -> Parser:
    """Reads the words behind a command. Its settings are given to it before."""
    example = getattr(command, "example", None)
    parser = Parser(
        prog=f"pixivcrawl {name}",
        usage=" ".join(f"pixivcrawl {name} {command.syntax()} [options]".split()),
        description=command.long_desc(),
        epilog=f"Example: pixivcrawl {example}" if example else None,
        formatter_class=Formatter,
        conflict_handler="resolve",
        allow_abbrev=False,
    )
    command.add_options(parser)
    parser.use_plain_words()
    return parser


def overview() -> str:
    """The overview of all commands."""
    lines = [
        f"{VERSION}: your own, complete and provable archive of pixiv works",
        "",
        "usage: pixivcrawl COMMAND [options]     pixivcrawl COMMAND --help says more",
        "       pixivcrawl ADDRESS ...           archives pixiv addresses or ids of works",
    ]
    for title, package in (("What can be archived", SPIDERS), ("What else can be done", OURS)):
        lines += ["", f"{title}:", *(line(name, short_description(name)) for name in names(package))]
    lines += [line("completion", "Print the completion script for a shell: bash, zsh or fish")]
    lines += ["", "Options of every command:", *(line(option, text) for option, text in COMMON_OPTIONS.items())]
    return "\n".join(
        [*lines, "", *textwrap.wrap(f"Scrapy's own commands work too: {', '.join(names(SCRAPYS))}.", width())]
    )


def short_description(name: str) -> str:
    command = command_named(name)
    assert command is not None
    return command.short_desc()


def line(name: str, text: str) -> str:
    """What a command is for, in a line beside its name."""
    return textwrap.fill(f"{name:<18} {text}", width(), initial_indent="  ", subsequent_indent=" " * 21)
