"""Filters: which works are wanted, in crawls, subscriptions, the gallery and reports; and the file of saved filters."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.folding import fold, fold_name, plain
from pixivcrawl.items import Artwork, Kind

FILE_NAME = "filters.toml"
"""It is beside subscriptions.toml."""

NONE = "none"
"""The name that turns off the default filter."""

Rating = Literal["safe", "r18", "r18g"]
RATINGS: tuple[Rating, ...] = ("safe", "r18", "r18g")
"""Pixiv: xRestrict 0, 1, 2."""

MADE_BY_AI = 2
"""Pixiv: aiType 0 unknown, 1 not AI, 2 AI."""


def separated(value: Any) -> Any:
    """Split a text at commas and spaces; a list stays as it is."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return datetime.strptime(value.replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            raise ValueError("give a day as yyyy-mm-dd") from None
    return value


Words = Annotated[list[str], BeforeValidator(separated), Field(min_length=1)]
Day = Annotated[date, BeforeValidator(_day)]
Artists = Annotated[list[Annotated[int, Field(gt=0, lt=2**63)]], BeforeValidator(separated), Field(min_length=1)]
Ratio = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class Filters(BaseModel):
    """Which works of a list are wanted. A work is left out only because of something that is known about it."""

    model_config = ConfigDict(extra="forbid")

    tags: Words | None = Field(
        None, title="Tags", description="Only works with all of these tags, separated by commas or spaces."
    )
    exclude_tags: Words | None = Field(
        None,
        title="Excluded tags",
        description="No works with any of these tags, separated by commas or spaces.",
    )
    kinds: Annotated[list[Kind], BeforeValidator(separated), Field(min_length=1)] | None = Field(
        None, title="Kinds", description="Only works of these kinds: illust, manga, ugoira."
    )
    rating: Annotated[list[Rating], BeforeValidator(separated), Field(min_length=1)] | None = Field(
        None, title="Age rating", description="Only works of these ratings: safe (all ages), r18, r18g."
    )
    ai: Literal["only", "exclude"] | None = Field(
        None, title="AI", description="only: only works that pixiv marks as made with AI; exclude: none of those."
    )
    min_bookmarks: int | None = Field(
        None, ge=0, title="Least bookmarks", description="Only works with at least this many bookmarks."
    )
    min_pages: int | None = Field(
        None, ge=1, title="Least pages", description="Only works with at least this many pages."
    )
    max_pages: int | None = Field(
        None, ge=1, title="Most pages", description="Only works with at most this many pages."
    )
    min_width: int | None = Field(
        None, ge=1, title="Least width", description="Only works whose first page is at least this many pixels wide."
    )
    min_height: int | None = Field(
        None, ge=1, title="Least height", description="Only works whose first page is at least this many pixels high."
    )
    min_ratio: Ratio | None = Field(
        None, title="Least ratio", description="Only works whose first page has at least this ratio of width to height."
    )
    max_ratio: Ratio | None = Field(
        None,
        title="Greatest ratio",
        description="Only works whose first page has at most this ratio of width to height.",
    )
    since: Day | None = Field(
        None, title="Since", description="Only works made on this day or later (yyyy-mm-dd, in Japan's time zone)."
    )
    until: Day | None = Field(
        None, title="Until", description="Only works made on this day or earlier (yyyy-mm-dd, in Japan's time zone)."
    )

    artists: Artists | None = Field(
        None,
        title="Artists",
        description="Only works of these artists, by id, separated by commas or spaces.",
    )
    exclude_artists: Artists | None = Field(
        None, title="Excluded artists", description="No works of these artists, by id."
    )
    words: Words | None = Field(
        None,
        title="Words",
        description="Only works with all of these words in title, caption or tags, regardless of case, width or kana.",
    )

    exclude_words: Words | None = Field(
        None,
        title="Excluded words",
        description="No works with any of these words in title, caption or tags, compared in the same way.",
    )

    @field_validator("max_pages", "max_ratio", "until")
    @classmethod
    def _not_below_its_other_end(cls, end: Any, info: ValidationInfo) -> Any:
        name = {"max_pages": "min_pages", "max_ratio": "min_ratio", "until": "since"}[info.field_name or ""]
        start = info.data.get(name)
        if start is not None and end is not None and end < start:
            raise ValueError(f"is before {name}={start}, which would leave no works")
        return end

    @property
    def leave_something_out(self) -> bool:
        """Whether any filter was given."""
        return any(getattr(self, name) is not None for name in Filters.model_fields)

    def fits(self, artwork: Artwork) -> bool | None:
        """Whether a work is wanted; None if what is known of it is not enough to decide."""
        answers = set(_answers(self, artwork))
        if False in answers:
            return False
        return None if None in answers else True


def _answers(filters: Filters, artwork: Artwork) -> Iterator[bool | None]:
    """What each given filter says about a work."""
    if filters.tags or filters.exclude_tags:
        yield _bears(filters, artwork)
    if filters.kinds:
        yield artwork.kind in filters.kinds
    if filters.rating:
        restriction = artwork.x_restrict
        yield None if restriction is None else RATINGS[min(restriction, 2)] in filters.rating
    if filters.ai:
        yield None if artwork.ai_type is None else (artwork.ai_type == MADE_BY_AI) == (filters.ai == "only")
    yield _within(artwork.bookmark_count, filters.min_bookmarks, None)
    yield _within(artwork.page_count, filters.min_pages, filters.max_pages)
    # Pixiv: a work whose picture is not shown has a size of 0.
    width, height = artwork.width or None, artwork.height or None
    yield _within(width, filters.min_width, None)
    yield _within(height, filters.min_height, None)
    yield _within(width / height if width and height else None, filters.min_ratio, filters.max_ratio)
    made = day_in_japan(artwork.created) if artwork.created else None
    yield _within(made, filters.since, filters.until)
    if filters.artists:
        yield artwork.user_id in filters.artists
    if filters.exclude_artists:
        yield artwork.user_id not in filters.exclude_artists
    if filters.words:
        yield _holds(filters.words, artwork)
    if filters.exclude_words:
        yield _holds_none(filters.exclude_words, artwork)


def _bears(filters: Filters, artwork: Artwork) -> bool | None:
    """Whether the tags fit. A row without tags may just have left them out."""
    if not artwork.tags and artwork.detail == "listing":
        return None
    borne = {tag.name.casefold() for tag in artwork.tags}
    wanted = {tag.casefold() for tag in filters.tags or ()}
    unwanted = {tag.casefold() for tag in filters.exclude_tags or ()}
    return wanted <= borne and not unwanted & borne


def _holds(words: list[str], artwork: Artwork) -> bool | None:
    """Whether the words fit. A row has no caption."""
    texts = _texts(artwork)
    if all(any(fold(word) in text for text in texts) for word in words):
        return True
    return None if artwork.detail == "listing" else False


def _holds_none(words: list[str], artwork: Artwork) -> bool | None:
    texts = _texts(artwork)
    if any(folded in text for word in words if (folded := fold(word)) for text in texts):
        return False
    return None if artwork.detail == "listing" else True


def _texts(artwork: Artwork) -> list[str]:
    """The texts that words are searched in, folded."""
    names = (fold_name(tag.name) for tag in artwork.tags)
    return [fold(artwork.title or ""), fold(plain(artwork.caption or "")), *names]


def day_in_japan(moment: datetime) -> date:
    """The day on which a work was made, in Japan's time zone."""
    try:
        return moment.astimezone(JAPAN).date()
    except OverflowError:
        # Within hours of the end of all dates.
        return moment.date()


def _within(value: Any, least: Any, most: Any) -> bool | None:
    if least is None and most is None:
        return True
    if value is None:
        return None
    return (least is None or value >= least) and (most is None or value <= most)


# Saved filters


@dataclass(frozen=True, slots=True)
class SavedFilters:
    """`filters.toml`: filters by name, and the default filters of the gallery (`show`) and of crawls (`fetch`)."""

    path: Path
    filters: Mapping[str, Filters] = field(default_factory=dict)
    show: str | None = None
    fetch: str | None = None

    def named(self, name: str | None) -> Filters | None:
        """The filter with a name; None if there is no name, or it is "none". Raises ConfigurationError."""
        if name is None or name == NONE:
            return None
        if name not in self.filters:
            known = ", ".join(self.filters) or "none yet"
            raise ConfigurationError(f"{self.path} has no filter {quoted(name)}; it has {known}: add [filter.{name}]")
        return self.filters[name]


def read_filters(path: Path) -> SavedFilters:
    """The saved filters; none if the file does not exist. Raises ConfigurationError with the file, the place in it, and what to write."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return SavedFilters(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror})") from None
    return parse_filters(path, content)


def parse_filters(path: Path, content: bytes) -> SavedFilters:
    """As `read_filters`, for the file's content."""
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path}: not TOML ({one_line(str(error), 100)}): write [filter.NAME] with lines like rating = {quoted('safe')} below"
        ) from None
    try:
        return _saved(path, document)
    except _Refused as refused:
        raise ConfigurationError(f"{path}: {one_line(str(refused), 400)}") from None


class _Refused(Exception):
    """Something in the file cannot be understood."""


def _saved(path: Path, document: Mapping[str, Any]) -> SavedFilters:
    for key in document:
        if key not in ("filter", "default"):
            raise _Refused(f"{key} is not known here: write [filter.NAME] or [default]")
    entries, default = document.get("filter", {}), document.get("default", {})
    if not isinstance(entries, dict) or not isinstance(default, dict):
        raise _Refused("write single brackets, [filter.NAME] and [default]")
    filters = {name: _filter(name, entry) for name, entry in entries.items()}
    for key, name in default.items():
        if key not in ("show", "fetch"):
            raise _Refused(f"[default] {key} is not known; there is show and fetch")
        if name not in filters:
            raise _Refused(
                f"[default] {key}: there is no filter {quoted(name)}; there is: {', '.join(filters) or 'none'}"
            )
    return SavedFilters(path, filters, default.get("show"), default.get("fetch"))


def _filter(name: str, entry: Any) -> Filters:
    if name == NONE or name != one_line(name, 100) or not name.strip():
        raise _Refused(
            f"[filter.{one_line(name, 100)}]: choose another name: one line of at most 100 characters, and not {NONE}"
        )
    if not isinstance(entry, dict):
        raise _Refused(f"[filter] {name}: write it in brackets of its own, [filter.{name}]")
    try:
        return Filters.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        why = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            why = f"is not known; there is: {', '.join(Filters.model_fields)}"
        raise _Refused(f"[filter.{name}] {key}: {why}") from None
