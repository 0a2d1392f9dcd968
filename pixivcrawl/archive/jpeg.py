"""The proof of a JPEG: a strict decode of every coefficient to one eighth of the size, and its end marker."""

from __future__ import annotations

import io
import mmap
import re
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import (
    Picture,
    decoder_memory,
    is_sideways,
    open_with_pillow,
    pillow_complaints,
    refuse_bomb,
)
from pixivcrawl.archive.verdict import Limits

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker. FF 00 and the restart markers D0 to D7 belong to the compressed data; any fill bytes before it are FF and are passed over.

That it begins with one certain byte lets `re` leap from FF to FF: twenty-five times as fast as a repetition, and the interpreter is held
for as long as it takes.
"""
_START_OF_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x01, 0xD8})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_SCANS = 200
_HOLE = bytes(512)
_BLOCK_BYTES = 128
"""A block of 8 x 8 coefficients as libjpeg keeps it, 16 bits each."""


Held = bytes | mmap.mmap
"""A file's bytes in memory. A large one is mapped, so that its memory goes back to the system and not to the allocator."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG whose markers were read; `end` is the position behind its end marker."""

    data: Held
    picture: Picture
    end: int
    decoder_bytes: int
    hole: bool


@dataclass(slots=True)
class _Markers:
    end: int | None = None
    scans: int = 0
    frame: bytes = b""
    hole: bool = False


def read_jpeg(data: Held, limits: Limits) -> Jpeg:
    """Read the header and find the end, decoding nothing. Raises `Damaged`."""
    image = open_with_pillow(JpegImageFile, _as_file(data))
    refuse_bomb(image.width, image.height, limits.max_pixels)
    markers = _markers(data)
    if markers.end is None:
        raise Damaged("is cut short: a JPEG without its end marker", "cut short")
    if markers.scans > _MOST_SCANS:
        raise Damaged(f"has {markers.scans} scans, more than the limit of {_MOST_SCANS}", "bomb")
    picture = Picture(image.width, image.height, sideways=is_sideways(image))
    return Jpeg(data, picture, markers.end, _decoder_bytes(markers, picture), markers.hole)


def prove_jpeg(jpeg: Jpeg) -> Picture:
    """Decode all of it; `doubt` when the strict decoder complains and a lenient one still shows a whole picture. Raises `Damaged`.

    Bytes behind the end marker (a second picture, a camera's trailer, padding) are not judged, but only when the
    strict decoder is content: otherwise the end marker may itself be damage, and what follows the lost rest.
    """
    with decoder_memory(jpeg.decoder_bytes):
        complaint = _strict_complaint(jpeg)
        if complaint is None:
            return jpeg.picture
        _decode_leniently(jpeg)
    if jpeg.end < len(jpeg.data):
        raise Damaged(
            f"is damaged before byte {jpeg.end:,}, where its end marker comes too early: {complaint}", "broken"
        )
    return replace(jpeg.picture, doubt=f"the strict decoder warns: {complaint}")


def _as_file(data: Held) -> BinaryIO:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    data.seek(0)
    return cast("BinaryIO", data)


def _strict_complaint(jpeg: Jpeg) -> str | None:
    try:
        simplejpeg.decode_jpeg(jpeg.data, strict=True, min_height=1, min_width=1, colorspace="GRAY")
    except ValueError as error:
        return " ".join(str(error).split())
    return f"a run of {len(_HOLE)} zero bytes where fine detail belongs" if jpeg.hole else None


def _decode_leniently(jpeg: Jpeg) -> None:
    image = open_with_pillow(JpegImageFile, _as_file(jpeg.data))
    with pillow_complaints():
        image.draft("L", (1, 1))
        image.load()


def _markers(data: Held) -> _Markers:
    """Walk from marker to marker; what stands between two is left to the decoder."""
    found = _Markers()
    position = 2
    refining = False
    while match := _MARKER.search(data, position):
        # Most bits of a refining scan correct coefficients one by one: zeros in their place decode without a complaint.
        found.hole = found.hole or (refining and data.find(_HOLE, position, match.start()) >= 0)
        refining = False
        code = match[1][0]
        position = match.end()
        if code == _END:
            found.end = position
            return found
        if code in _WITHOUT_LENGTH:
            continue
        segment = data[position : position + max(2, int.from_bytes(data[position : position + 2], "big"))]
        position += len(segment)
        if code in _FRAME_HEADERS:
            found.frame = segment
        elif code == _START_OF_SCAN:
            found.scans += 1
            refining = _refines_detail(segment)
    return found


def _refines_detail(scan_header: bytes) -> bool:
    """A progressive scan that adds a bit to coefficients other than the first; flat areas leave no long zeros there."""
    return len(scan_header) > 5 and scan_header[-3] > 0 and scan_header[-1] >> 4 > 0


def _decoder_bytes(markers: _Markers, picture: Picture) -> int:
    """What a decode to one eighth holds: the grey result, some rows, and with several scans all coefficients."""
    rows = picture.width * 64
    grey = (picture.width // 8 + 1) * (picture.height // 8 + 1)
    return rows + grey + (_coefficient_bytes(markers.frame, picture) if markers.scans > 1 else 0)


def _coefficient_bytes(frame: bytes, picture: Picture) -> int:
    factors = [(sampling >> 4, sampling & 15) for sampling in frame[9::3]]
    widest = max((across for across, _ in factors), default=1) or 1
    tallest = max((down for _, down in factors), default=1) or 1
    blocks = (picture.width // 8 + widest) * (picture.height // 8 + tallest)
    return sum(blocks * across * down for across, down in factors) * _BLOCK_BYTES // (widest * tallest)
