"""Runs the gallery and its background work until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from aiohttp import web
from aiohttp.http import HttpProcessingError

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import complain, say
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.faults import report_fault
from pixivcrawl.filters import SavedFilters, read_filters
from pixivcrawl.gallery.app import Gallery, application, local_zone
from pixivcrawl.gallery.guard import Guard, new_key
from pixivcrawl.gallery.shelf import Shelf
from pixivcrawl.gallery.thumbnails import Source, Thumbnails
from pixivcrawl.index import sums
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.index.similar import LEAST_DIGEST, analyse
from pixivcrawl.index.updating import update_index
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.queries.browsing.works import covers
from pixivcrawl.ledger.service import Ledger

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

FOLLOW_EVERY = 2.0
"""Seconds between two looks for what a crawl has recorded."""

FILL_EVERY = 10.0
"""Seconds between two looks for covers that are not drawn yet."""

COVERS_A_STEP = 60

LONGEST_LINE = 32 << 10
"""Bytes of a request's line, and of the Referer that names it later: the box takes 1,000 letters, of which each may be 12 bytes there."""


def serve(
    configuration: Configuration, saved: SavedFilters, *, port: int, lan: bool, show: Callable[[str], object]
) -> None:
    """Serve until Ctrl-C or SIGTERM; `show` is called with the address once it answers. Raises PixivcrawlError."""
    with opened(configuration, saved) as gallery:
        asyncio.run(_served(gallery, port=port, lan=lan, show=show))


@contextmanager
def opened(configuration: Configuration, saved: SavedFilters) -> Iterator[Gallery]:
    """The archive, with a thread that updates its index and processes that draw thumbnails. Raises PixivcrawlError."""
    archive = configuration.archive
    ledger = Ledger.open(configuration.database_url, read_only=True)
    with ExitStack() as held:
        held.callback(ledger.close)
        agree_on_store(archive, ledger, writes=False)
        derived = held.enter_context(derived_folder(archive))
        workers = held.enter_context(Workers(configuration.proof_workers, configuration.proof_limits))
        held.enter_context(_following(configuration, derived))
        index = Index(derived, ledger, saved)
        thumbnails = Thumbnails(archive, derived, workers)
        if archive.bucket is None:
            held.enter_context(_looking(archive, ledger, index, derived, thumbnails, workers))
        is_shared = read_url(configuration.database_url).get_backend_name() != "sqlite"
        fleet = configuration if is_shared else None
        yield Gallery(archive, ledger, index, Shelf(archive.root), thumbnails, local_zone(), fleet)


@contextmanager
def derived_folder(archive: Archive) -> Iterator[Path]:
    """`derived/` of the archive, or a temporary folder if it cannot be written."""
    folder = archive.root / "derived"
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        say(
            f"pixivcrawl: {folder} cannot be written ({error.strerror}): the index and small pictures are kept until the gallery ends"
        )
        with tempfile.TemporaryDirectory(prefix="pixivcrawl-gallery-") as instead:
            yield Path(instead)
    else:
        yield folder


@contextmanager
def _looking(
    archive: Archive, ledger: Ledger, index: Index, derived: Path, thumbnails: Thumbnails, workers: Workers
) -> Iterator[None]:
    """Analyse pictures while the gallery is idle, to find those that are alike."""
    stop = threading.Event()

    def until_idle() -> None:
        while (left := thumbnails.idle_in()) > 0 and not stop.is_set():
            stop.wait(left)
        if stop.is_set():
            raise CancelledError

    def keep_looking() -> None:
        while not stop.wait(FOLLOW_EVERY):
            # Problems with the index or the ledger are reported by the follower.
            with suppress(PixivcrawlError, sqlite3.Error, CancelledError):
                after: int | None = LEAST_DIGEST
                while after is not None and not index.behind():
                    after = analyse(ledger, archive, derived, workers, after=after, pause=until_idle)

    thread = threading.Thread(target=keep_looking, name="looks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        # So that no picture that is under way is waited for.
        workers.close()
        thread.join()


@contextmanager
def _following(configuration: Configuration, derived: Path) -> Iterator[None]:
    """Keep updating the index, with connections of its own."""
    stop = threading.Event()

    def keep_in_line() -> None:
        told = None
        while not stop.is_set():
            try:
                ledger = Ledger.open(configuration.database_url, read_only=True)
                try:
                    while not stop.is_set():
                        update_index(ledger, derived, stop=stop)
                        sums.keep(ledger, derived)
                        told = None
                        stop.wait(FOLLOW_EVERY)
                finally:
                    ledger.close()
            except PixivcrawlError as error:
                if str(error) != told:
                    told = str(error)
                    complain(f"pixivcrawl: the index of the gallery is not being updated: {error}")
                stop.wait(5 * FOLLOW_EVERY)
            except Exception as error:  # noqa: BLE001 (a fault of ours: the pages go on with the index as it stands)
                report_fault(error)
                break

    thread = threading.Thread(target=keep_in_line, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _served(gallery: Gallery, *, port: int, lan: bool, show: Callable[[str], object]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with listening(gallery, port=port, lan=lan) as address:
        show(address)
        await stop.wait()


@asynccontextmanager
async def listening(gallery: Gallery, *, port: int, lan: bool = False) -> AsyncIterator[str]:
    """Answer only on this machine, or with `lan` also on its network; gives the address to open. Raises ConfigurationError."""
    taken = _socket("0.0.0.0" if lan else "127.0.0.1", port)  # noqa: S104 (only with --lan, and then a key is needed)
    port = taken.getsockname()[1]
    key = new_key() if lan else None
    names = (*LOOPBACK, *([own_address()] if lan else []))
    guard = Guard(frozenset(f"{name}:{port}" for name in names), key)
    runner = web.AppRunner(
        application(gallery, guard),
        access_log=None,
        logger=_faults(),
        handle_signals=False,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )
    await runner.setup()
    beside = [asyncio.create_task(_fill(gallery)), asyncio.create_task(_reread_filters(gallery.index))]
    try:
        await web.SockSite(runner, taken).start()
        yield f"http://{names[-1] if lan else names[0]}:{port}/{f'?key={key}' if key else ''}"
    finally:
        for task in beside:
            task.cancel()
        await runner.cleanup()


def _faults() -> logging.Logger:
    """Where the server tells what went wrong outside of the application."""
    logger = logging.getLogger("pixivcrawl.gallery.server")
    logger.handlers = [_Faults()]
    logger.propagate = False
    return logger


class _Faults(logging.Handler):
    """Prints a line for a fault of ours. A request that is not HTTP is the mistake of whoever sent it: they get the answer 400."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, HttpProcessingError):
            report_fault(error)


def own_address() -> str:
    """This machine's address in its network. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _socket(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(f"port {port} is in use: choose another one with --port, or 0 for any") from None
        raise ConfigurationError(
            f"port {port} cannot be had ({error.strerror}): choose another one with --port"
        ) from None


async def _reread_filters(index: Index) -> None:
    """Reread `filters.toml` when it changes. A mistake is reported once, and the previous filters stay."""
    told = None
    while True:
        await asyncio.sleep(FOLLOW_EVERY)
        try:
            index.saved = await asyncio.to_thread(read_filters, index.saved.path)
            told = None
        except ConfigurationError as error:
            if str(error) != told:
                told = str(error)
                complain(f"pixivcrawl: the saved filters stay as they were: {error}")


async def _fill(gallery: Gallery) -> None:
    """Draw all covers once the index is complete, and then those of new works."""
    is_full = False
    while True:
        # Problems with the index or the ledger are reported by the follower; covers are drawn once they are solved.
        with suppress(PixivcrawlError, sqlite3.Error):
            if not await asyncio.to_thread(gallery.index.behind):
                await gallery.thumbnails.fill(lambda before: _covers(gallery, before), only_new=is_full)
                is_full = True
        await asyncio.sleep(FILL_EVERY if is_full else FOLLOW_EVERY)


async def _covers(gallery: Gallery, before: str | None) -> tuple[list[Source], str | None]:
    """The next covers to draw, latest stored first, and where to continue."""
    page = await asyncio.to_thread(
        gallery.index.works, WorksQuery(filter="none", sort="archived"), before=before, limit=COVERS_A_STEP
    )
    found = await gallery.ledger.read(covers, page.ids)
    sources = []
    for picture in found.values():
        with suppress(ValueError):
            sources.append(Source(picture.sha256, gallery.archive.resolve(picture.path), picture.kind, picture.frame))
    return sources, page.older
