"""Finds the command that the first word means: one of ours, a spider, one of Scrapy's, or a pixiv address."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.errors import ConfigurationError

OURS, SPIDERS, SCRAPYS = "pixivcrawl.commands", "pixivcrawl.spiders", "scrapy.commands"

IN_ADDRESSES = frozenset("/.:#,")
"""No command has one of these."""


def project_settings() -> Settings:
    """The settings of this project from whatever folder; SCRAPY_PROJECT names the profile, as for `scrapy`.

    In a wheel they are part of pixivcrawl, in a checkout they lie beside it.
    """
    if find_spec("pixivcrawl.settings") is None:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        package = "settings"
    else:
        package = "pixivcrawl.settings"
    profile = os.environ.get("SCRAPY_PROJECT", "default")
    if find_spec(f"{package}.{profile}") is None:
        raise ConfigurationError(f"SCRAPY_PROJECT={quoted(profile)}: there is no such profile; leave it out")
    settings = Settings()
    # Scrapy's own commands look there, and so do processes that a command starts.
    module = os.environ.setdefault("SCRAPY_SETTINGS_MODULE", f"{package}.{profile}")
    settings.setmodule(module, priority="project")
    return settings


def names(package: str) -> list[str]:
    """The names of the modules in a package."""
    known = import_module(package)
    # The loader of spiders lies among them.
    return [module.name for module in iter_modules(known.__path__) if module.name != "loader"]


def command_named(word: str) -> ScrapyCommand | None:
    """The command of that name; None where the word is a pixiv address or a work's id. Raises ConfigurationError for any other."""
    if word.isidentifier() and word != "loader":
        for package in (OURS, SCRAPYS):
            if find_spec(f"{package}.{word}") is not None:
                command: ScrapyCommand = import_module(f"{package}.{word}").Command()
                return command
        if find_spec(f"{SPIDERS}.{word}") is not None:
            # Only here: other commands need no spider.
            from pixivcrawl.command_line.spider import SpiderCommand, spider_named

            return SpiderCommand(spider_named(word))
    if is_address(word):
        return None
    meant = did_you_mean(word, [name for package in (OURS, SPIDERS, SCRAPYS) for name in names(package)])
    raise ConfigurationError(f"there is no command {quoted(word)}; {meant}pixivcrawl --help lists them")


def is_address(word: str) -> bool:
    """Whether the user means a pixiv page or works by it, readable or not."""
    if IN_ADDRESSES.intersection(word):
        return True
    try:
        return bool(read_url(word))
    except UrlRefused:
        return False
