"""What a plan and the progress say beforehand, against what then happens: within a factor of two, in worlds of ten kinds."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings

from pixivcrawl.extensions.progress.estimate import ProgressEstimate
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.server import Answering
from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.commands.typing_in import type_pixivcrawl
from tests.live.inside import signed_in
from tests.sandbox.serving import Sandbox, World

REST, ANSWER = 0.4, 0.1
"""Seconds of rest after each answer, and by which every answer of the sandbox is late: a quarter of what a user has of pixiv, or less."""

TINY = Page("jpg", 48, 36)


class Late(Sandbox):
    """Answers so many seconds late, each host by itself."""

    def __init__(self, world: World, *, api: float = ANSWER, image: float = ANSWER) -> None:
        super().__init__(world)
        self.seconds = {"api": api, "image": image}

    def host(self, kind: HostKind, scheme: str) -> Answering:
        answer = super().host(kind, scheme)

        async def late(*arguments: Any) -> Any:
            await asyncio.sleep(self.seconds[kind])
            return await answer(*arguments)

        return late


@dataclass
class Happened:
    """A run: what it asked, how long its two lanes took, and what the progress said of the time left, at which moments."""

    requests: int
    files: int
    asking: float
    fetching: float
    ended: float
    said: list[tuple[float, float]] = field(default_factory=list)


def run(
    sandbox: Sandbox,
    folder: Path,
    spider: str,
    ends_after: int | None = None,
    settings: dict[str, Any] | None = None,
    **arguments: Any,
) -> Happened:
    """A crawl at the pace, watched as the progress watches it; it ends like after Ctrl-C after so many files, if any."""
    chosen = Settings()
    chosen.setmodule("settings.base", priority="project")
    own = {"ARCHIVE_DIR": str(folder), "PIXIV_API_DELAY": REST, "PIXIV_THROTTLE_WAIT": 0}
    quick = {"PIXIV_GONE_AFTER": 0, "PIXIV_LANG": "", "PROGRESS_ENABLED": False, "TWISTED_REACTOR_ENABLED": False}
    chosen.update(own | quick | sandbox.settings() | (settings or {}), priority="cmdline")
    began, since = time.monotonic(), len(sandbox.log)
    said: list[tuple[float, float]] = []

    async def watch(crawler: Crawler) -> None:
        estimate = None
        while True:
            await asyncio.sleep(0.1)
            if crawler.spider is not None:
                if ends_after is not None and crawler.stats.get_value("pixiv/files_stored", 0) >= ends_after:
                    break
                estimate = estimate or ProgressEstimate(crawler)
                estimate.note(paused=estimate.wait > 0)
                await estimate.count_what_is_left()
                if (left := estimate.seconds_left) is not None:
                    said.append((time.monotonic() - began, left))
        await crawler.stop_async()

    async def crawl() -> None:
        runner = AsyncCrawlerRunner(chosen)
        crawler = runner.create_crawler(spider)
        watching = asyncio.ensure_future(watch(crawler))
        await runner.crawl(crawler, **{name: str(value) for name, value in arguments.items()})
        watching.cancel()

    with signed_in(None):
        asyncio.run(crawl())
    ended = time.monotonic() - began
    log = sandbox.log[since:]
    times = {kind: [logged.time for logged in log if logged.kind == kind] or [0.0] for kind in ("api", "image")}
    lasted = {kind: max(when) - min(when) for kind, when in times.items()}
    asked = sum(logged.kind == "api" for logged in log)
    files = sum(logged.kind == "image" for logged in log)
    return Happened(asked, files, lasted["api"], lasted["image"], ended, said)


@dataclass(frozen=True)
class Planned:
    """What `--plan` says: API requests and their seconds, files and their seconds."""

    requests: float
    asking: float
    files: int
    fetching: float


def plan(sandbox: Sandbox, folder: Path, new: int, *words: str) -> Planned:
    """`new` works nobody can know of before: for so many the plan says what a hundred take."""
    typed = type_pixivcrawl(*words, "--plan", sandbox=sandbox, archive=folder, PIXIV_API_DELAY=REST)
    assert (typed.code, typed.err) == (0, "")
    requests, asking = figures(r"about ([\d,]+) API requests?, ([\d:]+) at the current pace", typed.out)
    files, fetching = figures(
        r"pictures, .*: ([\d,]+) files?,.* about ([\d:]+) at the speed of earlier runs", typed.out
    )
    for_hundred, lasting = figures(r"each 100 new works: .* about ([\d,]+) requests, ([\d:]+)", typed.out)
    return Planned(requests + new / 100 * for_hundred, asking + new / 100 * lasting, int(files), fetching)


def figures(pattern: str, said: str) -> tuple[float, float]:
    """A number and the seconds of a time in the line that says them; nothing where none does."""
    found = re.search(f"^{pattern}", said, re.MULTILINE)
    if found is None:
        return 0, 0
    hours, minutes, rest = map(int, found[2].split(":"))
    return int(found[1].replace(",", "")), 3600 * hours + 60 * minutes + rest


def is_near(told: float, was: float, slack: float) -> bool:
    """Within a factor of two, but for what is too little to tell."""
    return was / 2 - slack <= told <= 2 * was + slack


@dataclass(frozen=True)
class Case:
    """A world, what was done to its archive before, and the crawl that is foretold; `new` works of it nobody can know of."""

    world: Callable[[], World]
    before: Callable[[Late, Path], Any]
    spider: str = "user"
    arguments: dict[str, str] = field(default_factory=lambda: {"id": "11"})
    new: int = 0
    api: float = ANSWER
    image: float = ANSWER


def many(works: int, **facts: Any) -> World:
    world = World.of(works=0)
    for _ in range(works):
        world.add_work(11, **({"pages": (TINY,)} | facts))
    return world


def of_three() -> World:
    world = World.of(works=7, artists=3, page_counts=(1, 2, 1), size=(48, 36))
    world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80))
    return world


def partly_withheld() -> World:
    world = many(12)
    for _ in range(8):
        world.add_work(11, pages=(TINY,), x_restrict=1)
    return world


def nothing(sandbox: Late, folder: Path) -> None:
    """The first run of all."""


def with_pictures(sandbox: Late, folder: Path, **arguments: str) -> None:
    run(sandbox, folder, "user", **({"id": "11", "stop_after": "pictures"} | arguments))


def begun(sandbox: Late, folder: Path) -> None:
    run(sandbox, folder, "user", ends_after=40, id="11")


def revised(sandbox: Late, folder: Path) -> None:
    with_pictures(sandbox, folder)
    for place in range(1, 15, 2):
        sandbox.world.revise(sandbox.world.work_id(11, place), pages=(Page("png", 36, 48), TINY))


def read_before_new_works(sandbox: Late, folder: Path) -> None:
    run(sandbox, folder, "user", id="11")
    for pages in (1, 2) * 5:
        sandbox.world.add_work(11, pages=(TINY,) * pages)


def refused(sandbox: Late, folder: Path) -> None:
    """What a 429 teaches holds for a day."""
    sandbox.faults.api("profile/all", kind="status:429", retry_after=1, times=1)
    with_pictures(sandbox, folder)


def one_work(sandbox: Late, folder: Path) -> None:
    run(sandbox, folder, "artwork", id=str(sandbox.world.work_id(11, 100)))


def by_rows(sandbox: Late, folder: Path) -> None:
    run(sandbox, folder, "user", id="11", detail="listing")


def of_pages() -> World:
    return World.of(works=14, size=(48, 36), page_counts=(1, 3))


HUNDRED = ",".join(str(World.of(works=100).work_id(11, place)) for place in range(1, 101))

CASES = {
    "details missing": Case(lambda: many(20), with_pictures),
    "many ugoira": Case(lambda: many(10, kind=UGOIRA, delays=(60, 80)), with_pictures),
    "many pages, interrupted": Case(lambda: many(15, pages=(TINY,) * 6), begun),
    "three artists": Case(
        of_three, lambda sandbox, folder: with_pictures(sandbox, folder, id="11,12,13"), arguments={"id": "11,12,13"}
    ),
    "revised meanwhile": Case(lambda: many(15), revised),
    "withheld works": Case(partly_withheld, with_pictures),
    "slow API": Case(lambda: many(12), with_pictures, api=0.6),
    "slow images, interrupted": Case(lambda: many(30, pages=(TINY,) * 3), begun, image=0.6),
    "a hundred ids": Case(
        lambda: World.of(works=100, size=(48, 36), page_counts=(1, 1, 2)), one_work, "artwork", {"id": HUNDRED}
    ),
    "backfill": Case(of_pages, by_rows, "artwork", {"backfill": "true"}),
    "known from rows alone": Case(of_pages, by_rows),
    "only new works": Case(lambda: many(5), read_before_new_works, new=10),
    "an artist whom nobody knows": Case(of_pages, nothing, new=14),
    "refused before": Case(lambda: many(14), refused),
}

LONGEST = {"a hundred ids", "slow images, interrupted", "many pages, interrupted", "three artists"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.campaign if name in LONGEST else pytest.mark.long) for name in CASES]
)
def test_what_is_said_beforehand_is_within_a_factor_of_two(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    case = CASES[name]
    with Late(case.world(), api=case.api, image=case.image) as sandbox:
        case.before(sandbox, tmp_path)
        sent = len(sandbox.log)
        words = [
            f"--{argument}" if value == "true" else f"--{argument}={value}"
            for argument, value in case.arguments.items()
        ]
        told = plan(sandbox, tmp_path, case.new, case.spider, *words)
        assert len(sandbox.log) == sent
        was = run(sandbox, tmp_path, case.spider, **case.arguments)
    at = [min(was.said, key=lambda said, share=share: abs(said[0] - share * was.ended)) for share in (0.3, 0.5, 0.8)]
    left = [(said, was.ended - moment) for moment, said in at]
    record_property(
        "told and then", f"{told}, {was.requests}, {was.asking:.1f} s, {was.files}, {was.fetching:.1f} s, {left}"
    )
    assert is_near(told.requests, was.requests, 2)
    assert is_near(told.asking, was.asking, 2)
    if told.files:
        assert is_near(told.files, was.files, 2)
    if told.fetching:
        assert is_near(told.fetching, was.fetching, 2)
    for said, then in left:
        assert is_near(said, then, 2)
