"""docs/commands.md: the commands of this project and their options."""

from __future__ import annotations

import argparse
from importlib import import_module
from pkgutil import iter_modules

from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from pages.markdown import blocks, code, described, link, table
from pixivcrawl import commands

GLOBAL = "Global Options"
"""What Scrapy calls the options that all of its commands have."""


def page() -> str:
    ours = our_commands()
    return blocks(
        "# Commands",
        "`pixivcrawl COMMAND --help` shows the same text. It works from any folder; in the checkout, `scrapy COMMAND` does the "
        "same. Each of the "
        "[spiders](spiders.md) is a command too: `pixivcrawl user 11` is `scrapy crawl user -a id=11`, with an option for each argument. "
        "Scrapy's other commands (`pixivcrawl settings`, `pixivcrawl shell` ...) are available too.",
        "Only commands that archive open the archive. `scrapy fetch`, `shell`, `view`, `parse` and `check` work beside a running crawl and "
        "leave no trace; they send the session, and obey the pace and any pause that the archive knows of. "
        "`scrapy fetch URL | python -m json.tool` shows an answer, `scrapy parse --spider artwork -c parse_work URL` shows the "
        "items made from "
        "it, and `SCRAPY_PROJECT=sandbox scrapy check` runs the spiders' contracts against the sandbox.",
        table(
            ["command", "what it does"],
            ((link(f"pixivcrawl {name}"), described(each.short_desc())) for name, each in ours.items()),
        ),
        *(section(name, command) for name, command in ours.items()),
        "## Options of every command",
        option_table(options_of(next(iter(ours.values())), of_all=True)),
    )


def our_commands() -> dict[str, ScrapyCommand]:
    """Each command of this project by its name."""
    settings = Settings()
    settings.setmodule("settings.default")
    found = {}
    for module in iter_modules(commands.__path__):
        loaded = import_module(f"{commands.__name__}.{module.name}")
        if hasattr(loaded, "Command"):
            found[module.name] = loaded.Command()
            found[module.name].settings = settings
    return found


def section(name: str, command: ScrapyCommand) -> str:
    return blocks(
        f"## pixivcrawl {name}",
        code(f"pixivcrawl {name} {command.syntax()}".strip()),
        described(command.long_desc()),
        option_table(options_of(command, of_all=False)),
    )


def options_of(command: ScrapyCommand, *, of_all: bool) -> list[argparse.Action]:
    """The options that all commands have, or those that this one adds."""
    parser = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
    command.add_options(parser)
    # argparse has no public way to ask what was added.
    shared = [group for group in parser._action_groups if group.title == GLOBAL]  # noqa: SLF001
    of_group = [action for group in shared for action in group._group_actions]  # noqa: SLF001
    chosen = of_group if of_all else [action for action in parser._actions if action not in of_group]  # noqa: SLF001
    return [action for action in chosen if action.help is not argparse.SUPPRESS]


def option_table(options: list[argparse.Action]) -> str:
    return table(["option", "what it does"], ((spelled(option), described(option.help)) for option in options))


def spelled(option: argparse.Action) -> str:
    value = "" if option.nargs == 0 else f" {option.metavar or option.dest.upper()}"
    return ", ".join(code(name + value) for name in option.option_strings or [option.dest])
