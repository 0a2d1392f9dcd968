"""Proves a JPEG whose subsampling simplejpeg does not accept (4:1:0 and other odd factors), scan by scan.

A component that stands alone in a scan is coded as a grey picture is, so that is what simplejpeg gets of it. Only scans in which
components take turns are read here, code by code: 1 MB in about two seconds, and rare enough for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.jpeg_decoder import complaint
from pixivcrawl.archive.jpeg_markers import DATA, DHT, DRI, END, SOS, Component, Frame, Held, Markers, Scan

_Codes = list[int]
"""By the next 16 bits: the length of the code that they begin with in the upper byte, its symbol in the lower; 0 for none."""

_Tables = tuple[_Codes | None, _Codes | None]
"""Of a block's first coefficient and of its others; None where a scan does not code them so."""

_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_NO_CODES: _Codes = [0] * (1 << 16)
_LOOKED_AT = 4
"""Bytes read at once for the next 16 bits: put behind the data so that there always are as many."""


def complaint_of_scans(data: Held, markers: Markers) -> str | None:
    """What is wrong with the compressed data; None when every coded block is there and nothing else is."""
    for place in range(len(markers.frame.components)):
        alone = _alone(data, markers, place)
        if alone and (found := complaint(alone, strict=True)) is not None:
            return found
    return next(_complaints_of_shared(data, markers), None)


def _alone(data: Held, markers: Markers, place: int) -> bytes:
    """A grey JPEG made of all scans that have only this component; empty if there are none."""
    frame, scans = markers.frame, iter(markers.scans)
    if not any(scan.components == (place,) for scan in markers.scans):
        return b""
    component = frame.components[place]
    parts = [b"\xff\xd8", _grey_header(frame, component)]
    if frame.progressive and not any(scan.components == (place,) and scan.first == 0 for scan in markers.scans):
        parts.append(_flat_scan(frame, component))
    for piece in markers.pieces:
        if piece.code == SOS:
            scan = next(scans)
            wanted = scan.components == (place,)
            if wanted:
                parts.append(b"\xff\xda\0\x08\1\0" + bytes(data[piece.stop - 4 : piece.stop]))
        elif piece.code in (DHT, DRI) or (piece.code == DATA and wanted):
            parts.append(bytes(data[piece.start : piece.stop]))
    return b"".join([*parts, END])


def _grey_header(frame: Frame, component: Component) -> bytes:
    """A quantisation table of ones, and the frame of one component, numbered 0."""
    width, height = frame.size_of(component)
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xdb\0\x43\0" + b"\1" * 64 + b"\xff" + bytes([frame.code]) + b"\0\x0b\x08" + size + b"\1\0\x11\0"


def _flat_scan(frame: Frame, component: Component) -> bytes:
    """A first scan that makes all blocks flat, one bit each: a decoder warns of details that come before it."""
    width, height = frame.size_of(component)
    blocks = -(-width // 8) * -(-height // 8)
    bits = bytes(blocks // 8) + bytes([0xFF >> blocks % 8])
    return b"\xff\xc4\0\x14\0\1" + bytes(16) + b"\xff\xda\0\x08\1\0\0\0\0\0" + bits


def _complaints_of_shared(data: Held, markers: Markers) -> Iterator[str]:
    """The complaints about each scan with several components."""
    tables: dict[int, _Codes] = {}
    interval = 0
    scans = iter(markers.scans)
    for piece in markers.pieces:
        body = bytes(data[piece.body : piece.stop]) if piece.code != DATA else b""
        if piece.code == DHT:
            tables.update(_tables(body))
        elif piece.code == DRI:
            interval = int.from_bytes(body[:2], "big")
        elif piece.code == SOS:
            scan = next(scans)
            blocks = _blocks_of_unit(markers.frame, scan, body[2:-3:2], tables)
        elif piece.code == DATA and len(scan.components) > 1:
            across, down = markers.frame.units()
            yield from _complaints(bytes(data[piece.start : piece.stop]), blocks, across * down, interval)


def _tables(body: bytes) -> Iterator[tuple[int, _Codes]]:
    """Each table of a segment, by its class in the upper and its number in the lower four bits."""
    while body:
        codes: _Codes = []
        start = 17
        for length, count in enumerate(body[1:17], 1):
            for symbol in body[start : start + count]:
                codes += [length << 8 | symbol] * (1 << 16 - length)
            if len(codes) > len(_NO_CODES):
                raise Damaged("a table has more codes than there are", "broken")
            start += count
        yield body[0], codes + _NO_CODES[len(codes) :]
        body = body[start:]


def _blocks_of_unit(frame: Frame, scan: Scan, selectors: bytes, tables: dict[int, _Codes]) -> list[_Tables]:
    """The tables of each block in a unit, in their order. A scan of first coefficients has one table, one that refines them none."""
    blocks: list[_Tables] = []
    for place, selector in zip(scan.components, selectors, strict=True):
        first = tables.get(selector >> 4, _NO_CODES) if scan.high == 0 else None
        others = tables.get(0x10 | selector & 15, _NO_CODES) if scan.last > 0 else None
        blocks += [(first, others)] * (frame.components[place].across * frame.components[place].down)
    return blocks


def _complaints(data: bytes, blocks: list[_Tables], units: int, interval: int) -> Iterator[str]:
    """The complaints about one scan: each stretch between restart markers on its own."""
    interval = interval or units
    parts = _RESTART.split(data)
    stretches, markers = parts[::2], parts[1::2]
    if len(stretches) != -(-units // interval):
        yield f"a scan has {len(stretches):,} stretches between restart markers where {-(-units // interval):,} belong"
    if any(marker[0] != 0xD0 + number % 8 for number, marker in enumerate(markers)):
        yield "restart markers are out of their order"
    for number, stretch in enumerate(stretches):
        bits = stretch.rstrip(b"\xff").replace(b"\xff\0", b"\xff")
        try:
            left = 8 * len(bits) - _end_of_codes(bits, blocks, min(interval, units - number * interval))
        except ValueError as error:
            yield str(error)
            return
        if left >= 8:
            yield f"{left // 8:,} extraneous bytes behind a scan's last block"


def _end_of_codes(data: bytes, blocks: list[_Tables], units: int) -> int:
    """The position, in bits, after the last unit's last code. Raises ValueError."""
    end, position = 8 * len(data), 0
    data += bytes(_LOOKED_AT)
    for _ in range(units):
        for first, others in blocks:
            position = _after_block(data, position, first, others)
        if position > end:
            raise ValueError("a scan's data end before its last block")
    return position


def _after_block(data: bytes, position: int, first: _Codes | None, others: _Codes | None) -> int:
    if first is None:
        return position + 1
    code = first[_next_bits(data, position)]
    if not code:
        raise ValueError(f"bad Huffman code at bit {position:,} of a scan")
    # A code is followed by as many bits as the lower half of its symbol says.
    position += (code >> 8) + (code & 15)
    coefficient = 1
    while others is not None and coefficient < 64:
        code = others[_next_bits(data, position)]
        if not code:
            raise ValueError(f"bad Huffman code at bit {position:,} of a scan")
        position += (code >> 8) + (code & 15)
        if code & 15 == 0 and code & 0xF0 != 0xF0:
            break  # the block's end
        coefficient += (code >> 4 & 15) + 1
    else:
        if coefficient > 64:
            raise ValueError("a run reaches beyond a block's last coefficient")
    return position


def _next_bits(data: bytes, position: int) -> int:
    """The 16 bits from a position on."""
    start = position >> 3
    return int.from_bytes(data[start : start + _LOOKED_AT], "big") >> 16 - (position & 7) & 0xFFFF
