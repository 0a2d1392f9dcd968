"""Commands in processes of their own, born ready: a process that has imported all that `scrapy crawl` imports forks for each.

A crawl that is started from nothing spends a second and a half on imports. One that is forked is as much a process with a group, files,
threads and an end of its own, and a hundred of them are quickly killed. `fresh` starts one from nothing all the same.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]

NOT_BEFOREHAND = ("pixivcrawl.sandbox", "pixivcrawl.commands.demo", "pixivcrawl.ledger.migrations")
"""No part of a crawl. Nor are settings imported beforehand, which look at the environment."""

MODULES = (
    "itemadapter",
    "pydantic.v1",
    "scrapy.cmdline",
    "scrapy.core.downloader.handlers",
    "scrapy.core.engine",
    "scrapy.core.scheduler",
    "scrapy.core.scraper",
    "scrapy.downloadermiddlewares.defaultheaders",
    "scrapy.downloadermiddlewares.httpproxy",
    "scrapy.downloadermiddlewares.stats",
    "scrapy.downloadermiddlewares.useragent",
    "scrapy.dupefilters",
    "scrapy.pipelines",
    "scrapy.pqueues",
    "scrapy.spiderloader",
    "scrapy.squeues",
    "scrapy.statscollectors",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "twisted.internet.asyncioreactor",
    "twisted.web.client",
    "unittest",
)
PACKAGES = ("pixivcrawl", "pipelines", "scrapy.commands", "scrapy.extensions", "scrapy.spidermiddlewares")
"""What a crawl imports; of packages, all that is in them."""

ASKED = (
    "illust.detail",
    "illust.pages",
    "illust.ugoira_meta",
    "user.full",
    "user.profile_all",
    "user.bookmarks",
    "search.artworks",
)
"""The endpoints that these crawls ask."""

LONGEST = 120.0
"""Seconds after which a crawl that was not killed is taken to hang."""


@dataclass(frozen=True)
class Ended:
    """How a crawl ended: its exit code (negative: the signal that killed it) and what it said."""

    exit_code: int
    said: str
    errors: str

    @property
    def was_killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL


class Nursery:
    """Starts commands, one at a time. The process behind it lives as long as the `with` block."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.nursery"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=LONGEST)

    @contextmanager
    def crawl(self, *arguments: str, env: Mapping[str, str], folder: Path) -> Iterator[Crawl]:
        """`scrapy ...` with exactly this environment; its output goes to files in `folder`. It has ended when the block has."""
        self._say(_order(arguments, env, folder))
        crawl = Crawl(self._hear())
        try:
            yield crawl
            crawl.exit_code = self._hear()
        except BaseException:
            crawl.kill()
            self._hear()
            raise

    def run(self, *arguments: str, env: Mapping[str, str], folder: Path, timeout: float = LONGEST) -> Ended:
        """`scrapy ...`, to its end. Raises TimeoutError when that takes longer; it is killed then."""
        with self.crawl(*arguments, env=env, folder=folder) as crawl:
            until = time.monotonic() + timeout
            while not crawl.is_over():
                if time.monotonic() > until:
                    raise TimeoutError(f"scrapy {' '.join(arguments)} takes more than {timeout:g} s")
                time.sleep(0.005)
        return ended(crawl, folder)

    def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@contextmanager
def fresh(*arguments: str, env: Mapping[str, str], folder: Path) -> Iterator[Crawl]:
    """As `Nursery.crawl`, with an interpreter of its own that has imported nothing yet."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.nursery", "one"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    crawl = Crawl(process.pid)
    assert process.stdin is not None
    with process.stdin as orders:
        orders.write(json.dumps(_order(arguments, env, folder)) + "\n")
    try:
        yield crawl
        crawl.exit_code = process.wait()
    except BaseException:
        crawl.kill()
        process.wait()
        raise


def _order(arguments: Sequence[str], env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    outputs = [folder / "stdout", folder / "stderr"]
    for output in outputs:
        output.write_text("")
    return {"arguments": arguments, "environment": dict(env), "outputs": [str(output) for output in outputs]}


@dataclass
class Crawl:
    """A crawl under way, the leader of its process group."""

    pid: int
    exit_code: int | None = None

    def is_over(self) -> bool:
        """Ended, and not yet buried by its parent or buried already."""
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return status.rpartition(")")[2].split()[0] == "Z"

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def ended(crawl: Crawl, folder: Path) -> Ended:
    assert crawl.exit_code is not None
    return Ended(crawl.exit_code, (folder / "stdout").read_text(), (folder / "stderr").read_text())


def main() -> None:
    """Reads orders from standard input, a JSON line each; writes the pid of each crawl, then its exit code.

    With the argument `one` it becomes the first crawl itself.
    """
    if sys.argv[1:] == ["one"]:
        be_born(json.loads(sys.stdin.readline()))
    prepare()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            be_born(order)
        os.setpgid(pid, pid)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def prepare() -> None:
    for name in (*MODULES, *(module for package in PACKAGES for module in _modules_in(package))):
        importlib.import_module(name)
    from pixivcrawl.api import catalogue
    from pixivcrawl.api.endpoint import BodyRefused

    for endpoint in (catalogue.find(name) for name in ASKED):
        # Pydantic builds what reads a body when the first one comes.
        with suppress(BodyRefused):
            endpoint.parse(b"{}")
    assert "twisted.internet.reactor" not in sys.modules, "each crawl chooses its own"
    gc.collect()
    gc.freeze()


def _modules_in(package: str) -> Iterator[str]:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.startswith(NOT_BEFOREHAND):
            yield module.name


def be_born(order: dict[str, Any]) -> None:
    """The child: from here on it is `scrapy ...` and nothing else. Never returns."""
    from tests.live.chaos.injections import inject

    code = 1
    try:
        if os.getpgrp() != os.getpid():
            os.setpgid(0, 0)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, path in enumerate(order["outputs"], 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        random.seed()
        inject(os.environ)
        sys.argv = ["scrapy", *order["arguments"]]
        from scrapy.cmdline import execute

        execute()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
    except BaseException:  # noqa: BLE001 (the child must never go on as its parent)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # As the interpreter does at its end: threads that are not daemons are waited for.
        import threading

        threading._shutdown()  # type: ignore[attr-defined]
        os._exit(code)


if __name__ == "__main__":
    main()
