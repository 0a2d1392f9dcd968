"""What a picture looks like, in worker processes: two hashes and a few colours, by which others like it are found; and a closer look.

A picture that was scaled, pressed harder, converted or trimmed by two hundredths looks the same. One of a single colour, or nearly so,
shows too little to be told from others, and is like none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pixivcrawl.archive.drawing import FORMATS, shrunk

Numbers = NDArray[np.float32]

SIDE = 256
"""Pixels of the longest side at which a picture is looked at."""

CELLS = 8
"""Cells on each side of a hash: 64 bits."""

STEP = 1.0
"""Levels of grey by which a cell must be lighter than the one before it. With 0 the bits of an even ground would be those of its noise."""

LEAST_SHOWN = 8
"""How many of the 128 pairs of cells must differ by two steps. Blank pages with a number have 0 to 2, three plain shapes 11 or more."""

COLOURS = 4
"""Cells on each side whose mean colours are kept: 48 bytes."""

GRID, BLOCK, REACH = 128, 16, 4
"""The closer look: pixels a side, of each of its 64 blocks, and how far away the same detail may lie in the other picture: 3 %."""

LEAST_DETAIL, FULL_DETAIL = 2.0, 20.0
"""The deviation, in levels of grey, below which a block counts for nothing, and from which it counts most."""

LEAST_LIKENESS, LEAST_SHARE, IS_FOUND = 0.9, 0.92, 0.75
"""The mean correlation of the blocks, and the part of them that is found again, by its own correlation. Of 12 kinds of drawn pictures
copies had 0.92 and 0.96 at least, trimmed ones mostly so; others with hashes alike 0.86 and 0.64 at most."""


Fingerprint = tuple[int, int, bytes]
"""The hashes, of 64 bits each, of what changes from left to right and from top to bottom; and colours, row by row.

A plain tuple, so that a process that gets it from a worker need not import this module.
"""


def fingerprint(path: Path, kind: str, frame: str | None) -> Fingerprint | None:
    """The fingerprint of the original at `path`, of an ugoira its first frame; None if it shows too little, or cannot be decoded."""
    picture = shrunk(path, kind, frame, SIDE)
    return None if picture is None else _fingerprint(picture)


def fingerprint_any(path: Path) -> tuple[bool, Fingerprint | None]:
    """Whether any file can be decoded as a picture, WebP too; and what it looks like."""
    picture = shrunk(path, "image", None, SIDE, (*FORMATS, "WEBP"))
    return picture is not None, None if picture is None else _fingerprint(picture)


def are_alike(
    path: Path,
    kind: str,
    frame: str | None,
    others: Sequence[tuple[Path, str, str | None]],
    formats: tuple[str, ...] = (),
) -> list[bool]:
    """Which of some originals show what the picture at `path` does, after a closer look at each."""
    own = shrunk(path, kind, frame, SIDE, (*FORMATS, *formats))
    if own is None:
        return [False] * len(others)
    seen, alike = _details(own), []
    for other in others:
        picture = shrunk(*other, SIDE)
        alike.append(picture is not None and _show_the_same(seen, _details(picture)))
    return alike


def _fingerprint(picture: Image.Image) -> Fingerprint | None:
    grey = Image.fromarray(np.asarray(picture.convert("L"), dtype=np.float32))
    across = np.diff(_cells(grey, CELLS + 1, CELLS), axis=1)
    down = np.diff(_cells(grey, CELLS, CELLS + 1), axis=0)
    shown = sum(int(np.count_nonzero(np.abs(steps) > 2 * STEP)) for steps in (across, down))
    if shown < LEAST_SHOWN:
        return None
    colours = picture.convert("RGB").resize((COLOURS, COLOURS), Image.Resampling.BOX).tobytes()
    return _packed(across > STEP), _packed(down > STEP), colours


def _cells(grey: Image.Image, columns: int, rows: int) -> Numbers:
    return np.asarray(grey.resize((columns, rows), Image.Resampling.BOX))


def _packed(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _details(picture: Image.Image) -> Numbers:
    grey = picture.convert("L").resize((GRID, GRID), Image.Resampling.BOX).filter(ImageFilter.BoxBlur(1))
    return np.asarray(grey, dtype=np.float32)


def _show_the_same(one: Numbers, other: Numbers) -> bool:
    """Whether nearly all details of each lie near the same place in the other."""
    return all(_is_found(one, within=other) for one, other in ((one, other), (other, one)))


def _is_found(one: Numbers, *, within: Numbers) -> bool:
    count = GRID // BLOCK
    blocks = one.reshape(count, BLOCK, count, BLOCK).swapaxes(1, 2).reshape(count * count, -1)
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    deviations = blocks.std(axis=1)
    weights = np.where(deviations >= LEAST_DETAIL, np.minimum(deviations, FULL_DETAIL), 0.0)
    if not weights.any():
        return False
    windows = sliding_window_view(within, (BLOCK, BLOCK))
    spread = _deviations(within)
    best = np.zeros(len(blocks), dtype=np.float32)
    for number in np.flatnonzero(weights):
        there = np.ix_(*(_near(place * BLOCK) for place in divmod(int(number), count)))
        # A block's mean is 0, so that the windows' means need not be subtracted.
        products = windows[there].reshape(-1, BLOCK * BLOCK) @ blocks[number] / BLOCK**2
        best[number] = (products / np.maximum(spread[there].ravel() * deviations[number], 1.0)).max()
    likeness = float(np.average(best, weights=weights))
    return likeness >= LEAST_LIKENESS and float(np.average(best >= IS_FOUND, weights=weights)) >= LEAST_SHARE


def _near(start: int) -> NDArray[np.intp]:
    return np.arange(max(start - REACH, 0), min(start + REACH, GRID - BLOCK) + 1)


def _deviations(picture: Numbers) -> Numbers:
    """The deviation of each window of a picture, from sums over all that lies above and left."""
    sums = []
    for values in (picture.astype(np.float64), picture.astype(np.float64) ** 2):
        over = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
        sums.append(
            (over[BLOCK:, BLOCK:] - over[:-BLOCK, BLOCK:] - over[BLOCK:, :-BLOCK] + over[:-BLOCK, :-BLOCK]) / BLOCK**2
        )
    mean, mean_square = sums
    deviations: Numbers = np.sqrt(np.maximum(mean_square - mean**2, 0.0)).astype(np.float32)
    return deviations
