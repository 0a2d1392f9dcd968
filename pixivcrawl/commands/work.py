"""`pixivcrawl work`: a worker of a fleet."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress

from scrapy.settings import Settings

from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import add_quiet, obey_quiet, say
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand


class Command(ArchiveCommand):
    example = "work"

    def short_desc(self) -> str:
        return "Work for a fleet: crawl what is due of all accounts, beside other workers on one ledger"

    def long_desc(self) -> str:
        return (
            "Runs what is due of the subscriptions, as every other worker does that shares the ledger on PostgreSQL "
            "(DATABASE_URL): pixivcrawl work. Each list is read once, and each account in one crawl at a time, in a process of its own. "
            "What a worker that died had begun is taken back. Several workers on one machine each need an ARCHIVE_DIR. "
            "With METRICS_ADDRESS it answers Prometheus. It needs the extra fleet. Exit codes: 0 told to end, or, with --once, "
            "nothing is left to do now; 2 wrong configuration; 3 another run uses the archive; 5 the database cannot be used."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        parser.add_argument("--once", action="store_true", help="end when nothing is left to do now")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        obey_quiet(opts, settings)
        from pixivcrawl.fleet.queue import app_of, prepare

        configuration = Configuration.from_settings(settings)
        app = app_of(configuration.database_url)
        # Made, or brought up to date, before anything is read from it.
        archive = configuration.archive
        archive.create(configuration.archive_readers)
        with lock(archive, "work"):
            Ledger.open(configuration.database_url, archive=archive).close()
        prepare(configuration.database_url)
        from pixivcrawl.fleet.machine import counted_on_machine
        from pixivcrawl.fleet.metrics import metrics_served
        from pixivcrawl.fleet.worker import add_tasks, work

        given = [word for each in opts.set for word in ("-s", each)]
        with (
            counted_on_machine() as count_workers,
            metrics_served(configuration),
            suppress(asyncio.CancelledError),
        ):
            add_tasks(app, settings, [*given, *(["-q"] if opts.quiet else [])], count_workers)
            say("works for the fleet")
            asyncio.run(work(app, settings, once=opts.once))
        return 0
