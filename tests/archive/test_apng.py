"""Animated PNG: the still is proven as any, and what is wrong with a frame behind it is a flaw."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import pytest
from PIL.PngImagePlugin import PngImageFile

from pixivcrawl.api.text import plural
from pixivcrawl.archive.pictures import Picture
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.proof import Damaged, Limits
from tests.archive.drawn_png import KINDS, chunk, drawn, palette, png_header, png_of

HEADER = png_header(8, 6)
STREAM = zlib.compress(bytes(9 * 6))
STILL = chunk(b"IDAT", STREAM)


def promise(frames: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", frames, 0))


def place(number: int, width: int = 8, height: int = 6, x: int = 0, y: int = 0) -> bytes:
    return chunk(b"fcTL", struct.pack(">5I2H2B", number, width, height, x, y, 1, 10, 0, 0))


def data(number: int, body: bytes = STREAM) -> bytes:
    return chunk(b"fdAT", number.to_bytes(4, "big") + body)


def read(*chunks: bytes, limits: Limits | None = None) -> Picture:
    return prove_png(io.BytesIO(png_of(HEADER, *chunks)), limits or Limits())


WHOLE = {
    "the still is the first frame": (2, [promise(2), place(0), STILL, place(1), data(2)]),
    "the still is no frame": (1, [promise(1), STILL, place(0), data(1)]),
    "one frame": (1, [promise(1), place(0), STILL]),
    "data in parts": (1, [promise(1), STILL, place(0), data(1, STREAM[:3]), data(2, b""), data(3, STREAM[3:])]),
    "smaller frames": (
        3,
        [
            *(promise(3), STILL),
            *(place(0, 1, 1, 7, 5), data(1, zlib.compress(bytes(2)))),
            *(place(2, 8, 1, 0, 5), data(3, zlib.compress(bytes(9)))),
            *(place(4, 3, 2, 5, 4), data(5, zlib.compress(bytes(8)))),
        ],
    ),
}


@pytest.mark.parametrize("name", list(WHOLE))
def test_a_whole_animation_is_whole(name: str) -> None:
    frames, chunks = WHOLE[name]
    assert read(*chunks) == Picture(8, 6, frames)
    assert PngImageFile(io.BytesIO(png_of(HEADER, *chunks))).n_frames >= frames


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_frame_is_coded_as_the_still_is(colour: int, depth: int, interlaced: bool) -> None:
    still, frame = (drawn(*size, colour, depth, interlaced=interlaced) for size in ((9, 7), (5, 3)))
    rows = zlib.compress(b"".join(frame.rows))
    for stream, whole in ((rows, True), (zlib.compress(b"".join(frame.rows)[:-1]), False)):
        body = png_of(
            still.header,
            *([palette(1 << depth)] if colour == 3 else []),
            promise(1),
            chunk(b"IDAT", zlib.compress(b"".join(still.rows))),
            place(0, 5, 3, 4, 4),
            data(1, stream),
        )
        picture = prove_png(io.BytesIO(body), Limits())
        assert picture.flaw == (None if whole else "has 0 whole frames where it promises 1")


def has(frames: int, promised: int) -> str:
    return f"has {plural(frames, 'whole frame')} where it promises {promised}"


FLAWED: dict[str, tuple[str, int, Sequence[bytes]]] = {
    "fewer frames than promised": (has(1, 3), 1, [promise(3), place(0), STILL]),
    "more frames than promised": (has(2, 1), 2, [promise(1), place(0), STILL, place(1), data(2)]),
    "no frames promised": (has(0, 0), 1, [promise(0), STILL]),
    "frames without a promise": (has(1, 0), 1, [STILL, place(0), data(1)]),
    "promised twice": ("no acTL", 1, [promise(1), promise(2), place(0), STILL]),
    "promised too late": ("no acTL", 1, [STILL, promise(1), place(0), data(1)]),
    "a frame without data": (has(1, 2), 1, [promise(2), place(0), STILL, place(1)]),
    "a still that is two frames": (has(1, 2), 1, [promise(2), place(0), place(1), STILL]),
    "a still that is a smaller frame": (has(0, 1), 1, [promise(1), place(0, 8, 5), STILL]),
    "a frame that is cut": (has(1, 2), 1, [promise(2), place(0), STILL, place(1), data(2, STREAM[:-1])]),
    "a frame that breaks": (has(1, 2), 1, [promise(2), place(0), STILL, place(1), data(2, STREAM[:-1] + b"?")]),
    "data behind what breaks": (has(0, 1), 1, [promise(1), STILL, place(0), data(1, b"??"), data(2)]),
    "a frame that swells": (has(0, 1), 1, [promise(1), STILL, place(0), data(1, zlib.compress(bytes(10**6)))]),
    "a row too much": ("follow the last", 1, [promise(1), STILL, place(0), data(1, zlib.compress(bytes(9 * 7)))]),
    "no columns": (has(0, 1), 1, [promise(1), STILL, place(0, 0, 6), data(1)]),
    "no rows": (has(0, 1), 1, [promise(1), STILL, place(0, 8, 0), data(1)]),
    "outside to the right": (has(0, 1), 1, [promise(1), STILL, place(0, 8, 6, 1, 0), data(1)]),
    "outside below": (has(0, 1), 1, [promise(1), STILL, place(0, 8, 6, 0, 1), data(1)]),
    "outside, behind one that fits": (
        has(1, 2),
        1,
        [promise(2), STILL, place(0), data(1), place(2, 8, 6, 1, 0), data(3)],
    ),
    "numbers from one": ("numbered", 1, [promise(1), STILL, place(1), data(2)]),
    "a number left out": ("numbered", 1, [promise(1), STILL, place(0), data(2)]),
    "a number twice": ("numbered", 1, [promise(1), STILL, place(0), data(0)]),
    "data without a frame": ("numbered", 1, [promise(1), place(0), STILL, data(3)]),
    "a long place": ("fcTL chunk has 27", 1, [promise(1), STILL, chunk(b"fcTL", bytes(27)), data(1)]),
    "a short promise": ("acTL chunk has 7", 1, [chunk(b"acTL", bytes(7)), STILL]),
    "no number": ("fdAT chunk has 3", 1, [promise(1), STILL, place(0), data(1), chunk(b"fdAT", bytes(3))]),
}


@pytest.mark.parametrize("name", list(FLAWED))
def test_an_odd_animation_is_flawed_where_the_still_is_whole(name: str) -> None:
    says, frames, chunks = FLAWED[name]
    picture = read(*chunks)
    assert (picture.width, picture.height, picture.frames) == (8, 6, frames)
    assert picture.flaw is not None
    assert says in picture.flaw


@pytest.mark.parametrize("name", [*WHOLE, *FLAWED])
def test_without_its_still_no_animation_is_kept(name: str) -> None:
    chunks = (WHOLE | {name: flawed[1:] for name, flawed in FLAWED.items()})[name][1]
    with pytest.raises(Damaged) as damage:
        read(*(chunk(b"IDAT", STREAM[:-1]) if each == STILL else each for each in chunks))
    assert damage.value.kind == "cut short"


@pytest.mark.parametrize(
    "lost",
    [
        b"\0\0\0\1????",
        b"\x7f\xff\xff\xfffdAT",
        b"\0\0\0\0tEXt????",
        chunk(b"gdAT", bytes(4) + STREAM)[:-1] + b"?",
        chunk(b"FdAT", bytes(4) + STREAM)[:-1] + b"?",
    ],
)
def test_a_frame_that_may_have_been_what_cannot_be_read_is_damage(lost: bytes) -> None:
    assert read(promise(1), place(0), STILL, lost).flaw is not None
    with pytest.raises(Damaged, match="frames of its animation are missing") as damage:
        read(promise(2), place(0), STILL, place(1), lost)
    assert damage.value.kind == "broken"


def test_all_frames_together_have_a_bound() -> None:
    frames = [part for number in range(10) for part in (place(2 * number), data(2 * number + 1))]
    assert read(promise(10), STILL, *frames, limits=Limits(max_pixels=48)).frames == 10
    with pytest.raises(Damaged, match="too many pixels after 11 frames") as damage:
        read(promise(11), STILL, *frames, place(20, 1, 1), data(21), limits=Limits(max_pixels=48))
    assert damage.value.kind == "bomb"
