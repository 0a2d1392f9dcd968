"""An archive that a crawl made, with what pixiv told its reader alone."""

from __future__ import annotations

from pathlib import Path

from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.commands.typing_in import type_in
from tests.sandbox.serving import Sandbox, World

READER, SECRET_BOOKMARK = 901, b"1738000"
"""The account that reads, and how the ids of its bookmarks begin."""


def crawled(folder: Path) -> World:
    """Artist 11 with pages in each format and an ugoira, all of which the reader bookmarked, and likes; one of them in private."""
    world = World.of(works=1, size=(48, 36))
    world.add_work(11, title="<script>alert(1)</script>", pages=(Page("png", 64, 48), Page("gif", 32, 24)))
    world.add_work(11, kind=UGOIRA, pages=(Page("png", 64, 48),), delays=(80, 120))
    for work in world.works_of(11, None):
        world.shelf(READER).bookmark(work.id, private=True, tags=(), comment="")
        world.shelf(READER).likes.add(work.id)
    with Sandbox(world) as sandbox:
        run = type_in("crawl", "user", "-a", "id=11", sandbox=sandbox, archive=folder, cookie=sandbox.cookie)
        assert run.code == 0, run.err
    return world


def is_told_of_the_reader(content: bytes) -> bool:
    """Whether a body or record tells of the account that read."""
    told = (SECRET_BOOKMARK, b'"likeData":true', b'"private":true', b'"isFollowed":true', b"X-Reader")
    return any(each in content.replace(b": ", b":") for each in (*told, f":{READER}".encode()))
