"""The sandbox for tests: a world that changes and tells what a right archive of it holds, behind hosts that go wrong on order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Self

from pixivcrawl import sandbox
from pixivcrawl.sandbox import standard
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.making import make_work
from pixivcrawl.sandbox.server import LOOPBACK, Answering
from pixivcrawl.sandbox.works import Artist, Work
from tests.sandbox.expected import Expectations
from tests.sandbox.faults import Faults
from tests.sandbox.hosts import FaultyApiHost, FaultyImageHost
from tests.sandbox.shadow import Computed, Shadow


class World(sandbox.World):
    def __init__(self, *arguments: Any, shadow: Shadow | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.shadow = shadow
        self.expected = Expectations(self)

    @classmethod
    def shadowed(cls, count: int = 70_000) -> Self:
        """No artists of its own, and `count` works under the tag `shadow`, computed on demand; see Shadow."""
        return cls(standard.READERS_AS_ARTISTS, (), shadow=Shadow(count))

    def artist(self, artist_id: int) -> Artist | None:
        artist = super().artist(artist_id)
        return self.shadow.artist(artist_id) if artist is None and self.shadow is not None else artist

    def work(self, work_id: int) -> Work | None:
        work = super().work(work_id)
        return self.shadow.find(work_id) if work is None and self.shadow is not None else work

    def computed(self, word: str, first: date | None, last: date | None) -> Sequence[Work] | None:
        if self.shadow is None or word != "shadow":
            return None
        return Computed(self.shadow.at, self.shadow.between(first, last)[::-1])

    def add_work(self, artist_id: int, **facts: Any) -> Work:
        """A new work, the artist's newest; `facts` are fields of Work."""
        with self.lock:
            number = 1 + sum(work.artist_id == artist_id for work in self._works.values())
            return self._put(self._with_real_pages(make_work(self.numbering, artist_id, number, **facts)))

    def revise(self, work_id: int, **facts: Any) -> Work:
        """The artist replaces the images: a new path time, new bytes; the old addresses answer 404 from now on."""
        with self.lock:
            work = self._works[work_id]
            fresh: dict[str, Any] = {"uploaded": work.uploaded + timedelta(hours=5, seconds=7)}
            if self._gallery and not work.is_ugoira:
                turned = (*self._gallery[1:], self._gallery[0])
                fresh["pages"] = tuple(turned[self._gallery.index(page)] for page in work.pages)
            return self._change(work_id, **(fresh | facts))

    def remove(self, work_id: int, *, listed: bool = False) -> None:
        """The work answers 404 from now on, and leaves its artist's lists unless `listed`."""
        self._change(work_id, gone=True, listed=listed)

    def unlist(self, work_id: int) -> str:
        """The work stands on no list and answers to no id any more; gives the secret in its address, by which it is found."""
        secret = f"secret{work_id}"
        self._change(work_id, listed=False)
        self.unlisted[secret] = work_id
        return secret

    def restore(self, work_id: int) -> None:
        """Undoes `remove`."""
        self._change(work_id, gone=False, listed=True)

    def retitle(self, work_id: int, title: str) -> None:
        self._change(work_id, title=title)

    def rename(self, artist_id: int, name: str) -> None:
        with self.lock:
            self._artists[artist_id] = replace(self._artists[artist_id], name=name)

    def repicture(self, artist_id: int) -> None:
        """The artist chooses another profile picture, and another background: new path times, new bytes."""
        with self.lock:
            artist = self._artists[artist_id]
            later = timedelta(days=3, seconds=7)
            self._artists[artist_id] = replace(artist, pictured=artist.pictured + later, backed=artist.backed + later)

    def _change(self, work_id: int, **facts: Any) -> Work:
        with self.lock:
            return self._put(replace(self._works[work_id], **facts))

    def _put(self, work: Work) -> Work:
        self._works[work.id] = work
        self._newest_first = None
        self._listed.clear()
        return work


class Sandbox(sandbox.Sandbox):
    world: World

    def __init__(self, world: World, **options: Any) -> None:
        super().__init__(world, **options)
        self.faults = Faults()

    def host(self, kind: HostKind, scheme: str) -> Answering:
        if kind == "api":
            return FaultyApiHost(self.world, Addresses(f"{scheme}://{self.image_host}"), self.faults).answer
        elsewhere = self.image_host.replace(LOOPBACK, "localhost")
        return FaultyImageHost(self.world, self.faults, f"{scheme}://{elsewhere}").answer
