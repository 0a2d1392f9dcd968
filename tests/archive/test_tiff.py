"""Directories as EXIF has them, read as Pillow wrote them and byte by byte."""

from __future__ import annotations

import struct
from typing import Literal

import pytest
from PIL import Image

from pixivcrawl.archive.tiff import read_directory, turns_sideways

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""TIFF 6.0, section 2: bytes of a value of each type."""


def directory(
    order: Literal["little", "big"], *entries: tuple[int, int, int, bytes], count: int | None = None
) -> bytes:
    """Entries of tag, type, count and values; those of more than four bytes lie behind the directory."""
    mark, name = ("<", b"II") if order == "little" else (">", b"MM")
    place, rows, behind = 8 + 2 + 12 * len(entries), b"", b""
    for tag, type_, many, value in entries:
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline, behind = struct.pack(f"{mark}L", place + len(behind)), behind + value
        rows += struct.pack(f"{mark}HHL4s", tag, type_, many, inline)
    head = struct.pack(f"{mark}2sHLH", name, 42, 8, len(entries) if count is None else count)
    return head + rows + behind


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("type_", list(SIZES))
@pytest.mark.parametrize("many", [1, 2, 5])
def test_values_of_each_type_are_as_long_as_it_says(order: Literal["little", "big"], type_: int, many: int) -> None:
    value = bytes(range(1, SIZES[type_] * many + 1))
    data = directory(order, (7, type_, many, value), (9, 7, 5, b"other"))
    assert read_directory(data) == (order, {7: value, 9: b"other"})
    assert read_directory(data[:-1]).values.get(9) is None


@pytest.mark.parametrize("type_", [0, 13, 255])
def test_values_of_no_known_type_are_left_out(type_: int) -> None:
    assert read_directory(directory("big", (7, type_, 1, b"what"))).values == {}


@pytest.mark.parametrize("order", ["little", "big"])
def test_a_directory_that_is_not_whole_cannot_be_read(order: Literal["little", "big"]) -> None:
    data = directory(order, (1, 3, 1, b"\1\1"), (2, 3, 1, b"\1\1"))
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"directory|header"):
            read_directory(data[:length])
    with pytest.raises(ValueError, match="cut short"):
        read_directory(directory(order, (1, 3, 1, b"\1\1"), count=2))
    for place in range(4):
        with pytest.raises(ValueError, match=r"header|cut short"):
            read_directory(data[:place] + b"x" + data[place + 1 :])


@pytest.mark.parametrize("orientation", range(10))
def test_orientations_are_read_as_pillow_writes_them(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    exif[0x0112] = orientation
    assert turns_sideways(exif.tobytes().removeprefix(b"Exif\0\0")) == (5 <= orientation <= 8)


@pytest.mark.parametrize("order", ["little", "big"])
def test_an_orientation_in_either_order_of_bytes(order: Literal["little", "big"]) -> None:
    assert turns_sideways(directory(order, (0x0112, 3, 1, (6).to_bytes(2, order))))
    assert not turns_sideways(directory(order, (0x0113, 3, 1, (6).to_bytes(2, order))))
    assert not turns_sideways(b"")
