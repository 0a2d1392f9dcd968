"""The filters: the same on every listing spider, and asked of what is known of a work before a request is spent on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.items import Artwork, Kind
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import Ledger

Rating = Literal["safe", "r18", "r18g"]
RATINGS: tuple[Rating, ...] = ("safe", "r18", "r18g")
"""Pixiv: xRestrict 0, 1, 2."""

MADE_BY_AI = 2
"""Pixiv: aiType 0 unknown, 1 not AI, 2 AI."""


def _separated(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return datetime.strptime(value.replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            raise ValueError("give a day as yyyy-mm-dd") from None
    return value


Words = Annotated[list[str], BeforeValidator(_separated), Field(min_length=1)]
Day = Annotated[date, BeforeValidator(_day)]
Ratio = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class Filters(BaseModel):
    """Which works of a list are wanted. A work is left out only where something that is known of it says so."""

    tags: Words | None = Field(
        None, title="Tags", description="Only works that bear all of these tags, with commas or spaces between them."
    )
    exclude_tags: Words | None = Field(
        None,
        title="Excluded tags",
        description="No work that bears one of these tags, with commas or spaces between them.",
    )
    kinds: Annotated[list[Kind], BeforeValidator(_separated), Field(min_length=1)] | None = Field(
        None, title="Kinds", description="Only works of these kinds: illust, manga, ugoira."
    )
    rating: Annotated[list[Rating], BeforeValidator(_separated), Field(min_length=1)] | None = Field(
        None, title="Age rating", description="Only works of these ratings: safe (all ages), r18, r18g."
    )
    ai: Literal["only", "exclude"] | None = Field(
        None, title="AI", description="only: nothing but works that pixiv marks as made by AI; exclude: none of them."
    )
    min_bookmarks: int | None = Field(
        None, ge=0, title="Least bookmarks", description="Only works that at least so many people bookmarked."
    )
    min_pages: int | None = Field(None, ge=1, title="Least pages", description="Only works of at least so many pages.")
    max_pages: int | None = Field(None, ge=1, title="Most pages", description="Only works of at most so many pages.")
    min_width: int | None = Field(
        None, ge=1, title="Least width", description="Only works whose first page is at least so many pixels wide."
    )
    min_height: int | None = Field(
        None, ge=1, title="Least height", description="Only works whose first page is at least so many pixels high."
    )
    min_ratio: Ratio | None = Field(
        None, title="Least ratio", description="Only works whose first page has at least this width divided by height."
    )
    max_ratio: Ratio | None = Field(
        None,
        title="Greatest ratio",
        description="Only works whose first page has at most this width divided by height.",
    )
    since: Day | None = Field(
        None, title="Since", description="Only works made on this day or later (yyyy-mm-dd, as Japan counts)."
    )
    until: Day | None = Field(
        None, title="Until", description="Only works made on this day or earlier (yyyy-mm-dd, as Japan counts)."
    )

    @field_validator("max_pages", "max_ratio", "until")
    @classmethod
    def _not_below_its_other_end(cls, end: Any, info: ValidationInfo) -> Any:
        name = {"max_pages": "min_pages", "max_ratio": "min_ratio", "until": "since"}[info.field_name or ""]
        start = info.data.get(name)
        if start is not None and end is not None and end < start:
            raise ValueError(f"lies before {name}={start}, so that no work would be left")
        return end

    @property
    def leave_something_out(self) -> bool:
        """Whether any filter was given."""
        return any(getattr(self, name) is not None for name in Filters.model_fields)

    def fits(self, artwork: Artwork) -> bool | None:
        """Whether a work is wanted; None when what is known of it leaves that open."""
        answers = set(_answers(self, artwork))
        if False in answers:
            return False
        return None if None in answers else True


def _answers(filters: Filters, artwork: Artwork) -> Iterator[bool | None]:
    """What each filter that was given says of a work."""
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
    made = artwork.created.astimezone(JAPAN).date() if artwork.created else None
    yield _within(made, filters.since, filters.until)


def _bears(filters: Filters, artwork: Artwork) -> bool | None:
    """A row without tags may only have left them out."""
    if not artwork.tags and artwork.detail == "listing":
        return None
    borne = {tag.name.casefold() for tag in artwork.tags}
    wanted = {tag.casefold() for tag in filters.tags or ()}
    unwanted = {tag.casefold() for tag in filters.exclude_tags or ()}
    return wanted <= borne and not unwanted & borne


def _within(value: Any, least: Any, most: Any) -> bool | None:
    if least is None and most is None:
        return True
    if value is None:
        return None
    return (least is None or value >= least) and (most is None or value <= most)


async def left_out(
    filters: Filters, ledger: Ledger, work_ids: Sequence[int], rows: Mapping[int, Artwork], *, refresh: bool
) -> set[int]:
    """Those of the works on a page that are not wanted, by their rows, or where these leave it open by what the ledger knows.

    With `refresh`, what the ledger knows of a work from a row alone is not trusted.
    """
    by_row = {work_id: filters.fits(rows[work_id]) for work_id in work_ids if work_id in rows}
    undecided = [work_id for work_id in work_ids if by_row.get(work_id) is None]
    described = await ledger.read(queries.described_works, undecided)
    known = {work_id: work for work_id, work in described.items() if work.detail == "full" or not refresh}
    return {
        work_id
        for work_id in work_ids
        if by_row.get(work_id) is False or (work_id in known and filters.fits(known[work_id]) is False)
    }
