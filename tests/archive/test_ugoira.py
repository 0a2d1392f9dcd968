from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from pixivcrawl.archive.ugoira import prove_ugoira
from pixivcrawl.items import Frame
from tests.archive.making import FRAMES, flipped, gif, jpeg, png, ugoira, zeroed, zipped

LISTED = frozenset(frame.file for frame in FRAMES)
JPEG = jpeg()


def proven(folder: Path, body: bytes, frames: tuple[Frame, ...] | None = FRAMES, max_pixels: int = 10**7) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("zip", 240, 160, frames), Limits(max_pixels))


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


@pytest.mark.parametrize("listed", [(*FRAMES, Frame("000002.jpg", 80)), (FRAMES[0], Frame("000001.png", 80)), ()])
def test_a_frame_that_is_listed_is_not_missing(tmp_path: Path, listed: tuple[Frame, ...]) -> None:
    damage = refused(tmp_path, ugoira(), listed)
    assert damage.kind == "wrong frames"
    assert f"2 members where pixiv lists {len(listed)} frames" in damage.reason


@pytest.mark.parametrize("more", [b"text", JPEG, jpeg(20, 20), JPEG[:100], ugoira()])
def test_a_member_that_the_list_lacks_is_a_flaw_whatever_it_is(tmp_path: Path, more: bytes) -> None:
    """Its checksum has to be right all the same."""
    body = zipped({"animation.json": more, **{frame.file: JPEG for frame in FRAMES}})
    assert proven(tmp_path, body) == Proof("zip", 240, 160, 2, "pixiv does not list the zip's member 'animation.json'")
    damage = refused(tmp_path, flipped(body, body.index(b"animation.json" + more) + 16))
    assert damage.kind == "checksum"
    assert "animation.json" in damage.reason


def test_frames_of_different_sizes_are_a_flaw_and_the_first_one_listed_counts(tmp_path: Path) -> None:
    small, large = jpeg(120, 80), jpeg()
    body = zipped({"000000.jpg": small, "000001.jpg": large})
    turned = (Frame("000001.jpg", 80), Frame("000000.jpg", 80))
    flaw = "the zip's '000000.jpg' has another size than the first frame"
    assert proven(tmp_path, body, turned) == Proof("zip", 240, 160, 2, flaw)
    assert refused(tmp_path, body, FRAMES).kind == "wrong size"


@pytest.mark.parametrize("delay", [0, -1])
def test_a_frame_that_is_shown_for_no_time_is_a_flaw(tmp_path: Path, delay: int) -> None:
    assert proven(tmp_path, ugoira(), (FRAMES[0], Frame("000001.jpg", delay))).flaw == (
        f"pixiv lists '000001.jpg' with {delay} ms"
    )
    assert proven(tmp_path, ugoira(), (FRAMES[0], Frame("000001.jpg", 1))).flaw is None


def test_a_frames_flaw_is_the_zips(tmp_path: Path) -> None:
    body = zipped({"000000.jpg": JPEG, "000001.jpg": png() + b"trailing"})
    assert proven(tmp_path, body).flaw == "the zip's '000001.jpg': 8 bytes after its end"


def test_a_frame_may_be_shown_more_than_once(tmp_path: Path) -> None:
    assert proven(tmp_path, ugoira(), (*FRAMES, FRAMES[0])).frames == 2


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped({})).kind == "not an image"
    for length in (17, 18, 30):
        damage = refused(tmp_path, b"PK\3\4" + bytes(length))
        assert (damage.kind, damage.reason) == ("cut short", "the zip is cut short: it has no directory")
    assert "no directory" in refused(tmp_path, b"PK\3\4" + b"PK\5\6" + bytes(17)).reason


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
    assert not refused(tmp_path, zipped({"000000.jpg": hole, "000001.jpg": JPEG[: len(JPEG) // 2]})).only_warned
    assert refused(tmp_path, zipped({"000000.jpg": hole, "000001.jpg": JPEG})).only_warned
    with pytest.raises(Damaged) as damage:
        prove(tmp_path / "body.part", Expected("zip", 999, 160, FRAMES), Limits())
    assert damage.value.kind == "wrong size"


def test_a_member_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped({"000000.jpg": JPEG, "000001.jpg": b"text"})).kind == "broken"
    assert refused(tmp_path, zipped({"000000.jpg": JPEG, "000001.jpg": ugoira()})).kind == "broken"


@pytest.mark.parametrize("name", ["../x.jpg", "/x.jpg", "a/b.jpg", "folder/", "..", "a\\b.jpg", "C:x.jpg", "\u202e/x"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    body = hidden(name)
    assert refused(tmp_path, body, None).kind == "unsafe archive"
    assert refused(tmp_path, body, (Frame(name, 80),)).kind == "unsafe archive"


@pytest.mark.parametrize("kind", range(16))
def test_a_member_is_a_plain_file_or_of_no_kind(tmp_path: Path, kind: int) -> None:
    """As Unix writes it into the upper half; the lower is DOS's."""
    body = hidden("000000.jpg", external_attr=kind << 28 | 0o644 << 16 | 0x20)
    if kind in (0, 0o10):
        assert proven(tmp_path, body, None).frames == 1
    else:
        assert refused(tmp_path, body, None).kind == "unsafe archive"


def test_other_methods_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, hidden("000000.jpg", compress_type=14), None).kind == "unsafe archive"


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
    assert refused(tmp_path, ugoira(), max_pixels=240 * 160 - 1).kind == "too many pixels"
    many = zipped({f"{number:06}.jpg": JPEG for number in range(11)})
    assert refused(tmp_path, many, None, 240 * 160).kind == "bomb"


def test_ten_times_a_pictures_pixels_may_be_in_the_frames_together(tmp_path: Path) -> None:
    ten = zipped({f"{number:06}.jpg": JPEG for number in range(10)})
    assert proven(tmp_path, ten, None, 240 * 160).frames == 10


def test_a_frame_has_the_memory_that_its_file_leaves() -> None:
    frame = png()
    source = io.BytesIO(zipped({"000000.jpg": frame}))
    needed = (2 << 20) + len(frame)
    assert prove_ugoira(source, None, Limits(memory=needed)).frames == 1
    with pytest.raises(Damaged, match="PROOF_MEMORY") as damage:
        prove_ugoira(source, None, Limits(memory=needed - 1))
    assert damage.value.kind == "too much memory"


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


CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


def edited(body: bytes, mark: bytes, place: int, value: bytes, nth: int = 0) -> bytes:
    """`body` with `value` at `place` after the n-th `mark`."""
    at = -1
    for _ in range(nth + 1):
        at = body.index(mark, at + 1)
    return body[: at + place] + value + body[at + place + len(value) :]


def test_a_member_that_inflates_to_more_than_it_says_is_never_inflated_whole(tmp_path: Path) -> None:
    """Headers and directory agree on a short frame with a right checksum; what is packed goes on for 60 MB."""
    packed = zipped({"000000.jpg": JPEG + bytes(60 << 20)}, zipfile.ZIP_DEFLATED)
    told = zlib.crc32(JPEG).to_bytes(4, "little")
    length = len(JPEG).to_bytes(4, "little")
    lying = packed
    for mark, checksum_at, length_at in ((LOCAL, 14, 22), (CENTRAL, 16, 24)):
        lying = edited(edited(lying, mark, checksum_at, told), mark, length_at, length)
    tracemalloc.start()
    damage = refused(tmp_path, lying, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert damage.kind == "broken"
    assert peak < 20 << 20


def test_a_directory_of_a_million_entries_is_refused_before_it_is_read(tmp_path: Path) -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", CENTRAL, 20, 3, 20, *[0] * 8, 1, *[0] * 6) + b"x"
    head = zipped({"0": b""}).partition(CENTRAL)[0]
    many = 200_000
    end = struct.pack("<4s4H2LH", END, 0, 0, 1, 1, len(entry) * many, len(head), 0)
    body = head + entry * many + end
    tracemalloc.start()
    damage = refused(tmp_path, body, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert damage.kind == "bomb"
    assert peak < 5 << 20


@pytest.mark.parametrize("name", ["\x1b[31m.jpg", "\u202egpj.000000", "a\u2028.jpg", "\x7f.jpg", "a\n.jpg"])
def test_a_name_that_a_terminal_would_act_on_is_refused(tmp_path: Path, name: str) -> None:
    damage = refused(tmp_path, zipped({name: JPEG}), None)
    assert damage.kind == "unsafe archive"
    assert damage.reason.isprintable()


def test_two_names_that_some_disks_take_for_one_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped({"a.jpg": JPEG, "A.jpg": JPEG}), None).kind == "unsafe archive"


@pytest.mark.parametrize("names", [None, LISTED])
def test_nothing_lies_before_between_or_behind_the_members(tmp_path: Path, names: object) -> None:
    """Whoever reads from the front, or looks for the other directory, would see another ugoira."""
    frames = None if names is None else FRAMES
    other = zipped({"000000.jpg": jpeg(quality=30), "000001.jpg": jpeg(quality=30)})
    whole = ugoira()
    commented = io.BytesIO(other)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = whole
    assert len(whole) < 0xFFFF
    for hiding in (
        other + whole,
        commented.getvalue(),
        edited(other, END, 20, len(whole).to_bytes(2, "little")) + whole,
        whole + b"more",
        whole + other,
    ):
        damage = refused(tmp_path, hiding, frames)
        assert damage.kind == "unsafe archive", damage.reason


def test_a_member_that_the_directory_leaves_out_is_refused(tmp_path: Path) -> None:
    """The directory names the second frame alone, or the first: the other one's bytes are still there."""
    body = zipped({"000000.jpg": JPEG, "000001.jpg": JPEG})
    start, end = body.index(CENTRAL), body.index(END)
    second = body.index(CENTRAL, start + 1)
    for kept in (body[start:second], body[second:end]):
        tail = struct.pack("<4s4H2LH", END, 0, 0, 1, 1, len(kept), start, 0)
        assert refused(tmp_path, body[:start] + kept + tail, None).kind == "unsafe archive"


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """A bomb's way of packing the same bytes many times: two entries of one member, or one member inside another."""
    body = zipped({"000000.jpg": JPEG, "000001.jpg": JPEG})
    twice = edited(body, CENTRAL, 42, bytes(4), nth=1)
    assert refused(tmp_path, twice, None).kind == "unsafe archive"
    inner = zipped({"000001.jpg": JPEG})
    inside = zipped({"000000.jpg": inner.partition(CENTRAL)[0]})
    start = inside.index(CENTRAL)
    place = inside.index(LOCAL, 1)
    entry = edited(inner[inner.index(CENTRAL) : inner.index(END)], CENTRAL, 42, place.to_bytes(4, "little"))
    directory = inside[start : inside.index(END)] + entry
    end = struct.pack("<4s4H2LH", END, 0, 0, 2, 2, len(directory), start, 0)
    assert refused(tmp_path, inside[:start] + directory + end, None).kind == "unsafe archive"


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"PK\3\5"), (6, b"\1"), (8, b"\x08"), (14, b"\0\0\0\0"), (18, b"\1\0\0\0"), (22, b"\1\0\0\0"), (30, b"1")],
    ids=["mark", "encryption", "method", "checksum", "packed length", "length", "name"],
)
@pytest.mark.parametrize("nth", [0, 1])
def test_a_members_own_header_agrees_with_the_directory(tmp_path: Path, place: int, value: bytes, nth: int) -> None:
    body = edited(zipped({"000000.jpg": JPEG, "000001.jpg": JPEG}), LOCAL, place, value, nth)
    if place:
        assert refused(tmp_path, body, None).kind == "unsafe archive"
    else:
        assert not refused(tmp_path, body, None).only_warned


def test_an_end_that_lies_is_damage(tmp_path: Path) -> None:
    body = ugoira()
    for place, value in ((12, b"\0\0\0\0"), (12, b"\1\0\0\0"), (16, b"\xfe\xff\xff\xff"), (20, b"\1\0")):
        assert not refused(tmp_path, edited(body, END, place, value)).only_warned


@given(st.data())
def test_no_change_of_a_zip_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Bytes of the headers, the directory and the end changed at will: it is refused, or it is still the same ugoira."""
    body = bytearray(SMALL_UGOIRA)
    marks = [at for at in range(len(body) - 4) if bytes(body[at : at + 4]) in (CENTRAL, LOCAL, END)]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(marks)) + data.draw(st.integers(0, 56))
        if at < len(body):
            body[at] = data.draw(st.sampled_from([0, 1, 2, 8, 0x2F, 0x7F, 0x80, 0xFF]))
    path = tmp_path_factory.getbasetemp() / "changed.zip"
    path.write_bytes(body)
    reason = ""
    try:
        prove(path, Expected("zip", 8, 8, FRAMES), Limits(10**6))
    except Damaged as damage:
        reason = damage.reason
    assert reason == "" or reason.isprintable()


SMALL_UGOIRA = zipped({frame.file: jpeg(8, 8) for frame in FRAMES}, zipfile.ZIP_DEFLATED)
