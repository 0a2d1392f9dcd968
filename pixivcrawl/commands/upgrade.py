"""`pixivcrawl upgrade`: upgrades an archive of an earlier version."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from scrapy.settings import Settings

from pixivcrawl.api.text import plural
from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import ProgressPrinter
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.upgrading import UpgradeResult, upgrade
from pixivcrawl.runs.command import ArchiveCommand


class Command(ArchiveCommand):
    example = "upgrade"

    def short_desc(self) -> str:
        return "Upgrade an archive of an earlier version"

    def long_desc(self) -> str:
        return (
            "Writes the journal again as WARC files, and updates the ledger's tables. The old journal is kept as "
            "journal.replaced-TIME, and a copy of the old ledger as archive.sqlite.backup-VERSION-TIME: delete both "
            "once all is well. Sends nothing to pixiv, needs as much free space as the journal and the ledger take, "
            "and can be stopped and run again. Exit codes: 0 upgraded, or nothing to do; 2 wrong usage; 3 the archive "
            "is in use; 5 the disk or the database failed."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        bring_over(Configuration.from_settings(settings))
        return 0


def bring_over(configuration: Configuration) -> None:
    """Upgrade the archive and print what was done. Raises ConfigurationError, ArchiveInUse or StorageFailed."""
    archive = configuration.archive
    if not archive.root.is_dir():
        raise ConfigurationError(f"there is no archive at {archive.root}: name it with -s ARCHIVE_DIR=...")
    print(f"archive: {archive.root}", flush=True)
    saying = ProgressPrinter()
    with lock(archive, "upgrade") as held:
        upgraded = upgrade(
            archive,
            read_url(configuration.database_url),
            lambda events: saying(f"{plural(events, 'event')} of the journal written"),
        )
        held.after_a_kill = False
    print("\n".join(summary(upgraded)), flush=True)


def summary(upgraded: UpgradeResult | None) -> Iterator[str]:
    """The result, a line each."""
    if upgraded is None:
        yield "it has this version already: nothing to do"
        return
    if upgraded.replaced is None and not upgraded.events:
        yield "upgraded: the tables of its ledger"
        return
    yield f"upgraded: {plural(upgraded.events, 'event')} of its journal"
    if upgraded.from_ledger:
        yield f"  {plural(upgraded.from_ledger, 'answer')} that only its ledger had"
    if upgraded.replaced is not None:
        yield f"  the old journal is kept: {upgraded.replaced}"
    if not upgraded.has_ledger:
        yield "  it has no ledger: make one with pixivcrawl rebuild"
