"""What a right archive of each list holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.lists import Search
from pixivcrawl.sandbox.rankings import is_content
from pixivcrawl.sandbox.works import Session, Work, frames_of
from pixivcrawl.sandbox.world import World

Frames = list[dict[str, str | int]]


@dataclass(slots=True)
class Expected:
    """`files` maps a name relative to the archive folder to its SHA-256, or to the frames of an ugoira for the .json
    beside its zip; `unavailable` maps a work that is listed and cannot be had to the reason: "gone" or "login
    needed"."""

    files: dict[str, str | Frames] = field(default_factory=dict)
    unavailable: dict[int, str] = field(default_factory=dict)


class Expectations:
    """`session` says whether the archive was made by a signed-in reader; `frames` whether ugoira are wanted as uploaded too."""

    def __init__(self, world: World, *, frames: bool = False) -> None:
        self._world = world
        self._frames = frames

    def user(self, artist_id: int, session: bool = False) -> Expected:
        """Of one artist's works, all kinds."""
        if self._world.artist(artist_id) is None:
            return Expected()
        return self._of(self._world.works_of(artist_id, self._reader(session)), session)

    def artwork(self, ids: Iterable[int], session: bool = False) -> Expected:
        """Of works by their ids; one that never was counts as gone."""
        with self._world.lock:
            known = {work_id: self._world.work(work_id) for work_id in ids}
        expected = self._of((work for work in known.values() if work is not None), session)
        expected.unavailable |= {work_id: "gone" for work_id, work in known.items() if work is None}
        return expected

    def ranking(self, mode: str, date: str, content: str = "all", session: bool = False) -> Expected:
        """Of the works in a ranking of one day (yyyymmdd)."""
        with self._world.lock:
            ranked = [self._world.work(work_id) for work_id in self._world.rankings[mode, date]]
        return self._of((work for work in ranked if work is not None and is_content(work, content)), session)

    def bookmarks(self, user_id: int, rest: str = "show", tag: str = "") -> Expected:
        """Of a reader's bookmarks, read with a session."""
        with self._world.lock:
            kept = lists.bookmarks(self._world, user_id, hidden=rest == "hide", tag=tag)
        return self.artwork([bookmark.work_id for bookmark in kept], session=True)

    def following(self, user_id: int, rest: str = "show") -> Expected:
        """Of all works of those whom a reader follows."""
        shelf = self._world.shelf(user_id)
        expected = Expected()
        for artist_id in shelf.secret_follows if rest == "hide" else shelf.follows:
            of_one = self.user(artist_id, session=True)
            expected.files |= of_one.files
            expected.unavailable |= of_one.unavailable
        return expected

    def feed(self, mode: str = "all") -> Expected:
        """Of follow_latest as the first reader sees it, as deep as pixiv shows it."""
        works = lists.feed(self._world, self._world.readers[0], mode)
        return self._of(works[: self._world.limits.feed * lists.FEED_ENTRIES], signed_in=True)

    def mypixiv(self) -> Expected:
        """Of the works that are for mypixiv alone."""
        return self._of(lists.mypixiv(self._world), signed_in=True)

    def series(self, series_id: int, session: bool = False) -> Expected:
        """Of a manga series."""
        return self._of(self._world.series_works(series_id), session)

    def tagged(self, artist_id: int, tag: str, session: bool = False) -> Expected:
        """Of one user's works under a tag."""
        return self._of(lists.tagged(self._world, self._reader(session), artist_id, tag, (0, 1, 2)), session)

    def search(self, wanted: Search, session: bool = False) -> Expected:
        """Of a whole search, without premium."""
        return self._of(lists.search(self._world, self._reader(session), wanted), session)

    def requests(self, post_type: str, mode: str = "all", session: bool = False) -> Expected:
        """Of completed requests for illusts, manga or ugoira."""
        asked = lists.commissions(self._world, complete=True, post_type=post_type, mode=mode)
        return self.artwork([one.work_id for one in asked if one.work_id is not None], session)

    def new(self, kind: str = "illust", *, adult: bool = False, session: bool = False) -> Expected:
        """Of illust/new, as deep as pixiv shows it."""
        works = lists.newest(self._world, self._reader(session), kind, adult)
        return self._of(works[: self._world.limits.new_works], session)

    def _of(self, works: Iterable[Work], signed_in: bool) -> Expected:
        reader = self._reader(signed_in)
        expected = Expected()
        for work in works:
            if not self._world.sees(reader, work):
                expected.unavailable[work.id] = "gone"
            elif not self._world.sees_images(reader, work):
                expected.unavailable[work.id] = "withheld"
            else:
                expected.files |= self._files(work)
        return expected

    def _reader(self, signed_in: bool) -> Session | None:
        return self._world.readers[0] if signed_in else None

    def _files(self, work: Work) -> dict[str, str | Frames]:
        stem = f"originals/{work.artist_id}/{work.id}"
        if work.is_ugoira:
            name = f"{stem}_ugoira_{work.revision}"
            zipped = self._world.pictures.sha256(work, 0)
            uploaded = self._uploaded(work, stem) if self._frames else {}
            return {f"{name}.zip": zipped, f"{name}.json": frames_of(work), **uploaded}
        return {
            f"{stem}_p{number}_{work.revision}.{page.extension}": self._world.pictures.sha256(work, number)
            for number, page in enumerate(work.pages)
        }

    def _uploaded(self, work: Work, stem: str) -> dict[str, str | Frames]:
        return {
            f"{stem}_frame{number}_{work.revision}.{work.frame(number).extension}": self._world.pictures.frame_sha256(
                work, number
            )
            for number in range(len(work.delays))
        }
