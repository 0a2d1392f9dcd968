"""A fleet under fire: workers on one ledger, each with an archive of its own, that are killed and stopped, and so are their servers."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from pixivcrawl.sandbox.log import Logged
from pixivcrawl.sandbox.works import Session
from tests.canonical import Dump, dump
from tests.ledger.postgres import Postgres, lose_ledger
from tests.live.running import PROJECT, environment, scrapy, stored_files
from tests.sandbox.serving import Sandbox
from tests.seaweed import CREDENTIALS, SeaweedFS

ANSWERS_AFTER = 0.05
"""Seconds until each answer of the sandbox: a request travels for so long."""

IMAGES_AT_ONCE = 8
"""PIXIV_IMAGE_CONCURRENCY_MOST: so many pictures travel when a crawl is killed."""

PAUSE = 4
"""Seconds that pixiv asks an account to wait for, now and then."""


@dataclass(frozen=True)
class Plan:
    """What a campaign is, drawn from its seed: how large, and how often what happens."""

    seed: int
    artists: int
    works: int
    accounts: int
    workers: int
    killed: int
    server_killed: int
    requests_between: int = 20
    """So many API requests come between two happenings at most; at least one does."""

    frozen: float = 0.0
    """Seconds for which each server and a worker with its crawl are stopped, one after another; 0: they are not."""
    budget: int = 0

    def happenings(self, chance: random.Random, *, store: bool) -> list[str]:
        """`store`: the originals are in an object store, which is killed once."""
        freezes = ["freeze the server", "freeze a worker", *["freeze the store"] * store] if self.frozen else []
        # Half of the workers leave their crawl alive.
        kills = ["kill a worker and its crawl", "kill a worker"] * ((self.killed + 1) // 2)
        servers = [*["kill the server"] * self.server_killed, *["kill the store"] * store]
        everything = [*kills[: self.killed], *servers, *freezes]
        chance.shuffle(everything)
        return everything


@dataclass
class Outcome:
    """What came of a campaign; everything but `fetched_again`, which has a bound, is to be as it would be without a kill."""

    jobs: int = 0
    files: int = 0
    wrong: list[str] = field(default_factory=list)
    fetched_again: int = 0
    may_be_fetched_again: int = 0
    beside_another: int = 0
    inside_a_pause: int = 0
    most_of_an_account: int = 0
    pauses: int = 0
    seconds: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    exit_codes: Counter[int | None] = field(default_factory=Counter)


class Fleet:
    """Workers that are begun again when they end, until the `with` block is left."""

    def __init__(
        self, plan: Plan, sandbox: Sandbox, postgres: Postgres, folder: Path, store: SeaweedFS | None = None
    ) -> None:
        self.plan, self._sandbox, self._postgres, self._folder, self.store = plan, sandbox, postgres, folder, store
        readers = sandbox.world.readers
        more = (Session(903 + n, f"sessionOfReader{903 + n}", "0" * 32) for n in range(plan.accounts - len(readers)))
        sandbox.world.readers = (*readers[: plan.accounts], *more)
        names = ["", *(f"reader{each.user_id}" for each in sandbox.world.readers[1:])]
        (folder / "accounts").mkdir()
        for name, reader in zip(names[1:], sandbox.world.readers[1:], strict=True):
            session = folder / "accounts" / name
            session.write_text(reader.cookie)
            session.chmod(0o600)
        followed = []
        for number in range(plan.artists):
            account = names[number % len(names)]
            whose = f'account = "{account}"\n' if account else ""
            followed.append(
                f'[[subscription]]\nname = "artist {number}"\nspider = "user"\nid = "{11 + number}"\n{whose}'
            )
        (folder / "subscriptions.toml").write_text("\n".join(followed))
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._log = (self._folder / "log").open("w")
        self.keep_alive()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for worker in self._workers.values():
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGTERM)
        for worker in self._workers.values():
            try:
                worker.wait(60)
            except subprocess.TimeoutExpired:
                kill([*descendants(worker.pid), worker.pid])
        self._log.close()

    def archive(self, number: int) -> Path:
        return self._folder / f"worker{number}"

    def keep_alive(self) -> None:
        """Begin again what has ended, as a system does that supervises it."""
        for number in range(self.plan.workers):
            name = f"worker{number}"
            if name not in self._workers or self._workers[name].poll() is not None:
                command = [sys.executable, "-m", "scrapy", "work"]
                env = self.environment(number)
                self._workers[name] = subprocess.Popen(
                    command, cwd=PROJECT, env=env, stdout=self._log, stderr=self._log
                )

    def environment(self, number: int) -> dict[str, str]:
        store = {"PIXIVCRAWL_ORIGINALS_STORE": self.store.address("fleet")} | CREDENTIALS if self.store else {}
        return environment(
            self._sandbox,
            self.archive(number),
            **store,
            PIXIVCRAWL_DATABASE_URL=self._postgres.url,
            PIXIVCRAWL_SUBSCRIPTIONS=str(self._folder / "subscriptions.toml"),
            PIXIVCRAWL_PIXIV_ACCOUNTS=str(self._folder / "accounts"),
            PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS=str(self.plan.accounts),
            PIXIVCRAWL_PIXIV_API_DELAY="0.1",
            PIXIVCRAWL_PIXIV_API_BUDGET=str(self.plan.budget),
            # Each is a machine of its own: what they know of each other, they know from the server.
            XDG_STATE_HOME=str(self.archive(number) / "state"),
        )

    def happen(self, what: str, chance: random.Random) -> None:
        worker = self._workers[chance.choice(sorted(self._workers))]
        crawls = descendants(worker.pid)
        if what == "kill a worker":
            kill([worker.pid])
        elif what == "kill a worker and its crawl":
            kill([*crawls, worker.pid])
        elif what == "kill the server":
            self._postgres.kill()
            time.sleep(chance.uniform(0, 2))
            self._postgres.begin()
        elif what == "freeze the server":
            self._postgres.freeze()
            time.sleep(self.plan.frozen)
            self._postgres.thaw()
        elif self.store is not None and what == "kill the store":
            self.store.stop(signal.SIGKILL)
            time.sleep(chance.uniform(0, 2))
            self.store.start()
        elif self.store is not None and what == "freeze the store":
            self.store.send(signal.SIGSTOP)
            time.sleep(self.plan.frozen)
            self.store.send(signal.SIGCONT)
        else:
            for process in (worker.pid, *crawls):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP)
            time.sleep(self.plan.frozen)
            for process in (worker.pid, *crawls):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def done(self) -> int:
        """How many of the lists have been read to their end."""
        asked = "SELECT count(DISTINCT list_id) FROM crawls WHERE exit_code = 0"
        return next(iter(self.answers(asked)), (0,))[0]

    def facts(self) -> Dump:
        """What the ledger says; of answers only where they are."""
        return dump(self._folder / "no journal", self._postgres.url)

    def lose_ledger(self) -> None:
        lose_ledger(self._postgres.url)

    def stored(self, number: int) -> dict[str, str]:
        """The originals of a worker's folder, or those of the store, which all have: paths and SHA-256."""
        if self.store is None:
            return stored_files(self.archive(number))
        held = self.store.held(self.store.address("fleet"))
        return {path: hashlib.sha256(body).hexdigest() for path, body in held.items() if path.startswith("originals/")}

    def answers(self, query: str) -> list[tuple[int, ...]]:
        """What the server says; nothing while it is away, or before the first worker has made the tables."""
        engine = create_engine(self._postgres.url, connect_args={"connect_timeout": 5})
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        except DBAPIError:
            return []
        finally:
            engine.dispose()


def descendants(process: int) -> list[int]:
    """The processes that a process has begun, and theirs."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout
    return [each for child in map(int, found.split()) for each in (child, *descendants(child))]


def kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def carried_out(
    plan: Plan, sandbox: Sandbox, postgres: Postgres, folder: Path, within: float, store: SeaweedFS | None = None
) -> Outcome:
    """Let everything happen while the fleet works, and give what came of it once every list has been read."""
    chance = random.Random(plan.seed)
    outcome = Outcome()
    began = time.monotonic()
    with Fleet(plan, sandbox, postgres, folder, store) as fleet:
        while not sandbox.requests("api"):
            assert time.monotonic() < began + within
            time.sleep(0.1)
        waiting = plan.happenings(chance, store=store is not None)
        next_at = 1
        while (outcome.jobs < plan.artists or waiting) and time.monotonic() < began + within:
            # By what was asked, not by the clock: a slow machine is to come as far between two of them.
            if waiting and len(sandbox.requests("api")) >= next_at:
                what = waiting.pop()
                if what != "freeze a worker" and outcome.happened.total() % 3 == 0:
                    sandbox.faults.api("/ajax/", kind="status:429", retry_after=PAUSE, times=1)
                fleet.happen(what, chance)
                outcome.happened[what] += 1
                next_at = len(sandbox.requests("api")) + chance.randint(1, plan.requests_between)
            fleet.keep_alive()
            time.sleep(0.3)
            outcome.jobs = fleet.done()
    ended = "SELECT exit_code FROM crawls"
    outcome.exit_codes = Counter(code for (code,) in fleet.answers(ended))
    outcome.seconds = time.monotonic() - began
    _judge(plan, sandbox, fleet, outcome)
    return outcome


def _judge(plan: Plan, sandbox: Sandbox, fleet: Fleet, outcome: Outcome) -> None:
    expected = {}
    for number in range(plan.artists):
        expected |= sandbox.world.expected.user(11 + number, session=True).files
    found: dict[str, str] = {}
    for number in range(plan.workers if fleet.store is None else 1):
        there = fleet.stored(number)
        outcome.wrong += [f"twice: {path}" for path in there.keys() & found.keys()]
        found |= there
    outcome.files = len(found)
    outcome.wrong += [path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)]
    known = dict(fleet.answers("SELECT path, sha256 FROM files WHERE state = 'stored'"))
    outcome.wrong += [f"of the ledger: {path}" for path in known.keys() ^ found.keys()]
    # A store is verified from any machine: also from one that has not worked.
    for number in range(plan.workers + (fleet.store is not None)):
        verified = scrapy("verify", "--json", env=fleet.environment(number))
        if verified.returncode != 0 or verified.stdout:
            outcome.wrong.append(f"verify of {number}: {verified.returncode}, {verified.stdout}{verified.stderr}")
    outcome.wrong += _rebuilt_otherwise(plan, fleet)
    images = Counter(each.path for each in sandbox.requests("image") if each.status == 200)
    outcome.fetched_again = sum(images.values()) - len(images)
    # A store that is away is waited for, and ends nothing.
    ended = {what: number for what, number in outcome.happened.items() if "store" not in what}
    ended_hard = sum(number * (plan.accounts if "server" in what else 1) for what, number in ended.items())
    outcome.may_be_fetched_again = ended_hard * IMAGES_AT_ONCE
    lanes: dict[str, list[Logged]] = defaultdict(list)
    for request in sandbox.requests("api"):
        lanes[request.headers["cookie"]].append(request)
    for requests in lanes.values():
        times = sorted(each.time for each in requests)
        outcome.beside_another += sum(later < earlier + ANSWERS_AFTER for earlier, later in pairwise(times))
        asked_to_wait = [each.time for each in requests if each.status == 429]
        outcome.pauses += len(asked_to_wait)
        outcome.inside_a_pause += sum(
            since < at < since + ANSWERS_AFTER + PAUSE for since in asked_to_wait for at in times
        )
        outcome.most_of_an_account = max(outcome.most_of_an_account, len(requests))


def _rebuilt_otherwise(plan: Plan, fleet: Fleet) -> list[str]:
    """What is not as it was, table by table, after the ledger was lost and made from the journals of all workers."""
    before = fleet.facts()
    fleet.lose_ledger()
    others = [word for number in range(1, plan.workers) for word in ("--also", str(fleet.archive(number)))]
    rebuilt = scrapy("rebuild", *others, env=fleet.environment(0))
    after = fleet.facts()
    complaints = [f"rebuilt: {name} differs" for name in before if before[name] != after[name]]
    if rebuilt.returncode != 0:
        complaints.append(f"rebuild: {rebuilt.returncode}, {rebuilt.stdout}{rebuilt.stderr}")
    return complaints
