"""Pixiv's rankings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.bodies.masks import WITHHELD
from pixivcrawl.api.catalogue import RANKING
from pixivcrawl.api.paging import came
from pixivcrawl.api.text import plural
from pixivcrawl.api.withheld import WHAT_TO_DO, Withheld
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.params import ListingArguments, today_in_japan

FIRST_RANKING = date(2007, 9, 13)


def _without_its_older_name(content: Any) -> Any:
    """Pixiv called a ranking of all kinds complex."""
    return "all" if content == "complex" else content


class RankingArguments(ListingArguments):
    mode: Literal[
        "daily",
        "weekly",
        "monthly",
        "rookie",
        "original",
        "male",
        "female",
        "daily_ai",
        "daily_r18",
        "weekly_r18",
        "male_r18",
        "female_r18",
        "daily_r18_ai",
        "r18g",
    ] = Field("daily", title="Ranking", description="Which ranking; those of R-18 and R-18G works need a session.")
    date: str | None = Field(
        None,
        title="Date",
        description="A day as yyyymmdd, or a range as yyyymmdd..yyyymmdd; by default the latest ranking.",
    )
    content: Annotated[Literal["all", "illust", "ugoira", "manga"], BeforeValidator(_without_its_older_name)] = Field(
        "all", title="Content", description="Which kinds of work."
    )

    @field_validator("date")
    @classmethod
    def _a_past_day(cls, value: str | None) -> str | None:
        if value is None:
            return None
        days = [_day(text) for text in value.split("..")]
        if len(days) > 2 or days != sorted(days):
            raise ValueError("give one day as yyyymmdd, or two as first..last")
        if days[-1] > today_in_japan():
            raise ValueError("that day is in the future; leave date out for the latest ranking")
        if days[0] < FIRST_RANKING:
            raise ValueError("pixiv's rankings begin on 20070913")
        return "..".join(f"{day:%Y%m%d}" for day in days)

    def days(self) -> list[str | None]:
        """The days to ask for, oldest first; [None] stands for the latest ranking."""
        if self.date is None:
            return [None]
        ends = self.date.split("..")
        first, last = _day(ends[0]), _day(ends[-1])
        return [f"{first + timedelta(days=n):%Y%m%d}" for n in range((last - first).days + 1)]


def _day(text: str) -> date:
    try:
        return datetime.strptime(text.replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise ValueError("not a day as yyyymmdd") from None


class RankingSpider(ListingSpider[RankingArguments]):
    """Archives the works of a ranking, and keeps each one's rank and previous rank with the date and mode.

    Pixiv ranks at most 500 works a day, 50 a page. A past day's ranking does not change, so once it was read to its end it is not asked for
    again unless `reread=true`; a day for which pixiv answered with nothing is asked for again. All pages of the latest ranking are read for
    the day of its first page. The R-18 and R-18G modes need a session.
    """

    name = "ranking"

    def session_needed_for(self) -> str | None:
        return f"mode={self.args.mode}" if "r18" in self.args.mode else None

    @property
    def never_changes(self) -> bool:
        return self.args.date is not None

    async def listing(self) -> AsyncIterator[Page]:
        for day in self.args.days():
            async for page in self.ranking_of(day):
                yield page

    async def ranking_of(self, day: str | None) -> AsyncIterator[Page]:
        """The pages of one day's ranking, all of the day of the first page: at noon in Japan the latest ranking changes."""
        values: dict[str, Any] | None = {"mode": self.args.mode, "content": self.args.content, "date": day}
        ranked, promised = 0, None
        while values is not None:
            try:
                body = await self.fetch_page(RANKING, **values)
            except AnswerRefused as refusal:
                if refusal.answer.kind is AnswerKind.FORBIDDEN:
                    hidden = replace(refusal.answer, message=WHAT_TO_DO[Withheld.R18])
                    raise AnswerRefused(refusal.endpoint, hidden) from refusal
                if refusal.answer.kind is not AnswerKind.NOT_FOUND:
                    raise
                # Pixiv's answer for a page past the end of a ranking.
                if not ranked or ranked < (promised or 0):
                    self.ends_too_soon(day, ranked, promised, refusal.answer.message)
                return
            if not came(body.contents):
                self.ends_too_soon(day, ranked, promised, "an empty page")
                return
            ranked, promised = ranked + came(body.contents), body.rank_total
            withheld = [row.illust_id for row in body.contents if row.mask_reason not in (None, WITHHELD)]
            yield Page([row.illust_id for row in body.contents], items_from.ranked_artworks(body), withheld=withheld)
            following = RANKING.next_page(values, body)
            values = following and {**following, "date": body.date}

    def ends_too_soon(self, day: str | None, ranked: int, promised: int | None, said: str) -> None:
        """Record that such a day was not read, so that it is asked for again."""
        brought = f"{ranked:,} of {plural(promised, 'work')}" if promised else plural(ranked, "work")
        self.list_failed(f"mode={self.args.mode} date={day or 'latest'}: {brought} came ({said})")
