from __future__ import annotations

import io
import random
import struct
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.pictures import Picture
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.drawn_gif import blocks, extension, frame, packed, screen
from tests.archive.making import drawing, encoded, gif, zeroed


def disposing() -> bytes:
    pictures = [drawing(120, 90, "RGBA", seed=number) for number in range(4)]
    for number, picture in enumerate(pictures):
        picture.paste((0, 0, 0, 0), (number * 20, 10, number * 20 + 30, 60))
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:], disposal=2, duration=50, loop=0)


WHOLE = {
    "still": (gif(), 1),
    "animated": (gif(5), 5),
    "transparent": (disposing(), 4),
    "grey": (encoded(drawing(120, 90, "L"), "GIF"), 1),
    "two colours": (encoded(drawing(120, 90, "1"), "GIF"), 1),
    "interlaced": (encoded(drawing(120, 90).quantize(64), "GIF", interlace=True), 1),
    "not interlaced": (encoded(drawing(120, 90).quantize(64), "GIF", interlace=False), 1),
    "comment": (encoded(drawing(120, 90).quantize(64), "GIF", comment=b"x;," * 300), 1),
    "flat": (encoded(Image.new("P", (120, 90)), "GIF"), 1),
}
EACH = pytest.mark.parametrize("name", list(WHOLE))


def proven(folder: Path, body: bytes) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("gif", 120, 90), Limits())


def read(body: bytes, limits: Limits | None = None) -> Picture:
    return prove_gif(io.BytesIO(body), limits or Limits())


def refused(body: bytes, limits: Limits | None = None) -> Damaged:
    with pytest.raises(Damaged) as damage:
        read(body, limits)
    assert not damage.value.only_warned
    return damage.value


@EACH
def test_every_kind_of_whole_gif_passes(tmp_path: Path, name: str) -> None:
    body, frames = WHOLE[name]
    assert proven(tmp_path, body) == Proof("gif", 120, 90, frames)


@EACH
def test_a_missing_trailer_zeros_and_trailing_bytes_are_flaws(name: str) -> None:
    body, frames = WHOLE[name]
    flawed = {
        body[:-1]: "has no trailer behind its last block",
        body[:-1] + bytes(511) + b";": "zeros stand between its blocks",
        body[:-1] + b"\0": "zeros stand between its blocks; has no trailer behind its last block",
        body + b"\0trailing": "9 bytes after its trailer",
    }
    for each, flaw in flawed.items():
        assert read(each) == Picture(120, 90, frames, flaw=flaw)


@EACH
def test_within_a_block_it_is_cut_short(name: str) -> None:
    body = WHOLE[name][0]
    for end in (6, 10, 12, 13, 20, *range(770, len(body) - 1, 97), len(body) - 2):
        assert refused(body[:end]).kind == "cut short"


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_size_and_way_of_packing_is_read_as_another_decoder_reads_it(bits: int, interlaced: bool) -> None:
    """A pixel less than the header says is noticed."""
    dice = random.Random(bits)
    sizes = [(width, height) for width in range(1, 18) for height in range(1, 18)]
    for width, height in [*dice.sample(sizes, 60), (120, 90)]:
        pixels = bytes(dice.randrange(1 << bits) for _ in range(width * height))
        facts = {"bits": bits, "interlaced": interlaced, "block": dice.choice([1, 2, 100, 254, 255])}
        start = screen(width, height, dice.randrange(9))
        body = start + frame(pixels, width, colour_bits=dice.randrange(9), **facts) + b";"
        image = GifImageFile(io.BytesIO(body))
        image.load()
        assert image.tobytes() == pixels
        assert read(body) == Picture(width, height)
        if len(pixels) > 1:
            place = struct.pack("<4HB", 0, 0, width, height, interlaced << 6)
            refused(start + b"," + place + bytes([bits]) + blocks(packed(pixels[:-1], bits)) + b";")


BLACK = bytes(12)
FRAME = frame(BLACK, 4)
START = screen(4, 3)


@pytest.mark.parametrize("colour_bits", range(9))
def test_tables_of_colours_are_passed_over(colour_bits: int) -> None:
    """Made of random bytes, none of them is taken for a block."""
    body = screen(4, 3, colour_bits) + frame(BLACK, 4, colour_bits=colour_bits) * 2 + b";"
    assert read(body) == Picture(4, 3, 2)
    whole_table = screen(4, 3, colour_bits)
    assert refused(whole_table).kind == "cut short"
    assert refused(whole_table + b";").kind == "broken"


@pytest.mark.parametrize(
    "extensions",
    [
        extension(0xF9, bytes(4)),
        extension(0xFE, b"comment", b",;!", b"," * 255),
        extension(0xFF, b"NETSCAPE2.0", b"\1\0\0"),
        extension(0x01, bytes(12), b"text"),
        extension(0xCC, b"unknown"),
        extension(0x00),
        b"".join(extension(label, bytes([label]) * max(1, label)) for label in range(256) if label != 0xF9),
    ],
)
def test_extensions_are_passed_over_wherever_they_stand(extensions: bytes) -> None:
    assert read(START + extensions + FRAME + extensions + FRAME + extensions + b";") == Picture(4, 3, 2)
    assert refused(START + FRAME + extensions[:-1]).kind == "cut short"


@pytest.mark.parametrize("bodies", [(), (bytes(3),), (bytes(5),), (bytes(4), bytes(4))], ids=len)
def test_an_odd_control_block_is_a_flaw(bodies: tuple[bytes, ...]) -> None:
    """Chromium shows no such file."""
    assert "not 4 bytes long" in str(read(START + extension(0xF9, *bodies) + FRAME + b";").flaw)


@pytest.mark.parametrize("code_size", range(256))
def test_codes_have_up_to_eight_bits(code_size: int) -> None:
    """No decoder sees others."""
    at = FRAME.index(b"\x08")
    body = START + FRAME[:at] + bytes([code_size]) + FRAME[at + 1 :] + b";"
    if 1 <= code_size <= 8:
        assert code_size < 8 or read(body)
    else:
        damage = refused(body)
        assert (damage.kind, damage.reason[:9]) == ("unknown coding", "frame 1: ")


def test_two_colours_may_have_codes_of_one_bit() -> None:
    codes = bytes([0b00100010, 0b00100010, 0b11])  # clear, colour 0, clear, colour 0, and so on to the end
    body = screen(4, 1) + b"," + struct.pack("<4HB", 0, 0, 4, 1, 0) + b"\1" + blocks(codes) + b";"
    assert read(body) == Picture(4, 1)


@pytest.mark.parametrize("name", ["still", "animated", "transparent"])
@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_hole_is_noticed(name: str, place: float) -> None:
    body = WHOLE[name][0]
    refused(zeroed(body, int(len(body) * place), 400))


@pytest.mark.parametrize("keep", [0.4, 0.8, 0.95])
def test_a_cut_with_a_trailer_put_on_is_noticed(keep: float) -> None:
    body = WHOLE["still"][0]
    refused(body[: int(len(body) * keep)] + b"\0;")


def test_a_frame_that_ends_early_is_noticed_whatever_follows() -> None:
    """Lower than its data say: a decoder that runs on takes the next frame's bytes for the missing rows."""
    body, taller = bytearray(WHOLE["not interlaced"][0]), 100
    at = body.index(b",\0\0\0\0" + struct.pack("<HH", 120, 90))
    body[at + 7 : at + 9] = struct.pack("<H", taller)
    body[8:10] = struct.pack("<H", taller)
    damage = refused(bytes(body))
    assert damage.reason.startswith("frame 1: ")
    second = FRAME.replace(struct.pack("<2H", 4, 3), struct.pack("<2H", 4, 4))
    assert refused(screen(4, 4) + FRAME + second + FRAME + b";").reason.startswith("frame 2: ")


@pytest.mark.parametrize("kind", sorted(set(range(256)) - set(b"\0!,;")))
def test_anything_else_between_blocks_is_broken(kind: int) -> None:
    damage = refused(START + FRAME + bytes([kind]) + FRAME + b";")
    assert damage.kind == "broken"
    assert damage.reason.endswith(f"at byte {len(START + FRAME)}")


def test_a_disks_sector_of_zeros_is_a_hole() -> None:
    assert read(START + (FRAME + bytes(511)) * 2 + b";").flaw == "zeros stand between its blocks"
    assert refused(START + FRAME + bytes(512) + FRAME + b";").kind == "broken"


def test_no_picture_is_broken() -> None:
    assert refused(START + b";").kind == "broken"
    assert refused(START + extension(0xFE, b"comment")).kind == "cut short"


@pytest.mark.parametrize(
    ("place", "flaw"),
    [
        ({}, None),
        ({"x": 4}, None),
        ({"y": 3}, None),
        ({"x": 5}, "frame 1 reaches beyond the picture"),
        ({"y": 4}, "frame 1 reaches beyond the picture"),
    ],
)
def test_a_frame_beyond_the_picture_is_a_flaw(place: dict[str, int], flaw: str | None) -> None:
    assert read(screen(8, 6) + frame(BLACK, 4, **place) + b";") == Picture(8, 6, flaw=flaw)


@pytest.mark.parametrize("size", [(0, 0), (8, 0), (0, 6)])
def test_a_picture_without_a_size_has_that_of_its_first_frame(size: tuple[int, int]) -> None:
    body = screen(*size) + frame(BLACK, 4, x=4, y=3) + FRAME + b";"
    assert read(body) == Picture(8, 6, 2, flaw="has no size except that of its first frame")


def without_pixels(width: int, height: int, data: bytes, bits: int = 2) -> bytes:
    return b"," + struct.pack("<4HB", 0, 0, width, height, 0) + bytes([bits]) + blocks(data)


@pytest.mark.parametrize("size", [(0, 0), (4, 0), (0, 3)])
@pytest.mark.parametrize("data", [b"", bytes([0b00101100])], ids=["no codes", "clear and end"])
def test_browsers_pass_over_a_frame_without_pixels_beside_others(size: tuple[int, int], data: bytes) -> None:
    empty = without_pixels(*size, data)
    for frames in (empty + FRAME, FRAME + empty, FRAME + empty + empty):
        assert read(START + frames + b";").flaw == "has a frame without pixels"
    assert refused(START + empty + b";").kind == "broken"


def test_a_frame_whose_size_is_lost_is_broken() -> None:
    """Its data hold pixels, or a hole covers the size of its codes too."""
    for lost in (without_pixels(0, 3, packed(BLACK, 2)), without_pixels(0, 0, b"", bits=0)):
        assert refused(START + FRAME + lost + b";").kind in ("broken", "unknown coding")


def test_frames_are_bounded_by_themselves_and_together() -> None:
    body = WHOLE["still"][0]
    assert read(body, Limits(120 * 90)).frames == 1
    assert refused(body, Limits(120 * 90 - 1)).kind == "too many pixels"
    assert refused(START + FRAME * 2 + frame(bytes(16), 4) + b";", Limits(12)).reason.startswith("frame 3: has 4 x 4")
    assert read(START + FRAME * 10 + b";", Limits(12)).frames == 10
    damage = refused(START + FRAME * 10 + frame(b"\0", 1) + b";", Limits(12))
    assert damage.kind == "bomb"
    assert damage.reason.startswith("frame 11: with those before it")
    for size in ((0, 3), (4, 0)):
        empty = FRAME.replace(struct.pack("<2H", 4, 3), struct.pack("<2H", *size))
        assert refused(START + empty + b";").kind == "broken"


def test_memory_is_that_of_one_frame_and_reckoned_before() -> None:
    dice = random.Random(0)
    pixels = dice.randbytes(200 * 150)
    one = frame(pixels, 200)
    body = screen(200, 150) + one * 12 + b";"
    needed = 2 * (len(one) - 10) + 150 * (200 + 8) + (1 << 17)
    tracemalloc.start()
    source = io.BytesIO(body)
    assert prove_gif(source, Limits(memory=needed)).frames == 12
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < needed
    damage = refused(body, Limits(memory=needed - 1))
    assert damage.kind == "too much memory"
    assert "PROOF_MEMORY" in damage.reason
