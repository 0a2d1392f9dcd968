"""Which works stand in which list, and in what order; bodies cut these into pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pixivcrawl.sandbox.commissions import Commission
from pixivcrawl.sandbox.shelves import Bookmark
from pixivcrawl.sandbox.works import ILLUST, JAPAN, MANGA, UGOIRA, Session, Work
from pixivcrawl.sandbox.world import World

AI = 2
"""pixiv: aiType of a work that an AI made."""
UNTAGGED = "未分類"
"""pixiv: the bookmark tag that stands for bookmarks without any."""
FEED_ENTRIES = 60
TYPES = {
    "all": (ILLUST, MANGA, UGOIRA),
    "illust_and_ugoira": (ILLUST, UGOIRA),
    "illust": (ILLUST,),
    "manga": (MANGA,),
    "ugoira": (UGOIRA,),
}


def fits_mode(work: Work, mode: str) -> bool:
    """mode=all, safe or r18."""
    return mode == "all" or (work.x_restrict > 0) == (mode == "r18")


def public(world: World, session: Session | None) -> list[Work]:
    """What a reader may come across, newest first: R-18 works for the signed-in alone."""
    return [
        work
        for work in world.works()
        if work.listed and not work.gone and work.restrict == 0 and world.may_view(session, work)
    ]


def bookmarks(world: World, user_id: int, hidden: bool, tag: str = "") -> list[Bookmark]:
    """A user's public or private bookmarks, newest first."""

    def carries(kept: Bookmark) -> bool:
        return not tag or tag in kept.tags or (tag == UNTAGGED and not kept.tags)

    return [kept for kept in world.shelf(user_id).bookmarks if kept.private == hidden and carries(kept)]


def feed(world: World, session: Session, mode: str = "all") -> list[Work]:
    """The works of those that the reader follows, newest first; gone works among them, which are shown masked."""
    shelf = world.shelf(session.user_id)
    makers = {*shelf.follows, *shelf.secret_follows}
    return [
        work
        for work in world.works()
        if work.artist_id in makers and work.listed and work.restrict == 0 and fits_mode(work, mode)
    ]


def mypixiv(world: World) -> list[Work]:
    """The works that are for mypixiv alone, newest first."""
    return [work for work in world.works() if work.restrict == 1 and work.listed and not work.gone]


def newest(world: World, session: Session | None, kind: str, adult: bool) -> list[Work]:
    """illust/new: kind is illust or manga."""
    return [
        work
        for work in public(world, session)
        if (work.kind == MANGA) == (kind == "manga") and fits_mode(work, "r18" if adult else "safe")
    ]


def tagged(world: World, session: Session | None, user_id: int, tag: str, kinds: Sequence[int]) -> list[Work]:
    """One user's works under a tag, newest first."""
    works = world.works_of(user_id, session)
    return [work for work in works if tag in work.tags and work.kind in kinds and not work.gone]


def related(world: World, session: Session | None, work: Work) -> list[Work]:
    """What pixiv recommends beside a work: another order for each."""
    others = [other for other in public(world, session) if other.id != work.id]
    turn = work.id // 100 % max(1, len(others))
    return others[turn:] + others[:turn]


def commissions(world: World, *, complete: bool, post_type: str, mode: str) -> list[Commission]:
    """Requests of a state and a type ("all" for any), newest first."""
    return [
        one
        for one in reversed(world.commissions)
        if one.is_complete == complete
        and post_type in ("all", one.post_type)
        and (mode == "all" or one.adult == (mode == "r18"))
    ]


@dataclass(frozen=True, slots=True)
class Search:
    """A search as pixiv understands one. `work_types` are codes; sizes are in pixels; None means any."""

    word: str
    work_types: Sequence[int] = (ILLUST, MANGA, UGOIRA)
    order: str = "date_d"
    mode: str = "all"
    s_mode: str = "s_tag"
    first_day: date | None = None
    last_day: date | None = None
    smallest: tuple[int, int] = (0, 0)
    largest: tuple[int, int] | None = None
    ratio: float | None = None
    tool: str = ""
    language: str = ""
    hides_ai: bool = False
    least_bookmarks: int = 0
    most_bookmarks: int | None = None


def search(world: World, session: Session | None, wanted: Search) -> Sequence[Work]:
    """The works found, in the order asked for. pixiv: popularity and bookmark counts are for premium accounts;
    others' are ignored."""
    premium = session is not None and session.premium
    if (computed := world.computed(wanted.word, wanted.first_day, wanted.last_day)) is not None:
        return computed[::-1] if wanted.order == "date" else computed
    works = [work for work in public(world, session) if _is_found(work, wanted, premium)]
    if wanted.order == "date":
        works.reverse()
    if wanted.order.startswith("popular") and premium:
        works.sort(key=lambda work: -work.bookmark_count)
    return works


def _is_found(work: Work, wanted: Search, premium: bool) -> bool:
    made = work.created.astimezone(JAPAN).date()
    return (
        work.kind in wanted.work_types
        and fits_mode(work, wanted.mode)
        and _carries(work, wanted)
        and (wanted.first_day is None or made >= wanted.first_day)
        and (wanted.last_day is None or made <= wanted.last_day)
        and _fits_size(work, wanted)
        and (not wanted.tool or work.tool == wanted.tool)
        and (not wanted.language or work.language == wanted.language)
        and not (wanted.hides_ai and work.ai_type == AI)
        and (not premium or work.bookmark_count >= wanted.least_bookmarks)
        and (not premium or wanted.most_bookmarks is None or work.bookmark_count <= wanted.most_bookmarks)
    )


def _carries(work: Work, wanted: Search) -> bool:
    """Every word of the search; one with a minus before it must be missing."""
    for word in wanted.word.split():
        bare = word.removeprefix("-")
        match wanted.s_mode:
            case "s_tag_full":
                there = bare in work.tags
            case "s_tc" | "tc":
                there = bare in work.title or bare in re.sub(r"<[^>]*>", "", work.caption)
            case _:
                there = any(bare in tag for tag in work.tags)
        if there == word.startswith("-"):
            return False
    return True


def _fits_size(work: Work, wanted: Search) -> bool:
    """ratio: 0.5 is landscape, -0.5 portrait, 0 square."""
    width, height = work.first.width, work.first.height
    if width < wanted.smallest[0] or height < wanted.smallest[1]:
        return False
    if wanted.largest is not None and (width > wanted.largest[0] or height > wanted.largest[1]):
        return False
    if wanted.ratio is None:
        return True
    return (width > height) if wanted.ratio > 0 else (width < height) if wanted.ratio < 0 else width == height
