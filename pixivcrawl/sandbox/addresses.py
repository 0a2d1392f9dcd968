"""Where the image host keeps things: the addresses that bodies name, and what an address asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pixivcrawl.sandbox.works import Artist, Work, revision_of

Sort = Literal["original", "reduced", "zip", "frame", "portrait", "background", "placeholder"]

DATED = r"(?P<y>\d{4})/(?P<mo>\d\d)/(?P<d>\d\d)/(?P<h>\d\d)/(?P<mi>\d\d)/(?P<s>\d\d)"
SHAPES: tuple[tuple[Sort, re.Pattern[str]], ...] = (
    ("original", re.compile(rf"/img-original/img/{DATED}/(?P<id>\d+)_p(?P<page>\d+)\.(?P<extension>\w+)")),
    (
        "reduced",
        re.compile(
            rf"(?:/c/(?P<box>\d+x\d+)\w*)?/(?:img-master|custom-thumb)/img/{DATED}"
            r"/(?P<id>\d+)(?:_p(?P<page>\d+))?_(?:master|square|custom)1200\.jpg"
        ),
    ),
    ("zip", re.compile(rf"/img-zip-ugoira/img/{DATED}/(?P<id>\d+)_ugoira(?P<box>1920x1080|600x600)\.zip")),
    ("frame", re.compile(rf"/img-original/img/{DATED}/(?P<id>\d+)_ugoira(?P<page>\d+)\.(?P<extension>\w+)")),
    ("portrait", re.compile(rf"/user-profile/img/{DATED}/(?P<id>\d+)_[0-9a-f]{{32}}(?:_(?P<box>50|170))?\.jpg")),
    (
        "background",
        re.compile(rf"(?:/c/(?P<box>\d+x\d+)\w*)?/background/img/{DATED}/(?P<id>\d+)_[0-9a-f]{{32}}\.jpg"),
    ),
    ("placeholder", re.compile(r"/common/images/(?:limit_\w+_(?:360|s)|no_profile(?:_s)?)\.png")),
)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What an image address asks for. `box` is the size that a reduced picture fits; `id` is a work's, or a user's
    for a portrait."""

    sort: Sort
    id: int = 0
    page: int = 0
    revision: str = ""
    extension: str = ""
    box: tuple[int, int] = (1200, 1200)


def read(path: str) -> ImageRequest | None:
    """What `path` asks the image host for; None for a path of no known shape."""
    for sort, shape in SHAPES:
        if found := shape.fullmatch(path):
            parts = found.groupdict()
            width, _, height = (parts.get("box") or "1200x1200").partition("x")
            return ImageRequest(
                sort,
                int(parts.get("id") or 0),
                int(parts.get("page") or 0),
                "".join(parts.get(name) or "" for name in ("y", "mo", "d", "h", "mi", "s")),
                parts.get("extension") or "",
                (int(width), int(height or width)),
            )
    return None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Builds image URLs under `origin`, such as https://127.0.0.1:40002."""

    origin: str

    def original(self, work: Work, number: int = 0) -> str:
        """Of an ugoira: its first frame, as `illust/{id}` names it."""
        if work.is_ugoira:
            return f"{self.origin}/img-original/img/{_dated(work.revision)}/{work.id}_ugoira0.{work.frame(0).extension}"
        return (
            f"{self.origin}/img-original/img/{_dated(work.revision)}/{work.id}_p{number}.{work.pages[number].extension}"
        )

    def zip(self, work: Work, box: str = "1920x1080") -> str:
        return f"{self.origin}/img-zip-ugoira/img/{_dated(work.revision)}/{work.id}_ugoira{box}.zip"

    def square(self, work: Work, prefix: str, number: int = 0) -> str:
        """A square thumbnail; `prefix` is such as c/250x250_80_a2. Every third work has a thumbnail that its artist
        cut."""
        if work.id % 3 == 0 and number == 0:
            return (
                f"{self.origin}/{prefix}/custom-thumb/img/{_dated(work.revision)}/{_named(work, number)}_custom1200.jpg"
            )
        return f"{self.origin}/{prefix}/img-master/img/{_dated(work.revision)}/{_named(work, number)}_square1200.jpg"

    def master(self, work: Work, prefix: str = "", number: int = 0) -> str:
        """The picture reduced to 1200 pixels, or further with a prefix such as c/540x540_70/."""
        return f"{self.origin}/{prefix}img-master/img/{_dated(work.revision)}/{_named(work, number)}_master1200.jpg"

    def portrait(self, artist: Artist, size: int) -> str:
        """As pixiv's bodies name it: reduced."""
        dated = _dated(revision_of(artist.pictured))
        return f"{self.origin}/user-profile/img/{dated}/{artist.id}_{artist.id:032x}_{size}.jpg"

    def background(self, artist: Artist) -> str:
        """As pixiv's bodies name it: reduced."""
        dated = _dated(revision_of(artist.backed))
        return f"{self.origin}/c/1920x960_80_a2_g5/background/img/{dated}/{artist.id}_{artist.id:032x}.jpg"

    def no_portrait(self, small: bool = False) -> str:
        return f"{self.origin}/common/images/no_profile{'_s' if small else ''}.png"

    def placeholder(self, reason: str, size: str = "360") -> str:
        """pixiv: limit_unknown, limit_sanity_level, limit_unviewable and limit_mypixiv stand in for a thumbnail that
        may not be seen."""
        return f"{self.origin}/common/images/limit_{reason}_{size}.png"


def _dated(digits: str) -> str:
    return "/".join((digits[:4], digits[4:6], digits[6:8], digits[8:10], digits[10:12], digits[12:]))


def _named(work: Work, number: int) -> str:
    return str(work.id) if work.is_ugoira else f"{work.id}_p{number}"
