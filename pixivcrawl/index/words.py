"""Prepares folded text for FTS5: pairs of letters, because Japanese has no spaces between words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import add

MARK = "\U0010fffd"
"""Begins a token that is no text: a tag, an artist, a kind. No text that was folded holds it."""

_LETTERS = {code: code + 0x10FF00 for code in range(128) if not chr(code).isalnum()}
"""FTS5's tokenizer `ascii` takes each of ASCII's signs for the end of a word: here they are letters like any other."""


def document(texts: Iterable[str], names: Iterable[str], marks: Iterable[str]) -> str:
    """A work's entry in the index: all pairs of letters of its folded texts and names, each text's last letter, and its marks.

    The last letter makes one-letter words findable anywhere, and keeps pairs of two texts apart.
    """
    tokens = [*map(_pairs, texts), *map(_pairs_of_name, names), *(MARK + name.translate(_LETTERS) for name in marks)]
    return " ".join(tokens)


def _pairs(text: str) -> str:
    text = text.translate(_LETTERS)
    return " ".join(map(add, text, (*text[1:], "")))


_pairs_of_name = lru_cache(100_000)(_pairs)


def phrase(word: str) -> str:
    """The FTS5 expression for documents with a text that contains `word`, which is folded and not empty."""
    letters = word.translate(_LETTERS)
    if len(letters) == 1:
        return f'"{letters}"*'
    return '"' + " ".join(letters[place : place + 2] for place in range(len(letters) - 1)) + '"'


def mark(name: str) -> str:
    """The FTS5 expression for documents with this mark."""
    return f'"{MARK}{name.translate(_LETTERS)}"'
