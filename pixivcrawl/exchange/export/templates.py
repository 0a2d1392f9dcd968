"""Templates for the names of files, such as `{user} ({user_id})/{title} ({id})/{page:03}.{ext}`.

`{token}` is a value, `{token:format}` one that is formatted, `{series|title|'none'}` the first of several that is known;
`{if pages > 1}...{else}...{end}` chooses. `/` separates folders; a part that comes out empty is left out. `{{` and `}}` give braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.export.names import cleaned, cut, part_of
from pixivcrawl.exchange.export.tokens import TOKENS, Kind, Token, Value
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile

LONGEST_LITERAL = 100
"""Bytes of a part that the template itself may write, so that there is room for values."""

FILE = "{user} ({user_id})/{created:%Y-%m} {title} ({id})/{page:03}.{ext}"
"""The default template of a view."""

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<field>(?:[^{}']|'[^']*')*)\}|(?P<text>[^{}]+)")
_FIELD = re.compile(r"(?P<token>[a-z_]+)(?::(?P<format>.+))?|'(?P<literal>[^']*)'")
_CONDITION = re.compile(r"(?P<no>not )?(?P<token>[a-z_]+)(?: ?(?P<sign>==|!=|<=|>=|<|>) ?(?P<value>[^ ].*))?")
_FORMATS: dict[Kind, tuple[re.Pattern[str], str]] = {
    "number": (re.compile(r"0?[1-9][0-9]?"), "a width, as in :03"),
    "text": (re.compile(r"[1-9][0-9]{0,2}"), "at most so many characters, as in :40"),
    "list": (re.compile(r"[1-9][0-9]?"), "at most so many of them, as in :3"),
    "time": (re.compile(r"(?:%[YymdHMSj]|[^%/\\<>:\"|?*])+"), "%Y, %y, %m, %d, %H, %M, %S and %j, as in :%Y-%m"),
}
_MOST_NESTED = 20

Piece = tuple[str, bool]
"""A text, and whether it may be cut where a part is too long."""

Render = Callable[[ExportedWork, KeptFile | None], Iterator[Piece]]

SEPARATOR: Piece = ("/", False)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed and checked template."""

    text: str
    pieces: Sequence[Render]
    ending: str = ""

    def path(self, work: ExportedWork, file: KeptFile | None = None) -> str:
        """The name of a file, or of something made from a work: a relative path of safe parts."""
        parts: list[list[Piece]] = [[]]
        for render in self.pieces:
            for piece in render(work, file):
                if piece is SEPARATOR:
                    parts.append([])
                else:
                    parts[-1].append(piece)
        *folders, last = parts
        if self.ending:
            last.append((self.ending, False))
        return "/".join(name for part in (*folders, last) if (name := part_of(part)))


def read_template(text: str, *, of_files: bool, ending: str = "") -> Template:
    """Parse a template. Without `of_files` it names works only, and its results get an `ending`.

    Raises ConfigurationError, in one line with the position, for syntax errors and for characters that no name may contain.
    """
    reader = _Reader(text, of_files=of_files)
    pieces = reader.block(())
    if of_files and not text.endswith(".{ext}"):
        reader.refuse(len(text), "the name ends with the file's own extension: write .{ext} at its end")
    if not ending and not of_files:
        raise AssertionError("what is made of works needs an ending")
    return Template(text, pieces, ending)


class _Reader:
    """Parses a template from beginning to end."""

    def __init__(self, text: str, *, of_files: bool) -> None:
        self._text, self._of_files = text, of_files
        self._at = 0
        self._depth = 0
        self._ended_by = ""
        if not text or text.startswith("/"):
            self.refuse(0, "a name lies in TARGET: begin it with no /")
        if climbing := re.search(r"(?:^|/)\.{1,2}(?:/|$)", text):
            self.refuse(climbing.start(), "a name lies in TARGET: leave out . and ..")

    def refuse(self, place: int, why: str) -> NoReturn:
        raise ConfigurationError(f"--name, character {place + 1} ({quoted(self._text[place : place + 20])}): {why}")

    def block(self, ends: tuple[str, ...]) -> list[Render]:
        """Everything up to and including a word that ends the block, or up to the end of the text."""
        pieces: list[Render] = []
        while self._at < len(self._text):
            place = self._at
            if (found := _PIECE.match(self._text, place)) is None:
                self.refuse(place, "a brace stands alone: write {{ or }} for one that is meant")
            self._at = found.end()
            if found["field"] is None:
                pieces += self._literal(place, found["text"] or found[0][0])
            elif found["field"] in ends:
                self._ended_by = found["field"]
                return pieces
            elif found["field"] in ("else", "end"):
                self.refuse(place, "there is no {if ...} before it")
            elif found["field"].startswith("if "):
                pieces.append(self._condition(place, found["field"].removeprefix("if ")))
            else:
                pieces.append(self._value(place, found["field"]))
        if ends:
            self.refuse(len(self._text), "an {if ...} is not ended: write {end}")
        return pieces

    def _literal(self, place: int, text: str) -> Iterator[Render]:
        for number, part in enumerate(text.split("/")):
            if part != cleaned(part):
                self.refuse(place, f"{quoted(part)} cannot stand in a name on every system")
            if len(part.encode()) > LONGEST_LITERAL:
                self.refuse(place, f"is too long: at most {LONGEST_LITERAL} bytes between two /")
            if number:
                yield lambda _work, _file: iter((SEPARATOR,))
            if part:
                yield lambda _work, _file, piece=(part, False): iter((piece,))  # type: ignore[misc]

    def _condition(self, place: int, text: str) -> Render:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            self.refuse(place, "too many {if ...} within each other")
        test = self._test(place, text)
        then = self.block(("else", "end"))
        otherwise = self.block(("end",)) if self._ended_by == "else" else []
        self._depth -= 1

        def render(work: ExportedWork, file: KeptFile | None) -> Iterator[Piece]:
            for each in then if test(work, file) else otherwise:
                yield from each(work, file)

        return render

    def _test(self, place: int, text: str) -> Callable[[ExportedWork, KeptFile | None], bool]:
        if (found := _CONDITION.fullmatch(text.strip())) is None:
            self.refuse(
                place, "write a condition as in {if series}, {if not ai}, {if pages > 1} or {if kind == ugoira}"
            )
        token, negated = self._token(place, found["token"]), found["no"] is not None
        if found["sign"] is None:
            return lambda work, file: bool(token.value(work, file)) != negated
        compared = found["value"].strip("'")
        if negated:
            self.refuse(
                place, f"write {found['token']} {'!=' if found['sign'] == '==' else '=='} {compared}, without not"
            )
        if token.kind == "number":
            if not re.fullmatch(r"[0-9]{1,18}", compared):
                self.refuse(place, f"{found['token']} is a number: compare it with one")
            number = int(compared)
            order = {
                "==": int.__eq__,
                "!=": int.__ne__,
                "<": int.__lt__,
                "<=": int.__le__,
                ">": int.__gt__,
                ">=": int.__ge__,
            }
            compare = order[found["sign"]]
            return lambda work, file: isinstance(value := token.value(work, file), int) and compare(value, number)
        if found["sign"] not in ("==", "!=") or token.kind == "time":
            self.refuse(
                place,
                f"{found['token']} is no number: it takes == and !="
                if token.kind != "time"
                else "times are not compared",
            )
        wants = found["sign"] == "=="
        return lambda work, file: _is(token.value(work, file), compared) == wants

    def _value(self, place: int, text: str) -> Render:
        choices = (
            [self._choice(place, each.strip()) for each in re.findall(r"'[^']*'|[^|]+", text)] if text.strip() else []
        )
        if not choices:
            self.refuse(place, "name a token: docs/export.md lists them")

        def render(work: ExportedWork, file: KeptFile | None) -> Iterator[Piece]:
            for choice in choices:
                if (piece := choice(work, file)) is not None and piece[0]:
                    yield piece
                    return

        return render

    def _choice(self, place: int, text: str) -> Callable[[ExportedWork, KeptFile | None], Piece | None]:
        if (found := _FIELD.fullmatch(text)) is None:
            self.refuse(place, "write a token as in {title}, {page:03} or {series|title|'none'}")
        if (literal := found["literal"]) is not None:
            if literal != cleaned(literal) or len(literal.encode()) > LONGEST_LITERAL:
                self.refuse(place, f"{quoted(literal)} cannot stand in a name on every system")
            return lambda _work, _file: (literal, False)
        token, format = self._token(place, found["token"]), found["format"]
        if format is not None:
            pattern, wanted = _FORMATS.get(token.kind, (None, "no format"))
            if pattern is None or not pattern.fullmatch(format):
                self.refuse(place, f"{found['token']} takes {wanted}")
        may_be_cut = token.kind in ("text", "list")

        def choose(work: ExportedWork, file: KeptFile | None) -> Piece | None:
            value = token.value(work, file)
            return None if value is None else (_written(value, format), may_be_cut)

        return choose

    def _token(self, place: int, name: str) -> Token:
        if name not in TOKENS:
            self.refuse(place, f"{name} is no token; {did_you_mean(name, TOKENS)}docs/export.md lists them")
        if TOKENS[name].of_file is not None and not self._of_files:
            self.refuse(place, f"{name} is of a file, and what is named here holds whole works")
        return TOKENS[name]


def _is(value: Value, wanted: str) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted


def _written(value: Value, format: str | None) -> str:
    if isinstance(value, datetime):
        return cleaned(value.strftime(format or "%Y-%m-%d"))
    if isinstance(value, int):
        return f"{value:{format or 'd'}}"
    if isinstance(value, list):
        return cleaned(", ".join(value[: int(format)] if format else value))
    text = cleaned(value or "")
    return cut(text, len(text[: int(format)].encode())) if format else text
