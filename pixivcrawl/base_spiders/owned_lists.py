"""Lists that belong to one user: bookmarks, follows."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field
from scrapy.crawler import Crawler

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.params import ListingArguments, id_in_address
from pixivcrawl.errors import ConfigurationError


def _owner(value: Any) -> Any:
    if value == "me":
        return value
    if str(value).isascii() and str(value).isdecimal() and 0 < int(value) <= LARGEST_ID:
        return int(value)
    raise ValueError("give a user's id or address, or me for your own")


class OwnerArguments(ListingArguments):
    id: Annotated[
        int | Literal["me"], BeforeValidator(_owner), id_in_address("user", "bookmarks", "following", "followers")
    ] = Field(title="User", description="A user's id or address, or me for the owner of the session.")


class RestArguments(OwnerArguments):
    rest: Literal["show", "hide", "both"] = Field(
        "show",
        title="Public or private",
        description="show reads the public list, hide the private one (your own only), both the one and then the other.",
    )

    @property
    def rests(self) -> tuple[Literal["show", "hide"], ...]:
        return ("show", "hide") if self.rest == "both" else (self.rest,)


OwnerArgumentsT = TypeVar("OwnerArgumentsT", bound=OwnerArguments)


class OwnedListSpider(ListingSpider[OwnerArgumentsT]):
    """Needs a session. `owner` is the user whose list it is, `is_own` whether that is the reader."""

    owner: int
    is_own: bool

    def session_needed_for(self) -> str | None:
        return f"id={self.args.id}"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        assert spider.session is not None
        reader = spider.session.user_id
        if spider.args.id == "me":
            if reader is None:
                raise ConfigurationError(f"{cls.name}: id=me: the session does not say whose it is; give your user id")
            # With another session `me` is another user: the ledger knows the list by its owner.
            spider.args.id = reader
        spider.owner = spider.args.id
        spider.is_own = spider.owner == reader
        if isinstance(spider.args, RestArguments) and "hide" in spider.args.rests and not spider.is_own:
            raise ConfigurationError(
                f"{cls.name}: rest={spider.args.rest}: pixiv shows the private list of user {spider.owner} to them alone; "
                "use rest=show"
            )
        return spider
