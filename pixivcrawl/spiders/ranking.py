"""Pixiv's rankings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field, field_validator

from pixivcrawl import facts
from pixivcrawl.api.catalogue import RANKING
from pixivcrawl.ledger import records
from pixivcrawl.spiders.arguments import ListingArguments, today_in_japan
from pixivcrawl.spiders.listing import ListingSpider, Page

FIRST_RANKING = date(2007, 9, 13)


class RankingArguments(ListingArguments):
    mode: Literal[
        "daily",
        "weekly",
        "monthly",
        "rookie",
        "original",
        "male",
        "female",
        "daily_r18",
        "weekly_r18",
        "male_r18",
        "female_r18",
    ] = Field("daily", title="Ranking", description="Which ranking; those that end in _r18 need a session.")
    date: str | None = Field(
        None,
        title="Date",
        description="A day as yyyymmdd, or a range as yyyymmdd..yyyymmdd; the latest ranking when left out.",
    )
    content: Literal["complex", "illust", "ugoira", "manga"] = Field(
        "complex", title="Content", description="The kinds of work ranked; complex is all of them together."
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
            raise ValueError("that day lies in the future; leave date out for the latest ranking")
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

    Pixiv ranks at most 500 works a day, 50 a page. A past day's ranking does not change: one that was read to its end is not asked for
    again unless `reread=true`. The _r18 modes need a session.
    """

    name = "ranking"

    def session_needed_for(self) -> str | None:
        return f"mode={self.args.mode}" if self.args.mode.endswith("_r18") else None

    @property
    def never_changes(self) -> bool:
        return self.args.date is not None

    async def listing(self) -> AsyncIterator[Page]:
        for day in self.args.days():
            async for body in self.pages_of(RANKING, mode=self.args.mode, content=self.args.content, date=day):
                await self.ledger.write(records.record_ranking, facts.ranking_entries(body), self.now())
                yield Page([row.illust_id for row in body.contents], facts.ranked_artworks(body))
