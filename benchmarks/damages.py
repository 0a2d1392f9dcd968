"""What happens to files on their way: eight kinds of damage, and changes at random to try decoders with. All from seeds."""

from __future__ import annotations

import random
from collections.abc import Callable

Damage = Callable[[bytes, bytes, random.Random], bytes]
"""A file, another one, and the dice: the file damaged."""

_BLOCK = 4096
_ODD_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xC0, 0xD0, 0xD9, 0xDA, 0xFE, 0xFF)
_ODD_NUMBERS = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def truncated(body: bytes, _: bytes, dice: random.Random) -> bytes:
    return body[: dice.randrange(16, len(body))]


def with_hole(body: bytes, _: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(16, max(17, len(body) - _BLOCK))
    return body[:start] + bytes(len(body[start : start + _BLOCK])) + body[start + _BLOCK :]


def half_zeroed(body: bytes, _: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(body) // 4, len(body) * 3 // 4)
    return body[:start] + bytes(len(body) - start)


def bit_flipped(body: bytes, _: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(16, len(body))
    return body[:place] + bytes([body[place] ^ 1 << dice.randrange(8)]) + body[place + 1 :]


def with_others_tail(body: bytes, other: bytes, dice: random.Random) -> bytes:
    """Of the same length where the other file is long enough."""
    start = dice.randrange(len(body) // 4, len(body) * 3 // 4)
    return body[:start] + other[-(len(body) - start) :]


def with_blocks_swapped(body: bytes, _: bytes, dice: random.Random) -> bytes:
    size = min(_BLOCK, len(body) // 4)
    first = dice.randrange(16, len(body) // 2 - size + 16)
    second = dice.randrange(first + size, len(body) - size + 1)
    return (
        body[:first]
        + body[second : second + size]
        + body[first + size : second]
        + body[first : first + size]
        + body[second + size :]
    )


def with_stretch_twice(body: bytes, _: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(16, len(body))
    stretch = body[start : start + _BLOCK]
    return body[:start] + stretch + body[start:]


def with_junk_behind(body: bytes, _: bytes, dice: random.Random) -> bytes:
    return body + dice.randbytes(dice.randint(1, _BLOCK))


DAMAGES: dict[str, Damage] = {
    "truncated": truncated,
    "a hole of 4 KB": with_hole,
    "zeros from the middle on": half_zeroed,
    "one bit flipped": bit_flipped,
    "another file's tail": with_others_tail,
    "two blocks swapped": with_blocks_swapped,
    "a stretch twice": with_stretch_twice,
    "junk behind the end": with_junk_behind,
}


def mutated(body: bytes, dice: random.Random) -> bytes:
    """The file with up to eight changes: half of the files keep a valid header, the others are changed in it above all."""
    header = min(_header_length(body), len(body) - 1)
    keeps_header = dice.random() < 0.5
    changed = bytearray(body)
    for _ in range(dice.randint(1, 8)):
        first, last = (header, len(changed)) if keeps_header else (3, min(len(changed), 2 * header + 64))
        if last <= first:
            break
        _change(changed, dice.randrange(first, last), dice)
    return bytes(changed)


def _change(body: bytearray, place: int, dice: random.Random) -> None:
    size = min(dice.choice((1, 2, 4, 16, 256, _BLOCK)), len(body) - place)
    match dice.randrange(7):
        case 0:
            body[place] ^= 1 << dice.randrange(8)
        case 1:
            body[place] = dice.choice(_ODD_BYTES)
        case 2:
            number = dice.choice(_ODD_NUMBERS).to_bytes(4, dice.choice(("little", "big")))
            body[place : place + 4] = number[: len(body) - place]
        case 3:
            body[place : place + size] = dice.randbytes(size)
        case 4:
            del body[place : place + size]
        case 5:
            body[place:place] = body[place : place + size]
        case 6:
            body[place : place + 2] = bytes([0xFF, dice.randrange(256)])


def _header_length(body: bytes) -> int:
    """Up to where the compressed data begin, near enough."""
    if body.startswith(b"\xff\xd8"):
        scan = body.find(b"\xff\xda")
        return scan + 14 if scan > 0 else 20
    if body.startswith(b"\x89PNG"):
        return max(33, body.find(b"IDAT"))
    if body.startswith(b"GIF8"):
        return max(13, body.find(b","))
    return 44
