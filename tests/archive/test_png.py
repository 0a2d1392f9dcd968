from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.making import chunk, drawing, encoded, flipped, png, png_header, png_of

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def interlaced(width: int, height: int) -> bytes:
    """A grey interlaced PNG, which Pillow reads but does not write."""
    pixels = drawing(width, height, "L").tobytes()
    rows = [
        b"\0" + bytes(pixels[y * width + x] for x in range(column, width, across))
        for column, row, across, down in ADAM7
        for y in range(row, height, down)
        if column < width
    ]
    return png_of(png_header(width, height, interlace=1), chunk(b"IDAT", zlib.compress(b"".join(rows))))


def animated(frames: int = 3) -> bytes:
    pictures = [drawing(seed=number) for number in range(frames)]
    return encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=80)


def noted(text: str) -> bytes:
    note = PngInfo()
    note.add_text("XML:com.adobe.xmp", text, zip=True)
    return png(pnginfo=note)


WHOLE = {
    "RGB": png(),
    "RGBA": png(mode="RGBA"),
    "grey": png(mode="L"),
    "grey and alpha": png(mode="LA"),
    "palette": encoded(drawing().quantize(200), "PNG"),
    "palette of 4": encoded(drawing().quantize(4), "PNG"),
    "palette with transparency": encoded(drawing().quantize(16), "PNG", transparency=3),
    "1 bit": png(233, 177, "1"),
    "16 bit grey": png(mode="I;16"),
    "interlaced": interlaced(241, 163),
    "interlaced and tiny": interlaced(1, 1),
    "interlaced and narrow": interlaced(3, 40),
    "uncompressed": png(compress_level=0),
    "flat": encoded(Image.new("RGB", (3000, 3000)), "PNG"),
    "animated": animated(),
    "profile": png(icc_profile=bytes(3_000_000)),
    "long note": noted("x" * 3_000_000),
    "several pixel chunks": png(900, 700),
}
EACH = pytest.mark.parametrize("name", list(WHOLE))


def proven(folder: Path, body: bytes, width: int | None = None, height: int | None = None) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("png", width, height), Limits())


def refused(folder: Path, body: bytes) -> Damaged:
    with pytest.raises(Damaged) as damage:
        proven(folder, body)
    assert not damage.value.only_warned
    return damage.value


@EACH
def test_every_kind_of_whole_png_passes(tmp_path: Path, name: str) -> None:
    size = Image.open(io.BytesIO(WHOLE[name])).size
    assert proven(tmp_path, WHOLE[name], *size) == Proof("png", *size, 3 if name == "animated" else 1)


@EACH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    body = WHOLE[name]
    place = data.draw(st.integers(8, len(body) - 1))
    refused(tmp_path_factory.getbasetemp(), flipped(body, place, data.draw(st.integers(0, 7))))


@EACH
@pytest.mark.parametrize("missing", [1, 4, 12, 13])
def test_a_cut_end_is_noticed(tmp_path: Path, name: str, missing: int) -> None:
    assert refused(tmp_path, WHOLE[name][:-missing]).kind == "cut short"


def test_what_follows_the_last_chunk_is_not_judged(tmp_path: Path) -> None:
    assert proven(tmp_path, WHOLE["RGB"] + b"trailing").width == 240


ROWS = b"\0\1\2\3" * 5
HEADER = png_header(3, 5)


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([chunk(b"IDAT", zlib.compress(ROWS[:-4]))], "cut short"),
        ([chunk(b"IDAT", zlib.compress(ROWS)[:-4])], "cut short"),
        ([chunk(b"IDAT", zlib.compress(ROWS)[:-1] + b"?")], "checksum"),
        ([chunk(b"IDAT", b"not deflated")], "checksum"),
        ([chunk(b"IDAT", zlib.compress(ROWS + bytes(10**6)))], "bomb"),
        (
            [chunk(b"IDAT", zlib.compress(ROWS)[:9]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", zlib.compress(ROWS)[9:])],
            "broken",
        ),
        ([], "cut short"),
        ([b"\0\0\0\1????"], "broken"),
        ([b"\xff\0\0\0tEXt"], "broken"),
    ],
)
def test_well_formed_chunks_are_not_enough(tmp_path: Path, chunks: list[bytes], kind: str) -> None:
    assert refused(tmp_path, png_of(HEADER, *chunks)).kind == kind


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"IDAT", zlib.compress(ROWS))],
        [chunk(b"IDAT", zlib.compress(ROWS + b"excess"))],
        [chunk(b"IDAT", zlib.compress(ROWS) + b"behind the stream")],
        [chunk(b"IDAT", b""), *(chunk(b"IDAT", bytes([byte])) for byte in zlib.compress(ROWS))],
        [chunk(b"IDAT", zlib.compress(ROWS)), chunk(b"prVt", b"unknown")],
    ],
)
def test_what_viewers_take_is_taken(tmp_path: Path, chunks: list[bytes]) -> None:
    assert proven(tmp_path, png_of(HEADER, *chunks), 3, 5).format == "png"


@pytest.mark.parametrize(
    "header",
    [
        png_header(3, 5, depth=3),
        png_header(3, 5, depth=16, colour=3),
        png_header(3, 5, colour=5),
        png_header(3, 5, interlace=2),
        png_header(0, 5),
        png_header(3, 0),
        HEADER[:-1],
    ],
)
def test_a_header_that_cannot_be_is_broken(tmp_path: Path, header: bytes) -> None:
    assert refused(tmp_path, png_of(header, chunk(b"IDAT", zlib.compress(ROWS)))).kind == "broken"


def test_another_chunk_first_is_broken(tmp_path: Path) -> None:
    body = WHOLE["RGB"]
    assert refused(tmp_path, body[:8] + chunk(b"CgBI", b"\0\0\0\0") + body[8:]).kind == "broken"


def test_an_animation_that_promises_more_frames_is_cut_short(tmp_path: Path) -> None:
    body = WHOLE["animated"]
    at = body.index(b"acTL")
    more = body[: at - 4] + chunk(b"acTL", b"\0\0\0\4\0\0\0\0") + body[at + 16 :]
    assert refused(tmp_path, more).kind == "cut short"


@pytest.mark.parametrize(("orientation", "turned"), [(3, False), (6, True)])
def test_a_png_on_its_side_may_have_the_pair_swapped(tmp_path: Path, orientation: int, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = png(exif=exif)
    if turned:
        assert proven(tmp_path, body, 160, 240).width == 240
    else:
        with pytest.raises(Damaged, match="160 x 240"):
            proven(tmp_path, body, 160, 240)
