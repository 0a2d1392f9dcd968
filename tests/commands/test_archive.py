"""`pixivcrawl archive`: any address to its spider, one after another; what cannot be taken is named and the rest is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.commands.archive import Job, pasted, plan, report
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.sandbox.lists import Search
from tests.live.running import PROJECT, assert_holds, environment, rows, scrapy, stored_files
from tests.sandbox.serving import Sandbox, World

WORK = 5_000_111


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as running:
        yield running


def brought(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What each job brought, by what it was."""
    lines = run.stderr.partition("what each brought:\n")[2].splitlines()
    return dict(line.strip().split(": ", 1) for line in lines)


# What is to be done


def test_single_works_become_one_crawl_and_nothing_is_done_twice() -> None:
    image = f"https://i.pximg.net/img-original/img/2023/01/05/10/11/14/{WORK}_p0.png"
    addresses = ["7", "https://www.pixiv.net/users/11", "8 7", image, "https://www.pixiv.net/en/users/11/artworks"]
    jobs, refused = plan(addresses)
    assert jobs == [Job("artwork", {"id": f"7,8,{WORK}"}), Job("user", {"id": "11"})]
    assert refused == {}


def test_an_unlisted_work_has_no_id_to_stand_beside_others() -> None:
    secrets = [f"https://www.pixiv.net/artworks/unlisted/{secret}" for secret in ("eE3fTYaROT9I", "sZmep386eE3f")]
    jobs, _ = plan(["7", *secrets, "8", secrets[0]])
    assert [str(job) for job in jobs] == [
        "artwork id=7,8",
        "artwork unlisted=eE3fTYaROT9I",
        "artwork unlisted=sZmep386eE3f",
    ]


def test_lists_with_other_arguments_are_other_crawls() -> None:
    jobs, _ = plan(
        [f"https://www.pixiv.net/users/11{more}" for more in ("", "/manga", "/bookmarks/artworks?rest=hide")]
    )
    assert [str(job) for job in jobs] == ["user id=11", "user id=11 type=manga", "bookmarks id=11 rest=hide"]


def test_what_no_spider_reads_is_named_with_the_reason() -> None:
    jobs, refused = plan(["https://www.pixiv.net/novel/show.php?id=5", "\x1b[31mhttps://example.org/", "7"])
    assert jobs == [Job("artwork", {"id": "7"})]
    assert list(refused) == ["'https://www.pixiv.net/novel/show.php?id=5'", "'[31mhttps://example.org/'"]
    assert "only illustrations, manga and ugoira are archived" in next(iter(refused.values()))


def test_addresses_come_from_the_line_and_from_files(tmp_path: Path) -> None:
    file = tmp_path / "addresses.txt"
    file.write_text("\ufeff# mine\n\n7\n  https://www.pixiv.net/users/11 \r\n", encoding="utf-8")
    assert list(pasted(["5"], [str(file)])) == ["5", "7", "https://www.pixiv.net/users/11"]


def test_a_file_that_cannot_be_read_is_a_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(pasted([], [str(tmp_path)]))


def test_the_report_tells_what_was_not_begun() -> None:
    done = Job("user", {"id": "11"}, 4, "pixiv no longer takes the session", {"works_listed": 1200, "api_requests": 3})
    lines = report([done, Job("top", {})], {"'x'": "not an address"})
    assert lines[2:] == [
        "  user id=11: stopped; pixiv no longer takes the session; 1,200 works listed",
        "  top: not begun; run the same command again",
        "  'x': not taken; not an address",
    ]


# Against the sandbox

KINDS = """
# works
https://www.pixiv.net/artworks/5000111
https://www.pixiv.net/en/artworks/5000211#3
5000311
https://i.pximg.net/img-original/img/2022/12/25/23/54/34/5000511_p0.png
https://www.pixiv.net/member_illust.php?mode=medium&illust_id=5000611

# lists
https://www.pixiv.net/users/11
https://www.pixiv.net/users/11/manga
https://www.pixiv.net/users/901/bookmarks/artworks?rest=hide
https://www.pixiv.net/users/901/following
https://www.pixiv.net/users/901/followers
https://www.pixiv.net/user/11/series/501
https://www.pixiv.net/tags/海/illustrations?order=date
https://www.pixiv.net/tags/海?mode=safe
https://www.pixiv.net/ranking.php?mode=weekly
https://www.pixiv.net/bookmark_new_illust.php
https://www.pixiv.net/mypixiv_new_illust.php
https://www.pixiv.net/new_illust.php
https://www.pixiv.net/discovery
https://www.pixiv.net/discovery/users
https://www.pixiv.net/watchlist/manga
https://www.pixiv.net/request/complete/illust
https://www.pixiv.net/

# not these
https://www.pixiv.net/novel/show.php?id=5
https://www.pixiv.net/users/11/novels
https://www.fanbox.cc/@someone
https://example.org/
"""
LISTS, REFUSED = 17, 4


@pytest.mark.long
def test_twenty_kinds_of_address(tmp_path: Path) -> None:
    file = tmp_path / "addresses.txt"
    file.write_text(KINDS, encoding="utf-8")
    archive = tmp_path / "archive"
    with Sandbox(World.standard()) as sandbox:
        env = environment(sandbox, archive, PIXIVCRAWL_PIXIV_THROTTLE_WAIT="0.1")
        run = scrapy("archive", "-i", str(file), env=env)
    jobs = {what: came for what, came in brought(run).items() if "not taken" not in came}
    assert run.returncode == 2, run.stderr
    assert len(jobs) == 1 + LISTS
    assert all(came.startswith("complete") for came in jobs.values()), jobs
    assert run.stderr.count("\npixivcrawl: ") == len(brought(run)) - len(jobs) == REFUSED

    expected, found = sandbox.world.expected, stored_files(archive)
    whole = [
        expected.user(11, session=True),
        expected.bookmarks(901, "hide"),
        expected.series(501, session=True),
        expected.ranking("weekly", max(day for mode, day in sandbox.world.rankings if mode == "weekly"), session=True),
        expected.feed(),
        expected.mypixiv(),
        expected.requests("illust", session=True),
        expected.new(session=True),
        expected.search(Search("海", (0, 2)), session=True),
    ]
    for one in whole:
        assert one.files
        assert {
            name: found.get(name) for name, what in one.files.items() if isinstance(what, str)
        }.items() <= one.files.items()
    crawls = [name for (name,) in rows(archive, "SELECT spider FROM crawls ORDER BY id")]
    # What came back empty is looked at again at the end.
    assert crawls[: len(jobs)] == [what.split()[0] for what in jobs]


@pytest.mark.long
def test_the_rest_is_done_after_what_fails(tmp_path: Path, shared: Sandbox) -> None:
    gone, refused = "https://www.pixiv.net/users/999999", "https://www.pixiv.net/bookmark_new_illust.php"
    env = environment(shared, tmp_path, session=False)
    run = scrapy("archive", gone, refused, str(WORK), env=env)
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    came = brought(run)
    assert came["user id=999999"].startswith("finished with failures")
    assert "PIXIV_PHPSESSID" in came["feed"]
    assert came[f"artwork id={WORK}"].startswith("complete")
    assert_holds(tmp_path, shared.world.expected.artwork([WORK]))


@pytest.mark.long
def test_works_that_fail_are_exit_code_1(tmp_path: Path, shared: Sandbox) -> None:
    run = scrapy("archive", f"999 {WORK}", env=environment(shared, tmp_path))
    assert run.returncode == 1, run.stderr
    assert_holds(tmp_path, shared.world.expected.artwork([WORK], session=True))


@pytest.mark.long
def test_addresses_from_standard_input_and_the_archive_named_first(tmp_path: Path, shared: Sandbox) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "scrapy", "archive", "-"],
        input=f"{WORK}\n\n# end\n",
        cwd=PROJECT,
        env=environment(shared, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr.splitlines()[0] == f"archive: {tmp_path}"
    assert brought(run) == {f"artwork id={WORK}": "complete; 1 work listed, 1 new, 1 work asked for, 1 file stored"}


def test_a_refused_account_stops_the_rest(tmp_path: Path, shared: Sandbox) -> None:
    before = len(shared.log)
    env = environment(shared, tmp_path, PIXIV_PHPSESSID="901_stale")
    run = scrapy("archive", "https://www.pixiv.net/discovery", "https://www.pixiv.net/users/11", env=env)
    assert run.returncode == 4, run.stderr
    assert "no longer takes the session" in brought(run)["discovery target=artworks"]
    assert brought(run)["user id=11"].startswith("not begun")
    # A 400 is about the question or about the reader: pixiv is asked twice which.
    assert len(shared.log) == before + 3


def test_an_archive_in_use_is_said_once(tmp_path: Path, shared: Sandbox) -> None:
    with lock(Archive(tmp_path), "crawl user"):
        run = scrapy("archive", "7", "https://www.pixiv.net/users/11", env=environment(shared, tmp_path))
    assert run.returncode == 3
    assert str(os.getpid()) in run.stderr
    assert run.stderr.count("pixivcrawl: ") == 1


@pytest.mark.long
def test_the_pace_is_one_for_all_crawls(tmp_path: Path, shared: Sandbox) -> None:
    before = len(shared.log)
    env = environment(shared, tmp_path, PIXIVCRAWL_PIXIV_API_DELAY="0.5")
    run = scrapy("archive", "https://www.pixiv.net/users/12", "https://www.pixiv.net/users/999998", str(WORK), env=env)
    assert run.returncode == 1, run.stderr
    times = [logged.time for logged in shared.log[before:] if logged.kind == "api"]
    assert len(times) >= 3
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(times))


@pytest.mark.long
def test_interrupted_it_begins_nothing_more(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("/ajax/user/11/profile/all", kind="status:429", retry_after=60)
    command = [sys.executable, "-m", "scrapy", "archive", "https://www.pixiv.net/users/11", str(WORK)]
    env = environment(sandbox, tmp_path)
    with subprocess.Popen(
        command, cwd=PROJECT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        until = time.monotonic() + 30
        while not sandbox.log:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "user id=11: interrupted" in err
    assert f"artwork id={WORK}: not begun" in err
    assert "Traceback" not in err
    assert "destroyed" not in err
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_may_have_comments_and_any_of_windows_encodings(tmp_path: Path, encoding: str) -> None:
    addresses = tmp_path / "addresses.txt"
    site = "https://www.pixiv.net"
    text = f"# 海\r\n5 # a comment\r\n{site}/artworks/6#2  # 猫\r\n\r\n{site}/users/11, {site}/tags/猫\r\n#7\r\n"
    addresses.write_bytes(text.encode(encoding))
    assert list(pasted(["8"], [str(addresses)])) == [
        *("8", "5", f"{site}/artworks/6#2", f"{site}/users/11", f"{site}/tags/猫"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to archive"),
        (["-i", "/nowhere/addresses.txt"], "cannot be read"),
        (["--all", "7"], "--all"),
        (["7", "-s", "JOBDIR=job"], "JOBDIR"),
        (["https://example.org/"], "not pixiv"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, shared: Sandbox, words: list[str], said: str) -> None:
    before = len(shared.log)
    run = scrapy("archive", *words, env=environment(shared, tmp_path))
    assert run.returncode == 2
    assert said in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert len(shared.log) == before
