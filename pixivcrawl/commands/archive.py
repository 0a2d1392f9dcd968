"""`pixivcrawl archive`: gives each pasted address to the spider that reads it, one after another."""

from __future__ import annotations

import argparse
import codecs
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError

from pixivcrawl.api.text import quoted
from pixivcrawl.api.urls import UrlRefused, addresses_in, read_url
from pixivcrawl.commands.crawl import add_wait, introduce, wait_for_lane
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import add_quiet, obey_quiet, say
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.extensions.progress.terminal import OverallProgress
from pixivcrawl.runs.exit_codes import complain
from pixivcrawl.runs.notify import notify_of
from pixivcrawl.runs.queue import ENDS_ALL, Job, brought, in_turn, outcomes, run_all, worst
from pixivcrawl.runs.signals import nothing_to_stop, stop_crawls, stop_on_signals
from pixivcrawl.session import session_from_settings

STANDARD_INPUT = "-"


class Command(ScrapyCommand):
    requires_project = True
    example = "archive https://www.pixiv.net/users/11 5000111"

    def syntax(self) -> str:
        return "URL ..."

    def short_desc(self) -> str:
        return "Archive what pixiv addresses or ids point to"

    def long_desc(self) -> str:
        return (
            "Takes addresses of pixiv pages and images, or ids of works, and archives each in turn: pixivcrawl archive "
            "https://www.pixiv.net/users/11 5000111. -i FILE reads addresses from a file, one or more a line (text "
            "after # is a comment); - reads them from standard input. Addresses that it cannot use are named and "
            "skipped; at the end it says what each one brought. The exit code is the worst of the crawls'."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        add_wait(parser)
        parser.add_argument(
            "-i", "--input", action="append", default=[], metavar="FILE", help="read addresses from FILE, one a line"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        obey_quiet(opts, self.settings)
        stop_on_signals(nothing_to_stop, str)
        if unknown := [word for word in args if word.startswith("-") and word != STANDARD_INPUT]:
            raise UsageError(f"archive takes no option {quoted(unknown[0])}", print_help=False)
        try:
            opts.addresses = list(pasted(args, opts.input))
            if not opts.addresses:
                raise ConfigurationError("nothing to archive: give addresses or ids, -i FILE, or - for standard input")
            configuration, session = Configuration.from_settings(self.settings), session_from_settings(self.settings)
            introduce(configuration, session)
            wait_for_lane(opts, configuration, session)
        except PixivcrawlError as error:
            sys.exit(complain(error))

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert isinstance(self.crawler_process, AsyncCrawlerProcess)
        assert self.settings is not None
        began = datetime.now(UTC)
        jobs, refused = plan(opts.addresses)
        for address, why in refused.items():
            complain(ConfigurationError(f"{address}: {why}"))
        if jobs:
            process = self.crawler_process
            stop_on_signals(partial(stop_crawls, process), lambda: "\n".join(["", *report(jobs, refused), ""]))
            run_all(process, in_turn(jobs), overall=partial(whole, jobs))
        say("\n".join(report(jobs, refused)))
        code = worst(jobs)
        self.exitcode = max(code, ConfigurationError.exit_code) if refused and code not in ENDS_ALL else code
        notify_of(self.settings, began, outcomes(jobs))


def pasted(words: Iterable[str], files: Iterable[str]) -> Iterator[str]:
    """Every given address, in order; `-` means standard input. Raises ConfigurationError for an unreadable file."""
    for word in words:
        if word == STANDARD_INPUT:
            yield from _listed(sys.stdin.buffer.read())
        else:
            yield from addresses_in(word)
    for name in files:
        if name == STANDARD_INPUT:
            yield from _listed(sys.stdin.buffer.read())
            continue
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{name} cannot be read ({error.strerror}): name a file with -i") from None
        yield from _listed(content)


def _listed(content: bytes) -> Iterator[str]:
    """The addresses in a list, without its comments."""
    # Notepad and PowerShell 5 write lists in UTF-16.
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    for line in content.decode(encoding, errors="replace").splitlines():
        if address := re.sub(r"(^|\s)#.*", "", line).strip():
            yield from addresses_in(address)


def plan(addresses: Iterable[str]) -> tuple[list[Job], dict[str, str]]:
    """The crawls to run, and the addresses that no spider reads, quoted, with the reason.

    What was pasted twice is done once; works by id become one crawl, since each crawl costs a start and an end.
    """
    jobs: dict[tuple[str, ...], Job] = {}
    refused: dict[str, str] = {}
    for address in addresses:
        try:
            target = read_url(address)
        except UrlRefused as why:
            refused[quoted(address, 120)] = str(why)
            continue
        is_work = target.spider == "artwork" and "id" in target.arguments
        key = ("artwork",) if is_work else (target.spider, *map(str, target.arguments.items()))
        job = jobs.setdefault(key, Job(target.spider, target.arguments))
        if is_work:
            ids = f"{job.arguments['id']},{target.arguments['id']}".split(",")
            job.arguments = {"id": ",".join(dict.fromkeys(ids))}
    return list(jobs.values()), refused


def whole(jobs: list[Job]) -> OverallProgress:
    """The progress of the whole command."""
    current = next((str(job) for job in reversed(jobs) if job.begun), "")
    return OverallProgress("archive", sum(job.exit_code is not None for job in jobs), len(jobs), current)


def report(jobs: list[Job], refused: dict[str, str]) -> list[str]:
    """What each address brought, a line each."""
    lines = ["", "what each brought:"]
    lines += [f"  {job}: {brought(job)}" for job in jobs]
    return lines + [f"  {address}: not taken; {why}" for address, why in refused.items()]
