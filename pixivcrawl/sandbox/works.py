"""What a world is made of: artists, works, pages and readers, as plain values.

Times are aware and in UTC; pixels are width by height; delays are in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

JAPAN = timezone(timedelta(hours=9))
FIRST_PICTURED = datetime(2020, 5, 4, 23, 42, 18, tzinfo=JAPAN)
Kind = Literal[0, 1, 2]
ILLUST: Kind = 0
MANGA: Kind = 1
UGOIRA: Kind = 2
"""pixiv: illustType."""

Form = Literal[
    "jpg",
    "jpg-progressive",
    "jpg-grey",
    "jpg-cmyk",
    "jpg-restart",
    "jpg-rotated",
    "png",
    "png-palette",
    "png-alpha",
    "gif",
    "gif-still",
]
"""How a picture is encoded; what stands before the dash is the extension."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in reader. `csrf_token` is what pixiv shows in the HTML of `/` and wants back with every POST."""

    user_id: int
    token: str
    csrf_token: str
    premium: bool = False

    @property
    def cookie(self) -> str:
        """The value of PHPSESSID."""
        return f"{self.user_id}_{self.token}"


@dataclass(frozen=True, slots=True)
class Artist:
    """A pixiv user. One who `left` answers 404 everywhere.

    `pictured` and `backed` are the times in the paths of the profile picture and, of a premium user, of the background.
    """

    id: int
    name: str
    account: str = ""
    comment: str = ""
    webpage: str | None = None
    premium: bool = False
    has_picture: bool = True
    accepts_requests: bool = False
    left: bool = False
    pictured: datetime = FIRST_PICTURED
    backed: datetime = FIRST_PICTURED


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a work, in the size that the API tells. `source` is a real file that stands in for a generated
    picture."""

    form: Form = "jpg"
    width: int = 320
    height: int = 240
    source: Path | None = None

    @property
    def extension(self) -> str:
        return self.form.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Work:
    """An illust, manga or ugoira.

    `uploaded` is the time in the image paths: it changes with every revision, `created` never does. An ugoira has one
    page (its canvas, in the form and size in which its frames were uploaded) and a delay for each frame; `frame_forms`
    are those of its first frames where they differ from the canvas. A work that is `gone` answers 404; one that is still `listed` stands
    in its artist's lists all the same. One that is `region_masked` shows its images to nobody here.
    """

    id: int
    artist_id: int
    title: str
    created: datetime
    uploaded: datetime
    pages: tuple[Page, ...] = (Page(),)
    kind: Kind = ILLUST
    delays: tuple[int, ...] = ()
    frame_forms: tuple[Form, ...] = ()
    caption: str = ""
    tags: tuple[str, ...] = ()
    x_restrict: int = 0
    restrict: int = 0
    ai_type: int = 1
    sanity_level: int = 2
    bookmark_count: int = 0
    like_count: int = 0
    view_count: int = 0
    comment_count: int = 0
    tool: str = ""
    language: str = ""
    series_id: int | None = None
    gone: bool = False
    listed: bool = True
    region_masked: bool = False

    @property
    def revision(self) -> str:
        """The 14 digits of the image path's time, which is Japan's."""
        return revision_of(self.uploaded)

    @property
    def first(self) -> Page:
        return self.pages[0]

    @property
    def is_ugoira(self) -> bool:
        return self.kind == UGOIRA

    def frame(self, number: int) -> Page:
        """Frame `number` (from 0) of an ugoira, as it was uploaded."""
        forms = self.frame_forms[number : number + 1]
        return replace(self.first, form=forms[0]) if forms else self.first


def revision_of(moment: datetime) -> str:
    """The 14 digits of a time, in Japan's."""
    return moment.astimezone(JAPAN).strftime("%Y%m%d%H%M%S")


FRAME_BOX = (1920, 1080)
"""pixiv: in the larger zip an ugoira's frames are scaled down to fit this box, and encoded again as JPEG."""


def fitted(width: int, height: int, box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same proportions that fits `box`, never larger than the size given."""
    share = min(1.0, box[0] / width, box[1] / height)
    return max(1, round(width * share)), max(1, round(height * share))


def frame_name(number: int) -> str:
    return f"{number:06d}.jpg"


def frames_of(work: Work) -> list[dict[str, str | int]]:
    """An ugoira's frames as ugoira_meta tells them."""
    return [{"file": frame_name(number), "delay": delay} for number, delay in enumerate(work.delays)]
