from __future__ import annotations

import io
import random
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pixivcrawl.archive.pictures import Picture
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.drawn_png import KINDS, chunk, drawn, palette, png_header, png_of
from tests.archive.making import drawing, encoded, flipped, png


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
    "1 bit": png(mode="1"),
    "16 bit grey": png(mode="I;16"),
    "uncompressed": png(compress_level=0),
    "animated": animated(),
    "profile": png(icc_profile=bytes(3_000_000)),
    "long note": noted("x" * 3_000_000),
}
EACH = pytest.mark.parametrize("name", list(WHOLE))


def proven(folder: Path, body: bytes, width: int | None = None, height: int | None = None) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("png", width, height), Limits())


def read(body: bytes, limits: Limits | None = None) -> Picture:
    return prove_png(io.BytesIO(body), limits or Limits())


def refused(body: bytes, limits: Limits | None = None) -> Damaged:
    with pytest.raises(Damaged) as damage:
        read(body, limits)
    assert not damage.value.only_warned
    return damage.value


def chunks_of(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk, and where it begins and ends."""
    at = 8
    while at < len(body):
        end = at + 12 + int.from_bytes(body[at : at + 4], "big")
        yield body[at + 4 : at + 8], at, end
        at = end


@EACH
def test_every_kind_of_whole_png_passes(tmp_path: Path, name: str) -> None:
    assert proven(tmp_path, WHOLE[name], 240, 160) == Proof("png", 240, 160, 3 if name == "animated" else 1)


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_kind_and_size_is_read_as_another_decoder_reads_it(colour: int, depth: int, interlaced: bool) -> None:
    """To the byte: one too many would be missed, one too few a flaw. Before any row, a filter that there is not is noticed."""
    for width in range(1, 18):
        for height in range(1, 18):
            drawing = drawn(width, height, colour, depth, interlaced=interlaced)
            body = drawing.png()
            assert shown_by_pillow(body, colour) == drawing.shown()
            assert read(body) == Picture(width, height)
            place = random.Random(f"{width} {height}").randrange(len(drawing.rows))
            wrong = [b"\5" + row[1:] if number == place else row for number, row in enumerate(drawing.rows)]
            assert refused(drawing.png(wrong)).kind == "broken"


def shown_by_pillow(body: bytes, colour: int) -> bytes:
    image = PngImageFile(io.BytesIO(body))
    image.load()
    match image.mode, colour:
        case "1", _:
            return image.convert("L").tobytes()
        case "I;16", _:
            return image.tobytes()[1::2]
        case "RGBA", 4:
            return image.convert("LA").tobytes()
    return image.tobytes()


@pytest.mark.parametrize("filter_byte", range(256))
def test_a_row_is_filtered_in_one_of_five_ways(filter_byte: int) -> None:
    """Also where the rows come in many pieces, and the byte in question lies far behind the first of them."""
    rows = [bytes(1001)] * 600
    body = png_of(
        png_header(1000, 600), chunk(b"IDAT", zlib.compress(b"".join([*rows[:-1], bytes([filter_byte, *rows[0][1:]])])))
    )
    if filter_byte < 5:
        assert read(body) == Picture(1000, 600)
    else:
        assert refused(body).kind == "broken"


@EACH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_flipped_bit_is_noticed(name: str, data: st.DataObject) -> None:
    """Where pixels may have changed it is damage; elsewhere, and where a chunk beside them lost its name, it may be a flaw."""
    body = WHOLE[name]
    kind, start, end = data.draw(st.sampled_from(list(chunks_of(body))))
    place = data.draw(st.integers(start, end - 1))
    damaged = flipped(body, place, data.draw(st.integers(0, 7)))
    if kind in (b"iCCP", b"zTXt") or (kind == b"tRNS" and place < start + 8):
        try:
            assert read(damaged).flaw
        except Damaged:
            return
    else:
        refused(damaged)


@EACH
@pytest.mark.parametrize("missing", [1, 4, 8, 12, 13])
def test_a_cut_end_is_noticed(name: str, missing: int) -> None:
    assert refused(WHOLE[name][:-missing]).kind == "cut short"


ROWS = b"\0\1\2\3" * 5
HEADER = png_header(3, 5)
STREAM = zlib.compress(ROWS)
PIXELS = chunk(b"IDAT", STREAM)


def misread(kind: bytes, body: bytes) -> bytes:
    """A chunk whose checksum is wrong."""
    whole = chunk(kind, body)
    return whole[:-1] + bytes([whole[-1] ^ 1])


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([chunk(b"IDAT", zlib.compress(ROWS[:-4]))], "cut short"),
        ([chunk(b"IDAT", STREAM[:-4])], "cut short"),
        ([chunk(b"IDAT", STREAM[:-1])], "cut short"),
        ([chunk(b"IDAT", STREAM[:-1] + b"?")], "checksum"),
        ([chunk(b"IDAT", b"not deflated")], "checksum"),
        ([chunk(b"IDAT", zlib.compress(ROWS + bytes(1 << 16) + b"\0"))], "bomb"),
        ([chunk(b"IDAT", zlib.compress(ROWS + bytes(10**7)))], "bomb"),
        ([chunk(b"IDAT", STREAM[:9]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", STREAM[9:])], "broken"),
        ([PIXELS, chunk(b"tEXt", b"a\0b"), PIXELS], "broken"),
        ([], "cut short"),
        ([chunk(b"tEXt", b"a\0b")], "cut short"),
        ([b"\0\0\0\1????", PIXELS], "broken"),
        ([b"\0\0\0\1tE1t?????", PIXELS], "broken"),
        ([b"\xff\0\0\0tEXt", PIXELS], "cut short"),
        ([chunk(b"IHDR", HEADER), PIXELS], "broken"),
        ([PIXELS, chunk(b"IHDR", HEADER)], "broken"),
        ([misread(b"IDAT", STREAM)], "checksum"),
        ([misread(b"PLTE", bytes(3)), PIXELS], "checksum"),
        ([misread(b"tRNS", bytes(2)), PIXELS], "checksum"),
        ([misread(b"acTL", bytes(8)), PIXELS], "checksum"),
        ([misread(b"fcTL", bytes(26)), PIXELS], "checksum"),
        ([PIXELS, misread(b"fdAT", bytes(26))], "checksum"),
        ([PIXELS, misread(b"IEND", b"")], "checksum"),
        ([misread(b"NEWx", b""), PIXELS], "checksum"),
        ([chunk(b"NEWx", b""), PIXELS], "unknown coding"),
        ([PIXELS, chunk(b"NEWx", b"")], "unknown coding"),
        ([chunk(b"CgBI", b"\0\0\0\0"), PIXELS], "unknown coding"),
        ([chunk(b"Newx", b""), PIXELS], "unknown coding"),
        ([b"\0\0\0\x011Ext?????", PIXELS], "broken"),
    ],
)
def test_what_makes_the_picture_is_judged_strictly(chunks: list[bytes], kind: str) -> None:
    assert refused(png_of(HEADER, *chunks)).kind == kind


ODD_PALETTES = {
    "behind": lambda first, pixels: [*first, pixels, palette(2)],
    "twice": lambda _first, pixels: [palette(2), palette(2), pixels],
    "empty": lambda _first, pixels: [chunk(b"PLTE", b""), pixels],
    "not in threes": lambda _first, pixels: [chunk(b"PLTE", bytes(4)), pixels],
    "too long": lambda _first, pixels: [palette(257), pixels],
}


@pytest.mark.parametrize("odd", list(ODD_PALETTES))
@pytest.mark.parametrize("colour", [0, 2, 3, 4, 6])
def test_an_odd_palette_is_damage_where_pixels_need_it_and_else_a_flaw(odd: str, colour: int) -> None:
    one = drawn(1, 1, colour, 8, interlaced=False)
    pixels = chunk(b"IDAT", zlib.compress(bytes(len(one.rows[0]))))
    body = png_of(one.header, *ODD_PALETTES[odd]([palette(2)] if colour == 3 else [], pixels))
    if colour == 3:
        damage = refused(body)
        assert (damage.kind, damage.reason) == ("broken", "its palette is invalid or misplaced")
        return
    assert "an invalid or misplaced palette, which its pixels do not need" in str(read(body).flaw)


def test_a_palette_is_there_for_pixels_that_need_one() -> None:
    header = png_header(3, 5, depth=8, colour=3)
    assert refused(png_of(header, PIXELS)).kind == "broken"
    assert read(png_of(header, palette(4), PIXELS)) == Picture(3, 5)
    assert read(png_of(header, palette(3), PIXELS)).flaw == "its pixels name colour 3 of a palette of 3"
    assert read(png_of(header, palette(256), PIXELS)) == Picture(3, 5)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_small_palette_is_large_enough_for_few_bits(depth: int) -> None:
    rows = zlib.compress(b"\0\xff")
    header = png_header(8 // depth, 1, depth, 3)
    assert read(png_of(header, palette(1 << depth), chunk(b"IDAT", rows))).flaw is None
    highest = (1 << depth) - 1
    flaw = read(png_of(header, palette(highest), chunk(b"IDAT", rows))).flaw
    assert flaw == f"its pixels name colour {highest} of a palette of {highest}"
    flaw = read(png_of(header, palette(highest + 2), chunk(b"IDAT", rows))).flaw
    assert flaw == "has more colours in its palette than a pixel can name"


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("filters", [[0], [0, 0, 0, 1], [0, 2], range(5)])
def test_a_colour_that_the_palette_lacks_is_found_however_the_rows_are_sent(
    depth: int, interlaced: bool, filters: Sequence[int]
) -> None:
    drawing = drawn(5, 6, 3, depth, interlaced=interlaced, filters=filters)
    highest = max(colour for row in drawing.pixels for (colour,) in row)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(drawing.rows)))
    for colours in range(1, highest + 2):
        flaw = f"its pixels name colour {highest} of a palette of {colours}" if colours <= highest else None
        assert read(png_of(drawing.header, palette(colours), pixels)).flaw == flaw


def test_unfiltered_colours_take_no_more_memory_or_time_than_other_pixels() -> None:
    body = png_of(
        png_header(3000, 3000, 8, 3), palette(2), chunk(b"IDAT", zlib.compress((b"\0\1" + bytes(2999)) * 3000))
    )
    assert read(body, Limits(memory=2 << 20)) == Picture(3000, 3000)


WHOLE_CHUNKS = {
    "one": [PIXELS],
    "in many pieces": [chunk(b"IDAT", b""), *(chunk(b"IDAT", bytes([byte])) for byte in STREAM)],
    "private before": [chunk(b"prVt", b"unknown"), PIXELS],
    "private behind": [PIXELS, chunk(b"prVt", b"unknown")],
    "text": [chunk(b"tEXt", b"a\0b"), PIXELS],
    "packed text": [chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b")), PIXELS],
    "text of the world": [
        chunk(b"iTXt", b"a\0\0\0\0\0b"),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"b")),
        PIXELS,
    ],
    "profile": [chunk(b"iCCP", b"n" * 79 + b"\0\0" + zlib.compress(b"b")), PIXELS],
    "lengths": [
        *(
            chunk(kind, bytes(length))
            for kind, length in {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7, b"bKGD": 2}.items()
        ),
        *(
            chunk(kind, bytes(length))
            for kind, length in {b"sBIT": 1, b"tRNS": 2, b"oFFs": 9, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}.items()
        ),
        PIXELS,
    ],
    "EXIF": [chunk(b"eXIf", b"II*\0\x08" + bytes(9)), chunk(b"eXIf", b"MM\0*\0\0\0\x08" + bytes(6)), PIXELS],
}


@pytest.mark.parametrize("name", list(WHOLE_CHUNKS))
def test_what_the_format_allows_is_whole(tmp_path: Path, name: str) -> None:
    assert proven(tmp_path, png_of(HEADER, *WHOLE_CHUNKS[name]), 3, 5) == Proof("png", 3, 5, 1)


JUNK = random.Random(0).randbytes(300)
FLAWED = {
    "checksum of its tEXt": [misread(b"tEXt", b"a\0b"), PIXELS],
    "checksum of its prVt": [PIXELS, misread(b"prVt", b"unknown")],
    "pHYs chunk has 2 bytes": [chunk(b"pHYs", bytes(2)), PIXELS],
    "gAMA chunk has 5 bytes": [PIXELS, chunk(b"gAMA", bytes(5))],
    "tRNS chunk has 6 bytes": [chunk(b"tRNS", bytes(6)), PIXELS],
    "bKGD chunk has 1 bytes": [chunk(b"bKGD", bytes(1)), PIXELS],
    "hIST chunk has 2 bytes": [chunk(b"hIST", bytes(2)), PIXELS],
    "iCCP chunk does not begin": [chunk(b"iCCP", b"name\0\1" + zlib.compress(b"b")), PIXELS],
    "zTXt chunk does not begin": [chunk(b"zTXt", b"name\0\1"), PIXELS],
    "iTXt chunk does not begin": [chunk(b"iTXt", b"name\0\0\1\0\0b"), PIXELS],
    "eXIf chunk does not begin": [chunk(b"eXIf", b"Exif\0\0II*\0"), PIXELS],
    "palette beside grey": [palette(4), PIXELS],
    "bytes follow the last of its rows": [chunk(b"IDAT", zlib.compress(ROWS + b"excess"))],
    "bytes follow the last": [chunk(b"IDAT", STREAM + b"behind the stream")],
    "bytes follow": [chunk(b"IDAT", zlib.compress(ROWS + bytes(1 << 16)))],
    "follow the last": [PIXELS, chunk(b"IDAT", b"behind the stream")],
    "no chunk stand before its end": [PIXELS, JUNK],
    "that are no chunk": [PIXELS, b"\0"],
    "are no chunk": [PIXELS, bytes(1 << 18)],
    "no chunk stand": [PIXELS, bytes((1 << 18) - 5)],
    "no chunk": [PIXELS, b"\0\0\0\1NEWx?????"],
    "no chunk stand before": [PIXELS, b"\x7f\xff\xff\xfftEXt"],
    "has 0 whole frames where it promises 2": [chunk(b"acTL", b"\0\0\0\2\0\0\0\0"), PIXELS],
}


@pytest.mark.parametrize("says", list(FLAWED))
def test_what_is_odd_beside_the_pixels_is_a_flaw(tmp_path: Path, says: str) -> None:
    proof = proven(tmp_path, png_of(HEADER, *FLAWED[says]), 3, 5)
    assert (proof.width, proof.height, proof.frames) == (3, 5, 1)
    assert proof.flaw is not None
    assert says in proof.flaw
    assert ";" not in proof.flaw


@pytest.mark.parametrize("colour", [0, 2, 3, 4, 6])
def test_what_a_chunk_says_of_a_colour_has_as_many_samples(colour: int) -> None:
    """Chapter 11.3: the colour types decide how long these chunks are, and whether they may be there."""
    lengths: dict[bytes, dict[int, set[int]]] = {
        b"bKGD": {0: {2}, 2: {6}, 3: {1}, 4: {2}, 6: {6}},
        b"sBIT": {0: {1}, 2: {3}, 3: {3}, 4: {2}, 6: {4}},
        b"tRNS": {0: {2}, 2: {6}, 3: {1, 2}},
        b"hIST": {3: {4}},
    }
    one = drawn(1, 1, colour, 8, interlaced=False)
    colours = [palette(2)] if colour == 3 else []
    stream = chunk(b"IDAT", zlib.compress(bytes(len(one.rows[0]))))
    for kind, allowed in lengths.items():
        for length in range(10):
            flaw = read(png_of(one.header, *colours, chunk(kind, bytes(length)), stream)).flaw
            if kind == b"hIST" and colour != 3:
                continue
            said = f"its {kind.decode()} chunk has {length} bytes, which is not a valid length"
            assert flaw == (None if length in allowed.get(colour, ()) else said)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (png_header(0, 5), "broken"),
        (png_header(3, 0), "broken"),
        (HEADER[:-1], "broken"),
        (HEADER + b"\0", "broken"),
        (png_header(3, 5, interlace=2), "unknown coding"),
        (HEADER[:10] + b"\1\0\0", "unknown coding"),
        (HEADER[:10] + b"\0\1\0", "unknown coding"),
        *(
            (png_header(3, 5, depth, colour), "unknown coding")
            for colour in range(8)
            for depth in range(20)
            if (colour, depth) not in KINDS
        ),
    ],
)
def test_a_header_that_cannot_be_is_refused(header: bytes, kind: str) -> None:
    assert refused(png_of(header, PIXELS)).kind == kind


def test_another_chunk_first_is_broken() -> None:
    body = WHOLE["RGB"]
    assert refused(body[:8] + chunk(b"CgBI", b"\0\0\0\0") + body[8:]).kind == "broken"
    assert refused(body[:8]).kind == "broken"
    assert refused(flipped(body, 20)).kind == "checksum"


def test_bytes_behind_the_end_are_counted() -> None:
    assert read(WHOLE["RGB"] + b"trailing").flaw == "8 bytes after its end"
    assert read(png_of(HEADER, PIXELS, chunk(b"IEND", b"!"))).flaw == (
        "bytes stand within its end chunk; 12 bytes after its end"
    )
    assert read(png_of(HEADER, PIXELS, JUNK) + bytes(1234)).flaw == (
        "bytes that are no chunk stand before its end; 1,234 bytes after its end"
    )


def test_a_line_has_room_for_three_flaws_and_each_is_told_once() -> None:
    kinds = [bytes([97, 97, letter, letter]) for letter in range(97, 123)]
    flaw = read(png_of(HEADER, *(misread(kind, b"") for kind in kinds for _ in range(3)), PIXELS)).flaw
    assert flaw == "; ".join(f"the checksum of its {kind.decode()} chunk is wrong" for kind in kinds[:3])


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


def test_memory_does_not_grow_with_the_picture_or_its_chunks() -> None:
    """Twelve megabytes of rows, a private chunk of twelve more, three thousand small ones: two megabytes."""
    rows = zlib.compress(bytes(4001) * 3_000, 1)
    private = [chunk(b"prVt", bytes(12 << 20)), *[chunk(b"prVt", b"")] * 3_000]
    body = png_of(png_header(4000, 3_000), *private, chunk(b"IDAT", rows))
    tracemalloc.start()
    source = io.BytesIO(body)
    assert prove_png(source, Limits(memory=2 << 20)) == Picture(4000, 3_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20
    assert refused(body, Limits(memory=(2 << 20) - 1)).kind == "too much memory"


class Shrinking(io.BytesIO):
    """A file that was longer when its length was asked for."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return super().seek(offset, whence) + 1000 * (whence == 2)


@pytest.mark.parametrize("kept", [len(HEADER) + 20, 45, 50, 60])
def test_a_file_that_shrinks_while_it_is_read_is_cut_short(kept: int) -> None:
    whole = png_of(HEADER, chunk(b"tEXt", b"some words"), PIXELS)
    with pytest.raises(Damaged) as damage:
        prove_png(Shrinking(whole[:kept]), Limits())
    assert damage.value.kind == "cut short"


def test_the_memory_for_colours_is_reckoned_before_they_are_looked_for() -> None:
    rows = zlib.compress((b"\1" + bytes(3000)) * 3000)
    body = png_of(png_header(3000, 3000, 8, 3), palette(2), chunk(b"IDAT", rows))
    needed = 3000 * 3008 + 2 * (len(rows) + 12) + (1 << 17)
    assert read(body, Limits(memory=needed)) == Picture(3000, 3000)
    assert refused(body, Limits(memory=needed - 1)).kind == "too much memory"
    full = png_of(png_header(3000, 3000, 8, 3), palette(256), chunk(b"IDAT", rows))
    assert read(full, Limits(memory=2 << 20)) == Picture(3000, 3000)
    tall = png_of(png_header(1, 10_000, 8, 3), palette(2), chunk(b"IDAT", zlib.compress(b"\1\0" * 10_000)))
    assert read(tall, Limits(memory=8 << 20)).flaw is None
