"""Parses the command line and runs the command, in Scrapy's own process."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from scrapy.commands import ScrapyCommand
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.command_line.completion import script
from pixivcrawl.command_line.help import VERSION, Parser, overview, parser_of
from pixivcrawl.command_line.lookup import command_named, project_settings
from pixivcrawl.errors import ConfigurationError

ENVIRONMENT_OPTIONS = {"--config": "PIXIVCRAWL_CONFIG", "--as": "PIXIVCRAWL_AS"}
"""Options that say which settings are read: every process of a command has to know them."""


TAKE_A_VALUE = ("-s", "--set", "-L", "--loglevel", "--logfile")
"""The options of every command whose next word is their value."""


def run(words: list[str], settings: Settings | None = None) -> None:
    """Run the command and exit with its exit code. Raises ConfigurationError for an unknown word."""
    words, chosen = split_options(words)
    pairs = pairwise(["", *words])
    name = next((word for before, word in pairs if not word.startswith("-") and before not in TAKE_A_VALUE), None)
    if name is None or name in ("help", "version"):
        run_without_command(words)
        return
    words.remove(name)
    if name == "completion":
        print(script(words), end="")
        return
    set_environment(chosen, name, words)
    # Settings look there for the command.
    sys.argv[1:] = [name, *words]
    settings = settings or project_settings()
    command = command_named(name)
    if command is None:
        refuse_arguments(name, words)
        command, words, name = command_named("archive"), [name, *words], "archive"
        assert command is not None
    run_command(name, command, words, settings)


def run_without_command(words: list[str]) -> None:
    """Handle options without a command, such as --help and --version."""
    match words:
        case [] | ["help"] | ["-h"] | ["--help"]:
            print(overview())
        case ["-V"] | ["--version"] | ["version"]:
            print(VERSION)
        case ["help", name, *_]:
            run([name, "--help"])
        case _:
            raise ConfigurationError(
                f"there is no option {quoted(words[0])} without a command; pixivcrawl --help lists both"
            )


def split_options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """The words without --config and --as, and the values of those; options as they are spelled, max_works with a hyphen."""
    others: list[str] = []
    chosen: dict[str, str] = {}
    left = iter(words)
    for word in left:
        option, separator, value = word.partition("=")
        if option in ENVIRONMENT_OPTIONS:
            chosen[option] = value if separator else next(left, "")
            if not chosen[option]:
                raise ConfigurationError(f"{option}: give its value, as in: pixivcrawl {option} NAME status")
        else:
            others.append(option.replace("_", "-") + separator + value if option.startswith("--") else word)
    return others, chosen


def set_environment(chosen: dict[str, str], name: str, words: list[str]) -> None:
    """Tell this process, and those that it starts, which settings are read. What `setup` writes need not be there yet."""
    for option, variable in ENVIRONMENT_OPTIONS.items():
        if name == "setup" and (value := chosen.get(option) or os.environ.pop(variable, "")):
            words.append(f"{option}={value}")
        elif option in chosen:
            os.environ[variable] = chosen[option]


def run_command(name: str, command: ScrapyCommand, words: list[str], settings: Settings) -> None:
    """Run the command as Scrapy does; report mistakes in the words in one line."""
    settings.setdict(command.default_settings, priority="command")
    command.settings = settings
    parser = parser_of(name, command)
    opts, args = parser.parse_known_args(words)
    refuse_unknown_options(parser, args)
    try:
        command.process_options(args, opts)
        if command.requires_crawler_process:
            command.crawler_process = AsyncCrawlerProcess(settings)
        command.run(args, opts)
    except UsageError as error:
        parser.error(str(error) or f"{name} is not used like this")
    sys.exit(command.exitcode)


def refuse_arguments(address: str, words: list[str]) -> None:
    """An address says all by itself; what only its spider takes is said behind that. Raises ConfigurationError."""
    try:
        target = read_url(address)
    except UrlRefused:
        return
    from pixivcrawl.command_line.spider import spider_named  # only here: other commands need no spider

    known = {f"--{name.replace('_', '-')}" for name in spider_named(target.spider).arguments().model_fields}
    known |= {f"--no-{name[2:]}" for name in known}
    if taken := [word for word in words if word.partition("=")[0] in known]:
        given = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in target.arguments.items())
        raise ConfigurationError(
            f"an address takes no {quoted(taken[0])}; say it as: pixivcrawl {target.spider} {given} {taken[0]}"
        )


def refuse_unknown_options(parser: Parser, args: list[str]) -> None:
    for word in args:
        if word.startswith("-") and word != "-":
            option = word.partition("=")[0]
            meant = did_you_mean(option, parser.known_options())
            raise ConfigurationError(
                f"{parser.prog.split()[1]} takes no option {quoted(option)}; {meant}see {parser.prog} --help"
            )
