"""Exit codes of crawls and commands, and the one line that says why."""

from __future__ import annotations

import asyncio

from scrapy.crawler import Crawler

from pixivcrawl import console, faults
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.run_record import COMPLETE, FAILED, INTERRUPTED, RunRecord


def exit_code(crawler: Crawler, crawling: asyncio.Task[None]) -> int:
    """The exit code of the process; prints the error that ended the run, and bugs of ours, in one line each."""
    if not crawling.done() or crawling.cancelled():
        return INTERRUPTED
    raised = crawling.exception()
    if isinstance(raised, PixivcrawlError):
        return complain(raised)
    if raised is not None:
        return faults.report_fault(raised)
    record = crawler.get_extension(RunRecord)
    if record is None:
        return 0
    record.faults.end()
    code = complain(record.error) if record.error else record.exit_code
    if (first := record.faults.first) is None:
        return code
    told = complain(first) if isinstance(first, PixivcrawlError) else faults.report_fault(first)
    # An error that ended the run says what a person is to do; a run that came to its end did not come to a good one.
    return told if code in (COMPLETE, FAILED) else code


def outcome_of(crawler: Crawler, crawling: asyncio.Task[None]) -> tuple[str, dict[str, int]]:
    """Why a finished crawl ended early (empty if it did not), and its results."""
    if crawling.cancelled():
        return "", {}
    if raised := crawling.exception():
        return str(raised), {}
    record = crawler.get_extension(RunRecord)
    return ("", {}) if record is None else (str(record.error or ""), record.counts())


def complain(error: PixivcrawlError) -> int:
    """Print an error in one line; returns its exit code."""
    console.complain(f"pixivcrawl: {error}")
    return error.exit_code
