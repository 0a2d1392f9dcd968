"""What a proof is asked and what it answers, apart from the decoders: to import this costs none of them."""

from __future__ import annotations

from dataclasses import dataclass

from pixivcrawl.archive.layout import Format
from pixivcrawl.items import Frame

MAX_PIXELS = 500_000_000
"""Pixels of one picture that are decoded by default: 20,000 x 20,000 passes."""

MEMORY = 1 << 30
"""Bytes that one proof may take by default: a progressive JPEG of 13,000 x 13,000 passes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the API says of a file: format, size in pixels, an ugoira's frames; None where it does not say."""

    format: Format
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one proof may take: pixels of one picture, and bytes of memory for the file and its decoder together."""

    max_pixels: int = MAX_PIXELS
    memory: int = MEMORY


@dataclass(frozen=True, slots=True)
class Proof:
    """What the bytes of a whole picture say: pixels as stored (of one frame for an ugoira) and the number of frames.

    `flaw` says in one line what is odd beside the pixels, which are all proven; None when nothing is.
    """

    format: Format
    width: int
    height: int
    frames: int
    flaw: str | None = None
