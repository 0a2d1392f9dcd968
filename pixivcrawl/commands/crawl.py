"""`scrapy crawl` with one-line errors and exit codes for timers."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from scrapy import Spider
from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import UsageError
from scrapy.spiderloader import SpiderLoaderProtocol

from pixivcrawl.configuration import Configuration
from pixivcrawl.console import add_quiet, obey_quiet, say, show_any_text
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.progress.terminal import put_away
from pixivcrawl.extensions.run_record import summary
from pixivcrawl.notifications.state import Outcome
from pixivcrawl.runs.exit_codes import complain, exit_code, outcome_of
from pixivcrawl.runs.memory import limit_heaps
from pixivcrawl.runs.notify import notify_of
from pixivcrawl.runs.signals import (
    exit_without_the_clock,
    nothing_to_stop,
    record_of,
    stop_crawls,
    stop_on_signals,
)
from pixivcrawl.session import Session, introduction, reader_of, session_from_settings
from pixivcrawl.throttling.lane import held, lanes_of
from pixivcrawl.throttling.server_lane import LaneInUse


class Command(CrawlCommand):
    example = "crawl user -a id=11"

    def short_desc(self) -> str:
        return "Archive what a spider finds, continuing where an earlier run of the same command stopped"

    def long_desc(self) -> str:
        return (
            "Archives what a spider finds: pixivcrawl crawl user -a id=11, or pixivcrawl user 11. If it is "
            "interrupted, run the same command again to continue. --plan says what it would take and sends nothing. "
            "pixivcrawl list names the spiders. Exit codes: 0 complete; 1 finished, but works failed or are waiting; 2 "
            "wrong usage or configuration; 3 the archive is in use; 4 pixiv refused the account; 5 the disk or the "
            "ledger failed; 70 a bug in pixivcrawl; 75 pixiv asks for a pause longer than LONGEST_WAIT; 130 "
            "interrupted."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        add_wait(parser)
        parser.add_argument(
            "--plan", action="store_true", help="show what is left to do and what it would take; send nothing"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        obey_quiet(opts, self.settings)
        stop_on_signals(nothing_to_stop, str)
        try:
            # Before Scrapy says anything.
            configuration, session = Configuration.from_settings(self.settings), session_from_settings(self.settings)
            introduce(configuration, session, sends=not opts.plan)
            wait_for_lane(opts, configuration, session)
        except PixivcrawlError as error:
            sys.exit(complain(error))

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if opts.plan:
            self.exitcode = self.show_plan(args, opts.spargs)
        else:
            self.crawl(args, opts)

    def show_plan(self, args: list[str], arguments: Mapping[str, str]) -> int:
        """Print what the crawl would do and take."""
        from pixivcrawl.runs.plans import plan_of_crawl  # only here: it imports what most runs need not

        assert self.crawler_process is not None
        assert self.settings is not None
        show_any_text()
        spider = spider_named(args, self.crawler_process.spider_loader)
        try:
            for line in plan_of_crawl(self.settings, spider.name, arguments):
                print(line)
        except PixivcrawlError as error:
            return complain(error)
        return 0

    def crawl(self, args: list[str], opts: argparse.Namespace) -> None:
        process = self.crawler_process
        assert isinstance(process, AsyncCrawlerProcess)
        # Spiders and handlers are still to be imported, and for Python's collector to look through all that Scrapy has made takes 40 ms
        # each time.
        gc.freeze()
        limit_heaps()
        exit_without_the_clock()
        began = datetime.now(UTC)
        crawler = process.create_crawler(spider_named(args, process.spider_loader))
        crawling = process.crawl(crawler, **opts.spargs)
        stop_on_signals(partial(stop_crawls, process), partial(summary_so_far, crawler))
        try:
            process.start(install_signal_handlers=False)
        finally:
            put_away()
        self.exitcode = exit_code(crawler, crawling)
        if crawling.done():
            assert self.settings is not None
            outcome = Outcome(args[0], self.exitcode, *outcome_of(crawler, crawling))
            notify_of(self.settings, began, [outcome])


def spider_named(names: list[str], loader: SpiderLoaderProtocol) -> type[Spider]:
    """The single spider name in the arguments. Raises UsageError."""
    with suppress(KeyError):
        if len(names) == 1:
            return loader.load(names[0])
    raise UsageError(f"name one spider: {', '.join(sorted(loader.list()))}; as in: pixivcrawl crawl user -a id=11")


def introduce(configuration: Configuration, *sessions: Session | None, sends: bool = True) -> None:
    """The first lines of a run: which archive, who reads, and what makes one that `sends` something riskier than it need be."""
    lines = [f"archive: {configuration.archive_dir}", *map(introduction, sessions)]
    if sends and not configuration.api.is_loopback and (risks := configuration.riskier_than_default()):
        lines.append(f"faster than the default: {'; '.join(risks)}: pixiv may throttle, warn or ban the account")
    (say if sends else print)("\n".join(lines))


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait while another crawl of this account runs, or while the address is used by as many crawls as are allowed",
    )


_HELD = ExitStack()
"""Held until the process ends."""


def wait_for_lane(opts: argparse.Namespace, configuration: Configuration, session: Session | None) -> None:
    """With --wait: take the account's lane before anything begins, once its present holder is done."""
    if opts.wait:
        _HELD.enter_context(in_lane(configuration, session, "a crawl that has waited", wait=True))


@contextmanager
def in_lane(configuration: Configuration, session: Session | None, task: str, *, wait: bool) -> Iterator[None]:
    """Hold the account's lane meanwhile. Raises ArchiveInUse if another process has it, unless the command waits, which is logged."""
    lanes = lanes_of(configuration, reader_of(session))
    with ExitStack() as until_done:
        try:
            until_done.enter_context(held(lanes, task))
        except LaneInUse as in_use:
            if not wait:
                raise
            say(f"waits for {in_use.waits_for}")
            until_done.enter_context(held(lanes, task, wait=True))
        yield


def summary_so_far(crawler: Crawler) -> str:
    """The summary of an interrupted run; empty before it has begun or once it was printed."""
    record = record_of(crawler)
    if record is None or record.is_told:
        return ""
    return "\n".join(summary(crawler.spidercls.name, "interrupted", record.counts())) + "\n"
