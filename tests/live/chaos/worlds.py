"""Small worlds that hold one of everything, and a server of them that notes what it does."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pixivcrawl.sandbox.addresses import ImageRequest
from pixivcrawl.sandbox.log import HostKind, Logged, RequestLog
from pixivcrawl.sandbox.making import Numbering, make_work
from pixivcrawl.sandbox.shelves import FIRST_BOOKMARK, Bookmark, Shelf
from pixivcrawl.sandbox.standard import READERS_AS_ARTISTS
from pixivcrawl.sandbox.works import ILLUST, MANGA, UGOIRA, Artist, Form, Page, Work
from tests.live.chaos.plans import WORLDS, Wrongs
from tests.sandbox.faults import API_KINDS, IMAGE_KINDS, PICTURE_KINDS, ZIP_KINDS, Fault, Faults
from tests.sandbox.faults import Plan as Share
from tests.sandbox.serving import Sandbox, World

DELAY = 0.004
"""Seconds by which every answer is late, so that there is a time in which a request travels."""

FORMS: tuple[Form, ...] = ("jpg", "jpg", "jpg-progressive", "jpg-grey", "jpg-rotated", "png", "png-alpha", "gif")
SIZES = ((64, 48), (320, 240), (320, 240), (900, 700))
IS_ONE_THING = re.compile(r"/ajax/(illust|user)/\d+")
MANY = 130
"""Works of the world with long lists: search shows 60 on a page, bookmarks 100."""


def world(number: int) -> World:
    """The world of that number; always the same."""
    chance = random.Random(f"world {number}")
    artists = (Artist(11, "one of two", "one_of_two"), Artist(12, "the other", "the_other"))
    numbering = Numbering()
    if number == WORLDS - 1:
        made = [_work(numbering, 11, place, {"pages": (Page("jpg", 64, 48),)}) for place in range(1, MANY + 1)]
    else:
        made = [
            _work(numbering, artist.id, place, _anything(chance, place))
            for artist in artists
            for place in range(1, chance.randint(6, 8))
        ]
    works = sorted(made, key=lambda work: -work.id)
    bookmarks = [
        Bookmark(FIRST_BOOKMARK + len(works) - place, work.id, private=place % 6 == 2, tags=("kept",) * (place % 2))
        for place, work in enumerate(works)
    ]
    everyone = (*artists, *READERS_AS_ARTISTS)
    return World(everyone, works, numbering=numbering, shelf=Shelf(bookmarks, follows=[11, 12]), seed=number)


def _work(numbering: Numbering, artist: int, number: int, facts: dict[str, Any]) -> Work:
    return make_work(numbering, artist, number, tags=("chaos", "猫"), **facts)


def _anything(chance: random.Random, place: int) -> dict[str, Any]:
    """One of each kind first, then whatever comes."""
    kind = chance.choice((ILLUST, ILLUST, MANGA, UGOIRA)) if place > 4 else (ILLUST, UGOIRA, MANGA, ILLUST)[place - 1]
    if kind == UGOIRA:
        uploaded = Page("png" if place % 2 else "jpg", 320, 240)
        return {"kind": UGOIRA, "pages": (uploaded,), "delays": (60,) * chance.randint(2, 4)}
    pages = tuple(Page(chance.choice(FORMS), *chance.choice(SIZES)) for _ in range(chance.randint(1, 4)))
    return {
        "kind": kind,
        "pages": pages,
        "gone": place == 4,
        "x_restrict": int(chance.random() < 0.2),
        "revised_after": timedelta(days=chance.choice((0, 0, 3)), seconds=chance.randrange(60)),
    }


class Watch(RequestLog):
    """The log of one trial; tells how many requests have come."""

    def __init__(self) -> None:
        super().__init__(None)
        self._count = threading.Condition()
        self.came = 0

    def begin(self, entry: Logged) -> int:
        place = super().begin(entry)
        with self._count:
            self.came += 1
            self._count.notify_all()
        return place

    def wait_for(self, came: int, timeout: float) -> bool:
        """Whether so many requests have come within `timeout` seconds."""
        with self._count:
            return self._count.wait_for(lambda: self.came >= came, timeout)


@dataclass(frozen=True)
class Served:
    """One request that was answered wrongly; `address` is its path."""

    host: HostKind
    address: str
    nth: int
    kind: str


class Wrong(Faults):
    """Faults at random for each host, and a note of each one that was served."""

    def __init__(self, wrongs: Wrongs | None) -> None:
        super().__init__()
        self.served: list[Served] = []
        self._wrongs = wrongs
        self._times: Counter[tuple[HostKind, str]] = Counter()
        self._refusal: tuple[str, int] | None = None

    def for_image(self, path: str, wanted: ImageRequest) -> Fault | None:
        unfit = PICTURE_KINDS if wanted.sort == "zip" else ZIP_KINDS
        return self._drawn("image", path, path, [kind for kind in IMAGE_KINDS if kind not in unfit])

    def for_api(self, path: str, query: str) -> Fault | None:
        if self._refusal is not None:
            kind, after = self._refusal
            self._refusal = kind, after - 1
            if after <= 0:
                self.served.append(Served("api", path, 0, kind))
                return Fault(kind, status=403)
        # pixiv: a throttled list comes empty. What says all of a work or a user is no list, and nobody could tell.
        possible = [kind for kind in API_KINDS if kind != "empty" or not IS_ONE_THING.fullmatch(path)]
        return self._drawn("api", path, f"{path}?{query}", possible)

    def kinds(self, host: HostKind, address: str) -> list[str]:
        """What was served at a path."""
        return [served.kind for served in self.served if (served.host, served.address) == (host, address)]

    def refuse(self, kind: str, after: int) -> None:
        """The account is refused, after so many more questions to the API."""
        self._refusal = kind, after

    def stop(self) -> None:
        """From now on everything is right."""
        self._wrongs = self._refusal = None

    def _drawn(self, host: HostKind, path: str, address: str, possible: Sequence[str]) -> Fault | None:
        with self._lock:
            self._times[host, path] += 1
            self._asked[address] += 1
            if self._wrongs is None:
                return None
            kinds = self._wrongs.image if host == "image" else self._wrongs.api
            share = Share(self._wrongs.seed, self._wrongs.share, kinds)
            kind = share.choice(address, self._asked[address], possible)
            if kind is None:
                return None
            self.served.append(Served(host, path, self._times[host, path], kind))
            return Fault(kind)


class Server(Sandbox):
    """A sandbox whose log and faults start afresh with each trial."""

    def __init__(self, number: int) -> None:
        super().__init__(world(number), delay=DELAY)
        self.begin(None)

    def begin(self, wrongs: Wrongs | None) -> None:
        self._log = self.watch = Watch()
        self.faults = self.wrong = Wrong(wrongs)
