"""A zip's headers, directory and end: every number of theirs, one bit changed."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
from collections.abc import Sequence

import pytest

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.zip_members import inflate, read_members
from tests.archive.drawn_zip import Member, zip_of

BODIES = {"000000.jpg": b"some frame " * 30, "000001.jpg": b"another " * 40}
LOCAL, CENTRAL, END, END64, LOCATOR64, DESCRIPTOR = (
    *(b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08"),
)


def members(**facts: object) -> list[Member]:
    return [Member(name, body, **facts) for name, body in BODIES.items()]  # type: ignore[arg-type]


def verdict(body: bytes, limits: Limits | None = None) -> str:
    """ "whole", a flaw, or the kind of damage; whole and flawed ones hold what was put into them."""
    flaws: list[str] = []
    source = io.BytesIO(body)
    try:
        read = read_members(source, limits or Limits(), flaws)
        assert {member.name: inflate(source, member, Limits()) for member in read} == BODIES
    except Damaged as damage:
        return damage.kind
    return flaws[0] if flaws else "whole"


def directory(body: bytes) -> str:
    """As `verdict`, of what is told alone: nothing is inflated."""
    try:
        read_members(io.BytesIO(body), Limits(), [])
    except Damaged as damage:
        return damage.kind
    return "whole"


def opened_by_zipfile(body: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()} == BODIES


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("in64", [False, True])
@pytest.mark.parametrize("directory64", [False, True])
@pytest.mark.parametrize(("end64", "elsewhere"), [(False, False), (True, False), (True, True)])
def test_every_form_of_zip_is_read(deflated: bool, in64: bool, directory64: bool, end64: bool, elsewhere: bool) -> None:
    body = zip_of(members(deflated=deflated, in64=in64, directory64=directory64), end64=end64, elsewhere=elsewhere)
    assert opened_by_zipfile(body)
    assert verdict(body) == "whole"


@pytest.mark.parametrize("descriptor", ["32 bits", "64 bits"])
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("in64", [False, True])
@pytest.mark.parametrize("told", list(itertools.product([0, None], repeat=3)))
def test_what_is_told_behind_a_member_may_be_left_out_before_it(
    descriptor: str, marked: bool, in64: bool, told: Sequence[int | None]
) -> None:
    """Each number on its own: Info-ZIP leaves out the checksum alone, or all but the length; Python all."""
    facts = {"told": told, "in64": in64, "deflated": True}
    body = zip_of(members(descriptor=descriptor, marked=marked, **facts))
    assert opened_by_zipfile(body)
    assert verdict(body) == "whole"
    assert verdict(zip_of(members(**facts))) == ("whole" if told == (None, None, None) else "unsafe archive")
    for place in range(3):
        lie = [*told[:place], 77, *told[place + 1 :]]
        assert verdict(zip_of(members(descriptor=descriptor, marked=marked, **{**facts, "told": lie}))) == (
            "unsafe archive"
        )


@pytest.mark.parametrize("descriptor", ["32 bits", "64 bits"])
@pytest.mark.parametrize("marked", [False, True])
def test_a_descriptor_says_what_the_directory_says_and_no_more(descriptor: str, marked: bool) -> None:
    body = zip_of(members(descriptor=descriptor, marked=marked))
    first = body.index(LOCAL, 4)
    size = {"32 bits": 12, "64 bits": 20}[descriptor] + (4 if marked else 0)
    for place in range(first - size, first):
        assert verdict(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]) == "unsafe archive"
    assert verdict(zip_of(members(descriptor="none"))) == (
        "a member of the zip lacks the descriptor that its header announces"
    )


WHOLE, UNSAFE, CUT, BOMB = "whole", "unsafe archive", "cut short", "bomb"
ABSENT = "a member of the zip lacks the descriptor that its header announces"
PLAIN = zip_of(members())
LARGE = zip_of(members(in64=True, directory64=True), end64=True, elsewhere=True)


@pytest.mark.parametrize(
    ("zipped", "mark", "place", "value", "right"),
    [
        # The header before a member: mark, version, flags, method, time, date, checksum, packed length, length, name's and fields' length.
        (PLAIN, LOCAL, 0, 1, UNSAFE),
        (PLAIN, LOCAL, 4, 1, WHOLE),
        (PLAIN, LOCAL, 6, 1, UNSAFE),
        (PLAIN, LOCAL, 6, 2, WHOLE),
        (PLAIN, LOCAL, 6, 8, ABSENT),
        (PLAIN, LOCAL, 7, 8, UNSAFE),
        (PLAIN, LOCAL, 8, 1, UNSAFE),
        (PLAIN, LOCAL, 10, 1, WHOLE),
        (PLAIN, LOCAL, 12, 1, WHOLE),
        *((PLAIN, LOCAL, place, 1, UNSAFE) for place in range(14, 26)),
        (PLAIN, LOCAL, 18, b"\xff\xff\xff\xff", CUT),
        (PLAIN, LOCAL, 22, b"\xff\xff\xff\xff", CUT),
        (PLAIN, LOCAL, 26, 1, UNSAFE),
        (PLAIN, LOCAL, 28, 1, UNSAFE),
        *((PLAIN, LOCAL, place, 1, UNSAFE) for place in range(30, 40)),
        # The same in the directory, and the comment's length, disk, attributes and where the member begins.
        (PLAIN, CENTRAL, 0, 1, CUT),
        (PLAIN, CENTRAL, 4, 1, WHOLE),
        (PLAIN, CENTRAL, 6, 1, WHOLE),
        (PLAIN, CENTRAL, 6, 0x80, CUT),
        (PLAIN, CENTRAL, 8, 1, UNSAFE),
        (PLAIN, CENTRAL, 8, 2, WHOLE),
        (PLAIN, CENTRAL, 8, 8, WHOLE),
        (PLAIN, CENTRAL, 9, 8, UNSAFE),
        (PLAIN, CENTRAL, 10, 1, UNSAFE),
        (PLAIN, CENTRAL, 10, 8, UNSAFE),
        (PLAIN, CENTRAL, 12, 1, WHOLE),
        (PLAIN, CENTRAL, 14, 1, WHOLE),
        *((PLAIN, CENTRAL, place, 2, UNSAFE) for place in (16, 17, 18, 19, 20, 24)),
        *((PLAIN, CENTRAL, place, 0x40, BOMB) for place in (23, 27)),
        (PLAIN, CENTRAL, 28, 1, UNSAFE),
        (PLAIN, CENTRAL, 30, 1, UNSAFE),
        (PLAIN, CENTRAL, 32, 1, UNSAFE),
        (PLAIN, CENTRAL, 34, 1, UNSAFE),
        (PLAIN, CENTRAL, 36, 1, WHOLE),
        (PLAIN, CENTRAL, 38, 1, WHOLE),
        (PLAIN, CENTRAL, 41, 0x20, UNSAFE),
        (PLAIN, CENTRAL, 41, 1, WHOLE),
        *((PLAIN, CENTRAL, place, 1, UNSAFE) for place in (42, 43, 44, 45)),
        *((PLAIN, CENTRAL, place, 1, UNSAFE) for place in range(46, 56)),
        # The end: mark, disks, entries twice, the directory's length and place, the comment's length.
        (PLAIN, END, 0, 1, CUT),
        *((PLAIN, END, place, 1, UNSAFE) for place in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21)),
        *((PLAIN, END, place, 1, BOMB) for place in (15,)),
        # The zip64 fields of a member and of the directory's entry.
        (LARGE, LOCAL, 40, 2, CUT),
        (LARGE, LOCAL, 42, 16, CUT),
        *((LARGE, LOCAL, place, 1, UNSAFE) for place in range(44, 60)),
        (LARGE, CENTRAL, 56, 2, BOMB),
        *((LARGE, CENTRAL, place, 1, BOMB) for place in (63, 67, 75)),
        *((LARGE, CENTRAL, place, 1, UNSAFE) for place in (60, 68, 71, 76, 77, 78, 79, 80, 81, 82, 83)),
        # The zip64 end, and what tells where it is.
        (LARGE, END64, 0, 1, UNSAFE),
        *((LARGE, END64, place, 1, UNSAFE) for place in (4, 5, 11)),
        (LARGE, END64, 12, 1, WHOLE),
        (LARGE, END64, 14, 1, WHOLE),
        *((LARGE, END64, place, 1, UNSAFE) for place in (16, 19, 20, 23, 24, 25, 31, 32, 33, 39, 40, 41)),
        *((LARGE, END64, place, 1, BOMB) for place in (43, 47)),
        *((LARGE, END64, place, 1, UNSAFE) for place in (48, 49, 55)),
        *((LARGE, LOCATOR64, place, 2, UNSAFE) for place in range(4, 20)),
        (LARGE, LOCATOR64, 16, 1, WHOLE),
        (LARGE, LOCATOR64, 16, 3, UNSAFE),
        # A plain end beside a zip64 one: each number agrees with it, or leaves it to it.
        *((LARGE, END, place, 1, UNSAFE) for place in (4, 6, 8, 10, 12, 16)),
    ],
)
@pytest.mark.parametrize("nth", [0, 1])
def test_each_number_counts(zipped: bytes, mark: bytes, place: int, value: int | bytes, right: str, nth: int) -> None:
    at = -1
    for _ in range(min(nth, zipped.count(mark) - 1) + 1):
        at = zipped.index(mark, at + 1)
    at += place
    changed = value if isinstance(value, bytes) else bytes([zipped[at] ^ value])
    assert verdict(zipped[:at] + changed + zipped[at + len(changed) :]) == right


def test_a_zip64_end_may_share_its_numbers_with_the_plain_one() -> None:
    """Info-ZIP leaves only the directory's place to it."""
    at = LARGE.index(END)
    numbers = struct.unpack_from("<4Q", LARGE, LARGE.index(END64) + 24)
    for left in itertools.product([False, True], repeat=4):
        short = [
            elsewhere if leave else number
            for number, elsewhere, leave in zip(numbers, (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), left, strict=True)
        ]
        assert verdict(LARGE[: at + 8] + struct.pack("<2H2L", *short) + b"\0\0") == "whole"


@pytest.mark.parametrize(("coding", "flag"), [("cp437", 0), ("utf-8", 0x800)])
def test_names_are_in_one_of_two_codings_and_both_headers_name_the_same(coding: str, flag: int) -> None:
    name = "\u00fc00000.jpg".encode(coding)
    body = zip_of([Member("0" * (len(name) - 4) + ".jpg", b"some", flags=flag)]).replace(
        b"0" * (len(name) - 4) + b".jpg", name
    )
    assert directory(body) == WHOLE
    for place in (6, 7):
        at = body.index(LOCAL) + place
        other = body[:at] + bytes([body[at] ^ (8 if place == 7 else 1)]) + body[at + 1 :]
        assert directory(other) == UNSAFE


def test_names_that_are_not_in_the_coding_that_they_claim_are_damage() -> None:
    assert (
        directory(zip_of([Member("000000.jpg", b"some", flags=0x800)]).replace(b"000000.jpg", b"\xff00000.jpg")) == CUT
    )


@pytest.mark.parametrize(("more", "right"), [(-2, "broken"), (-1, CUT), (0, WHOLE), (1, CUT), (2, CUT)])
def test_what_is_packed_inflates_to_its_length_and_no_byte_more(more: int, right: str) -> None:
    body = zip_of(members(deflated=True))
    for member in members(deflated=True):
        _, packed, size = member.truth
        body = body.replace(struct.pack("<2L", packed, size), struct.pack("<2L", packed, size + more))
    assert verdict(body) == right


def test_other_fields_stand_before_the_one_that_counts() -> None:
    time = struct.pack("<2H", 0x5455, 5) + bytes(5)
    assert verdict(zip_of(members(in64=True, fields=time))) == "whole"
    assert verdict(zip_of(members(in64=True, fields=struct.pack("<2H", 1, 8) + bytes(8)))) == "whole"
    assert verdict(zip_of(members(in64=True, fields=struct.pack("<2H", 2, 16) + bytes(16)))) == "whole"
    assert verdict(zip_of(members(in64=True, fields=struct.pack("<2H2Q", 1, 16, 1, 1)))) == "unsafe archive"
    assert verdict(zip_of(members(fields=b"??"))) == "whole"


def test_members_may_lie_in_another_order_than_the_directory_names_them() -> None:
    first, second = members()
    body = first.written() + second.written()
    entries = second.entry(len(first.written())) + first.entry(0)
    end = struct.pack("<4s4H2LH", END, 0, 0, 2, 2, len(entries), len(body), 0)
    assert verdict(body + entries + end) == "whole"


def test_a_comment_may_be_as_long_as_its_length_can_tell() -> None:
    assert verdict(PLAIN[:-2] + b"\xff\xff" + b"c" * 0xFFFF) == "whole"
    assert verdict(LARGE[:-2] + b"\xff\xff" + b"c" * 0xFFFF) == "whole"
    assert verdict(PLAIN[:-2] + b"\xff\xff" + b"c" * 0x10000) == CUT


def test_memory_is_reckoned_before_the_directory_and_each_member() -> None:
    needed = 2 * (PLAIN.index(END) - PLAIN.index(CENTRAL)) + 2 * 1024
    assert verdict(PLAIN, Limits(memory=needed)) == "whole"
    assert verdict(PLAIN, Limits(memory=needed - 1)) == "too much memory"
    source = io.BytesIO(PLAIN)
    member = read_members(source, Limits(), [])[1]
    assert inflate(source, member, Limits(memory=640)) == BODIES["000001.jpg"]
    with pytest.raises(Damaged) as damage:
        inflate(source, member, Limits(memory=639))
    assert damage.value.kind == "too much memory"


@pytest.mark.parametrize(
    ("packed", "size", "right"),
    [
        (20_000, 2_000_000, WHOLE),
        (20_000, 2_000_001, BOMB),
        (100, 1 << 20, WHOLE),
        (100, (1 << 20) + 1, BOMB),
        (1 << 20, 64 << 20, WHOLE),
        (1 << 20, (64 << 20) + 1, BOMB),
        (2_000_001, 1, WHOLE),
    ],
)
def test_what_packs_to_a_hundredth_is_a_bomb_unless_it_is_small(packed: int, size: int, right: str) -> None:
    """Headers and directory tell the sizes, and nothing is inflated yet."""
    body = Member("000000.jpg", bytes(packed))
    lying = zip_of([body]).replace(struct.pack("<2L", packed, packed), struct.pack("<2L", packed, size))
    assert directory(lying) == right


def test_members_and_what_they_inflate_to_are_counted() -> None:
    """As the directory tells them: ten thousand, and four gigabytes."""
    many = [Member(f"{number:06}.jpg", b"") for number in range(10_001)]
    assert directory(zip_of(many[1:])) == WHOLE
    assert directory(zip_of(many)) == BOMB
    swollen = [Member(f"{number:06}.jpg", bytes(700_000)) for number in range(65)]
    told, said = struct.pack("<2L", 700_000, 700_000), struct.pack("<2L", 700_000, 64 << 20)
    assert directory(zip_of(swollen[1:]).replace(told, said)) == WHOLE
    assert directory(zip_of(swollen).replace(told, said)) == BOMB


def test_a_directory_has_up_to_two_megabytes() -> None:
    """Full of fields that say nothing, as a bomb's would be."""
    for room, right in ((0, WHOLE), (1, BOMB)):
        lengths = [65_000] * 32 + [(2 << 20) - 33 * 56 - 32 * 65_000 + room]
        entries, body = b"", b""
        for number, length in enumerate(lengths):
            member = Member(f"{number:06}.jpg", b"")
            entry = member.entry(len(body))
            entries += entry[:32] + struct.pack("<H", length) + entry[34:] + bytes(length)
            body += member.written()
        assert len(entries) == (2 << 20) + room
        end = struct.pack("<4s4H2LH", END, 0, 0, 33, 33, len(entries), len(body), 0)
        assert directory(body + entries + end) == right
