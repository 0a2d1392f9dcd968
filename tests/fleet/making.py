"""A ledger on a server as a fleet leaves it: crawls that ended, a pause, requests, jobs in the queue, a lane that is held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pixivcrawl.configuration import Configuration
from pixivcrawl.fleet.queue import CRAWL, app_of, note_plan, prepare, queue_of
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates import begin_crawl, end_crawl, pause_host, spend_request
from pixivcrawl.reader import Reader
from pixivcrawl.throttling.lane import server_key
from pixivcrawl.throttling.server_lane import ServerLane
from tests.travelling import of_the_project

REFUSED = 'pixiv no longer takes "the session"\\ <b>of</b> 902'

UNPLANNED = 'subscriptions.toml: "a" is <b>no</b> spider'
"""Why the worker a:/one cannot plan; b:/two could not before."""

ENDED = ((0, None, 30, 3_000_000), (1, "2 works failed", 4, 400_000), (4, REFUSED, 0, 0), (4, REFUSED, 0, 0))
"""Exit code, reason, files and bytes of each crawl that ended."""


def configured(folder: Path, url: str, **more: object) -> Configuration:
    return Configuration.from_settings(of_the_project({"ARCHIVE_DIR": str(folder), "DATABASE_URL": url, **more}))


def make_fleet(configuration: Configuration) -> None:
    """Account 901 sent three requests, 902 is paused; one job waits for each, and one more for 902's name; a worker cannot plan."""
    now = datetime.now(UTC)
    host = configuration.api.key
    prepare(configuration.database_url)
    ledger = Ledger.open(configuration.database_url)
    try:
        for number, (code, reason, files, size) in enumerate(ENDED):
            crawl = ledger.write_now(begin_crawl, "user", {"id": [number]}, now, Reader(901, 1))
            counts = {"files_stored": files, "bytes_stored": size}
            outcome = "complete" if code == 0 else "stopped"
            told = {"outcome": outcome, "exit_code": code, "counts": counts, "read_to_end": code == 0, "reason": reason}
            ledger.write_now(end_crawl, crawl.crawl_id, now=now, **told)
        old = now - timedelta(days=2)
        crawl = ledger.write_now(begin_crawl, "user", {"id": [99]}, old, Reader(901, 1))
        told = {"outcome": "stopped", "exit_code": 5, "counts": {}, "read_to_end": False, "reason": "of the day before"}
        ledger.write_now(end_crawl, crawl.crawl_id, now=old, **told)
        for _ in range(3):
            ledger.write_now(spend_request, host, 901, now)
        ledger.write_now(pause_host, host, now + timedelta(minutes=30), now, 902)
        ledger.write_now(pause_host, "i.pximg.net", now + timedelta(minutes=5), now)
    finally:
        ledger.close()
    asyncio.run(_defer(configuration))


async def _defer(configuration: Configuration) -> None:
    app = app_of(configuration.database_url)
    async with app.open_async():
        for account, artist in (("", 11), ("second", 12), ("second", 13)):
            asked = app.configure_task(CRAWL, queue=queue_of(account), lock=queue_of(account))
            await asked.defer_async(account=account, spider="user", arguments={"id": str(artist)})
        for worker, failed in (("a:/one", UNPLANNED), ("b:/two", UNPLANNED), ("b:/two", None)):
            await note_plan(app, worker, failed)


@contextmanager
def lane_held(configuration: Configuration, account: int) -> Iterator[None]:
    """As a crawl of this account holds it."""
    key = server_key(configuration, Reader(account))
    lane = ServerLane(read_url(configuration.database_url), key, f"account {account}")
    # With what `lanes_of` gives it: one place of the address.
    lane.places = [key + 1]
    with lane.held("crawl user"):
        yield
