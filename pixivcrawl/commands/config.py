"""`pixivcrawl config`: shows every setting of this project, its value, and where it comes from."""

from __future__ import annotations

import argparse
import os

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, Settings, default_settings
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from pixivcrawl.config_file import FILE_NAME, Written, found
from pixivcrawl.configuration import Configuration
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.session import introduction, session_from_settings


class Command(ArchiveCommand):
    example = "config"

    def short_desc(self) -> str:
        return "Show every setting, its value, and where it comes from"

    def long_desc(self) -> str:
        return (
            "Shows each setting with its value and where it comes from: -s, the environment, pixivcrawl.toml or the "
            "default; the first of these that is given wins. Sessions and passwords are never shown. Sends nothing. "
            "Exit codes: 0 all values are usable; 2 some are not, and it names them."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        print(f"file: {found() or f'none; pixivcrawl setup writes a {FILE_NAME}'}")
        names = own_settings(settings)
        rows = [(name, shown(name, settings), origin(name, settings)) for name in names]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for name, value, where in rows:
            print(f"{name:<{widths[0]}}  {value:<{min(widths[1], 40)}}  {where}")
        Configuration.from_settings(settings)
        print(introduction(session_from_settings(settings)))
        return 0


def own_settings(settings: BaseSettings) -> list[str]:
    """The settings that are this project's own, and the one of Scrapy's that is read from the same places."""
    # Scrapy puts its variables of the environment, SCRAPY_<NAME>, among the settings.
    scrapys = {
        *default_settings.__all__,
        *(name.removeprefix("SCRAPY_") for name in os.environ if name.startswith("SCRAPY_")),
    }
    least = SETTINGS_PRIORITIES["project"]
    said = {name for name in settings if name.isupper() and (settings.getpriority(name) or 0) >= least}
    return sorted((said - scrapys) | {"USER_AGENT"})


def shown(name: str, settings: BaseSettings) -> str:
    value = settings.get(name)
    if name != "DATABASE_URL" or not value:
        return str(value)
    try:
        # A password may stand among the parameters too.
        return make_url(str(value)).set(query={}).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not shown)"


def origin(name: str, settings: BaseSettings) -> str:
    value = settings.get(name)
    if (settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["cmdline"]:
        return "-s"
    if isinstance(value, Written):
        return str(value.place)
    variable = f"PIXIVCRAWL_{name}"
    return f"{variable} in the environment" if os.environ.get(variable) else "default"
