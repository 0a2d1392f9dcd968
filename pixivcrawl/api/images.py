"""Image addresses: which work, page and revision an address belongs to.

pixiv: the time in an image's path is Japan's (+09:00) and changes when the artist replaces, adds or reorders images: a
revision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Literal
from urllib.parse import SplitResult, urlsplit

ImageKind = Literal["original", "zip", "master", "thumb", "placeholder"]
"""`master` is reduced to 1200 pixels, `thumb` smaller or cut; a `placeholder` stands where the reader may not see it."""

LARGEST_ID = 2**63 - 1

LONGEST_URL = 2048
"""Characters; pixiv's own image addresses have about a hundred."""

EARLIEST_YEAR = 2000
"""pixiv opened in 2007. The time becomes that of a file, which not every file system can set to one before 1980."""

_PRINTABLE = re.compile(r"[!-~]+")
_REVISION = re.compile(r"\d{14}", re.ASCII)
_DATED = r"img/(?P<time>\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d)"
# pixiv: works that only those who know the address may see carry a hash after the id.
_WORK = r"(?P<work>[1-9]\d{0,18})(?:-[0-9a-f]{32})?"
_END = r"\.(?P<extension>[a-z0-9]{1,5})"
_SHAPES: tuple[tuple[ImageKind, re.Pattern[str]], ...] = (
    (
        "original",
        re.compile(
            rf"/img-original/{_DATED}/{_WORK}_(?:p|ugoira)(?P<page>\d{{1,5}})\.(?P<extension>jpe?g|png|gif)", re.ASCII
        ),
    ),
    ("zip", re.compile(rf"/img-zip-ugoira/{_DATED}/{_WORK}_ugoira\d+x\d+\.(?P<extension>zip)", re.ASCII)),
    ("master", re.compile(rf"/img-master/{_DATED}/{_WORK}(?:_p(?P<page>\d{{1,5}}))?_master1200{_END}", re.ASCII)),
    (
        "thumb",
        re.compile(
            rf"(?:/c/[\w-]+)?/(?:img-master|custom-thumb)/{_DATED}/{_WORK}(?:_p(?P<page>\d{{1,5}}))?"
            rf"_(?:master|square|custom)1200{_END}",
            re.ASCII,
        ),
    ),
    # pixiv: limit_unknown_360.png, limit_unviewable_s.png, limit_r18_100.gif ...: what comes last is a size. No work's picture lies in
    # /common/images/.
    (
        "placeholder",
        re.compile(
            r"(?:(?:/[\w.-]+)*/(?=limit_)|/common/images/(?:[\w-]+/)*)(?P<because>[a-z0-9-]+(?:_[a-z0-9-]+)*?)"
            rf"(?:_(?:\d+(?:x\d+)?(?:_\w+)?|x{{0,3}}[sml]{{1,2}}))?{_END}",
            re.ASCII | re.IGNORECASE,
        ),
    ),
)


_OF_USER = re.compile(
    rf"(?:/c/[\w-]+)?(?P<itself>/(?P<part>user-profile|background)/{_DATED}/\d+_[0-9a-f]{{32}})(?:_(?:50|170|master1200))?"
    r"\.(?P<extension>jpe?g|png|gif)",
    re.ASCII,
)
"""pixiv: avatars are named in 50 and 170 pixels, backgrounds within a box; as uploaded both lie beside, without the size."""


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """What an image address names.

    `page` counts from 0 and is 0 for an ugoira's zip. `revision` is the 14 digits of the path's time (Japan's). A
    placeholder belongs to no work: its `work_id` and `revision` are None, and `because` says why it stands there
    (limit_unknown, limit_sanity_level, limit_unviewable, limit_mypixiv).
    """

    kind: ImageKind
    work_id: int | None
    page: int
    revision: str | None
    extension: str
    because: str | None = None


def _parts(url: str) -> SplitResult | None:
    """The parts of a web address; None if it is not one."""
    # urlsplit passes over line ends and spaces that the address would still hold.
    if len(url) > LONGEST_URL or not _PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.netloc else None


def read_image_url(url: str) -> ImageUrl | None:
    """What an image address names, on any host; None if it is not the address of a work's image."""
    return _image_named(url) if len(url) <= LONGEST_URL else None


@lru_cache(maxsize=1024)
def _image_named(url: str) -> ImageUrl | None:
    """Kept for a while: of ten reads of an address, seven are of one that the same answer, its work's row or its page names too."""
    if (parts := _parts(url)) is None:
        return None
    for kind, shape in _SHAPES:
        if found := shape.fullmatch(parts.path):
            return _read(kind, found.groupdict())
    return None


def _read(kind: ImageKind, found: dict[str, str | None]) -> ImageUrl | None:
    extension = found["extension"] or ""
    if kind == "placeholder":
        return ImageUrl(kind, None, 0, None, extension.lower(), (found["because"] or "").lower())
    work_id = int(found["work"] or 0)
    revision = (found["time"] or "").replace("/", "")
    if work_id > LARGEST_ID or not is_revision(revision):
        return None
    return ImageUrl(kind, work_id, int(found.get("page") or 0), revision, extension)


@dataclass(frozen=True, slots=True)
class UserImageUrl:
    """What the address of a user's picture names; `url` is the address of the uploaded file, not reduced."""

    kind: Literal["avatar", "background"]
    url: str
    revision: str
    extension: str


def read_user_image_url(url: str) -> UserImageUrl | None:
    """What the address of a user's picture names; None for any other, such as pixiv's placeholder.

    pixiv: the path's time is Japan's, and changes with the picture.
    """
    parts = _parts(url)
    if parts is None or (found := _OF_USER.fullmatch(parts.path)) is None:
        return None
    revision = found["time"].replace("/", "")
    if not is_revision(revision):
        return None
    kind: Literal["avatar", "background"] = "avatar" if found["part"] == "user-profile" else "background"
    itself = parts._replace(path=f"{found['itself']}.{found['extension']}", query="", fragment="").geturl()
    return UserImageUrl(kind, itself, revision, found["extension"])


def is_revision(text: str) -> bool:
    """Whether `text` is 14 digits that make a time, such as `20220811234614`, in a year in which pixiv may have existed."""
    if not _REVISION.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        time(int(text[8:10]), int(text[10:12]), int(text[12:]))
    except ValueError:
        return False
    return int(text[:4]) >= EARLIEST_YEAR


def first_frame_url(zip_url: str, extension: str) -> str:
    """The address of an ugoira's first frame as it was uploaded, from the address of its zip.

    pixiv: the larger zip is named after the box that its frames fit.
    """
    return re.sub(
        r"_ugoira\d+x\d+\.zip$", f"_ugoira0.{extension}", zip_url.replace("/img-zip-ugoira/", "/img-original/")
    )


def frame_url(first_frame: str, number: int) -> str:
    """The address of frame `number` (from 0), from the address of the first one."""
    return re.sub(r"_ugoira0(\.\w+)$", rf"_ugoira{number}\1", first_frame)


def original_url(host: str, work_id: int, page: int, revision: str, extension: str) -> str:
    """The address of a page's original; `host` is such as `https://i.pximg.net`. Raises ValueError if `revision` is not one."""
    return f"{host}/img-original/img/{_dated(revision)}/{work_id}_p{page}.{extension}"


def zip_url(host: str, work_id: int, revision: str) -> str:
    """The address of the larger of an ugoira's two zips. Raises ValueError as `original_url`."""
    return f"{host}/img-zip-ugoira/img/{_dated(revision)}/{work_id}_ugoira1920x1080.zip"


def _dated(revision: str) -> str:
    """The part of an address that a revision becomes."""
    if not is_revision(revision):
        raise ValueError(f"{revision!r} is no revision: 14 digits that make a time are needed")
    return "/".join((revision[:4], *(revision[at : at + 2] for at in range(4, 14, 2))))
