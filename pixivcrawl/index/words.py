"""Text as it is searched: folded so that what reads alike is alike, and cut into pairs of letters, since Japanese has no spaces."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

MARK = "\U0010fffd"
"""Begins a token that is no text: a tag, an artist, a kind. No text that was folded holds it."""

_TO_KATAKANA = {letter: letter + 0x60 for letter in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_OURS = re.compile("[\x00\U0010ff00-\U0010ff7f\U0010fffd]")
_SPACES = re.compile(r"\s+")
_ELEMENT = re.compile(r"<[^>]*>")
_LETTERS = {code: code + 0x10FF00 for code in range(128) if not chr(code).isalnum()}
"""FTS5's tokenizer `ascii` takes each of ASCII's signs for the end of a word: here they are letters like any other."""


def fold(text: str) -> str:
    """`text` with what differs in width, case, kana or spacing alone made the same."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _SPACES.sub(" ", _OURS.sub("\ufffd", text.translate(_TO_KATAKANA))).strip()


def plain(caption: str) -> str:
    """A caption, which is HTML, as the text that a reader sees."""
    return html.unescape(_ELEMENT.sub(" ", caption))


def document(texts: Iterable[str], marks: Iterable[str]) -> str:
    """What the index holds of a work: each pair of letters of its folded texts, each text's last letter, and its marks.

    The last letter has a one-letter word found wherever it stands, and keeps pairs of two texts apart.
    """
    tokens: list[str] = []
    for text in texts:
        text = text.translate(_LETTERS)
        tokens += [text[place : place + 2] for place in range(len(text))]
    tokens += [MARK + name.translate(_LETTERS) for name in marks]
    return " ".join(tokens)


def phrase(word: str) -> str:
    """The FTS5 expression that finds every document with a text that holds `word`, which is folded and not empty."""
    letters = word.translate(_LETTERS)
    if len(letters) == 1:
        return f'"{letters}"*'
    return '"' + " ".join(letters[place : place + 2] for place in range(len(letters) - 1)) + '"'


def mark(name: str) -> str:
    """The FTS5 expression that finds every document with this mark."""
    return f'"{MARK}{name.translate(_LETTERS)}"'
