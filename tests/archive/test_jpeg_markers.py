"""What stands beside a JPEG's pixels: codings that are refused, and oddities with which it is kept."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pixivcrawl.archive.jpeg_markers import read_markers
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.making import drawing, encoded, jpeg, segment, with_segment

WHOLE = jpeg()
PROGRESSIVE = jpeg(progressive=True)
FRAME = WHOLE.index(b"\xff\xc0")
SCAN = WHOLE.index(b"\xff\xda")
PROFILE = (200).to_bytes(4, "big") + bytes(196)


def proven(folder: Path, body: bytes) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("jpg", 240, 160), Limits())


def refused(folder: Path, body: bytes) -> Damaged:
    with pytest.raises(Damaged) as damage:
        proven(folder, body)
    return damage.value


def edited(body: bytes, place: int, *values: int) -> bytes:
    return body[:place] + bytes(values) + body[place + len(values) :]


def icc(*parts: tuple[int, int, bytes]) -> list[bytes]:
    return [segment(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + body) for number, count, body in parts]


def exif(body: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + body)


def photoshop(body: bytes) -> bytes:
    return segment(0xED, b"Photoshop 3.0\0" + body)


def adobe(body: bytes) -> bytes:
    return segment(0xEE, b"Adobe" + body)


def jfif(*fields: int, rest: bytes = b"") -> bytes:
    return segment(0xE0, b"JFIF\0" + bytes(fields) + rest)


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE, 0xDF])
@pytest.mark.parametrize("where", ["the frame", "before it", "behind it"])
def test_no_coding_but_those_named_reaches_a_decoder(tmp_path: Path, marker: int, where: str) -> None:
    header = WHOLE[FRAME : FRAME + 19]
    other = edited(header, 1, marker)
    body = {
        "the frame": WHOLE.replace(header, other),
        "before it": WHOLE.replace(header, other + header),
        "behind it": WHOLE.replace(header, header + other),
    }[where]
    damage = refused(tmp_path, body)
    assert damage.kind == "unknown coding"
    assert f"FF{marker:02X}" in damage.reason


def test_extended_coding_is_decoded_as_baseline_is(tmp_path: Path) -> None:
    assert proven(tmp_path, edited(WHOLE, FRAME + 1, 0xC1)) == Proof("jpg", 240, 160, 1)


@pytest.mark.parametrize(
    ("place", "value", "kind", "says"),
    [
        (4, 12, "unknown coding", "12 bits"),
        (4, 7, "unknown coding", "7 bits"),
        (4, 9, "unknown coding", "9 bits"),
        (9, 2, "broken", "not whole"),
        (9, 4, "broken", "not whole"),
        (3, 16, "broken", "not whole"),
        (11, 0x02, "broken", "sampled"),
        (11, 0x20, "broken", "sampled"),
        (11, 0x52, "broken", "sampled"),
        (11, 0x25, "broken", "sampled"),
        (17, 0x10, "broken", "sampled"),
    ],
)
def test_a_frame_header_that_cannot_be_is_refused(tmp_path: Path, place: int, value: int, kind: str, says: str) -> None:
    damage = refused(tmp_path, edited(WHOLE, FRAME + place, value))
    assert (damage.kind, says in damage.reason) == (kind, True)


@pytest.mark.parametrize("length", [*range(15), 16])
def test_a_frame_header_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    header = segment(0xC0, (WHOLE[FRAME + 4 : FRAME + 19] + b"x")[:length])
    assert refused(tmp_path, WHOLE[:FRAME] + header + WHOLE[FRAME + 19 :]).reason == "its frame header is not whole"


@pytest.mark.parametrize("count", [0, 2, 5])
def test_one_three_and_four_components_are_decoded(tmp_path: Path, count: int) -> None:
    header = segment(0xC0, WHOLE[FRAME + 4 : FRAME + 9] + bytes([count]) + b"\1\x11\0" * count)
    damage = refused(tmp_path, WHOLE[:FRAME] + header + WHOLE[FRAME + 19 :])
    assert damage.kind == "unknown coding"
    assert f"{count} components" in damage.reason


def test_a_height_that_follows_the_first_scan_is_refused(tmp_path: Path) -> None:
    without = edited(WHOLE, FRAME + 5, 0, 0)
    assert refused(tmp_path, without[:-2] + segment(0xDC, b"\0\xa0") + without[-2:]).kind == "unknown coding"
    assert refused(tmp_path, edited(WHOLE, FRAME + 7, 0, 0)).kind == "broken"


def test_two_frames_and_two_starts_are_refused(tmp_path: Path) -> None:
    header = WHOLE[FRAME : FRAME + 19]
    assert refused(tmp_path, WHOLE.replace(header, header * 2)).kind == "unknown coding"
    assert refused(tmp_path, with_segment(WHOLE, b"\xff\xd8")).kind == "broken"


@pytest.mark.parametrize("marker", [0x02, 0x7F, 0xBF, 0xF0, 0xF7, 0xFD])
def test_reserved_markers_are_refused(tmp_path: Path, marker: int) -> None:
    damage = refused(tmp_path, with_segment(WHOLE, segment(marker, b"what")))
    assert (damage.kind, damage.reason) == ("broken", f"has a marker (FF{marker:02X}) out of place at byte 2")


def test_a_header_without_scan_or_frame_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, WHOLE[:SCAN] + b"\xff\xd9").reason == "is a JPEG without a picture"
    assert refused(tmp_path, WHOLE[:FRAME] + b"\xff\xd9").reason == "is a JPEG without a picture"
    assert refused(tmp_path, WHOLE[:FRAME] + WHOLE[FRAME + 19 :]).reason == "has a scan before its frame"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        bytes(4),
        b"\0\0\x3f\0",
        b"\3\1\0\2\x11\3\x11\0\x3f",
        b"\3\1\0\2\x11\3\x11\0\x3f\0\0",
        b"\3\1\0\2\x11\4\x11\0\x3f\0",
        b"\3\1\0\2\x11\2\x11\0\x3f\0",
        b"\4\1\0\2\x11\3\x11\1\0\0\x3f\0",
    ],
)
def test_a_scan_header_that_cannot_be_is_refused(tmp_path: Path, header: bytes) -> None:
    body = WHOLE[:SCAN] + segment(0xDA, header) + WHOLE[SCAN + 14 :]
    damage = refused(tmp_path, body)
    assert damage.kind == "broken"
    assert "scan" in damage.reason


def test_a_component_coded_twice_is_refused_and_one_never_coded_cut_short(tmp_path: Path) -> None:
    scan = WHOLE[SCAN:-2]
    assert refused(tmp_path, WHOLE[:SCAN] + scan + scan + b"\xff\xd9").reason == "codes a component twice"
    grey = jpeg(mode="L")
    frame, start = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
    one_of_three = grey[:frame] + WHOLE[FRAME : FRAME + 11] + b"\x11" + WHOLE[FRAME + 12 : FRAME + 19]
    body = one_of_three + grey[frame + 13 :]
    assert start
    assert refused(tmp_path, body).kind == "cut short"


def test_components_of_one_identifier_stand_in_their_order(tmp_path: Path) -> None:
    body = WHOLE
    for component in range(3):
        body = edited(body, FRAME + 10 + 3 * component, 9)
        body = edited(body, SCAN + 5 + 2 * component, 9)
    assert proven(tmp_path, body) == Proof("jpg", 240, 160, 1)


def test_segments_are_bounded_by_their_number(tmp_path: Path) -> None:
    own = read_markers(bytearray(WHOLE), len(WHOLE))
    many = segment(0xFE, b"") * (10_000 - len(own.pieces) - len(own.beside))
    assert proven(tmp_path, with_segment(WHOLE, many)).flaw is None
    assert refused(tmp_path, with_segment(WHOLE, many + segment(0xFE, b""))).kind == "bomb"


@pytest.mark.parametrize("zeros", [511, 512])
def test_of_progressive_scans_zeros_are_a_hole_in_those_that_refine_detail(zeros: int) -> None:
    """Where a scan begins a component, or says how its flat parts differ, zeros may be data."""
    scans = [place for place in range(len(PROGRESSIVE)) if PROGRESSIVE.startswith(b"\xff\xda", place)]
    for scan in scans:
        end = scan + 2 + int.from_bytes(PROGRESSIVE[scan + 2 : scan + 4], "big")
        first, _, bits = PROGRESSIVE[end - 3 : end]
        body = bytearray(PROGRESSIVE[:end] + b"x" + bytes(zeros) + b"x" + PROGRESSIVE[end:])
        assert read_markers(body, len(body)).hole == (zeros == 512 and first > 0 and bits > 0xF), (first, bits)


def huffman(kind: int, *symbols: int) -> bytes:
    """A table whose first symbol has a code of one bit, 0, and each other one of eight."""
    return bytes([kind, 1, 0, 0, 0, 0, 0, 0, len(symbols) - 1, *bytes(8), *symbols])


@pytest.mark.parametrize("zeros", [511, 512])
@pytest.mark.parametrize(
    ("tables", "selectors", "may_be_zeros"),
    [
        ([huffman(0x10, 0x00, 0x01)], [0x00, 0x00, 0x00], True),
        ([huffman(0x10, 0x01, 0x00)], [0x00, 0x00, 0x00], False),
        ([huffman(0x10, 0xF0, 0x00)], [0x00, 0x00, 0x00], False),
        ([huffman(0x10, 0x00, 0x01), huffman(0x11, 0x01, 0x00)], [0x00, 0x11, 0x11], False),
        ([huffman(0x10, 0x01, 0x00), huffman(0x11, 0x00, 0x01)], [0x00, 0x11, 0x11], False),
        ([huffman(0x10, 0x01, 0x00), huffman(0x11, 0x00, 0x01)], [0x01, 0x11, 0x11], True),
        ([huffman(0x10, 0x00, 0x01) + huffman(0x11, 0x01, 0x00)], [0x00, 0x01, 0x01], False),
        ([huffman(0x10, 0x01, 0x00), huffman(0x10, 0x00, 0x01)], [0x00, 0x00, 0x00], True),
        ([huffman(0x00, 0x01, 0x00), huffman(0x10, 0x00, 0x01)], [0x00, 0x00, 0x00], True),
        ([huffman(0x12, 0x01, 0x00)], [0x00, 0x00, 0x00], True),
        ([b"\x10" + bytes(16)], [0x00, 0x00, 0x00], True),
    ],
)
def test_zeros_are_a_hole_in_a_sequential_scan_where_they_are_no_blocks_end(
    tables: list[bytes], selectors: list[int], may_be_zeros: bool, zeros: int
) -> None:
    """Of every component: zeros are then the shortest code of its tables, which is that of a coefficient in block after block.

    A table that is not in the file is one that the decoder brings, of which nothing is said.
    """
    scan = b"\3" + b"".join(bytes([number, selector]) for number, selector in enumerate(selectors, 1)) + b"\0\x3f\0"
    body = bytearray(b"\xff\xd8" + WHOLE[FRAME : FRAME + 19] + b"".join(segment(0xC4, table) for table in tables))
    body += segment(0xDA, scan) + b"x" + bytes(zeros) + b"x\xff\xd9"
    assert read_markers(body, len(body)).hole == (zeros == 512 and not may_be_zeros)


@pytest.mark.parametrize(
    ("segments", "flaw"),
    [
        ([jfif(1, 1, 0, 0, 1, 0, 1, 0)], "its JFIF segment is too short"),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 2, 2, rest=bytes(11))], "its JFIF segment is too short"),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 2, 2, rest=bytes(12))], None),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 2, 3, rest=bytes(17))], "its JFIF segment is too short"),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 2, 3, rest=bytes(18))], None),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 3, 2, rest=bytes(17))], "its JFIF segment is too short"),
        ([jfif(1, 1, 0, 0, 1, 0, 1, 3, 2, rest=bytes(18))], None),
        ([segment(0xE0, b"JFXX\0\x10")], None),
        ([adobe(bytes(6))], "its Adobe segment is too short or names no colour transform"),
        ([adobe(bytes(6) + b"\3")], "its Adobe segment is too short or names no colour transform"),
        ([adobe(bytes(6) + b"\1")], None),
        ([adobe(bytes(6) + b"\2")], None),
        ([exif(b"")], "its EXIF cannot be read"),
        ([exif(b"II*\0\x08\0\0\0\2\0")], "its EXIF cannot be read"),
        ([exif(b"II+\0\x08\0\0\0\0\0")], "its EXIF cannot be read"),
        ([exif(b"IM*\0\x08\0\0\0\0\0")], "its EXIF cannot be read"),
        ([exif(b"II*\0\x08\0\0\0\0\0")], None),
        ([exif(b"MM\0*\0\0\0\x08\0\0")], None),
        (icc((1, 1, PROFILE)), None),
        (icc((2, 2, PROFILE[100:]), (1, 2, PROFILE[:100])), None),
        (icc((1, 2, PROFILE)), "its colour profile (ICC) is not whole"),
        (icc((1, 2, PROFILE[:100]), (1, 2, PROFILE[100:])), "its colour profile (ICC) is not whole"),
        (icc((0, 1, PROFILE)), "its colour profile (ICC) is not whole"),
        (icc((2, 1, PROFILE)), "its colour profile (ICC) is not whole"),
        (icc((1, 1, PROFILE[:-1])), "its colour profile (ICC) is not whole"),
        (icc((1, 1, PROFILE + b"x")), "its colour profile (ICC) is not whole"),
        (icc((1, 1, (127).to_bytes(4, "big") + bytes(123))), "its colour profile (ICC) is not whole"),
        (icc((1, 1, (128).to_bytes(4, "big") + bytes(124))), None),
        ([photoshop(b"8BIM\4\4\0\0\0\0\0\3abc\0")], None),
        ([photoshop(b"8BIM\4\4\0\0\0\0\0\3abc")], None),
        ([photoshop(b"8BIM\4\4\3abc\0\0\0\2ab8BIM\4\4\2ab\0\0\0\0\0")], None),
        ([photoshop(b"8BIM\4\4\0\0\0\0\0\3"), photoshop(b"abc")], None),
        ([photoshop(b"8BIM\4\4\0\0\0\0\0\4abc")], "its Photoshop segments cannot be read to their end"),
        ([photoshop((b"8BIM\4\4" + bytes(6)) * 2)], None),
        (
            [photoshop((b"8BIM\4\4" + bytes(6)) * 2 + b"8BIM\4\4" + bytes(5))],
            "its Photoshop segments cannot be read to their end",
        ),
        ([photoshop(b"8BIM\4\4")], "its Photoshop segments cannot be read to their end"),
        ([photoshop(b"8BIN\4\4\0\0\0\0\0\0")], "its Photoshop segments cannot be read to their end"),
        ([segment(0xE2, b"MPF\0" + b"II*\0\x08\0\0\0\2\0")], "its index of pictures (MPF) does not fit the file"),
        ([segment(0xE2, b"MPF\0" + b"II*\0\x08\0\0\0\0\0")], "its index of pictures (MPF) does not fit the file"),
        ([segment(0xE4, bytes(60_000)), segment(0xFE, b"\xff\xd9")], None),
        ([segment(0xFE, b"") + b"junk"], "4 bytes of no known kind at byte 6"),
        ([b"\xff\xff\xff"], None),
        ([b"\xff\xff\0\xff"], "4 bytes of no known kind at byte 2"),
        ([b"\xff\x01"], "2 bytes of no known kind at byte 2"),
        ([segment(0xDC, b"\0\xa0")], "6 bytes of no known kind at byte 2"),
        ([b"\xff\xfe\0\0"], None),
    ],
)
def test_what_is_odd_beside_the_pixels_is_a_flaw(tmp_path: Path, segments: list[bytes], flaw: str | None) -> None:
    bare = WHOLE[:2] + WHOLE[20:]
    for body in (with_segment(bare, *segments), with_segment(WHOLE, *segments)):
        assert proven(tmp_path, body) == Proof("jpg", 240, 160, 1, flaw)


@pytest.mark.parametrize("where", ["between scans", "behind the last"])
def test_bytes_between_scans_are_a_flaw(tmp_path: Path, where: str) -> None:
    place = PROGRESSIVE.index(b"\xff\xc4", PROGRESSIVE.index(b"\xff\xda")) if where == "between scans" else -2
    body = PROGRESSIVE[:place] + segment(0xFE, b"a comment") + b"junk" + PROGRESSIVE[place:]
    assert proven(tmp_path, body).flaw == f"4 bytes of no known kind at byte {body.index(b'junk'):,}"


@pytest.mark.parametrize("number", range(10))
def test_a_scan_whose_marker_is_lost_leaves_more_than_a_flaw(tmp_path: Path, number: int) -> None:
    place = [place for place in range(len(PROGRESSIVE)) if PROGRESSIVE.startswith(b"\xff\xda", place)][number]
    damage = refused(tmp_path, edited(PROGRESSIVE, place, 0, 0))
    assert damage.only_warned or damage.kind in ("cut short", "broken")


def test_a_baseline_scan_that_names_coefficients_is_a_flaw(tmp_path: Path) -> None:
    flaw = "a scan's header names some coefficients where all are coded"
    for place, values in enumerate(((0, 0, 0), (1, 63, 0), (0, 63, 1), (0, 63, 16))):
        body = with_segment(edited(WHOLE, SCAN + 11, *values), segment(0xFE, bytes(place)))
        assert proven(tmp_path, body).flaw == flaw
        assert proven(tmp_path, body[:-2]).flaw == f"{flaw}; its end marker is missing"


def test_flaws_are_told_together_and_the_picture_is_still_read_to_its_end(tmp_path: Path) -> None:
    odd = with_segment(WHOLE, jfif(1, 1), exif(b"")) + b"x"
    flaw = "its JFIF segment is too short; its EXIF cannot be read; its end marker is followed by 1 more byte"
    assert proven(tmp_path, odd).flaw == flaw
    hole = odd[:12_000] + bytes(4096) + odd[16_096:-1]
    assert refused(tmp_path, hole).only_warned


def test_an_index_of_pictures_in_either_byte_order_covers_what_follows(tmp_path: Path) -> None:
    body = encoded(drawing(), "MPO", save_all=True, append_images=[drawing(60, 40)])
    assert proven(tmp_path, body).flaw is None
    place = body.index(b"MPF\0") + 4
    length = int.from_bytes(body[place - 6 : place - 4], "big") - 6
    first = body.index(b"\xff\xd8\xff", 2)
    entries = struct.pack(">4L", 0x30000, first, 0, 0) + struct.pack(">4L", 0, len(body) - first, first - place, 0)
    index = struct.pack(">2sHLHHHLLL", b"MM", 42, 8, 1, 0xB002, 7, 32, 26, 0) + entries
    assert len(index) <= length
    turned = body[:place] + index.ljust(length, b"\0") + body[place + length :]
    assert proven(tmp_path, turned).flaw is None
    trailer = f"its end marker is followed by {len(body) - first:,} more bytes"
    for entry_bytes in (31, 33):
        odd = turned.replace(
            struct.pack(">3H2L", 1, 0xB002, 7, 32, 26), struct.pack(">3H2L", 1, 0xB002, 7, entry_bytes, 26)
        )
        assert proven(tmp_path, odd).flaw == f"its index of pictures (MPF) does not fit the file; {trailer}"
    trailer = f"its end marker is followed by {len(body) - first - 1:,} more bytes"
    assert proven(tmp_path, turned[:-1]).flaw == f"its index of pictures (MPF) does not fit the file; {trailer}"


def test_a_segment_that_reaches_beyond_the_file_is_cut_short(tmp_path: Path) -> None:
    assert refused(tmp_path, with_segment(WHOLE, b"\xff\xe5\xff\xff")).kind == "cut short"
    assert refused(tmp_path, WHOLE[: SCAN + 4]).kind == "cut short"
    last = WHOLE[:SCAN] + b"\xff\xfe\0\4xx"
    assert refused(tmp_path, last).reason == "is a JPEG without a picture"
    assert refused(tmp_path, last[:-1]).kind == "cut short"
