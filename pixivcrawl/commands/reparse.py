"""`pixivcrawl reparse`: reads pixiv's kept answers again with this version's parsers."""

from __future__ import annotations

import argparse

from scrapy.settings import Settings

from pixivcrawl.api.text import plural
from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import ProgressPrinter
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger.reparsing import reparse
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand

NOT_ALL = 1
"""The exit code if answers could not be read."""


class Command(ArchiveCommand):
    example = "reparse"

    def short_desc(self) -> str:
        return "Read pixiv's kept answers again, and fill columns that are new"

    def long_desc(self) -> str:
        return (
            "Reads the last answer about each work and user in the journal with this version's parsers, and fills in "
            "what the ledger does not have. Known values are not changed. Sends nothing to pixiv, and can be stopped "
            "and run again. Exit codes: 0 all were read; 1 some could not be; 2 wrong usage; 3 the archive is in use; "
            "5 the disk or the database failed."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        return read_again(Configuration.from_settings(settings))


def read_again(configuration: Configuration) -> int:
    """Read them and print what was done; returns the exit code. Raises ConfigurationError, ArchiveInUse or StorageFailed."""
    archive = configuration.archive
    if not archive.root.is_dir():
        raise ConfigurationError(f"there is no archive at {archive.root}: name it with -s ARCHIVE_DIR=...")
    saying = ProgressPrinter()
    with lock(archive, "reparse") as held:
        ledger = Ledger.open(configuration.database_url, archive=archive, after_a_kill=held.after_a_kill)
        try:
            reparsed = reparse(ledger, lambda answers: saying(f"{plural(answers, 'answer')} read"))
        finally:
            ledger.close()
        held.after_a_kill = False
    print(
        f"{plural(reparsed.answers, 'answer')} read, {plural(reparsed.filled, 'work or user', 'works and users')} filled"
    )
    if reparsed.unreadable:
        print(f"  {plural(reparsed.unreadable, 'answer')} missing or unreadable")
    return NOT_ALL if reparsed.unreadable else 0
