"""`ranking.php`: no envelope, keys in snake_case, ids as integers, kind and number of pages as strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from pixivcrawl.api.bodies.masks import WorkRow, positive_unless_masked
from pixivcrawl.api.bodies.parts import (
    KINDS,
    Count,
    FalseAsNull,
    FalseAsZero,
    Fields,
    Id,
    IllustType,
    Kind,
    PageCount,
    Side,
    SnakeCaseModel,
    Texts,
)
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.paging import below

ROWS_A_PAGE = 50

ALL_KINDS = ("all", "complex", "overall", "")
"""pixiv: what it has called a ranking of all kinds of work; today it is asked for without a word."""

_LATEST_TIMESTAMP = 253_402_300_799
Day = Annotated[str, Field(pattern=r"^[0-9]{8}$")]


class RankedSeries(SnakeCaseModel):
    illust_series_id: Id
    illust_series_title: str | None = None


class RankingRow(WorkRow):
    """A work's place: `rank` from 1, `yes_rank` its place in the ranking before, 0 when it was not in it.

    A masked row shows only these and the id.
    """

    model_config = SnakeCaseModel.model_config

    told_when_masked = ("illust_id", "rank", "yes_rank")
    blank: ClassVar[Mapping[str, Any]] = {
        "title": "",
        "illust_type": 0,
        "user_id": 0,
        "user_name": "",
        "illust_page_count": 0,
    }

    illust_id: Id
    user_id: Count
    title: str
    user_name: str
    illust_type: IllustType
    illust_page_count: PageCount
    rank: Id
    yes_rank: Annotated[Count, FalseAsZero] = 0
    tags: Texts = Field(default_factory=list)
    width: Side | None = None
    height: Side | None = None
    rating_count: Count | None = None
    view_count: Count | None = None
    illust_upload_timestamp: Annotated[Count, Field(le=_LATEST_TIMESTAMP)] | None = None
    illust_series: Annotated[RankedSeries | None, FalseAsNull] = None
    illust_content_type: Fields = Field(default_factory=dict)
    attr: Any = None

    @field_validator("user_id", "illust_page_count")
    @classmethod
    def _positive_unless_masked(cls, value: int, info: ValidationInfo) -> int:
        return positive_unless_masked(value, info)

    @property
    def kind(self) -> Kind:
        return KINDS[self.illust_type]

    @property
    def revision(self) -> str | None:
        """The 14 digits of the time in the thumbnail's path."""
        return self.revision_of(self.illust_id)

    @property
    def series_id(self) -> int | None:
        return None if self.illust_series is None else self.illust_series.illust_series_id


class Ranking(SnakeCaseModel):
    """One page of a ranking, 50 rows a page.

    `next` is the next page's number, None on the last page; `date` is yyyymmdd.
    """

    contents: Annotated[list[RankingRow], RowByRow]
    mode: str
    content: str = "all"
    date: Day
    page: Id
    next: Annotated[Id | None, FalseAsNull] = None
    prev: Annotated[Count | None, FalseAsNull] = None
    prev_date: Annotated[str | None, FalseAsNull] = None
    next_date: Annotated[str | None, FalseAsNull] = None
    rank_total: Count | None = None

    @property
    def kinds(self) -> str:
        """The kinds of work ranked, under one name for all."""
        return "all" if self.content in ALL_KINDS else self.content

    @property
    def goes_on(self) -> bool | None:
        """Whether another page follows; None where the answer does not say."""
        if "next" in self.model_fields_set:
            return self.next is not None
        return below(self.page * ROWS_A_PAGE, self.rank_total)


def foreign_ranking(ranking: Ranking, parameters: Mapping[str, Any]) -> str | None:
    """Another ranking, day or page than was asked for."""
    content = parameters.get("content", ranking.content)
    if content != ranking.content and not {content, ranking.content} <= {*ALL_KINDS}:
        return "content"
    asked = {"mode": ranking.mode, "date": ranking.date, "p": ranking.page}
    wrong = next((name for name, said in asked.items() if parameters.get(name, said) != said), None)
    return "page" if wrong == "p" else wrong
