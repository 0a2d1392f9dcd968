"""Whatever an artist called a work, the name is one that every system takes, and lies where it should."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixivcrawl.exchange.export.names import LONGEST, cleaned, cut, key_of, marked, part_of

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FAMILY = "👨‍👩‍👧‍👦"
HOSTILE = st.one_of(
    st.text(),
    st.text(st.sampled_from('./\\:*?"<>|\0\n\t ~%$' + BIDI)),
    st.lists(
        st.sampled_from(["é", "e\u0301", FAMILY, "🇯🇵", "👍🏽", "\u0301", "が", "か\u3099", "漢"]), min_size=20
    ).map("".join),
    st.sampled_from(
        ["CON", "con.txt", "NUL .", "lpt9", "COM¹.x", "..", ".", "...", " ", "", ".hidden", "a. . .", "aux.tar.gz"]
    ),
    st.text("あ", min_size=60, max_size=100),
    st.sampled_from(["../../etc/passwd", "/etc/passwd", "C:\\Windows", "a/../../b", "\\\\server\\share", "file:///x"]),
)

RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$|CLOCK\$)", re.IGNORECASE)


def assert_is_safe(part: str) -> None:
    assert part.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert not set(part) & set('<>:"/\\|?*' + BIDI)
    assert unicodedata.is_normalized("NFC", part)
    assert part == part.strip(" ")
    assert not part.startswith(".")
    assert not part.endswith(".")
    assert len(part.encode()) <= LONGEST
    assert not RESERVED.fullmatch(part.partition(".")[0].rstrip(" "))


@settings(max_examples=200)
@example([".hidden", "a" * 190], "0.0")
@given(st.lists(HOSTILE, min_size=1, max_size=3), st.text("0123456789.()_", max_size=30))
def test_a_part_is_safe_whatever_it_is_made_of(texts: list[str], literal: str):
    assert_is_safe(part_of([*((cleaned(text), True) for text in texts), (literal, False)]))


@given(HOSTILE, st.integers(0, 40))
def test_what_is_cut_is_the_beginning_of_it(text: str, size: int):
    text = cleaned(text)
    assert len(cut(text, size).encode()) <= size
    assert text.startswith(cut(text, size))


@pytest.mark.parametrize(
    ("text", "size", "kept"),
    [
        ("abcdef", 3, "abc"),
        ("漢字", 5, "漢"),
        ("ae\u0301x", 2, "a"),
        (f"a{FAMILY}", 20, "a"),
        (f"a{FAMILY}b", 26, f"a{FAMILY}"),
        ("👍🏽", 5, ""),
        ("a🇯🇵🇰🇷", 13, "a🇯🇵"),
        ("a b", 2, "a"),
    ],
)
def test_no_character_is_cut_in_two(text: str, size: int, kept: str):
    assert cut(text, size) == kept


def test_the_number_stays_and_the_longest_text_gives_way():
    part = part_of([("short", True), (" - ", False), ("長" * 100, True), (" (12345).jpg", False)])
    assert part.startswith("short - 長長")
    assert part.endswith("長 (12345).jpg")
    assert len(part.encode()) <= LONGEST


def test_names_of_one_disk_that_are_one_to_it_have_one_key():
    assert key_of("A/Straße") == key_of("a/STRASSE")
    assert key_of("が") == key_of("か\u3099")
    assert key_of("a") != key_of("b")


def test_a_mark_stands_before_the_extension():
    assert marked("a/b.jpg", "101") == "a/b (101).jpg"
    assert len(marked(f"{'b' * 196}.jpg", "101").encode()) == LONGEST
