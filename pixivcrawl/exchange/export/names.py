"""Names that every system accepts: any title becomes exactly one part of a path, and never leads elsewhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

LONGEST = 200
"""Bytes in a part: disks take at least 255, of which an appended `.part` and an encrypted folder use some."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
"""Characters that Windows or FAT allow in no name; both separators are among them."""

_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|CLOCK\$|(?:COM|LPT)[0-9¹²³])", re.IGNORECASE)
"""Windows takes these for devices, whatever follows the first dot."""

_JOINERS = frozenset("\u200c\u200d")
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co"})
"""Unicode categories of control, format, surrogate, private and unassigned characters: they are invisible, and some disks refuse them."""

_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=1000)
def cleaned(text: str) -> str:
    """A text from outside, made safe within a part of a path; it may become empty.

    Remembered, because the files of a work share its title, and its works their artist's name.
    """
    kept = _SPACES.sub(" ", text)
    if not kept.isprintable():
        kept = "".join(each for each in kept if each in _JOINERS or unicodedata.category(each) not in _REMOVED)
    return _FORBIDDEN.sub("_", unicodedata.normalize("NFC", kept))


def part_of(pieces: Sequence[tuple[str, bool]]) -> str:
    """One part of a path, joined from cleaned pieces; those marked True are shortened if it is too long."""
    whole = "".join(text for text, _ in pieces)
    if len(whole.encode()) <= LONGEST:
        return _with_plain_ends(whole)
    lengths = [len(text.encode()) for text, _ in pieces]
    fixed = sum(length for length, (_, may_be_cut) in zip(lengths, pieces, strict=True) if not may_be_cut)
    room, left = max(0, LONGEST - fixed), sum(may_be_cut for _, may_be_cut in pieces)
    shown = [text for text, _ in pieces]
    # The shortest first, so that what they leave goes to the longer ones.
    for place in sorted(range(len(pieces)), key=lambda place: lengths[place]):
        if pieces[place][1]:
            shown[place] = cut(shown[place], room // left)
            room, left = room - len(shown[place].encode()), left - 1
    return _with_plain_ends("".join(shown))


def _with_plain_ends(part: str) -> str:
    """No space at either end and no dot at the last, which Windows drops; none at the first, which hides a file; no device."""
    # Pieces that were composed each for itself may compose with each other.
    part = cut(unicodedata.normalize("NFC", part), LONGEST).lstrip(" ").rstrip(". ")
    is_odd = part.startswith(".") or _RESERVED.fullmatch(part.partition(".")[0].rstrip(" "))
    return f"_{cut(part, LONGEST - 1).rstrip('. ')}" if is_odd else part


def cut(text: str, size: int) -> str:
    """The longest beginning that fits in so many bytes without cutting a visible character."""
    encoded = text.encode()
    if len(encoded) <= size:
        return text
    end = len(encoded[:size].decode(errors="ignore"))
    while end and _are_one(text, end):
        end -= 1
    return text[:end].rstrip(" ")


def _are_one(text: str, place: int) -> bool:
    """Whether the characters before and after a position form one visible character: accents, joined emoji, flags."""
    before, after = text[place - 1], text[place]
    if before in _JOINERS or after in _JOINERS or unicodedata.category(after) in ("Mn", "Mc", "Me"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    flags = 0
    while flags < place and "\U0001f1e6" <= text[place - 1 - flags] <= "\U0001f1ff":
        flags += 1
    return flags % 2 == 1 and "\U0001f1e6" <= after <= "\U0001f1ff"


def marked(path: str, mark: str) -> str:
    """The path with a mark after its last part, before the extension."""
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return f"{folder}{slash}{part_of([(stem, True), (f' ({mark}){dot}{extension}', False)])}"


def key_of(path: str) -> str:
    """A key that is equal for paths that some disk treats as the same, ignoring case and Unicode form."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
