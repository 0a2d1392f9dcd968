"""Proves that a file is the whole picture: the check that every file from outside must pass.

Importing this module costs Pillow, simplejpeg and NumPy: import it where a proof is needed, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from pixivcrawl.archive.damage import WHERE_PIXIV_SAYS, Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.jpeg import prove_jpeg, read_jpeg
from pixivcrawl.archive.pictures import Picture
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.signatures import SNIFFED_BYTES, format_of_bytes
from pixivcrawl.archive.ugoira import prove_ugoira
from pixivcrawl.archive.verdict import Expected, Limits, Proof, fits

__all__ = ["Damaged", "Expected", "Limits", "Proof", "prove"]

_READ_AT_ONCE = 1 << 17
"""Bytes: a PNG of many small chunks takes a twentieth less time than with the 8 KB that Python reads by itself."""


def prove(path: Path, expected: Expected, limits: Limits) -> Proof:
    """Read the file to its end and decode all of it. Raises `Damaged` when it is not proven to be the whole picture.

    `Damaged.only_warned` marks the one case that a caller may accept, and then holds the proof. Raises `StorageFailed` if the disk fails.
    Takes 10 to 25 ms a MB of one core, 60 to 120 for a progressive JPEG.
    """
    with storage_errors(path), path.open("rb", buffering=_READ_AT_ONCE) as source:
        found = format_of_bytes(source.read(SNIFFED_BYTES))
        if found is None:
            raise Damaged("is not an image: " + _description(source), "not an image")
        if found != expected.format:
            raise Damaged(f"is a {found} instead of a {expected.format}", "wrong format")
        try:
            picture = _prove_as(expected, source, limits)
        except Damaged as damage:
            if damage.kind != "too many pixels" or not _would_pass(expected, limits):
                raise
            # Then its header is wrong, and another transfer may bring the right one.
            reason = f"has more pixels than PIXIV_MAX_PIXELS allows, {WHERE_PIXIV_SAYS} {_size(expected)}"
            raise Damaged(reason, "wrong size") from damage
    proof = Proof(found, picture.width, picture.height, picture.frames, picture.flaw, picture.sideways)
    if picture.doubt is not None:
        raise Damaged(picture.doubt, "decoder warning", proof)
    return proof


def _prove_as(expected: Expected, source: BinaryIO, limits: Limits) -> Picture:
    match expected.format:
        case "jpg":
            jpeg = read_jpeg(source, limits)
            _compare_size(jpeg.picture, expected)
            return prove_jpeg(jpeg)
        case "gif":
            picture = prove_gif(source, limits)
        case "png":
            picture = prove_png(source, limits)
        case "zip":
            return _prove_zip(source, expected, limits)
    _compare_size(picture, expected)
    return picture


def _prove_zip(source: BinaryIO, expected: Expected, limits: Limits) -> Picture:
    picture = prove_ugoira(source, expected.frames, limits)
    _compare_size(picture, expected)
    return picture


def _would_pass(expected: Expected, limits: Limits) -> bool:
    width, height = expected.width, expected.height
    return width is not None and height is not None and width * height <= limits.max_pixels


def _compare_size(picture: Picture, expected: Expected) -> None:
    if not fits(picture, expected.format, expected.width, expected.height):
        raise _wrong_size(picture, expected)


def _wrong_size(picture: Picture, expected: Expected) -> Damaged:
    return Damaged(f"has {picture.width} x {picture.height} pixels {WHERE_PIXIV_SAYS} {_size(expected)}", "wrong size")


def _size(expected: Expected) -> str:
    return f"{expected.width or 'any'} x {expected.height or 'any'}"


def _description(source: BinaryIO) -> str:
    source.seek(0)
    head = source.read(512)
    if not head:
        return "it is empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "it is a web page"
    if not any(head):
        return "it begins with zeros"
    return f"it begins with {head[:8].hex(' ')}"
