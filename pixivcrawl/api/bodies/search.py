"""Search results, and what pixiv knows about a tag."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from pixivcrawl.api.bodies.parts import Count, Fields, Ids, Keyed, NullAsEmpty, PixivModel, TagTranslations
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import IllustRow, RowList
from pixivcrawl.api.paging import PartOf, came


class FoundWorks(PixivModel):
    """One kind of works, and how many there are on all pages."""

    data: RowList
    total: Count


class Popular(PixivModel):
    recent: RowList = Field(default_factory=list)
    permanent: RowList = Field(default_factory=list)


class Search(PixivModel):
    """`search/artworks`, `/illustrations`, `/manga` and `/top`: 60 works a page.

    pixiv: artworks come in `illustManga`, or in `illust` and `manga`; novels are no works here.
    """

    illust_manga: FoundWorks | None = None
    illust: FoundWorks | None = None
    manga: FoundWorks | None = None
    popular: Annotated[Popular, Keyed] = Field(default_factory=Popular)
    related_tags: Annotated[list[str], RowByRow, NullAsEmpty] = Field(default_factory=list)
    tag_translation: TagTranslations = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_works(self) -> Self:
        if not self._found:
            raise ValueError("must hold illustManga, illust or manga")
        return self

    @property
    def rows(self) -> list[IllustRow]:
        """The works on this page."""
        return PartOf(
            chain.from_iterable(found.data for found in self._found), sum(came(found.data) for found in self._found)
        )

    @property
    def total(self) -> int:
        """How many works there are on all pages, of every kind on this one."""
        return sum(found.total for found in self._found)

    @property
    def longest(self) -> int:
        """How many works the longest of the lists has: the lists are read side by side."""
        return max(found.total for found in self._found)

    @property
    def _found(self) -> list[FoundWorks]:
        if self.illust_manga is not None:
            return [self.illust_manga]
        return [found for found in (self.illust, self.manga) if found is not None]


class TagInfo(PixivModel):
    """`search/tags/{tag}`: the article on a tag (`pixpedia`, empty when there is none) and its translations."""

    tag: str
    word: str | None = None
    pixpedia: Fields = Field(default_factory=dict)
    breadcrumbs: Fields = Field(default_factory=dict)
    my_favorite_tags: Annotated[list[Any], NullAsEmpty] = Field(default_factory=list)
    tag_translation: TagTranslations = Field(default_factory=dict)


class TagStories(PixivModel):
    """`stories/tag_stories`."""

    tag_story_ids: Ids
