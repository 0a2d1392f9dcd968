"""The users whom a user follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from pixivcrawl.api.bodies.listings import Follows
from pixivcrawl.api.catalogue import USER_FOLLOWING
from pixivcrawl.base_spiders.owned_lists import RestArguments
from pixivcrawl.base_spiders.pagination import ListPage
from pixivcrawl.base_spiders.people import PeopleArguments, PeopleSpider
from pixivcrawl.ledger import updates

PEOPLE_A_REQUEST = 50
"""Pixiv: the site asks for 24 at once, other clients for 50. Where fewer come, the next request goes on behind them."""


class FollowingArguments(RestArguments, PeopleArguments):
    pass


class FollowingSpider(PeopleSpider[FollowingArguments]):
    """Keeps whom a user follows, publicly or privately, with the rows of their newest works; `archive=true` archives all their works.

    Needs a session. The latest follow comes first, so a run with nothing new costs one request. With `archive=true` the whole list is read,
    fifty users a request, and only users who show an unknown work are asked for; `reread=true` asks for all of them. Users who are no
    longer followed are noticed only by a run that sees the whole list.
    """

    name = "following"
    sample = "id=me"
    own_count = "following"

    @property
    def parts(self) -> Sequence[str]:
        return self.args.rests

    async def people(self) -> AsyncIterator[ListPage[Follows]]:
        for rest in self.args.rests:
            async for page in self.read_list(
                USER_FOLLOWING,
                lambda body: [person.user_id for person in body.users],
                part=rest,
                newest_first=not self.args.archive,
                id=self.owner,
                limit=PEOPLE_A_REQUEST,
                rest=rest,
            ):
                yield page

    async def record_unlisted(self, page: ListPage[Follows], total: int) -> None:
        await self.ledger.write(
            updates.record_unlisted_following,
            self.owner,
            page.reading.since,
            total,
            self.now(),
            private=page.part == "hide",
        )
