"""Saves a search of the gallery as a filter in `filters.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.rewriting import rewrite
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import Filters, SavedFilters, parse_filters
from pixivcrawl.index.search import WorksQuery


def add_filter(path: Path, name: str, filters: Filters) -> SavedFilters:
    """Append a filter to the file at `path` and leave the rest unchanged. Raises ConfigurationError, StorageFailed."""
    entry = tomlkit.dumps({"filter": {name: filters.model_dump(mode="json", exclude_none=True)}}).strip()

    def appended(content: bytes) -> bytes:
        if name in parse_filters(path, content).filters:
            raise ConfigurationError(f"{path} has a filter {quoted(name)} already: choose another name")
        before = content + b"\n" if content and not content.endswith(b"\n") else content
        wanted = before + (b"\n" if before else b"") + f"{entry}\n".encode()
        parse_filters(path, wanted)
        return wanted

    return parse_filters(path, rewrite(path, appended))


def as_filter(
    query: WorksQuery, shown_by: Filters | None, *, artists: list[int], tags: list[str], without_tags: list[str]
) -> Filters:
    """The filter that lets through the works that a search finds, as far as facts are known.

    `shown_by` is the search's own saved filter, whose parts are taken over. `artists`, `tags` and `without_tags` are the ones that are
    named in the search. Raises ConfigurationError for what a filter cannot express.
    """
    if query.artist is not None and not artists:
        raise ConfigurationError(
            f"no artist is called {quoted(query.artist)}: take user: out of the search, or say an id"
        )
    own: dict[str, Any] = {
        "words": list(query.words),
        "tags": tags,
        "exclude_tags": without_tags,
        "artists": artists,
        "kinds": list(query.kinds),
        "rating": list(query.ratings),
        "ai": None if query.ai is None else "only" if query.ai else "exclude",
    }
    for part, numbers in (
        ("pages", query.pages),
        ("bookmarks", query.bookmarks),
        ("width", query.width),
        ("height", query.height),
    ):
        if numbers is None:
            continue
        if numbers.most is not None and part != "pages":
            raise ConfigurationError(f"a saved filter has no greatest {part}: search with {part}:>=N and save that")
        own |= {f"min_{part}": numbers.least or None, f"max_{part}": numbers.most}
    if query.dates is not None:
        own |= {"since": query.dates.first, "until": query.dates.last}
    if query.is_revised or query.is_gone:
        raise ConfigurationError(
            "a saved filter cannot say is:revised or is:gone: take that out of the search and save it then"
        )
    own = {key: value for key, value in own.items() if value not in (None, [])}
    before = {} if shown_by is None else shown_by.model_dump(exclude_none=True)
    if both := sorted(own.keys() & before.keys()):
        raise ConfigurationError(
            f"the filter that is shown already says {', '.join(both)}: add filter:none to the search, and save what it says then"
        )
    if not own:
        raise ConfigurationError("the search leaves no works out: say first what you want to see")
    return Filters.model_validate(before | own)
