"""`pixivcrawl sync` in this process, at any time: what a timer would call for days, in seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any
from unittest import mock

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

import pipelines
import pixivcrawl
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import held_for_all_runs
from pixivcrawl.commands.sync import Sync, checked
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.queue import one_after_another
from pixivcrawl.runs.subscriptions import Catalogue, file_path
from pixivcrawl.sandbox.log import Logged
from pixivcrawl.session import read_session
from pixivcrawl.subscriptions.file import read_file
from tests.live.inside import signed_in
from tests.sandbox.serving import Sandbox

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
"""When the days begin that the tests live through."""


@dataclass(frozen=True)
class Synced:
    """What a sync left: its exit code, its jobs but for the look at the session, what it asked of the API, what it would say."""

    exit_code: int
    ran: list[str]
    asked: list[str]
    said: list[str]

    @property
    def artists(self) -> list[int]:
        """The artists who were asked for one by one."""
        return [int(path.split("/")[3]) for path in self.asked if path.endswith("/profile/all")]


def sync(
    sandbox: Sandbox,
    folder: Path,
    at: datetime | None = None,
    *,
    only: tuple[str, ...] = (),
    everything: bool = False,
    phpsessid: str | None = "",
    budget: int = 0,
    settings: dict[str, Any] | None = None,
) -> Synced:
    """`pixivcrawl sync` in the archive `folder` at a time; signed in as `inside.crawl` is."""
    chosen = settings_of(sandbox, folder, **(settings or {}))
    configuration = Configuration.from_settings(chosen)
    cookie = sandbox.cookie if phpsessid == "" else phpsessid
    session = read_session({"PIXIV_PHPSESSID": cookie}, None) if cookie is not None else None
    since = len(sandbox.log)
    with clock(at), signed_in(cookie):
        catalogue = Catalogue(chosen, session)
        file = checked(catalogue, read_file(file_path(chosen)), only)
        one = Sync(configuration, catalogue, file, everything=everything, only=frozenset(only), budget=budget)
        archive = Archive(configuration.archive_dir)
        archive.create()
        with held_for_all_runs(archive, "sync"):
            Ledger.open(configuration.database_url, archive=archive).close()
            plan = one.plan()
            if plan:
                asyncio.run(in_this_loop(chosen, one))
    asked = [path_of(logged) for logged in sandbox.log[since:] if logged.kind == "api"]
    said = one.report() if plan else []
    return Synced(one.exit_code() if plan else 0, [job.name for job in one.ran], asked, said)


async def in_this_loop(settings: Settings, one: Sync) -> None:
    runner: Any = AsyncCrawlerRunner(settings)
    await one_after_another(runner, one.jobs())


def settings_of(sandbox: Sandbox, folder: Path, **more: Any) -> Settings:
    chosen = Settings()
    chosen.setmodule("settings.base", priority="project")
    quick = {
        "ARCHIVE_DIR": str(folder),
        "PIXIV_API_DELAY": 0,
        "PIXIV_API_RETRY_DELAY": 0.01,
        "PIXIV_IMAGE_RETRY_DELAY": 0.01,
        "PIXIV_THROTTLE_WAIT": 0.01,
        "PIXIV_GONE_AFTER": 0,
        "PROGRESS_ENABLED": False,
        "TWISTED_REACTOR_ENABLED": False,
    }
    chosen.update(quick | sandbox.settings() | more, priority="cmdline")
    return chosen


def path_of(logged: Logged) -> str:
    return logged.path


@contextmanager
def clock(at: datetime | None) -> Iterator[None]:
    """The clock of this program stands at a time, and goes on from there; None leaves it alone."""
    if at is None:
        yield
        return
    ahead = at - datetime.now(UTC)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    with contextmanager(_shifted)(Shifted):
        yield


def _shifted(clock_of: type[datetime]) -> Iterator[None]:
    patches = [mock.patch.object(module, "datetime", clock_of) for module in _with_a_clock()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def _with_a_clock() -> list[ModuleType]:
    """Every module of the program that takes the time, but for the sandbox, whose times are the world's."""
    for package in (pixivcrawl, pipelines):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name and "__main__" not in module.name:
                import_module(module.name)
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(("pixivcrawl.", "pipelines."))
        and not name.startswith("pixivcrawl.sandbox")
        and getattr(module, "datetime", None) is datetime
    ]


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
