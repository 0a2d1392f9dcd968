"""One account, one lane: a reader's crawls run one after another, and a limited number of lanes share a network address.

On one machine, whatever the archives, a lock in the user's state folder shows which crawl is running, and a record beside it tells the next
one about pauses that pixiv asked for and the day's requests. The system drops the lock with its process. If the ledger is on a server, all
machines that share it also have a lock there (`server_lane`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import platform
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from scrapy.crawler import Crawler
from sqlalchemy import URL

from pixivcrawl.api.text import one_line
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import complain
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.queries import HostPause
from pixivcrawl.reader import Reader
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, RunStopping, end_run
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.throttling.server_lane import LaneInUse, ServerLane
from pixivcrawl.throttling.waits import waiting

SPENT_EVERY = 1.0
"""Seconds between two writes of how many requests were sent where no budget bounds them: what the count of a killed run may lack."""

LOOKS_EVERY = 0.5
"""Seconds between two tries of a waiting process."""


class LaneFile:
    """The lane of one reader at one origin on this machine, and one of `places` of its network address.

    The crawls of this process, which share their pace anyway, hold it together.
    """

    def __init__(self, record: Path, whose: str) -> None:
        self.places: Sequence[Path] = ()
        self._place: FileLock | None = None
        self._record_file = record
        self._whose = whose
        # The thread that releases it need not be the one that took it.
        self._lock = FileLock(record.with_suffix(".lock"), thread_local=False)
        self._record: dict[str, Any] = {}
        self._written_at = 0.0
        self._is_written = True

    @contextmanager
    def held(self, task: str, *, wait: bool = False) -> Iterator[None]:
        """Hold the lane meanwhile. Raises ArchiveInUse if another process holds it, unless it should wait."""
        is_first = not self._lock.is_locked
        try:
            self._lock.acquire(timeout=-1 if wait else 0, poll_interval=LOOKS_EVERY)
        except Timeout:
            raise LaneInUse.by(self._whose, self.holder) from None
        try:
            if is_first:
                self._place = self._free_place(wait=wait)
                self._record = self._read()
                me = {"task": task, "pid": os.getpid(), "host": platform.node(), "since": _text(datetime.now(UTC))}
                self._write(holder=me)
            yield
        finally:
            if not self._is_written:
                self._write()
            self._lock.release()
            if self._place is not None and not self._lock.is_locked:
                self._place.release()

    def _free_place(self, *, wait: bool) -> FileLock:
        while True:
            for place in self.places:
                with suppress(Timeout):
                    lock = FileLock(place, thread_local=False)
                    lock.acquire(timeout=0)
                    return lock
            if not wait:
                raise LaneInUse.of_address(len(self.places))
            time.sleep(LOOKS_EVERY)

    @property
    def holder(self) -> str:
        """Who holds it, as far as that was recorded."""
        said = self._read().get("holder")
        if not isinstance(said, dict):
            return "another run"
        where = f"process {said.get('pid')} on {said.get('host')}"
        return one_line(f"'{said.get('task')}' ({where}, since {said.get('since')})", 400)

    def pauses(self) -> list[HostPause]:
        """The hosts that asked for a pause, over or not."""
        pauses = self._record.get("pauses", {}).items()
        return [
            HostPause(host, datetime.fromisoformat(since), datetime.fromisoformat(until))
            for host, (since, until) in pauses
        ]

    def pause(self, host: str, until: datetime, now: datetime) -> None:
        """Record that nothing is to be sent to a host before a time."""
        self._write(pauses=self._record.get("pauses", {}) | {host: [_text(now), _text(until)]})

    def clear_pause(self, host: str) -> None:
        if host in (pauses := self._record.get("pauses", {})):
            self._write(pauses={other: times for other, times in pauses.items() if other != host})

    def spent(self, day: str) -> int:
        """How many API requests were sent on a day."""
        return int(self._record.get("spent", 0)) if self._record.get("day") == day else 0

    def spend(self, day: str, *, at_once: bool) -> None:
        """Count an API request, in the file `at_once` or within SPENT_EVERY and by the time that the lane is let go.

        To write it took a fiftieth of a run without a pause.
        """
        self._record |= {"day": day, "spent": self.spent(day) + 1}
        self._is_written = False
        if at_once or time.monotonic() - self._written_at >= SPENT_EVERY:
            self._write()

    def _read(self) -> dict[str, Any]:
        """The record; empty if there is no readable one."""
        try:
            said = json.loads(self._record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _write(self, **more: Any) -> None:
        """Write the record. Failures are ignored: a full disk ends the run elsewhere, and the next run only lacks this information."""
        self._record |= more
        self._written_at, self._is_written = time.monotonic(), True
        beside = self._record_file.with_suffix(".part")
        with suppress(OSError):
            beside.write_text(json.dumps(self._record), encoding="utf-8")
            beside.replace(self._record_file)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


Lanes = Sequence[LaneFile | ServerLane]

_FILES: dict[Path, LaneFile] = {}
_ON_SERVERS: dict[tuple[URL, int], ServerLane] = {}
_OF_CRAWLS: weakref.WeakKeyDictionary[Crawler, Lanes] = weakref.WeakKeyDictionary()


def lanes_of(configuration: Configuration, reader: Reader) -> Lanes:
    """The lanes that a crawl holds: on this machine, unless no state can be kept, and on the ledger's server."""
    return [
        lane for lane in (_lane_file(configuration, reader), _lane_on_server(configuration, reader)) if lane is not None
    ]


def _lane_file(configuration: Configuration, reader: Reader) -> LaneFile | None:
    """The lane on this machine; None, with a warning, if no state can be kept."""
    from platformdirs import user_state_path  # only here: most commands crawl nothing

    whose = whose_lane(configuration, reader)
    try:
        folder = user_state_path("pixivcrawl", appauthor=False) / "lanes"
    except RuntimeError:
        # Without HOME, for a user whom the system does not know.
        complain(f"pixivcrawl: there is no home folder (set XDG_STATE_HOME): other crawls of {whose} are not seen")
        return None
    record = folder / f"{_digest(configuration, reader).hex()}.json"
    places = [folder / f"{place.hex()}.lock" for place in _places(configuration)]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for lock in (record.with_suffix(".lock"), *places):
            lock.touch(mode=0o600)
    except OSError as error:
        complain(f"pixivcrawl: {folder} cannot be written ({error.strerror}): other crawls of {whose} are not seen")
        return None
    lane = _FILES.setdefault(record, LaneFile(record, whose))
    lane.places = places
    return lane


def _lane_on_server(configuration: Configuration, reader: Reader) -> ServerLane | None:
    """The lane on the ledger's server; None if the ledger is a file."""
    url = read_url(configuration.database_url)
    if url.get_backend_name() == "sqlite":
        return None
    key = server_key(configuration, reader)
    lane = _ON_SERVERS.setdefault((url, key), ServerLane(url, key, whose_lane(configuration, reader)))
    lane.places = [_as_key(place) for place in _places(configuration)]
    return lane


def whose_lane(configuration: Configuration, reader: Reader) -> str:
    whose = {0: f"the lane of visitors of {configuration.api.key}", None: "this session"}
    return whose.get(reader.user_id, f"account {reader.user_id}")


def server_key(configuration: Configuration, reader: Reader) -> int:
    """The key of the lock on the ledger's server for a reader's lane."""
    return _as_key(_digest(configuration, reader))


def _digest(configuration: Configuration, reader: Reader) -> bytes:
    session = reader.session if reader.user_id is None else ""
    return _hashed(f"{configuration.api.key} {reader.user_id} {session}")


def _places(configuration: Configuration) -> list[bytes]:
    """One place for each lane that may use the address at once."""
    numbers = range(configuration.lanes_per_address)
    return [_hashed(f"{configuration.api.key} from {configuration.address} {number}") for number in numbers]


def _hashed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _as_key(digest: bytes) -> int:
    """A hash as PostgreSQL's bigint."""
    return int.from_bytes(digest, signed=True)


@contextmanager
def held(lanes: Lanes, task: str, *, wait: bool = False) -> Iterator[None]:
    """Hold all of them, in this order. Raises ArchiveInUse unless it should wait."""
    with ExitStack() as together:
        for lane in lanes:
            together.enter_context(lane.held(task, wait=wait))
        yield


@contextmanager
def lane_held(crawler: Crawler, configuration: Configuration) -> Iterator[None]:
    """Hold the lane of a crawl's reader until it has ended. Raises ArchiveInUse."""
    lanes = lanes_of(configuration, reader_of(session_from_settings(crawler.settings)))
    with held(lanes, f"crawl {crawler.spidercls.name}"):
        _OF_CRAWLS[crawler] = lanes
        yield


def lane_of(crawler: Crawler) -> LaneFile | None:
    """The lane on this machine that a crawl holds; None if the crawl archives nothing or no state can be kept."""
    return next((lane for lane in _OF_CRAWLS.get(crawler, ()) if isinstance(lane, LaneFile)), None)


def is_sure_of_lane(crawler: Crawler) -> bool:
    """Whether a crawl certainly still holds its lane; False while the ledger's server is silent or gone."""
    return all(lane.is_sure for lane in _OF_CRAWLS.get(crawler, ()) if isinstance(lane, ServerLane))


def has_heard(crawler: Crawler) -> bool:
    """Whether the ledger's server has reported the start or end of a pause since the last call."""
    return any(lane.has_heard() for lane in _OF_CRAWLS.get(crawler, ()) if isinstance(lane, ServerLane))


async def sure_of_lane(crawler: Crawler, is_stopping: Callable[[], bool]) -> None:
    """Wait until the crawl certainly holds its lane. If the lane is lost, ends the run and raises RunStopping."""
    if is_sure_of_lane(crawler):
        return
    with waiting(crawler, "the ledger's server does not answer; nothing is sent until it does"):
        while not is_sure_of_lane(crawler):
            for lane in _OF_CRAWLS[crawler]:
                if isinstance(lane, ServerLane) and lane.lost is not None:
                    raise end_run(crawler, lane.lost)
            if is_stopping():
                raise RunStopping("not sent, because the run is ending")
            await asyncio.sleep(STOPPING_IS_SEEN_WITHIN)
