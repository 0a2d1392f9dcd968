"""Rows that are not as their works: every file ends as the work's own page tells, and a row that cannot be so costs itself alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import UGOIRA, Page, Work
from tests.live.inside import crawl
from tests.live.running import assert_holds, rows
from tests.sandbox.serving import Sandbox, World

TINY = Page("jpg", 48, 36)
PAGES = (Page("png", 48, 36), Page("gif", 36, 48), TINY)


def mixed() -> World:
    """Works of one page, of two and of three, each page in another format than most, and two ugoira."""
    world = World.of(works=0)
    for place in range(8):
        world.add_work(11, pages=PAGES[: 1 + place % 3])
    for delays in ((60, 80), (60, 80, 90)):
        world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=delays)
    return world


def has_pages(work: Work) -> bool:
    return len(work.pages) > 1


def is_ugoira(work: Work) -> bool:
    return work.kind == UGOIRA


def is_picture(work: Work) -> bool:
    return not is_ugoira(work)


def is_any(_: Work) -> bool:
    return True


LIES: dict[str, tuple[Callable[[Work], bool], dict[str, Any]]] = {
    "fewer pages": (has_pages, {"pageCount": 1}),
    "more pages": (is_picture, {"pageCount": 5}),
    "an ugoira as an illustration": (is_ugoira, {"illustType": 0}),
    "an illustration as an ugoira": (is_picture, {"illustType": 2}),
    "another size": (is_any, {"width": 999, "height": 7}),
    "no thumbnail": (is_any, {"url": None}),
    "masked": (has_pages, {"isMasked": True}),
    "unlisted": (has_pages, {"isUnlisted": True}),
    "no title": (has_pages, {"title": ""}),
    "R-18": (has_pages, {"xRestrict": 1}),
    "another artist's": (has_pages, {"userId": "12"}),
    "revised in the future": (has_pages, {"updateDate": "2030-01-01T00:00:00+09:00"}),
}

REFUSED: dict[str, tuple[Callable[[Work], bool], dict[str, Any]]] = {
    "more pages than a work can have": (has_pages, {"pageCount": 10**9}),
    "another work's": (has_pages, {"id": "7"}),
}


def told(sandbox: Sandbox, lie: tuple[Callable[[Work], bool], dict[str, Any]]) -> None:
    """From now on the artist's rows say that of the works it is said of."""
    of, says = lie
    works = sorted(sandbox.world.works_of(11, None), key=lambda work: -work.id)
    lies = {place: says for place, work in enumerate(works) if of(work)}
    sandbox.faults.api("/profile/illusts", kind="replaced_rows", field="works", value=lies)


@pytest.mark.long
@pytest.mark.parametrize("lie", LIES)
def test_every_file_ends_as_its_work_tells(tmp_path: Path, lie: str) -> None:
    with Sandbox(mixed()) as sandbox:
        told(sandbox, LIES[lie])
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
        asked = len(sandbox.requests("api"))
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert len(sandbox.requests("api")) == asked + 1


@pytest.mark.long
@pytest.mark.parametrize("lie", REFUSED)
def test_a_row_that_cannot_be_is_said_and_its_work_archived(tmp_path: Path, lie: str) -> None:
    with Sandbox(mixed()) as sandbox:
        told(sandbox, REFUSED[lie])
        run = crawl("user", sandbox, tmp_path, id=11)
        assert (run.exit_code, run.counts["rows_refused"]) == (1, 5)
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_a_work_that_lies_about_a_size_is_asked_again(tmp_path: Path):
    """What pixiv says of a file may be wrong, and not the file."""
    with Sandbox(World.of(works=1, size=(48, 36)), tls=False) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="width", value=999, times=1)
        assert crawl("artwork", sandbox, tmp_path, id=work.id).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_a_work_that_always_lies_about_a_size_is_no_endless_question(tmp_path: Path):
    with Sandbox(World.of(works=1, size=(48, 36)), tls=False) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="width", value=999)
        assert crawl("artwork", sandbox, tmp_path, id=work.id).exit_code == 1
        assert len([one for one in sandbox.log if one.path.endswith(f"/illust/{work.id}")]) == 2
        assert len([one for one in sandbox.log if "img-original" in one.path]) == 2
        [(reason,)] = rows(tmp_path, "SELECT failed_reason FROM files")
        assert reason == "damaged: has 48 x 36 pixels where pixiv says 999 x 36"
        sandbox.faults.clear()
        assert crawl("user", sandbox, tmp_path, id=11, refresh="true").exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
