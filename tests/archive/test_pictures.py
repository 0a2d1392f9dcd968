"""What the proofs of all formats share: limits, the reckoning of memory, and the memory itself."""

from __future__ import annotations

import io
import mmap
from pathlib import Path

import pytest

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.memory import share
from pixivcrawl.archive.pictures import hold, pillow_memory, refuse_memory, refuse_pixels
from pixivcrawl.archive.verdict import Limits


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [
        (1, 1, None),
        (0, 1, "broken"),
        (1, 0, "broken"),
        (20_000, 25_000, None),
        (500_000_000, 1, None),
        (1, 500_000_001, "too many pixels"),
    ],
)
def test_a_picture_has_pixels_and_by_default_no_more_than_500_million(
    width: int, height: int, kind: str | None
) -> None:
    if kind is None:
        refuse_pixels(width, height, Limits().max_pixels)
        return
    with pytest.raises(Damaged) as damage:
        refuse_pixels(width, height, Limits().max_pixels)
    assert damage.value.kind == kind


def test_a_proof_has_a_gibibyte_by_default() -> None:
    refuse_memory(1 << 30, Limits())
    with pytest.raises(Damaged, match="PROOF_MEMORY"):
        refuse_memory((1 << 30) + 1, Limits())


def test_what_a_proof_needs_beyond_the_first_4_mb_it_asks_for() -> None:
    asked: list[int] = []
    share.begin(asked.append)
    try:
        for needed in (4 << 20, 5 << 20, 3 << 20):
            refuse_memory(needed, Limits())
    finally:
        share.begin(lambda _size: None)
    assert asked == [1 << 20]


@pytest.mark.parametrize("width", range(1, 10))
def test_each_row_takes_a_multiple_of_four_bytes_and_eight_to_find_it(width: int) -> None:
    row = (width + 3) // 4 * 4 + 8
    assert [pillow_memory(width, height) for height in (0, 1, 3)] == [(1 << 17) + height * row for height in (0, 1, 3)]


@pytest.mark.parametrize("behind", [b"", b"end"])
def test_a_file_is_held_whole_with_what_belongs_behind_it(behind: bytes) -> None:
    for size, kind in ((0, bytearray), (5, bytearray), (2 << 20, bytearray), ((2 << 20) + 1, mmap.mmap)):
        if size + len(behind) == 0:
            continue
        body = bytes(range(1, 200)) * (1 + size // 199)
        held = hold(io.BytesIO(body), size, behind)
        assert isinstance(held, kind)
        assert bytes(held) == body[:size] + behind


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="Linux says how memory is mapped, where it has huge pages",
)
def test_a_large_file_is_held_in_huge_pages_of_this_process_alone() -> None:
    before = stretches()
    held = hold(io.BytesIO(bytes(5 << 20)), 5 << 20)
    new = [flags for stretch, flags in stretches().items() if stretch not in before and "hg" in flags]
    assert len(held) == 5 << 20
    assert new
    assert all("sh" not in flags for flags in new)


def stretches() -> dict[str, list[str]]:
    """The flags of each stretch of memory that this process has mapped."""
    found: dict[str, list[str]] = {}
    stretch = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *words = line.split()
        if not name.endswith(":"):
            stretch = name
        elif name == "VmFlags:":
            found[stretch] = words
    return found
