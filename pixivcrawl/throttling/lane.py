"""One account, one lane: the crawls of one reader on this machine follow one another, whatever their archives.

A lock in the user's state folder says who is at work, and a record beside it what the next one has to know: pauses that pixiv asked for,
and the requests of the day. The system drops the lock with its process.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from scrapy.crawler import Crawler

from pixivcrawl.api.wording import one_line
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ArchiveInUse
from pixivcrawl.items import Reader
from pixivcrawl.ledger.queries import HostPause
from pixivcrawl.saying import complain
from pixivcrawl.session import reader_of, session_from_settings

LOOKS_EVERY = 0.5
"""Seconds between two tries of who waits."""


class Lane:
    """The lane of one reader at one origin. The crawls of this process, which share their pace anyway, hold it together."""

    def __init__(self, record: Path, whose: str) -> None:
        self._record_file = record
        self._whose = whose
        # Whoever lets go of it need not be the thread that took it.
        self._lock = FileLock(record.with_suffix(".lock"), thread_local=False)
        self._record: dict[str, Any] = {}

    @contextmanager
    def held(self, task: str, *, wait: bool = False) -> Iterator[None]:
        """Hold the lane meanwhile. Raises ArchiveInUse where another process does, unless it is to be waited for."""
        is_first = not self._lock.is_locked
        try:
            self._lock.acquire(timeout=-1 if wait else 0, poll_interval=LOOKS_EVERY)
        except Timeout:
            raise ArchiveInUse(f"{self._whose} is in use by {self.holder}: wait for it, or add --wait") from None
        try:
            if is_first:
                self._record = self._read()
                me = {"task": task, "pid": os.getpid(), "host": platform.node(), "since": _text(datetime.now(UTC))}
                self._write(holder=me)
            yield
        finally:
            self._lock.release()

    @property
    def holder(self) -> str:
        """Who holds it, as far as that was written."""
        said = self._read().get("holder")
        if not isinstance(said, dict):
            return "another run"
        where = f"process {said.get('pid')} on {said.get('host')}"
        return one_line(f"'{said.get('task')}' ({where}, since {said.get('since')})", 400)

    def pauses(self) -> list[HostPause]:
        """The hosts that asked for one, over or not."""
        pauses = self._record.get("pauses", {}).items()
        return [HostPause(host, *map(datetime.fromisoformat, times)) for host, times in pauses]

    def pause(self, host: str, until: datetime, now: datetime) -> None:
        """Nothing is to be sent to a host before a time."""
        self._write(pauses=self._record.get("pauses", {}) | {host: [_text(now), _text(until)]})

    def clear_pause(self, host: str) -> None:
        if host in (pauses := self._record.get("pauses", {})):
            self._write(pauses={other: times for other, times in pauses.items() if other != host})

    def spent(self, day: str) -> int:
        """How many API requests were sent on a day."""
        return int(self._record.get("spent", 0)) if self._record.get("day") == day else 0

    def spend(self, day: str) -> None:
        self._write(day=day, spent=self.spent(day) + 1)

    def _read(self) -> dict[str, Any]:
        """The record; nothing where there is none that can be read."""
        try:
            said = json.loads(self._record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _write(self, **more: Any) -> None:
        """A full disk ends the run elsewhere; what is not written here is only not known to the next one."""
        self._record |= more
        beside = self._record_file.with_suffix(".part")
        with suppress(OSError):
            beside.write_text(json.dumps(self._record), encoding="utf-8")
            beside.replace(self._record_file)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


_LANES: dict[Path, Lane] = {}
_OF_CRAWLS: weakref.WeakKeyDictionary[Crawler, Lane] = weakref.WeakKeyDictionary()


def lane_of_reader(host: str, reader: Reader) -> Lane | None:
    """The lane of a reader at a host; None, which is said, where no state can be kept."""
    from platformdirs import user_state_path  # only here: most commands crawl nothing

    whose = {0: f"the lane of visitors of {host}", None: "this session"}.get(
        reader.user_id, f"account {reader.user_id}"
    )
    session = reader.session if reader.user_id is None else ""
    name = hashlib.blake2b(f"{host} {reader.user_id} {session}".encode(), digest_size=8).hexdigest()
    try:
        folder = user_state_path("pixivcrawl", appauthor=False) / "lanes"
    except RuntimeError:
        # Without HOME, for a user whom the system does not know.
        complain(f"pixivcrawl: there is no home folder (set XDG_STATE_HOME): other crawls of {whose} are not seen")
        return None
    record = folder / f"{name}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        record.with_suffix(".lock").touch(mode=0o600)
    except OSError as error:
        complain(f"pixivcrawl: {folder} cannot be written ({error.strerror}): other crawls of {whose} are not seen")
        return None
    return _LANES.setdefault(record, Lane(record, whose))


@contextmanager
def lane_held(crawler: Crawler, configuration: Configuration) -> Iterator[None]:
    """Hold the lane of a crawl's reader until it has ended. Raises ArchiveInUse."""
    reader = reader_of(session_from_settings(crawler.settings))
    lane = lane_of_reader(configuration.api.key, reader)
    if lane is None:
        yield
        return
    with lane.held(f"crawl {crawler.spidercls.name}"):
        _OF_CRAWLS[crawler] = lane
        yield


def lane_of(crawler: Crawler) -> Lane | None:
    """The lane that a crawl holds; None for one that archives nothing, or where no state can be kept."""
    return _OF_CRAWLS.get(crawler)
