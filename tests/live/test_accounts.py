"""Artists by the name of their account: pixiv.me is asked once, without the session, and leads to an artist or is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.sandbox.log import Logged
from tests.live.inside import crawl
from tests.live.running import environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

NAME, ARTIST = "premium_reader", 902


@pytest.fixture
def sandbox():
    with Sandbox(World.standard()) as running:
        yield running


def asked_for_names(sandbox: Sandbox) -> list[Logged]:
    return [logged for logged in sandbox.log if logged.path.startswith("/pixiv.me/")]


def test_the_artist_behind_a_name_is_archived_and_pixiv_me_sees_no_session(tmp_path: Path, sandbox: Sandbox):
    ended = scrapy("archive", "https://pixiv.me/for_friends", env=environment(sandbox, tmp_path))
    assert "user account=for_friends: complete; " in ended.stderr
    assert list((tmp_path / "users/17").iterdir())
    (asked,) = asked_for_names(sandbox)
    assert not {"cookie", "x-csrf-token", "authorization"} & asked.headers.keys()
    # Whoever asks for the list itself is signed in.
    assert all("cookie" in logged.headers for logged in sandbox.requests("api") if logged is not asked)


def test_a_list_is_known_by_the_id_whatever_the_artist_is_called(tmp_path: Path, sandbox: Sandbox):
    assert crawl("user", sandbox, tmp_path, account=NAME).exit_code == 0
    assert crawl("user", sandbox, tmp_path, id=ARTIST).exit_code == 0
    assert crawl("user", sandbox, tmp_path, account=NAME, id=ARTIST).exit_code == 0
    assert rows(tmp_path, "SELECT count(DISTINCT arguments), count(*) FROM crawls") == [(1, 3)]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://evil.example/users/11", "it leads to 'https://evil.example/users/11', which is not an artist's page"),
        ("https://www.pixiv.net/artworks/11", "which is not an artist's page"),
        ("https://www.pixiv.net/users/11/bookmarks/artworks", "which is not an artist's page"),
        ("https://www.pixiv.net/users/11/avatar", "which is not an artist's page"),
        ("https://pixiv.me/another", "which is not an artist's page"),
        ("https://phixiv.net/users/11", "which is not an artist's page"),
        ("https://www.pixiv.net.evil.example/users/11", "which is not an artist's page"),
        ("/users/11", "which is not an artist's page"),
        ("", "it leads nowhere (the answer was 302)"),
    ],
)
def test_whatever_else_it_leads_to_is_refused_in_one_line(tmp_path: Path, sandbox: Sandbox, location: str, said: str):
    sandbox.faults.api("/pixiv.me/", kind="redirect", location=location)
    ended = scrapy("crawl", "user", "-a", f"account={NAME}", env=environment(sandbox, tmp_path))
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if f"pixiv.me/{NAME}" in line]
    assert said in line
    assert "give the artist's id, or the address of their page" in line
    assert len(sandbox.log) == len(asked_for_names(sandbox)) == 1


def test_a_name_that_nobody_has_keeps_no_other_artist_away(tmp_path: Path, sandbox: Sandbox):
    run = crawl("user", sandbox, tmp_path, account="no_such_name", id=ARTIST)
    assert (run.exit_code, run.counts["lists_failed"], run.counts["pictures_stored"]) == (1, 1, 2)


def test_a_name_is_nothing_to_subscribe_to(tmp_path: Path, sandbox: Sandbox):
    refused = scrapy("subscribe", f"https://pixiv.me/{NAME}", env=environment(sandbox, tmp_path))
    assert refused.returncode == 2
    assert "follow the artist by id, because a name may change" in refused.stderr
