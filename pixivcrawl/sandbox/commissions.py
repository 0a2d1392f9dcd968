"""Requests: what readers ask artists to draw, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pixivcrawl.sandbox.works import ILLUST, MANGA, UGOIRA, Artist, Work

PostType = Literal["illust", "manga", "ugoira", "novel"]
TYPE_NAMES: dict[int, PostType] = {ILLUST: "illust", MANGA: "manga", UGOIRA: "ugoira"}
FIRST_REQUEST = 90_000
IN_PROGRESS: dict[PostType, int] = {"illust": 30, "manga": 5, "ugoira": 3}


@dataclass(frozen=True, slots=True)
class Commission:
    """A request. `work_id` is None while it is in progress; of a novel it is a novel's id, which may be a work's id
    too."""

    id: int
    creator_id: int
    fan_id: int | None
    post_type: PostType
    work_id: int | None = None
    adult: bool = False
    tags: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.work_id is not None


def commissions_of(artists: Iterable[Artist], works: Iterable[Work]) -> list[Commission]:
    """Every second work of an artist who takes requests is one; each of them has written a novel with the id of the
    first such work."""
    makers = {artist.id for artist in artists if artist.accepts_requests}
    made: list[Commission] = []
    by_time = sorted(works, key=lambda work: work.id)
    drawn = [[work for work in by_time if work.artist_id == maker and work.listed] for maker in makers]
    for work in sorted((work for of_one in drawn for work in of_one[1::2]), key=lambda work: work.id):
        number = FIRST_REQUEST + len(made)
        fan = None if number % 5 == 0 else 901 + number % 2
        made.append(
            Commission(number, work.artist_id, fan, TYPE_NAMES[work.kind], work.id, work.x_restrict > 0, work.tags)
        )
    for creator in sorted(makers):
        first = next((one.work_id for one in made if one.creator_id == creator), None)
        if first is not None:
            made.append(Commission(FIRST_REQUEST + len(made), creator, 902, "novel", first))
    return made + _in_progress(sorted(makers), FIRST_REQUEST + 10_000)


def _in_progress(makers: list[int], number: int) -> list[Commission]:
    asked: list[Commission] = []
    for post_type, count in IN_PROGRESS.items():
        for place in range(count if makers else 0):
            creator = makers[place % len(makers)]
            asked.append(Commission(number + len(asked), creator, 901, post_type, adult=place % 7 == 6))
    return asked
