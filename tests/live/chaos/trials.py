"""A trial: the same command again and again, killed and killed, until it comes to its end."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pixivcrawl.sandbox.log import Logged
from tests import canonical
from tests.live.chaos.plans import LEAST_KILLS, SPIDERS, Kill, Plan, one_more_kill
from tests.live.chaos.worlds import Server, Watch, Wrong
from tests.live.nursery import Crawl, Ended, Nursery, ended, fresh
from tests.live.running import assert_holds, complaints, environment, rows
from tests.sandbox.expected import Expectations

IMAGES_AT_ONCE, API_AT_ONCE = 4, 1
WORKS_AT_ONCE = IMAGES_AT_ONCE + 2 * API_AT_ONCE
"""How many works a spider begins before the first of them is recorded with all of its files."""

QUICK = {
    "PIXIVCRAWL_PIXIV_API_RETRY_DELAY": "0.01",
    "PIXIVCRAWL_PIXIV_IMAGE_RETRY_DELAY": "0.01",
    "PIXIVCRAWL_PIXIV_RATE_LIMIT_WAIT": "0.02",
    "PIXIVCRAWL_PIXIV_THROTTLE_WAIT": "0.02",
    "PIXIVCRAWL_PIXIV_THROUGHPUT_WINDOW": "0.3",
    "PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY": str(IMAGES_AT_ONCE),
    # Fixed, so that a kill costs no more than is known here.
    "PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY_MOST": str(IMAGES_AT_ONCE),
    "PIXIVCRAWL_PIXIV_API_CONCURRENCY": str(API_AT_ONCE),
    "PIXIVCRAWL_PROGRESS_ENABLED": "",
}

ALL_DUE = 8 * 86400.0
"""Seconds by which the clock is set ahead, so that whatever failed is due."""


@dataclass(frozen=True)
class OnDisk:
    """A file as it lay there after a run."""

    inode: int
    sha256: str
    modified: int


@dataclass(frozen=True)
class Life:
    """One run of the command, and what lay on the disk when it was over; names are relative to the archive.

    `known` are the works of which the ledger then knew all that pixiv says.
    """

    ending: Ended
    kill: Kill | None
    originals: dict[str, OnDisk]
    staging: dict[str, OnDisk]
    known: frozenset[int]

    @property
    def held(self) -> frozenset[str]:
        """The SHA-256 of every body that lay there whole; what is called a part was not known to be whole."""
        bodies = [file for name, file in self.staging.items() if not name.endswith(".part")]
        return frozenset(file.sha256 for file in (*self.originals.values(), *bodies))


@dataclass
class Trial:
    """What was done to an archive, run after run."""

    plan: Plan
    archive: Path
    server: Server
    watch: Watch
    wrong: Wrong
    lives: list[Life] = field(default_factory=list)

    @property
    def kills(self) -> list[Life]:
        return [life for life in self.lives if life.ending.was_killed]

    @property
    def log(self) -> list[Logged]:
        return self.watch.entries()

    def life_of(self, logged: Logged) -> int:
        """The number of the run that sent a request: one that it sent just before it was killed may arrive after that."""
        return int(logged.headers["user-agent"].rpartition("/")[2])


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run of the same command leaves, and what it takes.

    `api_again`: what one more asks, that finds nothing new; `api_of_list`: how often the first one asked that same.
    """

    archive: Path
    files: dict[str, OnDisk]
    dump: canonical.Dump
    sha256_at: dict[str, str]
    api: int
    images: int
    api_again: int
    api_of_list: int


class Laboratory:
    """Servers, a nursery and references, shared by the trials of a test session; `folder` is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs = folder / "outputs"
        self.outputs.mkdir()
        self._open = ExitStack()
        self._servers: dict[int, Server] = {}
        self._references: dict[tuple[int, str], Reference] = {}

    def __enter__(self) -> Laboratory:
        self.nursery = self._open.enter_context(Nursery())
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def server(self, world: int) -> Server:
        if world not in self._servers:
            self._servers[world] = self._open.enter_context(Server(world))
        return self._servers[world]

    def reference(self, world: int, spider: str) -> Reference:
        if (world, spider) not in self._references:
            self._references[world, spider] = self._undisturbed(world, spider)
        return self._references[world, spider]

    def killed(self, plan: Plan) -> Trial:
        """A new archive, and runs killed as planned: at least three, or as many as the plan has when these are fewer."""
        trial = self._begin(plan, f"seed-{plan.seed}-{time.monotonic_ns()}")
        for kill in plan.kills:
            self.live(trial, kill)
        for number in range(10):
            if len(trial.kills) >= min(LEAST_KILLS, len(plan.kills)):
                break
            self.live(trial, one_more_kill(plan.seed, number))
        return trial

    def status(self, trial: Trial) -> str:
        """What `pixivcrawl status --all` says of the archive."""
        said = self.nursery.run("status", "--all", env=environment(trial.server, trial.archive), folder=self.outputs)
        assert (said.exit_code, said.errors) == (0, "")
        return said.said

    def live(self, trial: Trial, kill: Kill | None = None, *, ahead: float = 0) -> Life:
        """One more run of the command; killed, or to its end."""
        more = {"CHAOS_KILL": kill.place} if kill and kill.place else {}
        more |= {"CHAOS_AHEAD": str(ahead)} if ahead else {}
        more |= {"PIXIVCRAWL_USER_AGENT": f"Mozilla/5.0 run/{len(trial.lives)}"}
        env = environment(trial.server, trial.archive, **QUICK, **more)
        came = trial.watch.came
        start = fresh if trial.plan.fresh else self.nursery.crawl
        with start(*SPIDERS[trial.plan.spider], env=env, folder=self.outputs) as crawl:
            if kill and not kill.place:
                _kill(crawl, kill, trial.watch, came)
        life = Life(
            ended(crawl, self.outputs),
            kill,
            _lying(trial.archive, "originals"),
            _lying(trial.archive, "staging"),
            _known(trial.archive),
        )
        trial.lives.append(life)
        return life

    def _begin(self, plan: Plan, folder: str) -> Trial:
        server = self.server(plan.world)
        server.begin(plan.wrongs)
        archive = self.folder / folder
        archive.mkdir()
        return Trial(plan, archive, server, server.watch, server.wrong)

    def _undisturbed(self, world: int, spider: str) -> Reference:
        trial = self._begin(Plan(-1, world, spider, ()), f"reference-{world}-{spider}")
        archive = trial.archive
        ending = self.live(trial).ending
        assert (ending.exit_code, complaints(ending.errors)) == (0, "")
        assert_holds(archive, *expected(trial.server, spider))
        dump = canonical.dump(archive)
        api, images = (trial.watch.entries(kind) for kind in ("api", "image"))
        self.live(trial)
        again = [(logged.path, logged.query) for logged in trial.watch.entries("api")[len(api) :]]
        return Reference(
            archive,
            trial.lives[0].originals,
            dump,
            {url.partition("//")[2].partition("/")[2]: sha256 for url, sha256 in rows(archive, _URLS)},
            len(api),
            len(images),
            len(again),
            sum((logged.path, logged.query) in again for logged in api),
        )


_URLS = "SELECT url, sha256 FROM files WHERE state = 'stored' AND url IS NOT NULL"


def expected(server: Server, spider: str) -> Iterator:
    world = server.world
    match spider:
        case "user":
            yield from (Expectations(world, frames=True).user(artist, session=True) for artist in (11, 12))
        case "bookmarks":
            yield from (world.expected.bookmarks(901, rest) for rest in ("show", "hide"))
        case "search":
            from pixivcrawl.sandbox.lists import Search

            yield world.expected.search(Search("chaos"), session=True)


def _kill(crawl: Crawl, kill: Kill, watch: Watch, came: int) -> None:
    while not watch.wait_for(came + kill.after, timeout=0.05):
        if crawl.is_over():
            return
    until = time.monotonic() + kill.wait
    while (left := until - time.monotonic()) > 0 and not crawl.is_over():
        time.sleep(min(left, 0.01))
    crawl.kill()


def _lying(archive: Path, folder: str) -> dict[str, OnDisk]:
    found = {}
    for path in sorted((archive / folder).rglob("*")):
        if path.is_file():
            state = path.stat()
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            found[path.relative_to(archive).as_posix()] = OnDisk(state.st_ino, sha256, state.st_mtime_ns)
    return found


def _known(archive: Path) -> frozenset[int]:
    """Read from a copy: whoever opens a ledger that a kill left first puts it in order."""
    with tempfile.TemporaryDirectory() as folder:
        for path in archive.glob("archive.sqlite*"):
            shutil.copy(path, folder)
        database = Path(folder) / "archive.sqlite"
        if not database.exists():
            return frozenset()
        connection = sqlite3.connect(database)
        try:
            query = "SELECT id FROM artworks WHERE detail = 'full' AND stale_since IS NULL"
            return frozenset(work_id for (work_id,) in connection.execute(query))
        except sqlite3.OperationalError:
            # Killed before there were tables.
            return frozenset()
        finally:
            connection.close()
