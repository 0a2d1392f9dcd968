"""How works are numbered and dated, and the words they are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pixivcrawl.sandbox.works import ILLUST, UGOIRA, Artist, Kind, Page, Work

FIRST_ID = 5_000_000
FIRST_DAY = datetime(2022, 8, 1, 14, 46, 14, tzinfo=UTC)
WORDS = ("harbour", "風景", "猫", "night_train", "オリジナル", "rain", "lantern", "海", "two_friends", "study")
TRANSLATIONS = {"風景": "scenery", "猫": "cat", "オリジナル": "original", "海": "sea"}
ROMAJI = {"風景": "fuukei", "猫": "neko", "海": "umi"}


@dataclass(frozen=True, slots=True)
class Numbering:
    """Work ids and times: ids grow with time, as pixiv's do, and their last digits name the artist."""

    stride: int = 100
    step: timedelta = timedelta(hours=31, minutes=17, seconds=5)

    def work_id(self, artist_id: int, number: int) -> int:
        """The id of an artist's `number`-th work, from 1."""
        return FIRST_ID + number * self.stride + artist_id

    def created(self, artist_id: int, number: int) -> datetime:
        return FIRST_DAY + number * self.step + timedelta(minutes=artist_id)


def make_work(numbering: Numbering, artist_id: int, number: int, **given: Any) -> Work:
    """An artist's `number`-th work with plausible facts, but for those `given` by the names of Work's fields.

    `revised_after` (a timedelta) makes its images younger than the work.
    """
    created = numbering.created(artist_id, number)
    uploaded = created + given.pop("revised_after", timedelta())
    facts: dict[str, Any] = {
        "title": f"{WORDS[number % 10]} {number}",
        "caption": f'Drawn on day {number}.<br />See <a href="/artworks/{FIRST_ID}">the first</a>.'
        if number % 2
        else "",
        "tags": tuple(WORDS[(number * step + artist_id) % 10] for step in (1, 3, 7)[: 1 + number % 3]),
        "bookmark_count": number * 37 % 4001,
        "like_count": number * 23 % 2999,
        "view_count": number * 411 % 90001,
        "comment_count": number % 4,
        "tool": ("", "CLIP STUDIO PAINT", "SAI")[number % 3],
    }
    return Work(numbering.work_id(artist_id, number), artist_id, created=created, uploaded=uploaded, **(facts | given))


def make_plain_works(
    numbering: Numbering, artist: Artist, count: int, pages: Sequence[Page], kind: Kind = ILLUST
) -> list[Work]:
    """`count` works of the same pages."""
    return [make_work(numbering, artist.id, number, pages=tuple(pages), kind=kind) for number in range(1, count + 1)]


def make_mixed_works(
    numbering: Numbering, artist: Artist, count: int, page: Page, page_counts: Sequence[int], ugoira: int
) -> list[Work]:
    """`count` works of like pages: `ugoira` of every hundred are ugoira of four frames, the others take turns in their page counts.

    An ugoira's frames have half the page's width and height, so that its zip is about as large as a page.
    """
    turns = itertools.cycle(page_counts)
    works = []
    for number in range(1, count + 1):
        if number * ugoira // 100 > (number - 1) * ugoira // 100:
            canvas = Page("jpg", max(1, page.width // 2), max(1, page.height // 2))
            facts: dict[str, Any] = {"pages": (canvas,), "kind": UGOIRA, "delays": (80, 80, 80, 120)}
        else:
            facts = {"pages": (page,) * next(turns)}
        works.append(make_work(numbering, artist.id, number, **facts))
    return works
