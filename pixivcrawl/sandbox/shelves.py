"""What a user keeps on pixiv: bookmarks, likes, follows, a watchlist. A POST changes it, and so may a test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pixivcrawl.sandbox.works import Artist, Work

FIRST_BOOKMARK = 17_380_000_000


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A bookmarked work, with its owner's own tags."""

    id: int
    work_id: int
    private: bool = False
    tags: tuple[str, ...] = ()
    comment: str = ""


@dataclass(slots=True)
class Shelf:
    """One user's; bookmarks and follows have the newest first."""

    bookmarks: list[Bookmark] = field(default_factory=list)
    likes: set[int] = field(default_factory=set)
    follows: list[int] = field(default_factory=list)
    secret_follows: list[int] = field(default_factory=list)
    followers: list[int] = field(default_factory=list)
    watched_series: list[int] = field(default_factory=list)
    _by_work: dict[int, Bookmark] = field(default_factory=dict, repr=False)
    _looked_up: list[Bookmark] | None = field(default=None, repr=False)

    def bookmark(self, work_id: int, private: bool, tags: Sequence[str], comment: str) -> Bookmark:
        """Puts a work first; one that is there already moves and is changed."""
        number = 1 + max((kept.id for kept in self.bookmarks), default=FIRST_BOOKMARK)
        kept = Bookmark(number, work_id, private, tuple(tags), comment)
        self.bookmarks = [kept, *(other for other in self.bookmarks if other.work_id != work_id)]
        return kept

    def bookmark_of(self, work_id: int) -> Bookmark | None:
        if self._looked_up is not self.bookmarks:
            self._by_work = {kept.work_id: kept for kept in self.bookmarks}
            self._looked_up = self.bookmarks
        return self._by_work.get(work_id)


def plain_shelf(artists: Iterable[Artist], works: Iterable[Work]) -> Shelf:
    """One who follows every artist and has bookmarked every work, the newest first."""
    by_time = sorted(works, key=lambda work: -work.id)
    bookmarks = [Bookmark(FIRST_BOOKMARK + len(by_time) - place, work.id) for place, work in enumerate(by_time)]
    return Shelf(bookmarks, follows=[artist.id for artist in artists])


def standard_shelf(works: Iterable[Work]) -> Shelf:
    """Every second work bookmarked, every ninth of these in private; many artists followed, some in secret."""
    kept_tags = ((), ("keep",), ("keep", "later"))
    by_time = sorted(works, key=lambda work: -work.id)
    bookmarks = [
        Bookmark(FIRST_BOOKMARK + len(by_time) - place, work.id, place % 18 == 4, kept_tags[place % 3])
        for place, work in enumerate(by_time)
        if place % 2 == 0 or work.gone
    ]
    return Shelf(
        bookmarks,
        follows=[11, 14, 15, 17, 18, *range(21, 71)],
        secret_follows=[13, *range(71, 81)],
        followers=list(range(30, 60)),
        watched_series=[501, 502],
    )
