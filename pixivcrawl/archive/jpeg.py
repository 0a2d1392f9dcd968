"""Proves a JPEG: decodes every coefficient strictly, to one eighth of the size, from only what matters for the pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.jpeg_decoder import complaint
from pixivcrawl.archive.jpeg_markers import END, Frame, Held, Markers, blank, read_markers
from pixivcrawl.archive.jpeg_scans import complaint_of_scans
from pixivcrawl.archive.jpeg_segments import Segments
from pixivcrawl.archive.pictures import Picture, add_flaw, hold, joined, refuse_memory, refuse_pixels
from pixivcrawl.archive.tiff import turns_sideways
from pixivcrawl.archive.verdict import Limits

_BLOCK_BYTES = 128
"""A block of 8 x 8 coefficients as libjpeg keeps it, 16 bits each."""

_ROW_BYTES = 64
"""What libjpeg holds for each column of a picture, at most: some rows of samples, scaled down."""

_TABLES_BYTES = 16 << 20
"""The tables of the codes, of which there are eight, while they are made."""

_FACTORS = frozenset({(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4)})
"""A first component's sampling that simplejpeg takes while the others have 1 x 1 (of four, the last as the first)."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG whose markers were read; `size` is the file's length without what was appended to it."""

    data: Held
    size: int
    markers: Markers
    picture: Picture

    @property
    def without_end(self) -> bool:
        return self.markers.end > self.size


def read_jpeg(source: BinaryIO, limits: Limits) -> Jpeg:
    """Read the whole file and its markers without decoding. Raises `Damaged`, also if decoding would take too much memory."""
    size = source.seek(0, 2)
    refuse_memory(size, limits)
    data = hold(source, size, END)
    markers = read_markers(data, size)
    frame, segments = markers.frame, Segments(data, markers.beside)
    refuse_pixels(frame.width, frame.height, limits.max_pixels)
    refuse_memory(size + max(_bytes_beside(markers), _decoder_bytes(markers)), limits)
    for flaw in segments.flaws(markers.end, size):
        add_flaw(markers.flaws, flaw)
    picture = Picture(frame.width, frame.height, sideways=turns_sideways(segments.exif), flaw=joined(markers.flaws))
    blank(data, markers.beside)
    return Jpeg(data, size, markers, picture)


def prove_jpeg(jpeg: Jpeg) -> Picture:
    """Decode the whole picture; sets `doubt` if the strict decoder complains but a lenient one still shows a whole picture. Raises
    `Damaged`.

    Bytes behind the end marker (a second picture, a camera's trailer, padding) are not judged, but only when the strict decoder is
    content: otherwise the end marker may itself be damage, and the bytes after it the missing rest.
    """
    if jpeg.without_end:
        if not _is_whole_without_end(jpeg):
            raise Damaged("is cut short: a JPEG without its end marker", "cut short")
        return jpeg.picture
    begun = {place for scan in jpeg.markers.scans if scan.first == 0 for place in scan.components}
    if len(begun) < len(jpeg.markers.frame.components):
        raise Damaged("is cut short: a component has no scan", "cut short")
    warning = _warning(jpeg.data, jpeg.markers)
    if warning is None:
        return jpeg.picture
    if _takes(jpeg.markers.frame) and (refusal := _decoded(jpeg.data, jpeg.markers, strict=False)) is not None:
        raise Damaged(f"cannot be decoded: {refusal}", "broken")
    if jpeg.markers.end < jpeg.size:
        raise Damaged(
            f"is damaged before byte {jpeg.markers.end:,}, where its end marker comes too early: {warning}", "broken"
        )
    return replace(jpeg.picture, doubt=f"the strict decoder warns: {warning}")


def _is_whole_without_end(jpeg: Jpeg) -> bool:
    """Whether every coded block is there, followed only by zeros.

    Zeros do not count as data, although they may be. Arithmetic coding leaves out some at its end, so that missing ones cannot be noticed.
    """
    if jpeg.markers.frame.arithmetic or not _is_coded(jpeg.markers):
        return False
    end = jpeg.size
    while jpeg.data[end - 1] == 0:
        end -= 1
    jpeg.data[end : end + len(END)] = END
    return _warning(jpeg.data, read_markers(jpeg.data, end)) is None


def _is_coded(markers: Markers) -> bool:
    """Whether there are scans for every coefficient of every component, to its last bit."""
    low = {
        (place, coefficient): scan.low
        for scan in markers.scans
        for place in scan.components
        for coefficient in range(scan.first, scan.last + 1)
    }
    return all(low.get((place, number)) == 0 for place in range(len(markers.frame.components)) for number in range(64))


def _warning(data: Held, markers: Markers) -> str | None:
    """What a strict decoder says about the picture; None if it has no complaint."""
    if markers.hole:
        return "a run of zero bytes where the coding has none"
    is_coded = _is_coded(markers)
    # Bytes that belong to nothing may be a lost scan, or what an arithmetic decoder then makes up without a word.
    if markers.broken_off and (markers.frame.arithmetic or not is_coded):
        return "a scan is broken off"
    if not _takes(markers.frame) and markers.frame.arithmetic:
        return "no strict decoder takes its subsampling in arithmetic coding"
    warning = _decoded(data, markers, strict=True) if _takes(markers.frame) else complaint_of_scans(data, markers)
    if warning is None and markers.frame.progressive and not is_coded:
        # The standard allows it, no known encoder does it: the picture is reduced, or was cut between two scans and given an end marker.
        return "its scans do not bring all of its detail"
    return warning


def _decoded(data: Held, markers: Markers, *, strict: bool) -> str | None:
    with memoryview(data) as view, view[: markers.end] as picture:
        return complaint(picture, strict=strict)


def _takes(frame: Frame) -> bool:
    """Whether simplejpeg accepts the subsampling."""
    factors = [component[1:] for component in frame.components]
    first = factors[0]
    usual = first in _FACTORS and set(factors[1:3]) <= {(1, 1)} and factors[3:] in ([], [first])
    return len(factors) == 1 or usual


def _bytes_beside(markers: Markers) -> int:
    """Memory for examining what does not matter for the pixels: its bytes, and some of them again in order."""
    return 2 * sum(piece.stop - piece.start for piece in markers.beside)


def _decoder_bytes(markers: Markers) -> int:
    """Memory for a decode to one eighth: the result, some rows and, with several scans, all coefficients."""
    frame = markers.frame
    colours = 5 if len(frame.components) == 4 else 1
    result = colours * -(-frame.width // 8) * -(-frame.height // 8)
    in_one_pass = not frame.progressive and len(markers.scans[0].components) == len(frame.components)
    across, down = frame.units()
    blocks = 0 if in_one_pass else sum(component.across * component.down for component in frame.components)
    # Scans that are read here are split and copied, and need their tables.
    scans = 0 if _takes(frame) else 4 * markers.end + _TABLES_BYTES
    return result + _ROW_BYTES * frame.width + blocks * across * down * _BLOCK_BYTES + scans
