"""Files come before details: by the rows of their works, which the works' own pages then complete and are held against."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.commands.typing_in import type_pixivcrawl
from tests.live.inside import crawl
from tests.live.running import assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

TINY = Page("jpg", 48, 36)


@pytest.fixture
def mixed() -> Iterator[Sandbox]:
    """One artist's 24 single pages, 6 works of several pages in two formats, and 4 ugoira."""
    with Sandbox(World.of(works=24, size=(48, 36))) as sandbox:
        for _ in range(6):
            sandbox.world.add_work(11, pages=(TINY, Page("png", 36, 48), TINY))
        for _ in range(4):
            sandbox.world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80))
        yield sandbox


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [logged.path for logged in sandbox.log[since:] if logged.kind == "api"]


def own_pages(paths: list[str]) -> list[str]:
    return [path for path in paths if path.startswith("/ajax/illust/")]


def test_no_file_waits_for_a_works_own_page(tmp_path: Path, mixed: Sandbox):
    assert crawl("user", mixed, tmp_path, id=11).exit_code == 0
    assert_holds(tmp_path, mixed.world.expected.user(11, session=True))
    paths = asked(mixed)
    assert paths.index(own_pages(paths)[0]) <= 12
    works, ugoira, several = 34, 4, 6
    assert len(paths) <= works + ugoira + several + works / 50 + 20
    assert rows(tmp_path, "SELECT DISTINCT detail FROM artworks") == [("full",)]


def test_details_come_after_the_list_newest_first(tmp_path: Path, mixed: Sandbox):
    assert crawl("user", mixed, tmp_path, id=11).exit_code == 0
    paths = asked(mixed)
    first = paths.index(own_pages(paths)[0])
    assert {path.rpartition("/")[2] for path in paths[:first]} == {"all", "illusts", "many", "11"}
    works = [int(path.rpartition("/")[2]) for path in own_pages(paths) if path.rpartition("/")[2].isdecimal()]
    newest = sorted(works, reverse=True)
    # Those whose files were on their way at that moment come at the end.
    assert sum(work == place for work, place in zip(works, newest, strict=True)) > len(works) / 2 or works != newest


@pytest.mark.long
def test_a_run_may_end_with_the_pictures_and_another_goes_on_with_the_details(tmp_path: Path, mixed: Sandbox):
    env = environment(mixed, tmp_path)
    stopped = scrapy("crawl", "user", "-a", "id=11", "-a", "stop_after=pictures", env=env)
    assert stopped.returncode == 0
    assert "user: stopped after the pictures" in stopped.stderr
    assert "34 left: run the same command again" in stopped.stderr
    assert not own_pages(asked(mixed))
    assert rows(tmp_path, "SELECT count(*) FROM files WHERE kind IN ('image', 'ugoira') AND state = 'stored'") == [
        (46,)
    ]
    since = len(mixed.log)
    ended = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert ended.returncode == 0, ended.stderr
    assert "user: complete" in ended.stderr
    assert not [logged for logged in mixed.log[since:] if logged.kind == "image"]
    assert_holds(tmp_path, mixed.world.expected.user(11, session=True))


def test_a_plan_tells_both_lanes_and_sends_nothing(tmp_path: Path, mixed: Sandbox):
    typed: dict[str, Any] = {"sandbox": mixed, "archive": tmp_path, "PIXIV_API_DELAY": 1.5}
    first = type_pixivcrawl("user", "11", "--plan", **typed).out.splitlines()
    assert first[2:4] == ["would run:", "  user id=11: never read; a first reading"]
    assert first[4].startswith(
        "about 1 API request, 0:00:02 at the current pace; new works come on top; 1 list read for the first"
    )
    assert first[5] == "each 100 new works: their pictures first, then about 140 requests, 0:04:40"
    few = type_pixivcrawl("user", "11", "--max-works", "5", "--plan", **typed).out
    assert "never read; a first reading of at most 5 works" in few
    assert not mixed.log

    [several, *_] = [work for work in mixed.world.works_of(11, None) if len(work.pages) == 3]
    mixed.faults.image(several.id, kind="status:500")
    assert crawl("user", mixed, tmp_path, id=11, stop_after="pictures").exit_code == 1
    asked = len(mixed.log)
    then = type_pixivcrawl("user", "11", "--plan", cookie=mixed.cookie, **typed).out
    # 24 of one page, 6 of several and 4 ugoira; and one who reads.
    assert "; about 1 request; 34 details to come, about 44 requests; 3 files to come, about " in then
    assert re.search(
        r"^about 46 API requests, 0:0[12]:\d\d at the current pace; new works come on top$", then, re.MULTILINE
    )
    assert re.search(
        r"^pictures, in addition to the requests: 3 files, about .* kB, about 0:00:0\d at the speed", then, re.MULTILINE
    )
    assert len(mixed.log) == asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "eleven"), "user: id="),
        (("bookmarks", "me"), "bookmarks: "),
        (("user", "11", "--what", "12"), "takes no option '--what'"),
    ],
)
def test_a_plan_refuses_what_the_crawl_refuses(tmp_path: Path, words: tuple[str, ...], said: str):
    typed = type_pixivcrawl(*words, "--plan", archive=tmp_path)
    assert typed.code == 2
    assert said in typed.err
    assert typed.err.count("\n") == 1


@pytest.mark.long
def test_details_that_are_left_come_first_where_that_is_wished(tmp_path: Path, mixed: Sandbox):
    assert crawl("user", mixed, tmp_path, id=11, stop_after="pictures").exit_code == 0
    new = mixed.world.add_work(11, pages=(TINY,))
    since = len(mixed.log)
    assert crawl("user", mixed, tmp_path, id=11, details="first").exit_code == 0
    paths = asked(mixed, since)
    assert paths.index("/ajax/user/11/profile/all") > len(own_pages(paths)) - 2
    assert own_pages(paths)[-1].startswith(f"/ajax/illust/{new.id}")
    assert_holds(tmp_path, mixed.world.expected.user(11, session=True))


def timing_of(archive: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted((archive / "originals/11").glob("*.json"))]


def test_an_ugoiras_timing_completes_the_zip_that_came_by_its_row(tmp_path: Path):
    with Sandbox(World.of(works=0)) as sandbox:
        work = sandbox.world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80, 100))
        assert crawl("user", sandbox, tmp_path, id=11, detail="listing").exit_code == 0
        [path] = (tmp_path / "originals/11").iterdir()
        assert path.suffix == ".zip"
        verified = scrapy("verify", "--deep", env=environment(None, tmp_path))
        assert verified.returncode == 0, verified.stdout + verified.stderr
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert not [logged for logged in sandbox.log[since:] if logged.kind == "image" and "/img-" in logged.path]
        assert [[frame["delay"] for frame in timing] for timing in timing_of(tmp_path)] == [list(work.delays)]
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        for command in (("verify",), ("rebuild", "--replace")):
            ended = scrapy(*command, env=environment(None, tmp_path))
            assert ended.returncode == 0, ended.stdout + ended.stderr
        assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_a_zip_that_does_not_fit_its_timing_is_fetched_again(tmp_path: Path):
    with Sandbox(World.of(works=0)) as sandbox:
        work = sandbox.world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80, 100))
        # A sound zip, but for its last frame: its row does not tell how many there are.
        sandbox.faults.image(work.id, kind="missing_frame", times=1)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        assert len(list((tmp_path / "quarantine").glob("*.zip"))) == 1


def test_a_zip_that_is_not_where_its_row_says_comes_by_its_own_page(tmp_path: Path):
    with Sandbox(World.of(works=0)) as sandbox:
        work = sandbox.world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80))
        sandbox.faults.image(work.id, kind="status:404", times=1)
        assert crawl("user", sandbox, tmp_path, id=11, detail="listing").exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_a_work_that_was_revised_after_its_row_keeps_both_and_nothing_wrong(tmp_path: Path):
    with Sandbox(World.of(works=4, pages=2, size=(48, 36))) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, stop_after="pictures").exit_code == 0
        before = sandbox.world.expected.user(11)
        sandbox.world.revise(sandbox.world.work_id(11, 2), pages=(Page("png", 60, 40), TINY, TINY))
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, before, sandbox.world.expected.user(11))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status:404"},
        {"kind": "status:503"},
        {"kind": "html"},
        {"kind": "not_object"},
        {"kind": "unknown_json"},
        {"kind": "halved", "field": "illust_details"},
        {"kind": "late", "seconds": 1},
        {"kind": "replaced_rows", "field": "illust_details", "value": {0: {"page_count": "many"}, 3: {"id": "7"}}},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_run_goes_on_without_many_details_at_once(tmp_path: Path, fault: dict[str, Any]):
    with Sandbox(World.of(works=12, size=(48, 36))) as sandbox:
        sandbox.faults.api("/details/many", **fault)
        run = scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path))
        assert run.returncode == 0, run.stderr
        assert "user: complete" in run.stderr
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        asked_once = [path for path in asked(sandbox) if path.endswith("/many")]
        assert len(asked_once) == 1
        said = [line for line in complaints(run.stderr).splitlines() if "asked about by itself" in line]
        assert len(said) == (fault["kind"] not in ("halved", "late", "replaced_rows"))
        captions = {work.id: work.caption for work in sandbox.world.works_of(11, None)}
        assert dict(rows(tmp_path, "SELECT id, caption FROM artworks")) == captions
        assert rows(tmp_path, "SELECT count(*) FROM artwork_versions") == [(0,)]


def test_captions_of_the_mobile_site_are_no_former_captions(tmp_path: Path, mixed: Sandbox):
    assert crawl("user", mixed, tmp_path, id=11, stop_after="pictures").exit_code == 0
    assert rows(tmp_path, "SELECT count(*) FROM artworks WHERE caption IS NULL") == [(0,)]
    assert crawl("user", mixed, tmp_path, id=11).exit_code == 0
    assert rows(tmp_path, "SELECT count(*) FROM artwork_versions") == [(0,)]


def test_zips_are_whole_before_their_timing_comes(tmp_path: Path, mixed: Sandbox):
    assert crawl("user", mixed, tmp_path, id=11, stop_after="pictures").exit_code == 0
    zips = sorted((tmp_path / "originals/11").glob("*.zip"))
    assert len(zips) == 4
    assert all(zipfile.ZipFile(path).testzip() is None for path in zips)
    assert not timing_of(tmp_path)
