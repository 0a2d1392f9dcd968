"""`pixivcrawl backup`: copies the ledger and its journal, even while a crawl runs."""

from __future__ import annotations

import argparse
import itertools
import time
from datetime import UTC, datetime
from pathlib import Path

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import size
from pixivcrawl.config_file import expanded
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.shelf import NAME as SHELF
from pixivcrawl.ledger.copying import copy_journal, copy_ledger
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.runs.command import ArchiveCommand


class Command(ArchiveCommand):
    when_interrupted = "interrupted: nothing is left of the copy; run the same command again"
    example = "backup copies.sqlite"

    def syntax(self) -> str:
        return "PATH"

    def short_desc(self) -> str:
        return "Copy the ledger to PATH and its journal beside it, even while a crawl runs"

    def long_desc(self) -> str:
        return (
            "Copies the ledger as it is at one moment, and the journal up to that moment: pixivcrawl backup "
            "/backups/pixiv.sqlite (its journal goes to /backups/pixiv.journal), or pixivcrawl backup /backups for a "
            "file archive-TIME.sqlite and a folder journal in that folder, where journal files of an earlier backup "
            "are not copied again. The gallery's favourites and notes are copied too. It takes no lock and does not "
            "delay a crawl. The copy of the ledger is checked for damage before it gets its name, and never replaces a "
            "file. Originals are not copied: they are plain files that your usual backup can copy. Exit codes: 0 the "
            "copy is made; 2 PATH exists, or there is no ledger; 5 the disk is full or the ledger is damaged."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if len(args) != 1 or args[0].startswith("-"):
            raise UsageError(
                "name one file or folder, as in: pixivcrawl backup /backups/pixiv.sqlite", print_help=False
            )
        back_up(Configuration.from_settings(settings), Path(args[0]))
        return 0


def back_up(configuration: Configuration, to: Path) -> None:
    """Make the copy and print where it is and how large. Raises ConfigurationError or StorageFailed."""
    url = read_url(configuration.database_url)
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError("the ledger is in PostgreSQL: copy it with pg_dump, as in pg_dump --format=custom")
    database = Path(url.database or "")
    if not database.is_file():
        raise ConfigurationError(f"there is no ledger at {database}: name the archive with -s ARCHIVE_DIR=...")
    copy = expanded(str(to), "backup")
    journal = copy / "journal" if copy.is_dir() else copy.with_suffix(".journal")
    if copy.is_dir():
        copy = _free_name(copy)
    began = time.monotonic()
    copy_ledger(database, copy)
    copied = copy_journal(configuration.archive.journal, journal, copy)
    print(f"{copy}: {size(copy.stat().st_size)}, sound, in {time.monotonic() - began:.1f} s")
    print(f"{journal}: {size(copied)} copied")
    shelf = configuration.archive_dir / SHELF
    if shelf.is_file():
        shelf_copy = copy.with_suffix(f".{SHELF}")
        copy_ledger(shelf, shelf_copy)
        print(f"{shelf_copy}: {size(shelf_copy.stat().st_size)}")


def _free_name(folder: Path) -> Path:
    """Return `archive-TIME.sqlite` in `folder`, numbered where another backup of the same second has that name."""
    name = f"archive-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
    return next(path for each in names if not (path := folder / f"{each}.sqlite").exists())
