"""Reads lists of what another tool follows: PixivUtil2's members and gallery-dl's addresses, one on each line."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.api.text import one_line, plural, quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.errors import ConfigurationError

_ARTIST = "https://www.pixiv.net/users/"

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
"""How a text begins that is written in one of these; Windows' own editor writes each of them. The first two begin as UTF-16 does."""

_COMMENT = re.compile(r"\s#.*")
"""gallery-dl: one may also stand behind an address."""

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What editors count lines by; Python knows others, which may stand in a title."""

_SHOWN = 5
"""So many odd lines are named in one error."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the list, and its line number, from 1."""

    line: int
    url: str


@dataclass(frozen=True, slots=True)
class AddressList:
    """What a list names, in order, and how many entries are ignored: folders for files, options of the other tool."""

    path: Path
    addresses: tuple[Address, ...]
    folders: int = 0
    options: int = 0


def text_lines(path: Path) -> list[str]:
    """The lines of a text that a person's editor may have saved as UTF-8 or, with its mark, as UTF-16. Raises ConfigurationError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror})") from None
    coding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return _LINE_END.split(content.decode(coding))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: holds bytes that are no {coding}: save the file as UTF-8") from None


def read_list(path: Path) -> AddressList:
    """The addresses of a list; a bare number is an artist, as in PixivUtil2. Raises ConfigurationError, naming invalid lines."""
    addresses: list[Address] = []
    folders = options = 0
    odd: list[str] = []
    for line, text in enumerate(text_lines(path), 1):
        said = _COMMENT.sub("", f" {text}").strip()
        if not said:
            continue
        if said.startswith("-"):
            # gallery-dl: an option for the addresses below.
            options += 1
            continue
        named, *folder = said.split(maxsplit=1)
        url = _ARTIST + named if named.isascii() and named.isdecimal() else named
        try:
            read_url(url)
        except UrlRefused as refused:
            odd.append(f"line {line}: {quoted(named)}: {refused}")
            continue
        addresses.append(Address(line, url))
        folders += len(folder)
    if odd:
        more = f"; and {plural(len(odd) - _SHOWN, 'more odd line')}" if len(odd) > _SHOWN else ""
        raise ConfigurationError(
            one_line(f"{path}: {'; '.join(odd[:_SHOWN])}{more}: put # before what pixivcrawl cannot follow", 2000)
        )
    if not addresses:
        raise ConfigurationError(f"{path} names nothing to follow: write an artist's id or an address of pixiv a line")
    return AddressList(path, tuple(addresses), folders, options)
