"""A great many works at no cost: each is computed from its place when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import overload

from pixivcrawl.sandbox.works import JAPAN, Artist, Page, Work

FIRST_ID = 60_000_000
FIRST_MOMENT = datetime(2019, 5, 1, 0, 5, 9, tzinfo=JAPAN)
STEP = timedelta(minutes=20)
FIRST_ARTIST = 7000
ARTISTS = 97
TAG = "shadow"


@dataclass(frozen=True, slots=True)
class Shadow:
    """`count` works under the tag `shadow`, one every 20 minutes from 2019-05-01 (72 a day), for all ages."""

    count: int

    def at(self, place: int) -> Work:
        """The work at `place`, from 0, the oldest."""
        created = (FIRST_MOMENT + place * STEP).astimezone(UTC)
        return Work(
            FIRST_ID + place,
            FIRST_ARTIST + place % ARTISTS,
            f"shadow {place}",
            created,
            created,
            pages=(Page("jpg", 64, 48),) * (1 + (place % 11 == 0)),
            tags=(TAG, f"{TAG}{place % 7}"),
            bookmark_count=place * 7919 % 10007,
        )

    def find(self, work_id: int) -> Work | None:
        place = work_id - FIRST_ID
        return self.at(place) if 0 <= place < self.count else None

    def artist(self, artist_id: int) -> Artist | None:
        return Artist(artist_id, f"shade {artist_id}") if FIRST_ARTIST <= artist_id < FIRST_ARTIST + ARTISTS else None

    def between(self, first: date | None, last: date | None) -> range:
        """The places of the works that were made from the day `first` to the day `last`, both inclusive, as Japan
        counts."""
        start = 0 if first is None else self._place_at(first)
        stop = self.count if last is None else self._place_at(last + timedelta(days=1))
        return range(min(start, self.count), min(max(start, stop), self.count))

    def _place_at(self, day: date) -> int:
        midnight = datetime.combine(day, time(), JAPAN)
        return max(0, -((FIRST_MOMENT - midnight) // STEP))


class Computed(Sequence[Work]):
    """Works that are made when they are looked at."""

    def __init__(self, make: Callable[[int], Work], places: range) -> None:
        self._make, self._places = make, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Work: ...
    @overload
    def __getitem__(self, place: slice) -> Computed: ...
    def __getitem__(self, place: int | slice) -> Work | Computed:
        if isinstance(place, slice):
            return Computed(self._make, self._places[place])
        return self._make(self._places[place])
