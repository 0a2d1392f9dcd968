"""Subsamplings that simplejpeg does not take, held against what it says of those that it does."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixivcrawl.archive.jpeg_markers import END, read_markers
from pixivcrawl.archive.jpeg_scans import complaint_of_scans
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from tests.archive.making import encoded, flipped, jpeg, segment, with_segment

USUAL = {
    "baseline": jpeg(80, 60),
    "4:4:4": jpeg(80, 60, subsampling=0),
    "4:2:2": jpeg(80, 60, subsampling=1),
    "odd size": jpeg(83, 61),
    "optimised": jpeg(80, 60, optimize=True),
    "restart markers": jpeg(80, 60, restart_marker_blocks=7),
    "restart rows": jpeg(80, 60, restart_marker_rows=1),
    "CMYK": jpeg(80, 60, mode="CMYK"),
    "grey": jpeg(80, 60, mode="L"),
    "progressive": jpeg(80, 60, progressive=True),
    "progressive grey": jpeg(80, 60, mode="L", progressive=True),
    "progressive odd size": jpeg(83, 61, progressive=True),
    "progressive CMYK": jpeg(80, 60, mode="CMYK", progressive=True),
    "progressive restarts": jpeg(80, 60, restart_marker_rows=1, progressive=True),
}
EACH = pytest.mark.parametrize("name", list(USUAL))


def complaint(body: bytes) -> str | None:
    data = bytearray(body + END)
    return complaint_of_scans(data, read_markers(data, len(body)))


def turbojpegs_complaint(body: bytes) -> str | None:
    try:
        simplejpeg.decode_jpeg(body, strict=True)
    except ValueError as error:
        return str(error)
    return None


@EACH
def test_what_simplejpeg_takes_whole_is_read_whole(name: str) -> None:
    assert turbojpegs_complaint(USUAL[name]) is None
    assert complaint(USUAL[name]) is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"progressive": True, "restart_marker_blocks": 3}])
def test_every_number_of_blocks_is_read_whole(options: dict[str, Any]) -> None:
    for size in (*((8 * across, 8) for across in range(1, 18)), (1, 1), (7, 25), (9, 40), (25, 17)):
        body = jpeg(*size, **options)
        assert complaint(body) is None, size


@EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_simplejpeg_warns_of_is_found(name: str, data: st.DataObject) -> None:
    body = bytearray(USUAL[name])
    start = body.index(b"\xff\xda")
    start += 2 + body[start + 3]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(start, len(body) - 3))
        junk = data.draw(st.binary(min_size=1, max_size=30))
        body[place : min(place + len(junk), len(body) - 2)] = junk[: len(body) - 2 - place]
    with contextlib.suppress(Damaged):
        held = bytearray(body + END)
        markers = read_markers(held, len(body))
        found = complaint_of_scans(held, markers)
        if turbojpegs_complaint(bytes(body)) is not None:
            assert found is not None or markers.broken_off


class Codes:
    """The codes of a JPEG's tables, for writing."""

    def __init__(self, body: bytes) -> None:
        self.tables: dict[int, dict[int, str]] = {}
        position = 2
        while body[position + 1] != 0xDA:
            length = int.from_bytes(body[position + 2 : position + 4], "big")
            if body[position + 1] == 0xC4:
                self._read(body[position + 4 : position + 2 + length])
            position += 2 + length

    def _read(self, tables: bytes) -> None:
        while tables:
            counts, code, start = tables[1:17], 0, 17
            found = self.tables[tables[0]] = {}
            for length, count in enumerate(counts, 1):
                for symbol in tables[start : start + count]:
                    found[symbol] = f"{code:0{length}b}"
                    code += 1
                code <<= 1
                start += count
            tables = tables[start:]

    def block(self, table: int, dice: random.Random) -> Iterator[str]:
        """A block of a random first coefficient and some random others."""
        size = dice.randrange(6)
        yield self.tables[table][size] + f"{dice.getrandbits(size):0{size}b}" if size else self.tables[table][0]
        coefficient = 1
        runs = (0, 0, 0, 1, 2, 5, 15, 16, 37)
        while (coefficient := coefficient + (run := dice.choice(runs))) < 64 and dice.random() < 0.9:
            size = dice.randrange(1, 5)
            yield self.tables[0x10 | table][0xF0] * (run // 16)
            yield self.tables[0x10 | table][run % 16 << 4 | size] + f"{dice.getrandbits(size):0{size}b}"
            coefficient += 1
            if coefficient == 64:
                return
        yield self.tables[0x10 | table][0]


def sampled(*factors: int, width: int = 200, height: int = 100, interval: int = 0) -> bytes:
    """A JPEG of random blocks whose components have these factors, across in the upper four bits and down in the lower."""
    dice = random.Random(sum(factors))
    mode = "CMYK" if len(factors) == 4 else "RGB"
    body = encoded(Image.new(mode, (width, height)), "JPEG")
    header = bytearray(body[: body.index(b"\xff\xda") + 8 + 2 * len(factors)])
    place = header.index(b"\xff\xc0") + 11
    header[place : place + 3 * len(factors) : 3] = bytes(factors)
    codes = Codes(body)
    across, down = max(factor >> 4 for factor in factors), max(factor & 15 for factor in factors)
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    counts = [(factor >> 4) * (factor & 15) for factor in factors]
    tables = [0] * 4 if mode == "CMYK" else [0, 1, 1]
    stretches = []
    for start in range(0, units, interval or units):
        bits = "".join(
            part
            for _ in range(min(interval or units, units - start))
            for table, count in zip(tables, counts, strict=False)
            for _ in range(count)
            for part in codes.block(table, dice)
        )
        bits += "1" * (-len(bits) % 8)
        stretches.append(int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0"))
    scan = stretches[0]
    for number, stretch in enumerate(stretches[1:]):
        scan += bytes([0xFF, 0xD0 + number % 8]) + stretch
    restarts = b"\xff\xdd\0\4" + interval.to_bytes(2, "big") if interval else b""
    return bytes(header[:2]) + restarts + bytes(header[2:]) + scan + END


ODD = {
    "4:1:0": sampled(0x42, 0x11, 0x11),
    "3 x 1": sampled(0x31, 0x11, 0x11),
    "two chroma sizes": sampled(0x22, 0x21, 0x11),
    "chroma larger": sampled(0x11, 0x22, 0x11),
    "doubled": sampled(0x41, 0x21, 0x21),
    "four components": sampled(0x41, 0x11, 0x21, 0x11),
    "restarts": sampled(0x42, 0x11, 0x11, interval=3),
}


def proven(folder: Path, body: bytes) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, Expected("jpg", 200, 100), Limits())


def test_the_pictures_made_here_are_such_as_simplejpeg_takes(tmp_path: Path) -> None:
    for factors in ((0x22, 0x11, 0x11), (0x21, 0x11, 0x11), (0x11, 0x11, 0x11), (0x41, 0x11, 0x11)):
        for interval in (0, 2, 5):
            body = sampled(*factors, interval=interval)
            assert turbojpegs_complaint(body) is None
            assert complaint(body) is None


@pytest.mark.parametrize("name", list(ODD))
def test_odd_subsamplings_are_proven(tmp_path: Path, name: str) -> None:
    body = ODD[name]
    assert "subsampling" in (turbojpegs_complaint(body) or "")
    assert proven(tmp_path, body) == Proof("jpg", 200, 100, 1)
    assert proven(tmp_path, body[:-2]).flaw == "its end marker is missing"
    for damaged in (body[:-200], body[: len(body) // 2]):
        with pytest.raises(Damaged) as damage:
            proven(tmp_path, damaged)
        assert damage.value.kind == "cut short"
    start = body.index(b"\xff\xda") + 20
    for damaged in (
        body[:-200] + END,
        body[:start] + body[start + 100 :],
        body[:start] + body[start : start + 100] + body[start:],
        body[:start] + bytes(400) + body[start + 400 :],
        body[:-2] + b"x" + END,
    ):
        with pytest.raises(Damaged) as damage:
            proven(tmp_path, damaged)
        # Where bytes were moved, some may look like markers.
        assert damage.value.only_warned or damage.value.kind in ("cut short", "broken")
        assert not damage.value.only_warned or damage.value.proof == Proof("jpg", 200, 100, 1)


def test_changed_bits_and_lost_bytes_are_read_as_the_specification_says() -> None:
    said_of = set()
    for body, tables in (
        (sampled(0x11, 0x11, 0x11, width=16, height=8), [0, 1, 1] * 2),
        (sampled(0x22, 0x11, 0x11, width=16, height=16), [0, 0, 0, 0, 1, 1]),
        (sampled(0x42, 0x11, 0x11, width=32, height=16), [0] * 8 + [1, 1]),
    ):
        start = body.index(b"\xff\xda") + 14
        codes = {
            number: {code: symbol for symbol, code in table.items()} for number, table in Codes(body).tables.items()
        }
        for place in range(start, len(body) - 2):
            lost = body[:place] + body[place + 1 :]
            changed = lost if place % 3 == 0 else flipped(body, place, place % 8)
            data = changed[start:-2].replace(b"\xff\0", b"\xff")
            if data.count(b"\xff") == changed.count(b"\xff\0", start):
                said = said_by_hand(f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}", codes, tables)
                assert complaint(changed) == said, place
                said_of.add(said and re.sub("[0-9,]+", "", said))
    assert len(said_of) == 5


def said_by_hand(bits: str, codes: dict[int, dict[str, int]], blocks: list[int]) -> str | None:
    """Appendix F.2.2, a bit a letter. Behind the data are zeros."""
    end = len(bits)
    bits += "0" * 32 * 64 * len(blocks)
    at = 0
    for table in blocks:
        number = 0
        while number < 64:
            known = codes[table | 0x10 if number else table]
            code = next((bits[at : at + length] for length in range(1, 17) if bits[at : at + length] in known), None)
            if code is None:
                return f"bad Huffman code at bit {at:,} of a scan"
            run, size = divmod(known[code], 16)
            at += len(code) + size
            if number and size == 0 and run < 15:
                break
            number += run + 1
        if number > 64:
            return "a run reaches beyond a block's last coefficient"
    if at > end:
        return "a scan's data end before its last block"
    return f"{(end - at) // 8:,} extraneous bytes behind a scan's last block" if end - at >= 8 else None


def test_stretches_between_restart_markers_are_counted_and_numbered() -> None:
    whole = sampled(0x11, 0x11, 0x11, width=200, height=8, interval=2)
    first, *stretches, last = re.split(rb"(?=\xff[\xd0-\xd7])", whole[:-2])
    assert len(stretches) == 11
    for lacking in range(11):
        found = complaint(b"".join([first, *stretches[:lacking], *stretches[lacking + 1 :], last]) + END)
        assert found == "a scan has 12 stretches between restart markers where 13 belong"
    turned = b"".join([first, stretches[0], stretches[2], stretches[1], *stretches[3:], last]) + END
    assert complaint(turned) == "restart markers are out of their order"
    none = whole.replace(b"\xff\xdd\0\4\0\2", b"\xff\xdd\0\4\0\0")
    assert complaint(none) == "a scan has 13 stretches between restart markers where 1 belong"
    filled = b"".join([first, *(b"\xff\xff" + stretch for stretch in stretches), last]) + END
    assert complaint(filled) is None


@pytest.mark.parametrize(
    ("counts", "kind"), [([2], None), ([3], "broken"), ([1, 2], None), ([1, 3], "broken"), ([0, 5], "broken")]
)
def test_a_table_has_no_more_codes_than_there_are(counts: list[int], kind: str | None) -> None:
    """Two of one bit, or one and two of two bits, are all. Another table may stand in the same segment."""
    table = bytes(counts).ljust(16, b"\0") + bytes(sum(counts))
    body = ODD["4:1:0"]
    for segment_body in (b"\x13" + table, b"\2" + bytes(16) + b"\x13" + table):
        with_table = with_segment(body, segment(0xC4, segment_body))
        if kind is None:
            assert complaint(with_table) is None
        else:
            with pytest.raises(Damaged) as damage:
                complaint(with_table)
            assert damage.value.kind == kind


@pytest.mark.parametrize("width", range(8, 300, 32))
def test_one_byte_too_many_is_found(tmp_path: Path, width: int) -> None:
    """Also where the last block ends with its byte, and the first byte too many begins there."""
    body = sampled(0x42, 0x11, 0x11, width=width, height=16)
    assert complaint(body) is None
    assert complaint(body[:-2] + b"x" + END) == "1 extraneous bytes behind a scan's last block"
    assert complaint(body[:-3] + END) is not None


def test_what_is_read_here_is_reckoned_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "body.part"
    path.write_bytes(ODD["4:1:0"])
    needed = 5 * len(ODD["4:1:0"]) + (16 << 20) + 25 * 13 + 64 * 200
    assert prove(path, Expected("jpg"), Limits(memory=needed)).width == 200
    with pytest.raises(Damaged) as damage:
        prove(path, Expected("jpg"), Limits(memory=needed - 1))
    assert damage.value.kind == "too much memory"
