"""Several accounts in one `pixivcrawl sync`: each with its session and its lane, and none ended by what ends another."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.configuration import Configuration
from pixivcrawl.reader import Reader
from pixivcrawl.sandbox.log import Logged
from pixivcrawl.throttling.lane import held, lanes_of
from tests.live.running import complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for

FOLLOWED = """
[[subscription]]
name = "mine"
spider = "bookmarks"
id = "me"

[[subscription]]
name = "hers"
spider = "bookmarks"
id = "me"
account = "second"

[[subscription]]
name = "artist"
spider = "user"
id = "11"
account = "second"
"""


@pytest.fixture
def sandbox():
    with Sandbox(World.of(works=4, size=(48, 36))) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path, sandbox: Sandbox) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "subscriptions.toml").write_text(FOLLOWED)
    session = tmp_path / "accounts/second"
    session.parent.mkdir()
    session.write_text(sandbox.premium_cookie)
    session.chmod(0o600)
    return folder


def of(sandbox: Sandbox, archive: Path, **more: str) -> dict[str, str]:
    return environment(sandbox, archive, PIXIVCRAWL_PIXIV_ACCOUNTS=str(archive.parent / "accounts"), **more)


def asked_as(sandbox: Sandbox, cookie: str) -> list[Logged]:
    return [logged for logged in sandbox.requests("api") if cookie in logged.headers.get("cookie", "")]


def readers(archive: Path) -> list[tuple[object, ...]]:
    return rows(archive, "SELECT spider, reader, exit_code FROM crawls ORDER BY id")


@pytest.mark.long
def test_each_subscription_is_read_as_its_account(archive: Path, sandbox: Sandbox):
    env = of(sandbox, archive)
    planned = scrapy("sync", "--plan", env=env)
    assert sandbox.log == []
    assert planned.stdout.index("mine (") < planned.stdout.index("as second:") < planned.stdout.index("hers (")
    run = scrapy("sync", env=env)
    assert run.returncode == 0, run.stderr
    assert "reads as account 901\nreads as account 902\n" in run.stderr
    assert readers(archive) == [("bookmarks", 901, 0), ("bookmarks", 902, 0), ("user", 902, 0)]
    asked = [sandbox.premium_cookie in logged.headers["cookie"] for logged in sandbox.requests("api")]
    assert set(asked) == {False, True}
    assert asked == sorted(asked), "one account after the other"
    assert rows(archive, "SELECT account FROM accounts ORDER BY account") == [(901,), (902,)]
    again = scrapy("sync", env=env)
    assert (again.returncode, again.stderr.count("nothing is due")) == (0, 2)
    told = scrapy("subscriptions", env=env).stdout
    assert told.index("mine: bookmarks") < told.index("as second:") < told.index("hers: bookmarks")


@pytest.mark.long
def test_what_ends_one_account_s_does_not_end_another_s(archive: Path, sandbox: Sandbox):
    """Its session is over, pixiv asks it for a long pause, or it is at work elsewhere."""
    env = of(sandbox, archive, PIXIV_PHPSESSID="901_nobodyknowsthissession1234567890")
    run = scrapy("sync", env=env)
    assert run.returncode == 4
    assert [code for *_, code in readers(archive)] == [4, 0, 0]

    sandbox.faults.api("/ajax/", kind="status:429", retry_after=3600, times=1)
    run = scrapy("sync", "--all", env=of(sandbox, archive, PIXIVCRAWL_LONGEST_WAIT="1"))
    assert run.returncode == 75
    assert [code for *_, code in readers(archive)] == [4, 0, 0, 75, 0, 0]
    before = len(asked_as(sandbox, sandbox.cookie))

    configuration = Configuration.from_settings(settings_for(archive, sandbox, PIXIV_LANES_PER_ADDRESS=2))
    with held(lanes_of(configuration, Reader(902)), "another"):
        run = scrapy("sync", "--all", env=of(sandbox, archive, PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS="2"))
    assert run.returncode == 75
    assert "pixivcrawl: account 902 is in use by 'another'" in complaints(run.stderr)
    assert [code for *_, code in readers(archive)][6:] == [75]
    assert len(asked_as(sandbox, sandbox.cookie)) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("third", None, "subscriptions.toml:11: account: there is no account 'second' in "),
        ("second", "", "accounts/second: holds nothing; log in to pixiv"),
    ],
)
def test_an_account_without_a_session_is_refused_before_anything_is_sent(
    name: str, content: str | None, said: str, archive: Path, sandbox: Sandbox
):
    (archive.parent / "accounts/second").unlink()
    if content is not None:
        session = archive.parent / "accounts" / name
        session.write_text(content)
        session.chmod(0o600)
    refused = scrapy("sync", env=of(sandbox, archive))
    assert (refused.returncode, sandbox.log) == (2, [])
    (line,) = complaints(refused.stderr).splitlines()
    assert said in line


def test_a_crawl_reads_as_the_account_that_is_named(archive: Path, sandbox: Sandbox):
    run = scrapy("crawl", "user", "-a", "id=11", "-s", "PIXIV_ACCOUNT=second", env=of(sandbox, archive))
    assert run.returncode == 0
    assert "reads as account 902" in run.stderr
    unknown = scrapy("crawl", "user", "-a", "id=11", "-s", "PIXIV_ACCOUNT=../second", env=of(sandbox, archive))
    assert unknown.returncode == 2
    assert "PIXIV_ACCOUNT: there is no account '../second'" in unknown.stderr


def test_one_subscribes_as_an_account(archive: Path, sandbox: Sandbox):
    env = of(sandbox, archive)
    subscribed = scrapy("subscribe", "https://www.pixiv.net/users/12", "--account", "second", env=env)
    assert subscribed.returncode == 0, subscribed.stderr
    assert (archive / "subscriptions.toml").read_text().endswith('account = "second"\n')
    twice = scrapy("subscribe", "https://www.pixiv.net/users/11", "--account", "second", env=env)
    assert twice.returncode == 2
    assert "followed already, as" in twice.stderr
    assert scrapy("subscribe", "https://www.pixiv.net/users/11", env=env).returncode == 0, (
        "another account may read it too"
    )
