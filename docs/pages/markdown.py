"""The little Markdown that the pages are made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

UNDESCRIBED = "(not described)"
"""Stands where a description is missing; a page that holds it is not written."""


def described(text: str | None) -> str:
    """A description, which is plain text with code in backquotes, as one paragraph; or the mark that there is none."""
    return " ".join(_as_markdown(text or "").split()) or UNDESCRIBED


def paragraphs(docstring: str | None) -> list[str]:
    """The paragraphs of a docstring; none where there is no docstring."""
    return [described(part) for part in inspect.cleandoc(docstring or "").split("\n\n") if part]


def own_words(documented: type) -> list[str]:
    """The paragraphs of a class's own docstring; none where it only inherits one."""
    return paragraphs(documented.__dict__.get("__doc__"))


def _as_markdown(text: str) -> str:
    parts = text.split("`")
    return "`".join(part if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text: str) -> str:
    """Text whose characters Markdown does not take for its own marks; an underscore within a word is none."""
    return re.sub(r"[*<>]|\b_|_\b", r"\\\g<0>", text)


def code(text: object) -> str:
    return f"`{text}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty when there are no rows."""
    body = [f"| {' | '.join(_cell(each) for each in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *body]) if body else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def blocks(*parts: str) -> str:
    """Blocks with an empty line between them; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def anchor(heading: str) -> str:
    """The address of a heading within its page, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link(text: str, page: str = "", heading: str | None = None) -> str:
    """A link to a heading, by default the one that says `text`."""
    return f"[{code(text)}]({page}#{anchor(heading or text)})"
