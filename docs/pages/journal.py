"""docs/journal.md: the files of the journal, and its events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pages.markdown import blocks, code, described, link, paragraphs, table
from pixivcrawl.archive.warc import ANSWER_HEADERS
from pixivcrawl.ledger import journal
from pixivcrawl.ledger.changes import parameters_of
from pixivcrawl.ledger.updates import EVENTS

REDUCED = (
    "what was left out of the body: `userIllusts` (the ids of the artist's other works, which every answer about one of them repeats; "
    "they are kept once a run), `body` (a page instead of data, which may contain a token)"
)


def page() -> str:
    held = dict(_held(EVENTS.values()))
    return blocks(
        "# The journal",
        *paragraphs(journal.__doc__),
        "Any tool that reads WARC reads it: `warcio index journal/*.warc.gz`, `warcio check`, `warcio extract FILE OFFSET`, pywb, "
        "ReplayWeb.page. `zcat` shows it as text. [`pixivcrawl rebuild`](recover.md#rebuild-the-ledger) makes the ledger from it, and "
        "[`pixivcrawl backup`](recover.md#back-the-ledger-up) copies it.",
        "## Answers",
        "A `response` record holds one answer of pixiv's API, including refusals (such as 404), in the form of HTTP/1.1: its "
        f"status, its headers {', '.join(map(code, ANSWER_HEADERS))}, and its body. No request is kept, and no cookie, token or other "
        "header. Our own fields say which request it answers:",
        table(
            ["field", "what it is"],
            [
                (code("X-Endpoint"), "the name of the endpoint in [endpoints.md](endpoints.md)"),
                (code("X-Parameters"), "its parameters, as JSON"),
                (code("X-Reader"), "the reader: the account's id, `visitor` without one, `unknown` if the session does not say"),
                (code("X-Reduced"), REDUCED),
            ],
        ),
        "In the ledger, `answers` and `snapshots` give the place of the last answer about each work or user, and of each snapshot.",
        f"## Events of version {journal.VERSION}",
        table(["type", "meaning", "data"], (_row(*event) for event in EVENTS.items())),
        "## What they contain",
        *(_section(name, held[name]) for name in sorted(held)),
    )  # fmt: skip


def _row(kind: str, change: Callable[..., Any]) -> tuple[str, str, str]:
    first = (change.__doc__ or "").strip().split("\n\n")[0]
    if kind == journal.ANSWER:
        return (
            code(kind),
            described(first),
            "`record`: the WARC-Record-ID of the response; `snapshot`: it is kept by its date; `unread`: its body could not be read",
        )
    hints = get_type_hints(change)
    return (
        code(kind),
        described(first),
        ", ".join(f"{code(name)} {_kind(hints[name])}" for name in parameters_of(change)),
    )


def _kind(hint: Any) -> str:
    """A type, with links to what it holds."""
    text = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    text = re.sub(r"\b(collections\.abc|pixivcrawl(\.\w+)+|typing|datetime)\.", "", text).replace("NoneType", "None")
    names = {each.__name__ for each in _classes(hint)}
    return " ".join(link(part, heading=part) if part in names else part for part in re.findall(r"\w+|[^\w\s]+", text))


def _classes(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for inner in get_args(hint):
        yield from _classes(inner)


def _held(changes: Any) -> Iterator[tuple[str, type[Any]]]:
    """Every dataclass that an event's data may hold, by its name."""
    waiting = [
        each
        for change in changes
        if change is not EVENTS[journal.ANSWER]
        for name in parameters_of(change)
        for each in _classes(get_type_hints(change)[name])
    ]
    seen: set[type[Any]] = set()
    while waiting:
        if (each := waiting.pop()) not in seen:
            seen.add(each)
            yield each.__name__, each
            waiting += [inner for hint in get_type_hints(each).values() for inner in _classes(hint)]


def _section(name: str, held: type[Any]) -> str:
    hints = get_type_hints(held)
    rows = ((code(field.name), _kind(hints[field.name])) for field in fields(held))
    return blocks(f"### {name}", *paragraphs(held.__doc__), table(["name", "type"], rows))
