from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
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


def proven(folder: Path, body: bytes, max_pixels: int = 10**6) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("gif", 120, 90), Limits(max_pixels))


def refused(folder: Path, body: bytes, max_pixels: int = 10**6) -> Damaged:
    with pytest.raises(Damaged) as damage:
        proven(folder, body, max_pixels)
    assert not damage.value.only_warned
    return damage.value


@EACH
def test_every_kind_of_whole_gif_passes(tmp_path: Path, name: str) -> None:
    body, frames = WHOLE[name]
    assert proven(tmp_path, body) == Proof("gif", 120, 90, frames)
    assert proven(tmp_path, body + b"\0trailing").frames == frames


@EACH
def test_without_its_trailer_it_is_cut_short(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, WHOLE[name][0][:-1]).kind == "cut short"
    assert refused(tmp_path, WHOLE[name][0][:10]).kind == "cut short"


@pytest.mark.parametrize("name", ["still", "animated", "transparent"])
@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_hole_is_noticed(tmp_path: Path, name: str, place: float) -> None:
    body = WHOLE[name][0]
    refused(tmp_path, zeroed(body, int(len(body) * place), 400))


@pytest.mark.parametrize("keep", [0.4, 0.8, 0.95])
def test_a_cut_with_a_trailer_put_on_is_noticed(tmp_path: Path, keep: float) -> None:
    body = WHOLE["still"][0]
    refused(tmp_path, body[: int(len(body) * keep)] + b"\0;")


def test_a_frame_that_ends_early_is_noticed_whatever_follows(tmp_path: Path) -> None:
    """Lower than its data say: a decoder that runs on takes the next frame's bytes for the missing rows."""
    body, taller = bytearray(WHOLE["not interlaced"][0]), 100
    at = body.index(b",\0\0\0\0" + struct.pack("<HH", 120, 90))
    body[at + 7 : at + 9] = struct.pack("<H", taller)
    body[8:10] = struct.pack("<H", taller)
    damage = refused(tmp_path, bytes(body))
    assert damage.reason.startswith("frame 1: ")


def test_junk_between_blocks_and_no_picture_are_broken(tmp_path: Path) -> None:
    body = WHOLE["still"][0]
    assert refused(tmp_path, body[:-1] + b"junk;").kind == "broken"
    assert refused(tmp_path, b"GIF89a" + struct.pack("<HH", 120, 90) + b"\0\0\0;").kind == "broken"


def test_frames_are_bounded_by_themselves_and_together(tmp_path: Path) -> None:
    assert refused(tmp_path, WHOLE["still"][0], 120 * 90 - 1).kind == "bomb"
    assert "together" in refused(tmp_path, gif(12), 120 * 90).reason
    body = bytearray(WHOLE["not interlaced"][0])
    at = body.index(b",\0\0\0\0" + struct.pack("<HH", 120, 90))
    body[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert refused(tmp_path, bytes(body)).kind == "bomb"


def test_a_gif_larger_than_pillows_own_limit_is_proven_by_ours(tmp_path: Path) -> None:
    body = encoded(Image.new("P", (14_000, 14_000)), "GIF")
    assert len(body) < 10**6
    path = tmp_path / "body.part"
    path.write_bytes(body)
    assert prove(path, Expected("gif", 14_000, 14_000), Limits()).frames == 1
    assert Image.MAX_IMAGE_PIXELS is not None
    assert io.BytesIO(body).read(3) == b"GIF"
