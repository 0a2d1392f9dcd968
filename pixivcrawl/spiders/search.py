"""Works that a search finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from scrapy.crawler import Crawler

from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.bodies.search import Search
from pixivcrawl.api.catalogue import SEARCH_ARTWORKS, SEARCH_ILLUSTRATIONS, SEARCH_MANGA, SEARCH_TOP, USER_SHORT
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.api.ignored import day_of
from pixivcrawl.api.text import plural
from pixivcrawl.base_spiders.gaps import report_ignored_parameters, taken_up
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.pagination import ListCursor, paginate
from pixivcrawl.base_spiders.params import AgeMode, ListingArguments, Text, today_in_japan
from pixivcrawl.filters import Day

ENDPOINTS: dict[str, Endpoint[Search]] = {
    "artworks": SEARCH_ARTWORKS,
    "illustrations": SEARCH_ILLUSTRATIONS,
    "manga": SEARCH_MANGA,
    "top": SEARCH_TOP,
}

WORKS_A_PAGE = 60

MOVED_BY_ORDER = {"date_d": "ecd", "date": "scd"}
"""Which end of a search's days is moved to go past the wall."""

Length = Annotated[int, Field(ge=0, le=1_000_000)]


class SearchArguments(ListingArguments):
    word: Text = Field(
        max_length=1000,
        title="Keyword",
        description="What to search for; all words must match; -word excludes a word.",
    )
    target: Literal["artworks", "illustrations", "manga", "top"] = Field(
        "artworks",
        title="Target",
        description="Works of every kind, illustrations and ugoira, manga, or the few newest (top, which takes only word).",
    )
    type: Literal["all", "illust_and_ugoira", "illust", "ugoira", "manga"] | None = Field(
        None, title="Kind of work", description="For target=illustrations: illust_and_ugoira, illust or ugoira."
    )
    order: Literal[
        "date_d",
        "date",
        "popular_d",
        "popular",
        "popular_male_d",
        "popular_male",
        "popular_female_d",
        "popular_female",
    ] = Field(
        "date_d",
        title="Order",
        description="Newest first, oldest first, or by popularity, which pixiv ignores for accounts without premium.",
    )
    mode: AgeMode = Field("all", title="Age rating", description="all, safe (all ages) or r18, which needs a session.")
    s_mode: Literal["s_tag_full", "s_tag", "s_tc", "tc"] = Field(
        "s_tag_full", title="Where to look", description="Whole tags, parts of tags, or titles and captions."
    )
    wlt: Length | None = Field(None, title="Least width", description="In pixels.")
    wgt: Length | None = Field(None, title="Greatest width", description="In pixels.")
    hlt: Length | None = Field(None, title="Least height", description="In pixels.")
    hgt: Length | None = Field(None, title="Greatest height", description="In pixels.")
    ratio: Literal["0.5", "-0.5", "0"] | None = Field(
        None, title="Shape", description="0.5 landscape, -0.5 portrait, 0 square."
    )
    tool: Text | None = Field(
        None,
        max_length=100,
        title="Tool",
        description="What the work was made with, by pixiv's name.",
    )
    scd: Day | None = Field(None, title="First day", description="yyyy-mm-dd, in Japan's time zone.")
    ecd: Day | None = Field(None, title="Last day", description="yyyy-mm-dd, in Japan's time zone.")
    blt: int | None = Field(
        None, ge=0, title="Least bookmarks", description="Ignored by pixiv without premium; see min_bookmarks."
    )
    bgt: int | None = Field(None, ge=0, title="Greatest bookmarks", description="Ignored by pixiv without premium.")
    work_lang: str | None = Field(
        None, pattern="^[a-z]{2}$", title="Language", description="The language of the works, in two letters."
    )
    ai_type: int | None = Field(
        None,
        ge=0,
        le=1,
        title="Works of AI",
        description="1 hides works made with AI, 0 shows them, whatever the account's setting.",
    )
    csw: int | None = Field(None, ge=0, le=1, title="csw", description="Sent as 0 by pixiv's own pages.")

    unmentioned: ClassVar[frozenset[str]] = frozenset({"ai_type", "csw"})

    @field_validator("scd")
    @classmethod
    def _not_in_the_future(cls, day: date | None) -> date | None:
        if day is not None and day > today_in_japan():
            raise ValueError("that day is in the future")
        return day

    @field_validator("ecd")
    @classmethod
    def _not_before_the_first(cls, day: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("scd")
        if day is not None and first is not None and day < first:
            raise ValueError(f"is before scd={first}")
        return day

    def parameters(self) -> dict[str, Any]:
        """What was given of pixiv's own parameters."""
        ours = {*ListingArguments.model_fields, "target"}
        return {name: getattr(self, name) for name in self.model_fields_set if name not in ours}


class SearchSpider(ListingSpider[SearchArguments]):
    """Archives the works that a search finds.

    60 works a request. Pixiv shows at most 1000 pages of a search (5000 with premium). Beyond that, a search by date continues with another
    first or last day, so that all of it is read. If a single day exceeds the limit, or the search has any other order, the rest is
    unreachable; a line says so and the run ends with exit code 1. Newest first (the default), a run with nothing new costs one request; in
    another order the search is read to its end each time. mode=r18 needs a session, and without one pixiv leaves out R-18 works.
    """

    name = "search"
    sample = "word=tag"

    endpoint: Endpoint[Search]
    asked: dict[str, Any]
    premium: bool | None = None
    """Whether the reader is a premium account, where that matters."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.endpoint = ENDPOINTS[spider.args.target]
        # Refused before the first request, in the catalogue's words.
        spider.endpoint.canonical(spider.args.parameters())
        return spider

    def session_needed_for(self) -> str | None:
        return "mode=r18" if self.args.mode == "r18" else None

    async def listing(self) -> AsyncIterator[Page]:
        parameters = self.args.parameters()
        if self.args.target == "top":
            top = await self.fetch(SEARCH_TOP, **parameters)
            yield _page(top if top.rows else await self.recheck_empty(SEARCH_TOP, top, **parameters))
            return
        await self.warn_of_premium(parameters)
        newest_first = self.args.order == "date_d"
        first = self.endpoint.canonical(parameters)
        readings = self.readings.readings("", self.endpoint, first, self.now(), newest_first=newest_first)
        for reading in taken_up(self, readings):
            reading.following = _one_page_again(reading.following)
            async for page in self.windows(reading):
                yield page
            if self.args.order == "date":
                # What is new comes at the end, where an interrupted reading went on to.
                break

    async def windows(self, reading: ListCursor) -> AsyncIterator[Page]:
        """The pages of a search and, once pixiv's wall ends them, of the same search over the remaining days."""
        recent: dict[int, date | None] = {}
        while reading.following is not None:
            last: tuple[Search, dict[str, Any]] | None = None
            async for body, _ in paginate(reading, self.endpoint, self.ask_for_results, _ids_of):
                last = body, self.asked
                report_ignored_parameters(self, self.asked, body.rows, is_premium=self.premium)
                rows = [row for row in body.rows if row.id not in recent]
                recent = _recent_only(recent, body.rows)
                yield _page(body, rows, self.readings.cursor("", reading))
            if last is not None and self.asked != last[1] and not reading.met_frontier:
                reading.following = self.past_the_wall(*last)

    async def ask_for_results(self, **values: Any) -> Search:
        self.asked = values
        return await self.fetch_page(self.endpoint, **values)

    def past_the_wall(self, body: Search, values: dict[str, Any]) -> dict[str, Any] | None:
        """Where to continue after the deepest page that pixiv shows, which `values` asked for; None if nothing is left to read."""
        if heedless := self.ignored_parameters & {"order", "scd", "ecd"}:
            names = ", ".join(sorted(heedless))
            self.cut_off(
                f"pixiv shows the first {values['p']} pages of {plural(body.longest, 'work')}, and ignores {names}"
            )
            return None
        moved = MOVED_BY_ORDER.get(self.args.order)
        edge = _edge(body, values["p"], self.args.order)
        if moved is None or edge is None:
            self.cut_off(
                f"pixiv shows the first {values['p']} pages of {plural(body.longest, 'work')}; use order=date_d"
            )
            return None
        step = timedelta(days=-1 if moved == "ecd" else 1)
        if values.get(moved) == edge.isoformat():
            self.cut_off(
                f"the day {edge} alone has more works than the {values['p']} pages that pixiv shows; narrow the search"
            )
            edge += step
        return {**values, moved: edge.isoformat(), "p": 1} if self._is_asked_for(edge) else None

    async def warn_of_premium(self, parameters: dict[str, Any]) -> None:
        """Say which parameters pixiv will ignore, before it does."""
        names = self.endpoint.premium_needed_for(parameters)
        if names:
            self.premium = await self.is_premium()
        if self.premium is False:
            given = ", ".join(f"{name}={parameters[name]}" for name in names)
            self.logger.warning(
                "search: %s: pixiv ignores this without a premium account and gives the newest first", given
            )

    async def is_premium(self) -> bool:
        if self.session is None or self.session.user_id is None:
            return False
        return (await self.fetch(USER_SHORT, id=self.session.user_id)).premium is True

    def _is_asked_for(self, day: date) -> bool:
        first, last = self.args.scd, self.args.ecd or today_in_japan()
        return (first is None or day >= first) and day <= last


def _page(body: Search, rows: list[IllustRow] | None = None, cursor: str | None = None) -> Page:
    rows = body.rows if rows is None else rows
    return page_of_rows([row.id for row in rows], rows, cursor)


def _ids_of(body: Search) -> list[int]:
    return [row.id for row in body.rows]


def _one_page_again(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """An interrupted reading reads its last page again, so that a wall right behind it is recognised."""
    return values and {**values, "p": max(1, values.get("p", 1) - 1)}


def _recent_only(recent: dict[int, date | None], rows: list[IllustRow]) -> dict[int, date | None]:
    """The works that may come again: those on the last page, and those of the days being read and of the day next to them."""
    days = {day for row in rows if (day := day_of(row)) is not None}
    if not days:
        return recent
    first, last = min(days) - timedelta(days=1), max(days) + timedelta(days=1)
    near = {work_id: day for work_id, day in recent.items() if day is not None and first <= day <= last}
    return near | {row.id: day_of(row) for row in rows}


def _edge(body: Search, page: int, order: str) -> date | None:
    """The day at which the wall cut the search; of two lists side by side, the one that loses least."""
    lists = [found for found in (body.illust_manga, body.illust, body.manga) if found is not None]
    ends = [
        next((day for row in reversed(found.data) if (day := day_of(row)) is not None), None)
        for found in lists
        if found.total > page * WORKS_A_PAGE
    ]
    days = [day for day in ends if day is not None]
    if not days:
        return None
    return min(days) if order == "date" else max(days)
