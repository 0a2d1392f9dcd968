"""An archive made by two runs, between which the artist changed, replaced and removed works; and lists of every kind."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from sqlalchemy import Connection

from pixivcrawl.items import Bookmark, CommissionRequest, Follow, RankingEntry, Series, SeriesPlace
from pixivcrawl.ledger import updates
from tests.ledger.making import NOW, connected, sqlite_url
from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World

HOSTILE = (
    "</bdi></a><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">\u202e\x1b[31m"
    + "W" * 300
)

FORMER_CAPTION = "first <b>words</b> of it<br>and more"
LATER_CAPTION = "other <b>words</b> of it<br>and more"

UNREAD = 999
"""A work that lists name and that was never read."""


@dataclass(frozen=True)
class Ids:
    """Works of the archive, by what became of them."""

    changed: int
    revised: int
    plain: int
    hostile: int
    manga: int
    ugoira: int
    failing: int


def make_archive(folder: Path) -> Ids:
    """Artist 11 renamed, with another avatar; one work given other words, tags and images and then removed; lists of every kind."""
    with Sandbox(World.of(works=7, size=(96, 64), page_counts=(1, 3), ugoira=30)) as sandbox:
        world = sandbox.world
        ids = Ids(*(world.work_id(11, number) for number in range(1, 8)))
        world._change(ids.changed, title="former title", caption=FORMER_CAPTION, tags=("猫", "sea"))
        read(sandbox, folder)
        world.revise(ids.revised)
        world.revise(ids.changed)
        world._change(ids.changed, title="later title", caption=LATER_CAPTION, tags=("sea", "sky"))
        world._change(ids.hostile, title=HOSTILE, caption=HOSTILE, tags=(HOSTILE[:100],))
        world.rename(11, HOSTILE)
        world.repicture(11)
        world.revise(ids.failing)
        sandbox.faults.image(ids.failing, kind="status:500")
        read(sandbox, folder)
        world.remove(ids.changed)
        read(sandbox, folder)
    with connected(sqlite_url(folder)) as connection:
        record_lists(connection, ids)
    return ids


def read(sandbox: Sandbox, folder: Path) -> None:
    crawl("user", sandbox, folder, id=11, refresh="true", reread="true")


def record_lists(connection: Connection, ids: Ids) -> None:
    """As runs of the other spiders would: each list with a work that is here and one that is not."""
    known = [*astuple(ids), UNREAD]
    updates.record_bookmarks(
        connection,
        [Bookmark(901, work, private=work == UNREAD, tags=("own <tag>",)) for work in known],
        NOW,
        position=8,
    )
    updates.record_follows(connection, [Follow(901, 11), Follow(901, 12, private=True)], {12: HOSTILE}, NOW)
    places = [RankingEntry("daily", "all", "20261122", rank, 2, work) for rank, work in enumerate(known, 1)]
    before = RankingEntry("daily", "all", "20261121", 1, 0, ids.manga)
    updates.record_ranking(connection, [*places, before], NOW)
    asked = {"title": HOSTILE, "text": HOSTILE, "price": 5000, "work_id": ids.manga}
    updates.record_requests(connection, [CommissionRequest(77, 11, "illust", "complete", **asked)], NOW)
    chapters = [SeriesPlace(501, work, place) for place, work in enumerate((ids.manga, ids.revised, UNREAD), 1)]
    updates.record_series(connection, [Series(501, 11, HOSTILE, HOSTILE, 3)], chapters, NOW)
