"""The base of the spiders that read a list of users."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field
from scrapy.http import Response

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.bodies.listings import FollowRow, Follows
from pixivcrawl.api.catalogue import ME_EXTRA, USER_PROFILE_ALL, USER_PROFILE_ILLUSTS
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.base_spiders.from_rows import rows_to_ask_for
from pixivcrawl.base_spiders.owned_lists import OwnedListSpider, OwnerArguments
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.pagination import ListPage
from pixivcrawl.batched import batched
from pixivcrawl.items import Artwork, Facts, Follow
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.answer import StoredAnswer

ROWS_A_REQUEST = 100
"""Pixiv: `profile/illusts` answers for up to 100 ids at once."""


class PeopleArguments(OwnerArguments):
    archive: bool = Field(
        default=False, title="Archive their works", description="Archive every work of everyone on the list too."
    )


PeopleArgumentsT = TypeVar("PeopleArgumentsT", bound=PeopleArguments)


class PeopleSpider(OwnedListSpider[PeopleArgumentsT]):
    """Keeps who is on the list, with their newest works' rows, and with `archive=true` archives everyone's works."""

    own_count: ClassVar[Literal["following", "followers"]]
    """The field of `me.extra` with the number of users on the reader's own list, which may leave out the private part."""

    unsure: Sequence[FollowRow] = ()
    """The users on the last page whose works are to be listed."""

    failed_at: str | None = None
    """The cursor of the first page on which someone's works could not be listed: a later run continues there."""

    @abstractmethod
    def people(self) -> AsyncIterator[ListPage[Follows]]:
        """The pages of the list."""

    @abstractmethod
    async def record_unlisted(self, page: ListPage[Follows], total: int) -> None:
        """After the last page of a whole reading of `total` users: record who is no longer on the list."""

    async def is_known_to_be_empty(self, endpoint: Endpoint[Any], parameters: Mapping[str, Any]) -> bool:
        if not self.is_own or parameters.get("rest") == "hide":
            return False
        with suppress(AnswerRefused, BodyRefused):
            counts = await self.fetch(ME_EXTRA)
            return getattr(counts, self.own_count) == 0  # type: ignore[no-any-return]
        return False

    async def listing(self) -> AsyncIterator[Page]:
        cursor = self.crawl.cursor
        async for page in self.people():
            self.count("people_listed", len(page.ids))
            for person in self.unsure:
                if ("artist", person.user_id) in self.forgotten:
                    continue
                async for works in self.works_of(person, cursor):
                    yield works
            cursor = self.failed_at or page.cursor
            yield Page([], cursor=cursor)
            if (total := page.whole_total) is not None:
                await self.record_unlisted(page, total)

    async def learn(
        self, facts: Facts, body: Any = None, response: Response | None = None, answer: StoredAnswer | None = None
    ) -> bool:
        """Compare a page with what is known of its users before it is recorded."""
        if isinstance(body, Follows):
            self.unsure = await self.those_unsure(body, facts.follows) if self.args.archive else []
            now = self.now()
            await self.ledger.write(updates.record_gaps_in_following, self.crawl.crawl_id, facts.follows, now)
        return await super().learn(facts, body, response, answer)

    async def those_unsure(self, body: Follows, follows: Sequence[Follow]) -> Sequence[FollowRow]:
        """The users who may have works that this list does not know: new users, and those whose newest works are unknown.

        Someone without a work to show is asked for unless the list was read to its end since.
        """
        if self.args.reread:
            return body.users
        known = await self.ledger.read(
            queries.known_follows, [(follow.follower_id, follow.followed_id) for follow in follows]
        )
        newest = [row.id for person in body.users for row in person.illusts]
        listed = await self.ledger.read(queries.listed_before, self.crawl.crawl_id, newest)
        return [
            person
            for person, follow in zip(body.users, follows, strict=True)
            if (follow.follower_id, follow.followed_id) not in known
            or not listed.issuperset(row.id for row in person.illusts)
            or not (person.illusts or self.crawl.read_to_end_before)
        ]

    async def works_of(self, person: FollowRow, cursor: str | None) -> AsyncIterator[Page]:
        """Every work of one user; `cursor` is where the list of users is meanwhile."""
        try:
            profile = await self.fetch(USER_PROFILE_ALL, id=person.user_id)
        except (AnswerRefused, BodyRefused) as refusal:
            if isinstance(refusal, AnswerRefused) and refusal.answer.kind is AnswerKind.NOT_FOUND:
                said, apart = refusal.answer.message, self.configuration.gone_after
                if await self.confirm_reader() and await self.ledger.write(
                    updates.record_user_not_found, person.user_id, said, self.now(), apart=apart
                ):
                    return
            self.list_failed(f"user {person.user_id}: {refusal}")
            self.failed_at = self.failed_at or cursor
        else:
            shown = {row.work_id: row for row in items_from.listed_artworks(person.illusts)}
            for chunk in batched(profile.work_ids, ROWS_A_REQUEST):
                rows = await self.rows_of(person, [each for each in chunk if each not in shown or self.args.refresh])
                yield Page(chunk, [*shown.values(), *rows], cursor, person.user_id)

    async def rows_of(self, person: FollowRow, work_ids: list[int]) -> list[Artwork]:
        """The rows of a user's works that are worth a request."""
        if not (unsure := await rows_to_ask_for(self, work_ids)):
            return []
        body = await self.fetch(USER_PROFILE_ILLUSTS, id=person.user_id, ids=unsure)
        return items_from.listed_artworks(body.works.values())
