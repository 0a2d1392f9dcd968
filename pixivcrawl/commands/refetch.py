"""`pixivcrawl refetch`: reads a work's page again and fetches whichever of its files are missing or not whole."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from scrapy.exceptions import UsageError

from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.archive.workers import Workers
from pixivcrawl.commands.crawl import Command as CrawlCommand
from pixivcrawl.commands.verify import require_archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import say
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reporting.overview import subjects_in
from pixivcrawl.runs.exclusive import locked_ledger
from pixivcrawl.runs.exit_codes import complain
from pixivcrawl.verification.refetch import refetch
from pixivcrawl.verification.repair import Action
from pixivcrawl.verification.verify import Depth


class Command(CrawlCommand):
    example = "refetch 5000111"

    def syntax(self) -> str:
        return "WORK ..."

    def short_desc(self) -> str:
        return "Fetch works again: their pages, and whichever of their files are missing, deleted or damaged"

    def long_desc(self) -> str:
        return (
            "Proves the works' files again, as a repair does, marks those that are missing, deleted, or failed "
            "and waiting as wanted, and asks pixiv for the works at once, known or not. A forgotten work is wanted "
            "again. Exit codes: as for pixivcrawl artwork."
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args or opts.spargs:
            raise UsageError("name the works to fetch again, as in: pixivcrawl refetch 5000111", print_help=False)
        try:
            works = [work_named(typed) for typed in args]
        except PixivcrawlError as error:
            sys.exit(complain(error))
        super().process_options(args, opts)
        assert self.settings is not None
        try:
            configuration = Configuration.from_settings(self.settings)
            require_archive(configuration)
            prepare(configuration, works)
        except PixivcrawlError as error:
            sys.exit(complain(error))
        opts.spargs = {"id": ",".join(map(str, works)), "refresh": "true"}

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        super().run(["artwork"], opts)


def work_named(typed: str) -> int:
    """Raises ConfigurationError for what is not a work."""
    for subject, subject_id in subjects_in(typed):
        if subject == "work":
            return subject_id
    raise ConfigurationError(f"{quoted(typed)} is an artist: name works; pixivcrawl verify --repair checks all files")


def prepare(configuration: Configuration, works: list[int]) -> None:
    """Mark what is to be fetched as wanted in the ledger. Raises PixivcrawlError."""
    with (
        locked_ledger(configuration, "refetch") as (archive, ledger),
        Workers(configuration.proof_workers, configuration.proof_limits) as workers,
    ):
        for work_id in works:
            want(ledger, work_id)
            refetch(archive, ledger, work_id, Depth(deep=True, workers=workers), told)


def want(ledger: Ledger, work_id: int) -> None:
    """Take back that the work was forgotten. Raises ConfigurationError if its artist is."""
    forgotten = {(each.subject, each.subject_id) for each in ledger.read_now(queries.forgotten)}
    known = ledger.read_now(queries.known_works, [work_id]).get(work_id)
    if known is not None and ("artist", known.user_id) in forgotten:
        raise ConfigurationError(
            f"work {work_id} is of artist {known.user_id}, who is forgotten: pixivcrawl forget users/{known.user_id} --undo"
        )
    if ("work", work_id) in forgotten:
        ledger.write_now(updates.remember, "work", work_id, datetime.now(UTC))


def told(action: Action) -> None:
    say(one_line(f"{action.what}: {action.path}{f' ({action.detail})' if action.detail else ''}", 900))
