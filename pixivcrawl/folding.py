"""Makes texts comparable that look alike."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

_TO_KATAKANA = {letter: letter + 0x60 for letter in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_RESERVED = re.compile("[\x00\U0010ff00-\U0010ff7f\U0010fffd]")
"""Unassigned letters that the gallery's index uses for itself."""
_SPACES = re.compile(r"\s+")
_ELEMENT = re.compile(r"<[^>]*>")


def fold(text: str) -> str:
    """`text` without differences in width, case, kana or spacing."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _SPACES.sub(" ", _RESERVED.sub("\ufffd", text.translate(_TO_KATAKANA))).strip()


@lru_cache(100_000)
def fold_name(name: str) -> str:
    """`fold` for tag names, cached because most come up again and again."""
    return fold(name)


def plain(caption: str) -> str:
    """A caption's HTML as the text that a reader sees."""
    return html.unescape(_ELEMENT.sub(" ", caption))
