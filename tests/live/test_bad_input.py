"""What users, pixiv and the disk do wrong: one line that says what to do, the right exit code, the other works archived all the same."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.live.running import assert_holds, complaints, environment, rows, scrapy, show_no_rows
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def shared():
    with Sandbox(World.demo(), tls=True) as running:
        yield running


@pytest.fixture
def sandbox():
    with Sandbox(World.demo(), tls=True) as running:
        yield running


TOMORROW = f"{datetime.now(UTC) + timedelta(days=2):%Y%m%d}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user", "-a", "id=abc"], "id"),
        (["user", "-a", "id=0"], "id"),
        (["user"], "id"),
        (["user", "-a", "id=11", "-a", "colour=red"], "colour"),
        (["user", "-a", "id=11", "-a", "type=novel"], "type"),
        (["artwork", "-a", "id=https://www.pixiv.net/novel/show.php?id=5"], "novel"),
        (["ranking", "-a", f"date={TOMORROW}"], "future"),
        (["ranking", "-a", "date=20231301"], "yyyymmdd"),
        (["nothing"], "user"),
        (["user", "-a", "id=11", "-s", "JOBDIR=job"], "JOBDIR"),
        (["user", "-a", "id=11", "-s", "PIXIV_BASE_URL=https://pixiv.example.org"], "PIXIV_BASE_URL"),
        (["user", "-a", "id=11", "-s", "PIXIV_API_DELAY=soon"], "PIXIV_API_DELAY"),
        (["user", "-a", "id=11", "-s", "PIXIV_API_DELAY_LEAST=0.5"], "PIXIV_API_DELAY_LEAST"),
        (["user", "-a", "id=11", "-s", "PIXIV_IMAGE_CONCURRENCY_MOST=3"], "PIXIV_IMAGE_CONCURRENCY_MOST"),
    ],
)
def test_wrong_usage_is_one_line_and_sends_nothing(tmp_path: Path, shared: Sandbox, arguments: list[str], said: str):
    before = len(shared.log)
    run = scrapy("crawl", *arguments, env=environment(shared, tmp_path))
    assert run.returncode == 2, run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert said in last
    assert "Traceback" not in run.stderr
    assert len(shared.log) == before


def test_scrapyds_own_argument_is_ignored(tmp_path: Path, shared: Sandbox):
    run = scrapy("crawl", "user", "-a", "id=11", "-a", "_job=6487ec79", env=environment(shared, tmp_path))
    assert run.returncode == 0, run.stderr


def test_a_ranking_that_needs_a_session_says_so(tmp_path: Path, shared: Sandbox):
    run = scrapy("crawl", "ranking", "-a", "mode=daily_r18", env=environment(shared, tmp_path, session=False))
    assert run.returncode == 2
    assert "PIXIV_PHPSESSID" in run.stderr


@pytest.mark.long
def test_an_unknown_artist_does_not_stop_the_next(tmp_path: Path, shared: Sandbox):
    run = scrapy("crawl", "user", "-a", "id=999999,11", env=environment(shared, tmp_path))
    assert run.returncode == 1
    assert [line for line in run.stderr.splitlines() if "999999" in line]
    assert_holds(tmp_path, shared.world.expected.user(11, session=True))


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "options"),
    [("html", {}), ("missing_field", {"field": "illustType"}), ("not_object", {}), ("status:500", {})],
)
def test_one_unreadable_work_leaves_the_others(tmp_path: Path, sandbox: Sandbox, kind: str, options: dict[str, str]):
    work = sandbox.world.works_of(11, sandbox.world.readers[0])[2]
    sandbox.faults.api(rf"/ajax/illust/{work.id}$", kind=kind, **options)
    show_no_rows(sandbox)
    env = environment(sandbox, tmp_path)
    run = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    (reason,) = rows(tmp_path, f"SELECT failed_reason FROM artworks WHERE id = {work.id}")[0]
    assert reason
    assert str(work.id) in scrapy("status", env=env).stdout
    whole = sandbox.world.expected.user(11, session=True)
    whole.files = {name: what for name, what in whole.files.items() if f"/{work.id}_" not in name}
    assert_holds(tmp_path, whole)
    sandbox.faults.clear()
    assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.fixture(scope="module")
def standard():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


def test_a_list_refused_to_a_stale_session_is_said_to_be_that(tmp_path: Path, standard: Sandbox):
    env = environment(standard, tmp_path, PIXIV_PHPSESSID="901_stale")
    run = scrapy("crawl", "ranking", "-a", "mode=daily_r18", env=env)
    assert run.returncode == 4, run.stderr
    assert "session" in run.stderr.splitlines()[-1]


@pytest.mark.long
def test_a_stale_session_ends_the_run_and_a_renewed_one_brings_all(tmp_path: Path, standard: Sandbox):
    env = environment(standard, tmp_path, PIXIV_PHPSESSID="901_stale")
    stale = scrapy("crawl", "user", "-a", "id=13", env=env)
    assert stale.returncode == 4, stale.stderr
    renewed = scrapy("crawl", "user", "-a", "id=13", env=environment(standard, tmp_path))
    assert renewed.returncode == 0, renewed.stderr
    assert_holds(tmp_path, standard.world.expected.user(13, session=True))


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root writes everywhere; the next test covers a path that even root cannot use"
)
def test_a_folder_without_permission(tmp_path: Path, shared: Sandbox):
    tmp_path.chmod(0o500)
    run = scrapy("crawl", "user", "-a", "id=11", env=environment(shared, tmp_path / "archive"))
    assert run.returncode == 5


def test_an_archive_that_cannot_be_made(tmp_path: Path, shared: Sandbox):
    (tmp_path / "file").write_text("")
    run = scrapy("crawl", "user", "-a", "id=11", env=environment(shared, tmp_path / "file" / "archive"))
    assert run.returncode == 5
    assert len(complaints(run.stderr).splitlines()) == 1


@pytest.mark.long
def test_a_ledger_from_a_newer_version(tmp_path: Path, shared: Sandbox):
    env = environment(shared, tmp_path)
    assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
    with sqlite3.connect(tmp_path / "archive.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    run = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert run.returncode == 2
    assert "newer" in run.stderr
    assert len(complaints(run.stderr).splitlines()) == 1


def test_a_second_run_says_who_holds_the_archive(tmp_path: Path, shared: Sandbox):
    from pixivcrawl.archive.layout import Archive
    from pixivcrawl.archive.lock import lock

    with lock(Archive(tmp_path), "crawl user"):
        run = scrapy("crawl", "user", "-a", "id=11", env=environment(shared, tmp_path))
    assert run.returncode == 3
    assert str(os.getpid()) in run.stderr


def test_the_first_line_names_the_archive(tmp_path: Path, shared: Sandbox):
    run = scrapy("crawl", "user", "-a", "id=12", env=environment(shared, tmp_path))
    assert run.stderr.splitlines()[0] == f"archive: {tmp_path}"
