"""Scrapy's own commands work beside a running crawl, and leave no trace: only what archives opens the archive."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import last_holder
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from tests.commands.typing_in import type_pixivcrawl
from tests.ledger.making import sqlite_url
from tests.live.inside import crawl
from tests.live.nursery import fresh
from tests.live.running import PROJECT, environment, pixivcrawl, scrapy
from tests.sandbox.serving import Sandbox, World

A_WORK = 5000211
"""In the standard world: open to everyone, of three pages."""

FOREIGN = """
import scrapy

class Foreign(scrapy.Spider):
    name = "foreign"

    async def start(self):
        yield scrapy.Request(self.address)

    def parse(self, response):
        yield {"title": response.json()["body"]["title"]}
"""


@dataclass(frozen=True)
class Beside:
    """A crawl that is under way in `archive`, for as long as the tests of this module run."""

    sandbox: Sandbox
    archive: Path
    env: dict[str, str]

    def address(self, path: str) -> str:
        return f"{self.sandbox.base_url}/ajax/{path}"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    folder = tmp_path_factory.mktemp("beside")
    with Sandbox(World.standard()) as sandbox:
        archive = folder / "archive"
        env = environment(sandbox, archive)
        sandbox.faults.image(kind="slow")
        with fresh("crawl", "user", "-a", "id=11", env=env, folder=folder) as running:
            while not sandbox.requests("api"):
                assert not running.is_over()
            yield Beside(sandbox, archive, env)
            assert not running.is_over()
            running.kill()


def of_the_archive(archive: Path) -> dict[str, str]:
    """What a second run would change: who holds the lock, and which crawls the ledger knows."""
    return {
        "holder": str(last_holder(Archive(archive))),
        "folder": str(sorted(path.name for path in archive.iterdir())),
    }


def test_what_is_fetched_is_all_that_stands_on_standard_output(beside: Beside):
    before = of_the_archive(beside.archive)
    ended = scrapy("fetch", beside.address(f"illust/{A_WORK}"), env=beside.env)
    assert json.loads(ended.stdout)["body"]["id"] == str(A_WORK)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert of_the_archive(beside.archive) == before
    sent = beside.sandbox.requests("api")[-1]
    assert beside.sandbox.cookie in sent.headers["cookie"]
    assert (sent.headers["accept"], sent.headers["sec-fetch-dest"]) == ("application/json", "empty")


def test_headers_are_shown_without_the_session(beside: Beside):
    ended = scrapy("fetch", "--headers", beside.address(f"illust/{A_WORK}"), env=beside.env)
    assert beside.sandbox.cookie in beside.sandbox.requests("api")[-1].headers["cookie"]
    assert beside.sandbox.cookie not in ended.stdout
    assert "> Cookie: (not shown)\n" in ended.stdout
    assert "< X-Userid: 901\n" in ended.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk for everyone")
def test_an_answer_that_cannot_be_written_is_one_line(beside: Beside):
    words = [sys.executable, "-m", "scrapy", "fetch", beside.address(f"illust/{A_WORK}")]
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(words, env=beside.env, cwd=PROJECT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (run.returncode, run.stderr.count(b"\n")) == (5, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one address, as in: pixivcrawl fetch https"),
        (("data:,x",), "name one address"),
        (("--spider", "nosuch", "https://www.pixiv.net/ajax/user/11"), "there is no spider 'nosuch'"),
    ],
)
def test_fetch_says_in_a_line_how_it_is_used(tmp_path: Path, words: tuple[str, ...], said: str):
    ended = type_pixivcrawl("fetch", *words, archive=tmp_path)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_shell_has_the_answer(beside: Beside):
    ended = scrapy("shell", "-c", "response.json()['body']['id']", beside.address(f"illust/{A_WORK}"), env=beside.env)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(A_WORK))


def test_a_work_is_shown_with_its_files_and_neither_is_fetched(beside: Beside):
    fetched = {logged.path for logged in beside.sandbox.requests("image")}
    ended = scrapy(
        "parse",
        "--spider",
        "artwork",
        "--pipelines",
        "-c",
        "parse_work",
        beside.address(f"illust/{A_WORK}"),
        env=beside.env,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"'work_id': {A_WORK}" in ended.stdout
    shown = [line for line in ended.stdout.splitlines() if "'url': " in line and f"{A_WORK}_p" in line]
    assert len(shown) >= 3
    assert not any(
        f"{A_WORK}_p" in path for path in {logged.path for logged in beside.sandbox.requests("image")} - fetched
    )


def test_any_answer_is_shown_as_it_is_read(beside: Beside):
    ended = scrapy("parse", "--spider", "ranking", beside.address("user/11?full=1"), env=beside.env)
    assert "'endpoint': 'user.full'" in ended.stdout
    assert "'parameters': {'id': 11}" in ended.stdout


def test_an_address_of_another_answer_is_refused_with_its_reason(beside: Beside):
    ended = scrapy("parse", "--spider", "artwork", "-c", "parse_work", beside.address("user/11"), env=beside.env)
    assert "is not an address of illust.detail (illust/{id})" in ended.stderr


@pytest.mark.long
def test_every_spiders_contracts_hold(beside: Beside):
    ended = scrapy("check", env=beside.env)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.endswith("OK\n")
    listed = scrapy("check", "--list", env=beside.env).stdout
    spiders = scrapy("list", env=beside.env).stdout.split()
    assert [line for line in listed.splitlines() if not line.startswith(" ")] == sorted(spiders)
    assert listed.count("* parse_work") == len(spiders) - 2, "all but account and tag archive works"


def test_a_contract_that_breaks_fails_the_check(beside: Beside):
    beside.sandbox.faults.api(f"illust/{A_WORK}$", kind="not_object")
    ended = scrapy("check", "artwork", env=beside.env)
    beside.sandbox.faults.clear()
    beside.sandbox.faults.image(kind="slow")
    assert ended.returncode == 1
    assert "FAILED" in ended.stderr


def test_a_spider_of_another_project_runs_without_the_archive(beside: Beside, tmp_path: Path):
    spider, feed = tmp_path / "foreign.py", tmp_path / "feed.jsonl"
    spider.write_text(FOREIGN)
    before = of_the_archive(beside.archive)
    ended = scrapy(
        "runspider", str(spider), "-a", f"address={beside.address(f'illust/{A_WORK}')}", "-O", str(feed), env=beside.env
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(feed.read_text())["title"]
    assert of_the_archive(beside.archive) == before


@pytest.mark.parametrize("command", [("list",), ("settings", "--get", "BOT_NAME"), ("genspider", "-l")], ids=" ".join)
def test_what_asks_nothing_needs_no_archive(tmp_path: Path, command: tuple[str, ...]):
    assert scrapy(*command, env=environment(None, tmp_path / "archive")).returncode == 0
    assert not (tmp_path / "archive").exists()


@pytest.mark.long
@pytest.mark.parametrize("command", [("fetch",), ("shell", "-c", "1"), ("parse", "--spider", "artwork")], ids=" ".join)
def test_no_archive_is_made(beside: Beside, tmp_path: Path, command: tuple[str, ...]):
    env = beside.env | {"PIXIVCRAWL_ARCHIVE_DIR": str(tmp_path / "archive"), "TMPDIR": str(tmp_path)}
    ended = scrapy(*command, beside.address(f"illust/{A_WORK}"), env=env, cwd=PROJECT)
    assert ended.returncode == 0, ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_pause_that_the_archive_knows_of_is_kept(tmp_path: Path):
    with Sandbox(World.of(works=1)) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        asked = len(sandbox.requests("api"))
        ledger = Ledger.open(sqlite_url(tmp_path))
        host = sandbox.base_url.removeprefix("http://")
        now = datetime.now(UTC)
        ledger.write_now(updates.pause_host, host, now + timedelta(hours=2), now)
        ledger.close()
        ended = scrapy("fetch", f"{sandbox.base_url}/ajax/user/11", env=environment(sandbox, tmp_path))
        assert len(sandbox.requests("api")) == asked
    assert f"{host} asks for a pause until" in ended.stderr.splitlines()[-1]
    assert ended.returncode == 1


def test_nothing_is_sent_to_a_host_that_is_not_pixivs(tmp_path: Path):
    ended = scrapy("fetch", "https://example.org/", env=environment(None, tmp_path))
    assert "example.org is neither PIXIV_BASE_URL nor in PIXIV_IMAGE_HOSTS: nothing is sent there" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("command", [("shell", "-c", "1"), ("fetch",), ("view",)], ids=lambda words: words[0])
def test_a_server_that_does_not_answer_is_one_line_and_an_exit_code(tmp_path: Path, command: tuple[str, ...]):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}"
        quick = {"PIXIVCRAWL_PIXIV_BASE_URL": base, "PIXIVCRAWL_PIXIV_API_RETRIES": "0"}
        run = pixivcrawl(*command, f"{base}/ajax/user/11", env=environment(None, tmp_path, **quick))
    assert (run.returncode, run.stdout) == (1, "")
    (line,) = run.stderr.splitlines()
    assert f": {base.removeprefix('http://')}: no connection" in line
