"""A world: what pixiv knows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Self

from pixivcrawl.sandbox import standard
from pixivcrawl.sandbox.commissions import commissions_of
from pixivcrawl.sandbox.making import Numbering, make_mixed_works, make_plain_works
from pixivcrawl.sandbox.pictures import Pictures, read_gallery
from pixivcrawl.sandbox.rankings import Rankings, rank_daily
from pixivcrawl.sandbox.shelves import Shelf, plain_shelf, standard_shelf
from pixivcrawl.sandbox.works import Artist, Page, Session, Work

READERS = (
    Session(901, "s1r0cAcjlSQXcwfjZzYjx8gCMZQ2XRrT", "4f0c2a9be6d1834f75a0c1d2e3b49687"),
    Session(902, "p9Pm1UmxE7hVh3nTz4DkLw0QaBcYdRfG", "8b7d6c5e4f3a29180716253443526170", premium=True),
)


@dataclass(slots=True)
class Limits:
    """How deep pixiv lets a list be read, in pages unless the name says otherwise; a test may make the walls come
    sooner."""

    search: int = 1000
    search_with_premium: int = 5000
    feed: int = 34
    watchlist_entries: int = 20
    new_works: int = 3000


@dataclass(slots=True)
class Habits:
    """How pixiv deals with readers; a test may change it under way.

    `tells_reader`: answers to the signed-in have the header x-userid. `refuses_unknown`: a session that pixiv does not
    know is refused everywhere with 401; otherwise it is passed over, and who sent it is shown what a visitor is.
    `sessions_last`: after so many API requests with one no session is known any more; None for ever. `mixes_tokens`:
    pages hold the token of another session than asked for them.
    """

    tells_reader: bool = True
    refuses_unknown: bool = False
    sessions_last: int | None = None
    mixes_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Viewing:
    """The settings of an account that say what it is shown. pixiv: both are off in a new account."""

    r18: bool = True
    ai: bool = True


class World:
    """Artists, works and readers, under one lock; deterministic.

    `World.standard()` holds these artists; an artist's n-th work (n from 1, in order of time) has the id
    `world.work_id(artist, n)`, 5000000 + 100 n + artist:

    - 11: twenty works over all kinds. 1 JPEG; 2 PNG, JPEG and GIF in one work; 3 and 12 manga of series 501; 4 and 13
      ugoira (4 has a GIF among its JPEG frames, 13 was uploaded as PNG larger than 1920x1080); 5 palette PNG; 6
      animated GIF; 7 R-18; 8 gone, but listed; 9 progressive; 10 grey; 11 CMYK; 14 turned by EXIF; 15 PNG with alpha,
      revised three days after its creation; 16 restart markers; 17 AI; 18 R-18G; 19 long caption; 20 still GIF
    - 12: no works
    - 13: eight works; 2, 3 (ugoira), 4 (manga) R-18; 6 R-18G; 8 gone and R-18
    - 14: nasty names: emoji, right-to-left marks, slashes, `..`, 300 characters, `CON`, an empty title, a NUL
    - 15: 120 tiny works
    - 16: left pixiv
    - 17: six works, every second for their mypixiv alone, whom both readers are
    - 18: thirty chapters of series 502, tiny; the 20th gone, but listed
    - 21 to 80: one tiny work each
    - 901 and 902: the readers, the latter with premium

    Rankings: daily of 2023-01-10 to 2023-01-13, 120 entries each, work 8 of artist 11 among them, which is gone; weekly
    daily_ai, daily_r18, daily_r18_ai and r18g of the last of these days. One of all kinds calls them `ranking_echo`.

    Both readers follow many artists (13 in secret), keep every second work as a bookmark and watch both series;
    requests were made to 11 and 15.

    `World.demo()` holds artist 11 with a dozen of those works.
    """

    def __init__(
        self,
        artists: Iterable[Artist],
        works: Iterable[Work],
        *,
        numbering: Numbering | None = None,
        rankings: Rankings | None = None,
        shelf: Shelf | None = None,
        pictures: Path | None = None,
        seed: int = 1,
    ) -> None:
        """`shelf` is what both readers keep; `pictures` names a folder of real image files that stand in for
        generated originals."""
        self.lock = threading.RLock()
        self.numbering = numbering or standard.NUMBERING
        self.readers = READERS
        self.pictures = Pictures(seed)
        self.rankings: Rankings = rankings or {}
        self.limits = Limits()
        self.login_only: set[int] = set()
        self.habits = Habits()
        self.viewing: dict[int, Viewing] = {}
        self.ranking_echo = "all"
        self.passed_over: set[str] = set()
        self.unlisted: dict[str, int] = {}
        self._artists = {artist.id: artist for artist in artists}
        self._works = {work.id: work for work in works}
        self._calls = 0
        self._newest_first: list[Work] | None = None
        self._listed: dict[tuple[int, bool], list[Work]] = {}
        self._gallery = read_gallery(pictures) if pictures is not None else ()
        self._next_of_gallery = 0
        for work in sorted(self._works.values(), key=lambda work: work.id):
            self._works[work.id] = self._with_real_pages(work)
        kept = shelf or plain_shelf(
            (artist for artist in self._artists.values() if artist.id < 900), self._works.values()
        )
        self._shelves = {reader.user_id: deepcopy(kept) for reader in self.readers}
        self.collections = {701: tuple(sorted(self._works)[:5])}
        self.commissions = commissions_of(self._artists.values(), self._works.values())

    @classmethod
    def standard(cls, *, pictures: Path | None = None) -> Self:
        works = standard.standard_works()
        artists = (*standard.ARTISTS, *standard.READERS_AS_ARTISTS)
        rankings, shelf = rank_daily(works), standard_shelf(works)
        return cls(artists, works, rankings=rankings, shelf=shelf, pictures=pictures)

    @classmethod
    def demo(cls, *, pictures: Path | None = None) -> Self:
        return cls((standard.ARTISTS[0], *standard.READERS_AS_ARTISTS), standard.demo_works(), pictures=pictures)

    @classmethod
    def of(
        cls,
        *,
        artists: int = 1,
        works: int = 10,
        pages: int | Sequence[Page] = 1,
        size: tuple[int, int] = (320, 240),
        pictures: Path | None = None,
        seed: int = 1,
        page_counts: Sequence[int] = (),
        ugoira: int = 0,
    ) -> Self:
        """Artists 11, 12 ... with `works` works each, of `pages` pages, or of `page_counts` in turn; `ugoira` is a percentage.

        Every page is a JPEG of `size`, about 0.7 byte a pixel (7200x6000 makes 30 MB), unless `pages` names the pages.
        """
        makers = [Artist(11 + place, f"artist {11 + place}", f"artist_{11 + place}") for place in range(artists)]
        numbering = Numbering(10 ** len(str(10 + artists)), timedelta(minutes=61))
        page = Page("jpg", *size)
        made: list[Work] = []
        for maker in makers:
            if isinstance(pages, int):
                made += make_mixed_works(numbering, maker, works, page, page_counts or (pages,), ugoira)
            else:
                made += make_plain_works(numbering, maker, works, pages)
        return cls((*makers, *standard.READERS_AS_ARTISTS), made, numbering=numbering, pictures=pictures, seed=seed)

    def work_id(self, artist_id: int, number: int) -> int:
        """The id of an artist's `number`-th work, from 1."""
        return self.numbering.work_id(artist_id, number)

    def artist(self, artist_id: int) -> Artist | None:
        """None for one who never was or has left."""
        artist = self._artists.get(artist_id)
        return artist if artist is not None and not artist.left else None

    def artist_called(self, account: str) -> Artist | None:
        """The artist whose account has that name."""
        return next(
            (artist for artist in self._artists.values() if artist.account == account and not artist.left), None
        )

    def work(self, work_id: int) -> Work | None:
        """The work as it is now, gone or not; None for one that never was."""
        return self._works.get(work_id)

    def computed(self, word: str, first: date | None, last: date | None) -> Sequence[Work] | None:
        """The works of those days, the newest first, that a world makes when they are looked at for; None for any other word."""
        return None

    def shelf(self, user_id: int) -> Shelf:
        """What a user keeps; empty for all but the readers."""
        return self._shelves.get(user_id, Shelf())

    def artists(self) -> list[Artist]:
        """Everyone who has not left, by id, the readers among them."""
        with self.lock:
            return sorted(
                (artist for artist in self._artists.values() if not artist.left), key=lambda artist: artist.id
            )

    def works(self) -> list[Work]:
        """Every work, newest first."""
        with self.lock:
            if self._newest_first is None:
                self._newest_first = sorted(self._works.values(), key=lambda work: -work.id)
            return self._newest_first

    def works_of(self, artist_id: int, session: Session | None) -> list[Work]:
        """What pixiv lists of an artist, newest first; works that are gone stand among them while they are still
        listed."""
        key = (artist_id, session is not None)
        with self.lock:
            if key not in self._listed:
                shown = (0,) if session is None else (0, 1)
                mine = (work for work in self.works() if work.artist_id == artist_id)
                self._listed[key] = [work for work in mine if work.listed and work.restrict in shown]
            return self._listed[key]

    def series_works(self, series_id: int) -> list[Work]:
        """The works of a manga series, the first one first."""
        return [work for work in reversed(self.works()) if work.series_id == series_id and work.listed]

    def novels_of(self, artist_id: int) -> list[int]:
        """Ids of an artist's novels. pixiv: they are another space than works' ids, and collide with them."""
        first = self.work_id(artist_id, 1)
        return [first] if first in self._works and artist_id % 2 else []

    def fresh(self) -> int:
        """Another number each time, for the lists that are a fresh set each call."""
        with self.lock:
            self._calls += 17
            return self._calls

    def sees(self, session: Session | None, work: Work) -> bool:
        """Whether `illust/{id}` answers at all: not for what is gone, private, or for the mypixiv of its artist
        alone."""
        return not work.gone and (work.restrict == 0 or (work.restrict == 1 and session is not None))

    def sees_images(self, session: Session | None, work: Work) -> bool:
        """pixiv: R-18 works, and those that are `login_only`, show no images to one who is not signed in, nor to one who has not
        switched them on."""
        is_for_all = session is not None or work.id not in self.login_only
        return self.sees(session, work) and is_for_all and not work.region_masked and self.may_view(session, work)

    def may_view(self, session: Session | None, work: Work) -> bool:
        """Whether a reader is let see works of its rating and kind, and finds them in lists."""
        if session is None:
            return work.x_restrict == 0
        viewing = self.viewing.get(session.user_id, Viewing())
        return (viewing.r18 or work.x_restrict == 0) and (viewing.ai or work.ai_type != 2)

    def shows_adult_rankings(self, session: Session | None) -> bool:
        return session is not None and self.viewing.get(session.user_id, Viewing()).r18

    def reader(self, cookie: str) -> Session | None:
        """Who the PHPSESSID belongs to; None for an unknown or stale one. Each call is a request of its reader's."""
        with self.lock:
            if cookie and self.habits.sessions_last is not None:
                if self.habits.sessions_last <= 0:
                    return None
                self.habits.sessions_last -= 1
        return next((reader for reader in self.readers if reader.cookie == cookie), None)

    def _with_real_pages(self, work: Work) -> Work:
        if not self._gallery or work.is_ugoira:
            return work
        start = self._next_of_gallery
        self._next_of_gallery += len(work.pages)
        pages = tuple(self._gallery[(start + place) % len(self._gallery)] for place in range(len(work.pages)))
        return replace(work, pages=pages)
