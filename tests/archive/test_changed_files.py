"""Files changed at random: each gets a verdict and nothing else, and no proof takes more memory than it may."""

from __future__ import annotations

import contextlib
import io
import itertools
import multiprocessing
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.pictures import Picture
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.ugoira import prove_ugoira
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.items import Frame
from tests.archive import drawn_gif, drawn_png, drawn_zip, making

MEMORY = 16 << 20
FRAMES = (Frame("000000.jpg", 80), Frame("000001.gif", 80), Frame("000002.png", 80))

PROOFS: dict[str, Callable[[io.BytesIO, Limits], Picture]] = {
    "png": prove_png,
    "gif": prove_gif,
    "zip": lambda source, limits: prove_ugoira(source, FRAMES, limits),
}


@cache
def seeds(format: str) -> list[bytes]:
    """Whole files, as small as they may be, so that a change seldom misses what is read."""
    match format:
        case "png":
            pictures = [making.drawing(6, 5, seed=number) for number in range(3)]
            return [
                *(drawn_png.drawn(9, 7, colour, depth, interlaced=True).png() for colour, depth in drawn_png.KINDS),
                making.encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], duration=80),
                making.encoded(pictures[0].quantize(5), "PNG", transparency=3, icc_profile=bytes(100), dpi=(72, 72)),
            ]
        case "gif":
            return [
                making.gif(3, 9, 7),
                making.encoded(Image.new("P", (600, 600)), "GIF"),
                drawn_gif.screen(9, 7, 3)
                + drawn_gif.extension(0xF9, bytes(4))
                + drawn_gif.frame(bytes(63), 9, bits=2, colour_bits=2, block=5)
                + b";",
            ]
        case _:
            bodies = [making.jpeg(8, 8), making.gif(1, 8, 8), making.png(8, 8)]
            frames = list(zip((frame.file for frame in FRAMES), bodies, strict=True))
            forms = [{}, {"deflated": True, "in64": True}, {"descriptor": "32 bits", "told": (0, 0, 0)}]
            return [
                drawn_zip.zip_of([drawn_zip.Member(*frame, **form) for frame in frames], end64=end64, elsewhere=end64)  # type: ignore[arg-type]
                for form in forms
                for end64 in (False, True)
            ]


def changed(body: bytes, dice: random.Random) -> bytes:
    """A few places of it changed: bytes, runs, numbers that are extreme, parts that are lost, doubled or moved."""
    new = bytearray(body)
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        at, to = sorted(dice.randrange(len(new) + 1) for _ in range(2))
        to = min(to, at + dice.choice([1, 2, 4, 8, 100]))
        match dice.randrange(7):
            case 0:
                new[at:to] = dice.randbytes(to - at)
            case 1:
                new[at:to] = bytes([dice.choice([0, 1, 0x7F, 0x80, 0xFF])]) * (to - at)
            case 2:
                del new[at:to]
            case 3:
                new[at:at] = new[at:to]
            case 4:
                new[at:at] = dice.randbytes(dice.choice([1, 4, 100]))
            case 5:
                del new[dice.choice([at, len(new) - 1, len(new) - 12]) :]
            case 6 if at < len(new):
                new[at] ^= 1 << dice.randrange(8)
        if not new:
            return body[:1]
    return bytes(new)


def with_right_checksums(body: bytes) -> bytes:
    """A PNG whose chunks are read on although they were changed."""
    new, at = bytearray(body), 8
    while at + 12 <= len(new):
        end = at + 8 + int.from_bytes(new[at : at + 4], "big")
        if end + 4 > len(new):
            break
        new[end : end + 4] = zlib.crc32(new[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(new)


def changes(format: str, seed: int) -> Iterator[bytes]:
    dice = random.Random(f"{format} {seed}")
    whole = seeds(format)
    while True:
        body = changed(dice.choice(whole), dice)
        yield with_right_checksums(body) if format == "png" and dice.random() < 0.7 else body


def prove_changes(format: str, seed: int, count: int) -> tuple[Counter[str], int]:
    """How often each verdict came, and by how many bytes the process grew meanwhile."""
    import resource

    limits = Limits(memory=MEMORY)
    verdicts: Counter[str] = Counter()
    for body in seeds(format):
        assert PROOFS[format](io.BytesIO(body), limits).flaw is None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for body in itertools.islice(changes(format, seed), count):
        try:
            picture = PROOFS[format](io.BytesIO(body), limits)
            verdicts["doubtful" if picture.doubt else "flawed" if picture.flaw else "whole"] += 1
        except Damaged as damage:
            verdicts[damage.kind] += 1
    return verdicts, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10


def prove_in_a_process_of_its_own(format: str, seed: int, count: int) -> Counter[str]:
    pytest.importorskip("resource")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        verdicts, grown = pool.submit(prove_changes, format, seed, count).result()
    assert verdicts.total() == count
    # What the allocator keeps of small pieces comes to it.
    assert grown < MEMORY + (4 << 20)
    return verdicts


@pytest.mark.parametrize(
    ("format", "kinds"),
    [
        ("png", {"whole", "flawed", "cut short", "broken", "checksum", "unknown coding"}),
        ("gif", {"whole", "flawed", "cut short", "broken", "unknown coding", "too much memory"}),
        ("zip", {"whole", "cut short", "broken", "checksum", "unsafe archive"}),
    ],
)
def test_changed_files_get_a_verdict_within_their_memory(format: str, kinds: set[str]) -> None:
    assert prove_in_a_process_of_its_own(format, 0, 6000).keys() >= kinds


@pytest.mark.long
@pytest.mark.parametrize("format", list(PROOFS))
@pytest.mark.parametrize("seed", range(1, 3))
def test_changed_files_by_the_hundred_thousand(format: str, seed: int) -> None:
    prove_in_a_process_of_its_own(format, seed, 50_000)


@pytest.mark.parametrize("format", list(PROOFS))
@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=400))
def test_bytes_behind_a_signature_get_a_verdict(format: str, body: bytes) -> None:
    signature = seeds(format)[0][:8]
    with contextlib.suppress(Damaged):
        PROOFS[format](io.BytesIO(signature + body), Limits(memory=MEMORY))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"iCCP", b"xxXx"])
            | st.binary(min_size=4, max_size=4),
            st.binary(max_size=40) | st.just(zlib.compress(bytes(4 * 5))),
        )
    ),
    st.sampled_from(drawn_png.KINDS),
)
def test_chunks_in_any_order_get_a_verdict(chunks: list[tuple[bytes, bytes]], kind: tuple[int, int]) -> None:
    colour, depth = kind
    body = drawn_png.png_of(
        drawn_png.png_header(3, 5, depth, colour, 1), *(drawn_png.chunk(*chunk) for chunk in chunks)
    )
    with contextlib.suppress(Damaged):
        prove_png(io.BytesIO(body), Limits(memory=MEMORY))
