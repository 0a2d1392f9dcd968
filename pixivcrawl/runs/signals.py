"""Graceful shutdown on SIGINT, SIGTERM and SIGHUP: the first signal ends a crawl cleanly and soon, the second at once.

Ctrl-C, SIGTERM and a closed terminal are treated alike. Ending at once equals a kill, which loses nothing: the next run settles it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.utils.reactor import is_reactor_installed

from pixivcrawl.console import is_quiet
from pixivcrawl.extensions.progress.terminal import erased
from pixivcrawl.extensions.run_record import INTERRUPTED, RunRecord

SHUTDOWN_SECONDS = 8.0
"""Seconds that the clean shutdown may take; what a disk or a proof delays longer is left for the next run."""

SIGNALS = [
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
]

LEFT_AT_ONCE = "pixivcrawl: interrupted at once; nothing is lost: run the same command again\n"


def stop_on_signals(stop: Callable[[], bool], last_words: Callable[[], str]) -> None:
    """From now on the first signal calls `stop`; the second ends the process, as does the first if `stop` finds nothing to stop.

    `last_words` writes the report that is still due then. A second call replaces the first.
    """
    asked = False

    def told(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if number == getattr(signal, "SIGHUP", None):
            _let_go_of_terminal()
        if asked or not stop():
            exit_at_once(last_words)
        asked = True
        timer = threading.Timer(SHUTDOWN_SECONDS, exit_at_once, [last_words])
        timer.daemon = True
        timer.start()

    for number in SIGNALS:
        # nohup's way to have a closed terminal mean nothing.
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, told)
    # The interpreter's own end takes our handlers back, and a signal would change the exit code of a run that is over.
    atexit.register(_ignore_signals)


def exit_at_once(last_words: Callable[[], str]) -> None:
    """End the process without waiting for a thread or a connection; safe in a signal handler and in any thread."""
    with contextlib.suppress(Exception):
        _say(sys.stderr, erased())
        _say(sys.stderr, "" if is_quiet() else last_words())
        _say(sys.stderr, LEFT_AT_ONCE)
    os._exit(INTERRUPTED)


def exit_without_the_clock() -> None:
    """Keep the shutdown independent of the system clock, which Twisted uses: if it was set back, the end of a run would wait for it."""
    if not is_reactor_installed():
        return
    from twisted.internet import reactor

    reactor.seconds = time.monotonic  # type: ignore[method-assign, misc]


def stop_crawls(process: AsyncCrawlerProcess) -> bool:
    """Shut down every crawl of the process; False if none has begun."""
    if not any(_has_begun(crawler) for crawler in process.crawlers):
        return False
    from twisted.internet import reactor

    reactor.callFromThread(lambda: asyncio.ensure_future(process.stop()))
    return True


def nothing_to_stop() -> bool:
    return False


def record_of(crawler: Crawler) -> RunRecord | None:
    """The record of a crawl; None before there is an engine, which Scrapy reports as an error."""
    try:
        return crawler.get_extension(RunRecord) if crawler.engine else None
    except RuntimeError:
        return None


def _has_begun(crawler: Crawler) -> bool:
    record = record_of(crawler)
    return record is not None and (crawler.engine.running or record.is_ending)


def _say(stream: TextIO, text: str) -> None:
    # Past its buffer: the handler may have come into the middle of a write.
    os.write(stream.fileno(), text.encode(errors="replace"))


def _let_go_of_terminal() -> None:
    """Stop writing to a terminal that is gone, because that would fail in the middle of the shutdown."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        # One that is gone already no longer says that it is a terminal.
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
