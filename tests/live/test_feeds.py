"""Feeds: what the ledger gained stands in them, in a form that any program reads."""

from __future__ import annotations

import csv
import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from pixivcrawl.ledger.columns import storable
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

ARGUMENTS = {
    "account": (),
    "artwork": ("id=5000111,5000311", "comments=true"),
    "bookmarks": ("id=me", "rest=both", "max_works=3", "reread=true"),
    "collection": ("id=701", "files=false"),
    "discovery": ("target=users",),
    "feed": ("max_works=3",),
    "followers": ("id=me",),
    "following": ("id=me", "rest=both"),
    "mypixiv": ("max_works=3",),
    "new": ("max_works=3",),
    "ranking": ("max_works=3",),
    "related": ("id=5000111", "limit=3"),
    "requests": ("state=overview",),
    "search": ("word=rain", "max_works=3"),
    "series": ("id=501",),
    "tag": ("tag=猫",),
    "top": ("max_works=3",),
    "user": ("id=11", "max_works=3"),
    "watchlist": ("max_works=3",),
}
"""How each spider is run here."""

BOOKMARKS = "SELECT user_id, artwork_id, private, bookmark_id, tags FROM bookmarks"

Feed = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


def read(lines: str) -> Feed:
    """The items of a feed, by their types."""
    feed: Feed = defaultdict(list)
    for line in lines.splitlines():
        item = json.loads(line)
        feed[item["type"]].append(item)
    return feed


def as_recorded(value: Any) -> Any:
    """A value of a feed as a column has it."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return storable(value) if isinstance(value, str) else value


def test_each_spider_has_its_feed_looked_at() -> None:
    assert ARGUMENTS.keys() == set(SpiderLoader.from_settings(get_project_settings()).list())


@pytest.mark.long
@pytest.mark.parametrize("spider", ARGUMENTS)
def test_the_feed_holds_every_fact_that_the_ledger_gained(spider: str, tmp_path: Path, sandbox: Sandbox) -> None:
    arguments = [word for argument in ARGUMENTS[spider] for word in ("-a", argument)]
    run = scrapy("crawl", spider, *arguments, "-o", "-:jsonlines", env=environment(sandbox, tmp_path))
    assert run.returncode in (0, 1), run.stderr
    feed = read(run.stdout)

    def told(kind: str, *names: str) -> set[tuple[Any, ...]]:
        return {tuple(as_recorded(item[name]) for name in names) for item in feed[kind]}

    def recorded(query: str) -> set[tuple[Any, ...]]:
        return set(rows(tmp_path, query))

    assert feed, "each spider learns something"
    # Rows change a work's title, and its own page says more.
    assert recorded("SELECT id FROM artworks WHERE described IS NOT NULL") == told("Artwork", "work_id")
    assert recorded("SELECT id, title, caption FROM artworks WHERE detail = 'full'") == {
        (item["work_id"], as_recorded(item["title"]), as_recorded(item["caption"]))
        for item in feed["Artwork"]
        if item["detail"] == "full"
    }
    tags = "SELECT artwork_id, name FROM artwork_tags JOIN tags ON tags.id = tag_id"
    assert recorded(tags) == {
        (item["work_id"], as_recorded(tag["name"])) for item in feed["Artwork"] for tag in item["tags"]
    }
    assert recorded("SELECT id FROM users") == told("User", "user_id") | told("Artwork", "user_id")
    assert recorded("SELECT id, name FROM users WHERE name IS NOT NULL") == {
        (item["user_id"], as_recorded(item.get("name") or item["user_name"]))
        for item in feed["User"] + feed["Artwork"]
        if item.get("name") or item.get("user_name")
    }
    bookmarks = {(*row[:4], as_recorded(json.loads(row[4]))) for row in recorded(BOOKMARKS)}
    assert bookmarks == told("Bookmark", "user_id", "work_id", "private", "bookmark_id", "tags")
    assert recorded("SELECT follower_id, followed_id, private FROM follows") == told(
        "Follow", "follower_id", "followed_id", "private"
    )
    assert recorded("SELECT mode, content, date, artwork_id, rank, previous_rank FROM ranking_entries") == told(
        "RankingEntry", "mode", "content", "date", "work_id", "rank", "previous_rank"
    )
    assert recorded("SELECT id, creator_id, kind, state, text, artwork_id FROM commission_requests") == told(
        "CommissionRequest", "request_id", "creator_id", "kind", "state", "text", "work_id"
    )
    assert recorded("SELECT id, artwork_id, parent_id, text FROM comments") == told(
        "Comment", "comment_id", "work_id", "parent_id", "text"
    )
    series = told("Series", "series_id", "user_id", "title", "total")
    # A work's own page names its series.
    of_works = {
        (item["series_id"], item["user_id"], as_recorded(item["series_title"]), None)
        for item in feed["Artwork"]
        if item.get("series_title") and item["series_id"] not in {each[0] for each in series}
    }
    assert recorded("SELECT id, user_id, title, total FROM series") == series | of_works
    assert recorded("SELECT series_id, artwork_id, position FROM series_artworks") == told(
        "SeriesPlace", "series_id", "work_id", "position"
    )
    assert recorded("SELECT id FROM artworks WHERE availability = 'masked'") <= told("MaskedWork", "work_id")
    translations = "SELECT name, language, text FROM tag_translations JOIN tags ON tags.id = tag_id"
    assert recorded(f"{translations} WHERE language != 'reader'") == told("TagTranslation", "tag", "language", "text")
    snapshots = rows(tmp_path, "SELECT endpoint, parameters FROM snapshots")
    assert sorted((endpoint, str(json.loads(asked))) for endpoint, asked in snapshots) == sorted(
        (item["endpoint"], str(item["parameters"])) for item in feed["Snapshot"]
    )
    files = "SELECT path, sha256, bytes, width, height FROM {} WHERE state = 'stored'"
    assert recorded(files.format("files")) | recorded(files.format("user_files")) == told(
        "StoredFile", "path", "sha256", "bytes", "width", "height"
    )


@pytest.mark.long
def test_a_table_holds_one_type_without_anything_of_pythons(tmp_path: Path, sandbox: Sandbox) -> None:
    env = environment(sandbox, tmp_path)
    works, bookmarks = tmp_path / "works.csv", tmp_path / "bookmarks.csv"
    assert scrapy("crawl", "user", "-a", "id=11", "-O", str(works), "-s", "FEED_ITEMS=Artwork", env=env).returncode == 0
    table = list(csv.DictReader(works.open(encoding="utf-8")))
    assert {row["work_id"] for row in table} == {
        str(work_id) for (work_id,) in rows(tmp_path, "SELECT id FROM artworks WHERE detail = 'full'")
    }
    assert table[0]["created"] == "2022-08-27T16:38:54+00:00"
    [in_full, *_] = [row for row in table if row["detail"] == "full"]
    assert json.loads(in_full["originals"])[0]["guessed"] is False
    assert not {"None", "True", "False"} & {value for row in table for value in row.values()}
    command = ("crawl", "bookmarks", "-a", "id=me", "-a", "files=false", "-a", "detail=listing")
    assert scrapy(*command, "-O", str(bookmarks), "-s", "FEED_ITEMS=Bookmark", env=env).returncode == 0
    assert {row["tags"] for row in csv.DictReader(bookmarks.open(encoding="utf-8"))} == {"", "keep", "keep later"}


@pytest.mark.parametrize(
    ("feed", "wrong"),
    [
        (("-O", "{}/x.csv"), "x.csv: CSV holds items of one type: choose it with -s FEED_ITEMS=Artwork"),
        (("-o", "-:csv", "-s", "FEED_ITEMS=Follow,User"), "CSV holds items of one type"),
        (("-s", 'FEEDS={{"{}/x.csv": {{"format": "csv"}}}}'), "CSV holds items of one type"),
        (("-O", "{}/x.jsonl", "-s", "FEED_ITEMS=Work"), "FEED_ITEMS=Work: no such type of item; there are Artwork, "),
        (
            ("-s", 'FEEDS={{"{}/x.jsonl": {{"format": "yaml"}}}}'),
            "FEEDS: there is no format 'yaml'; choose one of json, ",
        ),
        (("-s", 'FEEDS={{"{}/x.jsonl": "jsonlines"}}'), 'needs options, such as {"format": "jsonlines"}'),
        (("-O", "{}/%(of)s.jsonl"), "%(of)s is no argument of this spider"),
    ],
)
def test_a_feed_that_would_lose_something_is_refused_before_the_run(
    tmp_path: Path, sandbox: Sandbox, feed: tuple[str, ...], wrong: str
) -> None:
    archive = tmp_path / "archive"
    given = [word.format(tmp_path) for word in feed]
    run = scrapy("crawl", "following", "-a", "id=me", *given, "-q", env=environment(sandbox, archive))
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert wrong in run.stderr
    assert not archive.exists()


def test_a_feed_for_an_address_of_an_unknown_kind_is_refused_before_the_run(tmp_path: Path, sandbox: Sandbox) -> None:
    archive = tmp_path / "archive"
    run = scrapy("crawl", "user", "-a", "id=11", "-O", "gopher://host/x.jsonl", env=environment(sandbox, archive))
    assert run.returncode == 2
    assert "gopher://host/x.jsonl: no feed can be stored there: name a file" in run.stderr
    assert not archive.exists()


def test_a_feed_that_cannot_be_stored_is_one_line_and_the_archive_is_whole(tmp_path: Path, sandbox: Sandbox) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}/x.jsonl"
        run = scrapy(
            "crawl", "user", "-a", "id=11", "-O", f"ftp://me:secret@{address}", "-q", env=environment(sandbox, tmp_path)
        )
    assert run.returncode == 1
    [line] = [line for line in run.stderr.splitlines() if line.startswith("pixivcrawl: ")]
    assert f"ftp://{address}" in line
    assert "secret" not in run.stderr
    assert line.endswith("the archive has what it was to hold; see to its place, or leave the feed out")
    assert "Traceback" not in run.stderr
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_each_table_may_have_a_type_of_its_own(tmp_path: Path, sandbox: Sandbox) -> None:
    feeds = {
        str(tmp_path / f"{kind}.csv"): {"format": "csv", "item_classes": [f"pixivcrawl.items.{kind}"]}
        for kind in ("Follow", "User")
    }
    command = ("crawl", "following", "-a", "id=me", "-s", f"FEEDS={json.dumps(feeds)}")
    assert scrapy(*command, env=environment(sandbox, tmp_path / "archive")).returncode == 0
    follows = list(csv.DictReader((tmp_path / "Follow.csv").open(encoding="utf-8")))
    people = list(csv.DictReader((tmp_path / "User.csv").open(encoding="utf-8")))
    assert {row["followed_id"] for row in follows} == {row["user_id"] for row in people}


def test_xml_has_nothing_of_pythons_either(tmp_path: Path, sandbox: Sandbox) -> None:
    command = ("crawl", "bookmarks", "-a", "id=me", "-a", "max_works=1", "-o", "-:xml")
    run = scrapy(*command, env=environment(sandbox, tmp_path))
    told = {text for element in ElementTree.fromstring(run.stdout).iter() if (text := element.text)}
    assert "false" in told
    assert not {"None", "True", "False"} & told


@pytest.mark.long
def test_standard_output_is_the_feeds_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    """What people read goes to standard error, and with -q nowhere."""
    command = ("crawl", "following", "-a", "id=me", "-o", "-:jsonlines")
    run = scrapy(*command, env=environment(sandbox, tmp_path / "one"))
    quiet = scrapy(*command, "-q", env=environment(sandbox, tmp_path / "two"))
    assert read(run.stdout)["Follow"]
    assert run.stdout == quiet.stdout
    assert "following: complete" in run.stderr
    assert quiet.stderr == ""
