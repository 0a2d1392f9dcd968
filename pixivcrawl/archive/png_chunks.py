"""The chunks of a PNG that say something beside its pixels: how long each kind is, and which methods it may name."""

from __future__ import annotations

import re
import sys
from collections.abc import Container

_LENGTHS: dict[bytes, Container[int]] = {
    b"acTL": (8,),
    b"cHRM": (32,),
    b"cICP": (4,),
    b"cLLI": (8,),
    b"fcTL": (26,),
    b"fdAT": range(4, sys.maxsize),
    b"gAMA": (4,),
    b"mDCV": (24,),
    b"oFFs": (9,),
    b"pHYs": (9,),
    b"sRGB": (1,),
    b"tIME": (7,),
}
_LENGTHS_BY_COLOUR: dict[bytes, dict[int, Container[int]]] = {
    b"bKGD": {0: (2,), 2: (6,), 3: (1,), 4: (2,), 6: (6,)},
    b"sBIT": {0: (1,), 2: (3,), 3: (3,), 4: (2,), 6: (4,)},
}
_BEGINNINGS = {
    # A keyword, and the one method of compression that there is; iTXt also says whether it is compressed at all.
    b"iCCP": re.compile(rb"[^\0]{1,79}\0\0"),
    b"zTXt": re.compile(rb"[^\0]{1,79}\0\0"),
    b"iTXt": re.compile(rb"[^\0]{1,79}\0[\0\1]\0"),
    # The two orders of bytes that TIFF knows.
    b"eXIf": re.compile(rb"II\*\0|MM\0\*"),
}


def oddity(kind: bytes, length: int, beginning: bytes, colour: int, palette: int) -> str | None:
    """What is wrong with an ancillary chunk whose checksum is right, in a PNG with a palette of so many colours; None when nothing is."""
    if length not in _lengths(kind, colour, palette):
        return f"its {kind.decode()} chunk has {length:,} bytes, which is not a valid length"
    pattern = _BEGINNINGS.get(kind)
    if pattern is not None and not pattern.match(beginning):
        return f"its {kind.decode()} chunk does not begin as such a chunk does"
    return None


def _lengths(kind: bytes, colour: int, palette: int) -> Container[int]:
    if kind == b"tRNS":
        return {0: (2,), 2: (6,), 3: range(1, palette + 1)}.get(colour, ())
    if kind == b"hIST":
        return (2 * palette,)
    if kind in _LENGTHS_BY_COLOUR:
        return _LENGTHS_BY_COLOUR[kind][colour]
    return _LENGTHS.get(kind, range(sys.maxsize))
