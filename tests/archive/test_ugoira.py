from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from pixivcrawl.archive.proof import Damaged, Expected, Proof, prove
from pixivcrawl.items import Frame
from tests.archive.making import FRAMES, flipped, gif, jpeg, png, ugoira, zeroed, zipped

LISTED = frozenset(frame.file for frame in FRAMES)
JPEG = jpeg()


def proven(folder: Path, body: bytes, frames: tuple[Frame, ...] | None = FRAMES, max_pixels: int = 10**7) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("zip", 240, 160, frames), max_pixels)


def refused(folder: Path, body: bytes, frames: tuple[Frame, ...] | None = FRAMES, max_pixels: int = 10**7) -> Damaged:
    with pytest.raises(Damaged) as damage:
        proven(folder, body, frames, max_pixels)
    assert "\n" not in damage.value.reason
    return damage.value


def hidden(name: str, **facts: object) -> bytes:
    """A zip of one frame whose entry says something unusual."""
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(name)
    for fact, value in facts.items():
        setattr(member, fact, value)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, JPEG)
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("bodies", [(JPEG, JPEG), (png(), png()), (gif(1, 240, 160), JPEG)])
def test_a_whole_ugoira_is_proven(tmp_path: Path, method: int, bodies: tuple[bytes, bytes]) -> None:
    body = zipped(dict(zip(sorted(LISTED), bodies, strict=True)), method)
    assert proven(tmp_path, body) == proven(tmp_path, body, None) == Proof("zip", 240, 160, 2)


@pytest.mark.parametrize(
    "listed",
    [FRAMES[:1], (*FRAMES, Frame("000002.jpg", 80)), (FRAMES[0], Frame("000001.png", 80)), ()],
)
def test_it_holds_the_frames_that_are_listed(tmp_path: Path, listed: tuple[Frame, ...]) -> None:
    damage = refused(tmp_path, ugoira(), listed)
    assert damage.kind == "wrong frames"
    assert f"2 frames where pixiv lists {len(listed)}" in damage.reason


def test_a_frame_may_be_shown_more_than_once(tmp_path: Path) -> None:
    assert proven(tmp_path, ugoira(), (*FRAMES, FRAMES[0])).frames == 2


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped({})).kind == "not an image"
    assert refused(tmp_path, b"PK\3\4" + bytes(30)).kind == "cut short"


@pytest.mark.parametrize("place", [0.1, 0.3, 0.45, 0.7, 0.9])
def test_flipped_bits_holes_and_cuts_are_noticed(tmp_path: Path, place: float) -> None:
    body = ugoira()
    at = int(len(body) * place)
    for damaged in (flipped(body, at), zeroed(body, at, 1000), body[:at]):
        assert not refused(tmp_path, damaged).only_warned


def test_a_frame_cut_before_it_was_packed_is_noticed(tmp_path: Path) -> None:
    damage = refused(tmp_path, zipped({"000000.jpg": JPEG, "000001.jpg": JPEG[: len(JPEG) // 2]}))
    assert damage.kind == "cut short"
    assert "'000001.jpg'" in damage.reason


def test_a_frame_that_only_makes_the_decoder_warn_is_told_after_all_else(tmp_path: Path) -> None:
    hole = zeroed(JPEG, len(JPEG) // 2, 1000)
    assert refused(tmp_path, zipped({"000000.jpg": hole, "000001.jpg": JPEG})).only_warned
    assert not refused(tmp_path, zipped({"000000.jpg": hole, "000001.jpg": JPEG[:-2]})).only_warned
    small = jpeg(200, 100)
    assert refused(tmp_path, zipped({"000000.jpg": hole, "000001.jpg": small})).kind == "wrong size"
    with pytest.raises(Damaged) as damage:
        prove(tmp_path / "body.part", Expected("zip", 999, 160, FRAMES))
    assert damage.value.kind == "wrong size"


def test_a_member_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped({"000000.jpg": JPEG, "000001.jpg": b"text"})).kind == "broken"
    assert refused(tmp_path, zipped({"000000.jpg": JPEG, "000001.jpg": ugoira()})).kind == "broken"


@pytest.mark.parametrize("name", ["../x.jpg", "/x.jpg", "a/b.jpg", "folder/", "..", "a\\b.jpg", "C:x.jpg", "\u202e/x"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    body = hidden(name)
    assert refused(tmp_path, body, None).kind == "unsafe archive"
    assert refused(tmp_path, body, (Frame(name, 80),)).kind == "unsafe archive"


def test_links_devices_and_other_methods_are_refused(tmp_path: Path) -> None:
    for facts in ({"external_attr": 0o120777 << 16}, {"external_attr": 0o060600 << 16}, {"compress_type": 14}):
        assert refused(tmp_path, hidden("000000.jpg", **facts), None).kind == "unsafe archive"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    body = bytearray(hidden("000000.jpg"))
    body[6] |= 1
    body[body.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refused(tmp_path, bytes(body), None).reason


def test_a_name_cut_by_a_zero_byte_is_refused(tmp_path: Path) -> None:
    body = hidden("000000.jpg").replace(b"000000.jpg", b"0000\0/.jpg")
    assert refused(tmp_path, body, None).kind == "unsafe archive"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("000000.jpg", JPEG)
        archive.writestr("000000.jpg", JPEG)
    assert refused(tmp_path, buffer.getvalue(), FRAMES[:1]).kind == "unsafe archive"


def test_bombs_are_refused_before_they_are_inflated(tmp_path: Path) -> None:
    swollen = zipped({"000000.jpg": JPEG, "000001.jpg": bytes(50 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(swollen) < 1 << 20
    assert refused(tmp_path, swollen).kind == "bomb"
    assert refused(tmp_path, zipped({f"{number}": b"" for number in range(10_001)}), None).kind == "bomb"
    assert refused(tmp_path, ugoira(), max_pixels=240 * 160 - 1).kind == "bomb"
    many = zipped({f"{number:06}.jpg": JPEG for number in range(11)})
    assert refused(tmp_path, many, None, 240 * 160).kind == "bomb"


def test_a_member_that_lies_about_its_length_is_refused(tmp_path: Path) -> None:
    body = bytearray(zipped({"000000.jpg": JPEG}, zipfile.ZIP_DEFLATED))
    at = body.index(b"PK\1\2") + 24
    for length in (len(JPEG) // 2, len(JPEG) + 5):
        body[at : at + 4] = length.to_bytes(4, "little")
        assert not refused(tmp_path, bytes(body), None).only_warned


@pytest.mark.parametrize(
    ("place", "value"),
    [(42, b"\xff\xff\xff\x7f"), (42, b"\xff\xff\xff\xff"), (6, b"\xff"), (28, b"\xff\xff")],
    ids=["starts beyond its end", "starts nowhere", "needs version 25.5", "endless name"],
)
def test_a_directory_that_lies_is_damage_and_no_failing_disk(tmp_path: Path, place: int, value: bytes) -> None:
    body = bytearray(ugoira())
    at = body.index(b"PK\1\2") + place
    body[at : at + len(value)] = value
    assert not refused(tmp_path, bytes(body), None).only_warned


def test_a_directory_that_starts_before_the_file_is_damage(tmp_path: Path) -> None:
    body = bytearray(ugoira())
    at = body.index(b"PK\5\6") + 16
    body[at : at + 4] = (int.from_bytes(body[at : at + 4], "little") + 5000).to_bytes(4, "little")
    assert not refused(tmp_path, bytes(body), None).only_warned
