"""The users who follow a user."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pixivcrawl.api.bodies.listings import Follows
from pixivcrawl.api.catalogue import USER_FOLLOWERS
from pixivcrawl.base_spiders.pagination import ListPage
from pixivcrawl.base_spiders.people import PeopleArguments, PeopleSpider
from pixivcrawl.ledger import updates


class FollowersSpider(PeopleSpider[PeopleArguments]):
    """Keeps who follows a user, with the rows of the followers' newest works; `archive=true` archives all their works.

    Needs a session. The newest follower comes first, so a run with nothing new costs one request. With `archive=true` the whole list is
    read, as by `following`. Users who no longer follow are noticed only by a run that sees the whole list.
    """

    name = "followers"
    sample = "id=me"
    own_count = "followers"

    async def people(self) -> AsyncIterator[ListPage[Follows]]:
        async for page in self.read_list(
            USER_FOLLOWERS,
            lambda body: [person.user_id for person in body.users],
            newest_first=not self.args.archive,
            id=self.owner,
        ):
            yield page

    async def record_unlisted(self, page: ListPage[Follows], total: int) -> None:
        await self.ledger.write(updates.record_unlisted_followers, self.owner, page.reading.since, total, self.now())
