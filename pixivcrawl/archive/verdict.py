"""The input and output of a proof, apart from the decoders, so that importing this is cheap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pixivcrawl.archive.layout import Format
from pixivcrawl.items import Frame

MAX_PIXELS = 500_000_000
"""Pixels of one picture that are decoded by default: 20,000 x 20,000 passes."""

MEMORY = 1 << 30
"""Bytes that one proof may take by default: a progressive JPEG of 13,000 x 13,000 passes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the API says about a file: format, size in pixels, an ugoira's frames; None for what it does not say."""

    format: Format
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one proof may use: pixels of one picture, and bytes of memory for the file and its decoder together."""

    max_pixels: int = MAX_PIXELS
    memory: int = MEMORY


class Picture(Protocol):
    """What the decoders say of a picture, as far as it is compared with what pixiv says."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def sideways(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """What the bytes of a whole picture say: pixels as stored (of one frame for an ugoira) and the number of frames.

    `flaw` says in one line what is odd beside the pixels, which are all proven; None when nothing is. `sideways`: the file says that
    the picture is to be shown turned by a quarter, so that pixiv may give width and height swapped.
    """

    format: Format
    width: int
    height: int
    frames: int
    flaw: str | None = None
    sideways: bool = field(default=False, compare=False)


_UGOIRA_BOX = (1920, 1080)
"""pixiv: the larger of an ugoira's two zips holds its frames scaled down to fit this many pixels."""


def fits(found: Picture, format: Format, width: int | None, height: int | None) -> bool:
    """Whether a picture has the size that pixiv gives for its page; for an ugoira's zip, whether its frames have that size scaled down."""
    if format == "zip":
        return width is None or height is None or _fits_in_box(found, width, height)
    sizes = [(found.width, found.height), *([(found.height, found.width)] if found.sideways else [])]
    return any(width in (None, across) and height in (None, down) for across, down in sizes)


def _fits_in_box(found: Picture, width: int, height: int) -> bool:
    """The API's proportions, no larger than the API's size and no smaller than the box allows, give or take a pixel."""
    scale = min(1.0, _UGOIRA_BOX[0] / width, _UGOIRA_BOX[1] / height)
    return (
        width * scale - 1 <= found.width <= width + 1
        and height * scale - 1 <= found.height <= height + 1
        and abs(found.width * height - found.height * width) <= width + height
    )
