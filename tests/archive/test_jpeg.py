from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import simplejpeg
from PIL import Image

from pixivcrawl.archive.jpeg import prove_jpeg, read_jpeg
from pixivcrawl.archive.jpeg_decoder import complaint
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.making import arithmetic_jpeg, drawing, encoded, jpeg, segment, with_segment, zeroed

PROJECT = Path(__file__).parents[2]
END = b"\xff\xd9"
WHOLE = {
    "baseline": jpeg(),
    "progressive": jpeg(progressive=True),
    "4:4:4": jpeg(subsampling=0),
    "4:2:2": jpeg(subsampling=1, progressive=True),
    "grey": jpeg(mode="L"),
    "grey progressive": jpeg(mode="L", progressive=True),
    "CMYK": jpeg(mode="CMYK"),
    "CMYK progressive": jpeg(mode="CMYK", progressive=True),
    "RGB kept": jpeg(keep_rgb=True),
    "restart markers": jpeg(restart_marker_blocks=3),
    "restart markers progressive": jpeg(restart_marker_rows=1, progressive=True),
    "optimised": jpeg(optimize=True),
    "colour profile": jpeg(icc_profile=(128_000).to_bytes(4, "big") + bytes(127_996)),
    "comment with markers": jpeg(comment=b"\xff\xd9\xff\xd8\xff\xda"),
    "one pixel": jpeg(1, 1),
    "odd size": jpeg(233, 177),
    "flat": encoded(Image.new("RGB", (900, 900), "white"), "JPEG", optimize=True),
}
EACH = pytest.mark.parametrize("name", list(WHOLE))
LARGE = pytest.mark.parametrize(
    "body", [jpeg(800, 600), jpeg(800, 600, progressive=True)], ids=["baseline", "progressive"]
)


def proven(folder: Path, body: bytes, width: int | None = None, height: int | None = None) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("jpg", width, height), Limits())


def refused(folder: Path, body: bytes) -> Damaged:
    with pytest.raises(Damaged) as damage:
        proven(folder, body)
    return damage.value


@EACH
def test_every_kind_of_whole_jpeg_passes(tmp_path: Path, name: str) -> None:
    size = Image.open(io.BytesIO(WHOLE[name])).size
    assert proven(tmp_path, WHOLE[name], *size) == Proof("jpg", *size, 1)


@EACH
@pytest.mark.parametrize("end", [b"", b"\xff", bytes(2), bytes(5000)], ids=["none", "half", "zeros", "many zeros"])
def test_without_its_end_marker_alone_it_is_flawed(tmp_path: Path, name: str, end: bytes) -> None:
    assert proven(tmp_path, WHOLE[name][:-2] + end).flaw == "its end marker is missing"


@EACH
def test_a_part_of_it_is_cut_short(tmp_path: Path, name: str) -> None:
    body = WHOLE[name]
    last = body.rindex(b"\xff\xda")
    places = {len(body) - 3, len(body) - 10, (last + len(body)) // 2, last + 20, last, last - 3}
    for place in (place for place in places if place < len(body) - 2):
        for tail in (b"", bytes(2), bytes(len(body) - place)):
            damage = refused(tmp_path, body[:place] + tail)
            assert damage.kind in ("cut short", "broken"), (place, damage)


def test_each_scan_has_to_be_there(tmp_path: Path) -> None:
    """An end marker behind the last one that came shows the picture with less detail, and the decoder says nothing."""
    body = WHOLE["progressive"]
    scans = [place for place in range(len(body)) if body.startswith((b"\xff\xda", b"\xff\xc4"), place)]
    for place in scans:
        assert refused(tmp_path, body[:place]).kind in ("cut short", "broken")
    first = body.index(b"\xff\xda")
    for place in (place for place in scans if place > first):
        damage = refused(tmp_path, body[:place] + END)
        assert damage.only_warned
        assert damage.reason.endswith("its scans do not bring all of its detail")


@EACH
@pytest.mark.parametrize("trailer", [bytes(100), END, WHOLE["baseline"], b"<html>"], ids=["0", "end", "jpeg", "text"])
def test_what_follows_a_complete_picture_is_a_flaw(tmp_path: Path, name: str, trailer: bytes) -> None:
    assert proven(tmp_path, WHOLE[name] + trailer).flaw == f"its end marker is followed by {len(trailer):,} more bytes"


def test_a_file_of_two_pictures_is_its_first(tmp_path: Path) -> None:
    body = encoded(drawing(), "MPO", save_all=True, append_images=[drawing(60, 40)])
    first = body.index(b"\xff\xd8", 2)
    assert proven(tmp_path, body, 240, 160) == Proof("jpg", 240, 160, 1)
    assert proven(tmp_path, body + b"x", 240, 160).flaw == (
        "its index of pictures (MPF) does not fit the file; its end marker is followed by "
        f"{len(body) - first + 1:,} more bytes"
    )


@LARGE
@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_a_hole_is_noticed(tmp_path: Path, body: bytes, place: float) -> None:
    damage = refused(tmp_path, zeroed(body, int(len(body) * place), 4096))
    assert damage.kind == "decoder warning"
    assert damage.only_warned
    assert "\n" not in damage.reason


@LARGE
def test_a_zeroed_half_that_keeps_its_end_is_noticed(tmp_path: Path, body: bytes) -> None:
    half = len(body) // 2
    assert refused(tmp_path, body[:half] + bytes(len(body) - half - 2) + END).only_warned
    assert refused(tmp_path, body[:half] + bytes(len(body) - half)).kind == "cut short"


@LARGE
def test_an_end_marker_in_the_midst_is_damage_and_no_warning(tmp_path: Path, body: bytes) -> None:
    half = len(body) // 2
    damage = refused(tmp_path, body[:half] + END + body[half + 2 :])
    assert damage.kind == "broken"
    assert not damage.only_warned
    assert "end marker comes too early" in damage.reason


@pytest.mark.parametrize(
    ("orientation", "turned"), [(1, False), (3, False), (5, True), (6, True), (7, True), (8, True)]
)
def test_a_picture_on_its_side_may_have_the_pair_swapped(tmp_path: Path, orientation: int, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = jpeg(exif=exif)
    assert proven(tmp_path, body, 240, 160) == Proof("jpg", 240, 160, 1)
    if turned:
        assert proven(tmp_path, body, 160, 240) == Proof("jpg", 240, 160, 1)
    else:
        with pytest.raises(Damaged, match="pixiv says 160 x 240"):
            proven(tmp_path, body, 160, 240)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0junk", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_exif_that_cannot_be_read_turns_nothing(tmp_path: Path, exif: bytes) -> None:
    body = jpeg(exif=exif)
    assert proven(tmp_path, body, 240, 160).width == 240
    with pytest.raises(Damaged, match="pixiv says 160 x 240"):
        proven(tmp_path, body, 160, 240)


@pytest.mark.parametrize("hole", range(5))
def test_a_hole_in_the_finest_detail_is_noticed(tmp_path: Path, hole: int) -> None:
    body = jpeg(1200, 900, progressive=True, quality=92)
    last_scan = body.rindex(b"\xff\xda")
    damage = refused(tmp_path, zeroed(body, last_scan + 100 + (len(body) - last_scan - 5000) * hole // 5, 4096))
    assert damage.only_warned


@pytest.mark.parametrize(
    ("options", "bits"),
    [({"mode": "L"}, 64 * 191), ({"subsampling": 0}, 64 * (191 + 2 * 4)), ({}, 16 * (4 * 191 + 2 * 4))],
)
def test_a_hole_that_holds_as_many_blocks_as_were_there_is_noticed(
    tmp_path: Path, options: dict[str, Any], bits: int
) -> None:
    """By the standard's tables zeros are a block of 191 bits, with -1 for each of its 63 details; of chroma, a flat one of 4 bits."""
    body = jpeg(64, 64, **options)
    scan = body.index(b"\xff\xda")
    data = scan + 2 + int.from_bytes(body[scan + 2 : scan + 4], "big")
    hole = body[:data] + bytes(-(-bits // 8)) + END
    assert complaint(hole, strict=True) is None
    damage = refused(tmp_path, hole)
    assert damage.only_warned
    assert damage.reason == "the strict decoder warns: a run of zero bytes where the coding has none"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_flat_parts_that_are_coded_as_zeros_are_no_hole(tmp_path: Path, mode: str) -> None:
    flat = encoded(Image.new(mode, (1600, 1600), "white"), "JPEG", optimize=True)
    assert bytes(512) in flat
    assert proven(tmp_path, flat).flaw is None


def test_a_header_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    body = bytearray(jpeg())
    frame = body.index(b"\xff\xc0")
    body[frame + 5 : frame + 7] = (320).to_bytes(2, "big")
    assert refused(tmp_path, bytes(body)).kind == "decoder warning"
    with pytest.raises(Damaged, match="240 x 320 pixels where pixiv says 240 x 160"):
        proven(tmp_path, bytes(body), 240, 160)


def test_no_pixels_and_too_many_scans_are_refused(tmp_path: Path) -> None:
    body = jpeg(8, 8, mode="L", progressive=True)
    start, scans = body.rindex(b"\xff\xda"), body.count(b"\xff\xda")
    assert refused(tmp_path, body[:start] + body[start:-2] * (202 - scans) + END).kind == "bomb"
    assert refused(tmp_path, body[:start] + body[start:-2] * (201 - scans) + END).only_warned
    frame = body.index(b"\xff\xc2")
    assert not refused(tmp_path, zeroed(body, frame + 5, 4)).only_warned


def test_a_large_file_is_proven_as_a_small_one_is(tmp_path: Path) -> None:
    body = jpeg(1500, 1300, quality=98, subsampling=0)
    assert len(body) > 1 << 21
    assert proven(tmp_path, body, 1500, 1300) == Proof("jpg", 1500, 1300, 1)
    assert proven(tmp_path, body[:-2]).flaw == "its end marker is missing"
    assert proven(tmp_path, with_segment(body, segment(0xE0, b"JFIF\0"))).flaw == "its JFIF segment is too short"
    assert refused(tmp_path, body[:-3]).kind == "cut short"
    assert refused(tmp_path, zeroed(body, len(body) // 2, 4096)).only_warned


ROWS = 64 * 240
"""What the decoder holds of some rows of a picture 240 pixels wide."""


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("baseline", 30 * 20 + ROWS),
        ("4:4:4", 30 * 20 + ROWS),
        ("grey", 30 * 20 + ROWS),
        ("CMYK", 5 * 30 * 20 + ROWS),
        ("progressive", 30 * 20 + ROWS + 15 * 10 * (4 + 1 + 1) * 128),
        ("4:2:2", 30 * 20 + ROWS + 15 * 20 * (2 + 1 + 1) * 128),
        ("grey progressive", 30 * 20 + ROWS + 30 * 20 * 128),
        ("CMYK progressive", 5 * 30 * 20 + ROWS + 30 * 20 * 4 * 128),
        ("odd size", 30 * 23 + 64 * 233),
    ],
)
def test_memory_is_reckoned_before_it_is_spent(tmp_path: Path, name: str, needed: int) -> None:
    path = tmp_path / "body.part"
    path.write_bytes(WHOLE[name])
    needed += len(WHOLE[name])
    assert prove(path, Expected("jpg"), Limits(memory=needed)).flaw is None
    for less in (needed - 1, len(WHOLE[name]), len(WHOLE[name]) - 1, 0):
        with pytest.raises(Damaged, match="PROOF_MEMORY") as damage:
            prove(path, Expected("jpg"), Limits(memory=less))
        assert damage.value.kind == "too much memory"


def test_components_in_scans_of_their_own_are_reckoned_with_all_coefficients(tmp_path: Path) -> None:
    path = tmp_path / "body.part"
    body = WHOLE["baseline"]
    scan = body.index(b"\xff\xda")
    path.write_bytes(body[:scan] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + body[scan + 14 :])
    with pytest.raises(Damaged) as damage:
        prove(path, Expected("jpg"), Limits(memory=path.stat().st_size + 100_000))
    assert damage.value.kind == "too much memory"


def test_what_stands_beside_the_pixels_is_reckoned_too(tmp_path: Path) -> None:
    path = tmp_path / "body.part"
    parts = [segment(0xE2, b"ICC_PROFILE\0" + bytes([number, 20]) + bytes(50_000)) for number in range(1, 21)]
    path.write_bytes(with_segment(WHOLE["baseline"], *parts))
    beside = 20 * 50_018 + 18
    prove(path, Expected("jpg"), Limits(memory=path.stat().st_size + 2 * beside))
    with pytest.raises(Damaged) as damage:
        prove(path, Expected("jpg"), Limits(memory=path.stat().st_size + 2 * beside - 1))
    assert damage.value.kind == "too much memory"


def test_the_largest_legal_pictures_pass_by_default() -> None:
    for frame, passes in (
        (b"\x08" + struct.pack(">HH", 20_000, 20_000) + b"\3\1\x22\0\2\x11\1\3\x11\1", True),
        (b"\x08" + struct.pack(">HH", 20_000, 25_001) + b"\3\1\x22\0\2\x11\1\3\x11\1", False),
    ):
        body = bytes(WHOLE["baseline"])
        start = body.index(b"\xff\xc0")
        source = io.BytesIO(body[:start] + segment(0xC0, frame) + body[start + 19 :])
        if passes:
            assert read_jpeg(source, Limits()).picture.width == 20_000
        else:
            with pytest.raises(Damaged) as damage:
                read_jpeg(source, Limits())
            assert damage.value.kind == "too many pixels"


@pytest.mark.parametrize("code", [0xC9, 0xCA], ids=["sequential", "progressive"])
def test_arithmetic_coding_is_proven_where_nothing_of_it_is_left_out(tmp_path: Path, code: int) -> None:
    body = arithmetic_jpeg(0x22, 0x11, 0x11, code=code)
    assert proven(tmp_path, body, 16, 16) == Proof("jpg", 16, 16, 1)
    assert refused(tmp_path, body[:-2]).kind == "cut short"
    damage = refused(tmp_path, body[:-2] + segment(0xFE, b"a comment") + b"junk" + END)
    assert damage.reason == "the strict decoder warns: a scan is broken off"
    assert damage.only_warned


def test_every_subsampling_that_simplejpeg_takes_goes_to_it() -> None:
    """But for those with larger chroma, which no camera writes; in arithmetic coding all others are doubtful."""
    firsts = [across << 4 | down for across in range(1, 5) for down in range(1, 5)]
    colours = [(first, second, third) for first in firsts for second in (0x11, 0x12, 0x21) for third in (0x11, 0x12)]
    fours = [(first, 0x11, 0x11, last) for first in firsts for last in firsts]
    for factors in [*((first,) for first in firsts), *colours, *fours]:
        body = arithmetic_jpeg(*factors)
        usual = (set(factors[1:3]) <= {0x11} and is_taken(body)) or len(factors) == 1
        doubt = (
            None if usual else "the strict decoder warns: no strict decoder takes its subsampling in arithmetic coding"
        )
        assert prove_jpeg(read_jpeg(io.BytesIO(body), Limits())).doubt == doubt, factors


def is_taken(body: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(body, strict=True)
    except ValueError:
        return False
    return True


def measured(script: str, path: Path) -> str:
    """What a process of its own prints that runs the script on a file."""
    return subprocess.run(
        [sys.executable, "-c", MEMORY + script, str(path)], capture_output=True, text=True, check=True, cwd=PROJECT
    ).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="reads what the process took from /proc")
@pytest.mark.parametrize("kind", ["RGB", "CMYK"])
def test_a_decode_takes_no_more_than_was_reckoned(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "body.jpg"
    path.write_bytes(encoded(Image.new(kind, (2400, 2000)), "JPEG", progressive=True, subsampling=0))
    taken = measured("before = of('VmRSS'); prove(path, Expected('jpg'), Limits()); print(of('VmHWM') - before)", path)
    assert 0.9 < int(taken) / (2400 * 2000 * 2 * len(kind)) < 1.1


@pytest.mark.skipif(sys.platform != "linux", reason="reads what the process took from /proc")
def test_a_decoder_that_gets_no_memory_says_nothing_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "body.jpg"
    path.write_bytes(encoded(Image.new("RGB", (2400, 2000)), "JPEG", progressive=True, subsampling=0))
    script = """
resource.setrlimit(resource.RLIMIT_AS, (of("VmSize") + (20 << 20), resource.RLIM_INFINITY))
try:
    prove(path, Expected("jpg"), Limits())
except MemoryError:
    print("no memory")
"""
    assert measured(script, path) == "no memory"


MEMORY = """
import resource, sys, pathlib
from pixivcrawl.archive.proof import Expected, Limits, prove
def of(name):
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))) << 10
path = pathlib.Path(sys.argv[1])
"""
