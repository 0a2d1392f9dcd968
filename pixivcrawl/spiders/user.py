"""The works of artists."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from scrapy import Request
from scrapy.crawler import Crawler

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.bodies.users import UserRow
from pixivcrawl.api.catalogue import (
    USER_FULL,
    USER_PROFILE_ALL,
    USER_PROFILE_ILLUSTS,
    USER_SHORT,
    USER_TAGGED,
    USER_WORKS_LATEST,
)
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.api.urls import ACCOUNT
from pixivcrawl.base_spiders.accounts import artist_called
from pixivcrawl.base_spiders.from_rows import rows_to_ask_for
from pixivcrawl.base_spiders.in_progress import WorksInProgress
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import Arguments, ListingArguments, Text, UserIds
from pixivcrawl.base_spiders.rechecks import RecheckDeferred
from pixivcrawl.batched import batched
from pixivcrawl.filters import separated
from pixivcrawl.items import Artwork, Original
from pixivcrawl.ledger import queries, updates

ROWS_A_REQUEST = 100
"""Pixiv: `profile/illusts` answers for up to 100 ids at once."""

ILLUSTRATIONS = "illust_and_ugoira"
"""Pixiv's name for what an artist's page of illustrations holds."""


Account = Annotated[str, StringConstraints(pattern=rf"^{ACCOUNT.pattern}$")]


class UserArguments(ListingArguments):
    id: UserIds | None = Field(
        None, title="Artists", description="One or more user ids or addresses, separated by commas or spaces."
    )
    account: Annotated[list[Account], BeforeValidator(separated), Field(min_length=1)] | None = Field(
        None,
        title="Artists by name",
        description="Instead of id or in addition to it: artists by account name, as in pixiv.me/NAME. Each costs one request "
        "for its id.",
    )
    type: Literal["all", "illust", "manga", "ugoira", "illust_and_ugoira"] = Field(
        "all",
        title="Kind of work",
        description="Only illustrations, only manga, only ugoira, or everything but manga (illust_and_ugoira).",
    )
    tag: Text | None = Field(None, title="Tag", description="Only the works that the artist gave this tag.")
    latest: bool = Field(
        default=False, title="Latest only", description="Only the few works that pixiv shows as the artist's latest."
    )
    only: Literal["avatar", "background"] | None = Field(
        None,
        title="One picture of the artist",
        description="Only the artist's current avatar, or profile background; no works.",
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.tag is not None and self.latest:
            raise ValueError("tag and latest=true do not go together; leave one out")
        if self.id is None and self.account is None:
            raise ValueError("name the artists: add -a id=..., or -a account=...")
        if self.only is not None and (self.tag is not None or self.latest or not self.files):
            raise ValueError(f"only={self.only} is one file, not works: leave tag, latest and files out")
        return self

    run_only: ClassVar[frozenset[str]] = Arguments.run_only | {"account"}
    unmentioned: ClassVar[frozenset[str]] = frozenset({"only"})


class Profile(NamedTuple):
    """Which works an artist's answer named, as a `digest_of` them, and the last run that looked at each of them."""

    digest: int
    crawl_id: int


def digest_of(work_ids: Iterable[int]) -> int:
    """A number that differs for different works."""
    text = ",".join(map(str, sorted(work_ids)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


class UserSpider(ListingSpider[UserArguments]):
    """Archives every work of one or more artists.

    Pixiv names all of an artist's works in one answer, so a run with nothing new costs one request an artist. `refresh=true` also reads the
    rows of the known works, a hundred a request, and fetches again what was revised. An artist who left or never existed is reported and
    makes the run end with exit code 1; the others are still archived. A work that the answer no longer names, or names again, is asked for
    once.

    The artist's own page is read once, and again with `refresh=true`. It names their avatar and background, which are fetched as they were
    uploaded (at most two image requests for an artist, and two more when both have changed). Earlier pictures are kept. `files=false`
    leaves the pictures out.
    """

    name = "user"
    sample = "id=11"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.profiles, spider.not_found = {}, {}
        spider.pictures = WorksInProgress(crawler, spider.configuration.image_concurrency_most)
        spider.looked_at_later = []
        return spider

    profiles: dict[int, Profile]
    pictures: WorksInProgress
    """Artists, by their ids, whose pictures are on their way."""

    looked_at_later: list[int]
    not_found: dict[int, datetime]

    @property
    def artists(self) -> list[int]:
        """The named artists, except forgotten ones."""
        return [each for each in dict.fromkeys(self.args.id or ()) if ("artist", each) not in self.forgotten]

    async def start(self) -> AsyncIterator[Request]:
        if self.args.account is not None:
            # A list is known by the ids, even if the artists have changed their names.
            named = [await artist_called(self, account) for account in self.args.account]
            self.args.id = list(dict.fromkeys([*(self.args.id or ()), *filter(None, named)]))
        if not self.args.id:
            return
        async for wanted in super().start():
            yield wanted
        for user_id in self.artists if self.args.files else ():
            if not (missing := await self.wanted_pictures(user_id, None)):
                continue
            due = await self.wanted_pictures(user_id, self.due_by)
            if len(due) < len(missing):
                # One may wait after a failure, or have been stored by another crawl since.
                missing = await self.wanted_pictures(user_id, None)
            if waiting := len([picture for picture in missing if picture not in due]):
                self.count("pictures_waiting", waiting)
            await self.pictures.begin(user_id)
            await self.pictures.fetch(user_id, due)
        # Scrapy checks for more only every five seconds unless a request's end wakes it: avoid that wait.
        await self.pictures.all_settled()

    @property
    def frontier(self) -> Sequence[int]:
        """What the artists' answers named when they were last read: a later run does not look at each work of the same answer again."""
        if not self.read_to_end:
            return ()
        return [number for user_id, profile in self.profiles.items() for number in (user_id, *profile)]

    async def listing(self) -> AsyncIterator[Page]:
        artists = self.artists
        for user_id in set(self.args.id or ()).difference(artists):
            self.logger.warning(
                "artist %d is left out: forgotten; pixivcrawl forget users/%d --undo takes that back", user_id, user_id
            )
        for user_id in artists:
            # What came back empty is looked at again after all others, and one wait is enough for all of them.
            self.defers_rechecks = user_id != artists[-1]
            async for page in self.artist(user_id):
                yield page
        for user_id in [*self.looked_at_later, *self.to_look_for_again()]:
            async for page in self.artist(user_id):
                yield page

    @property
    def asked_by_name(self) -> bool:
        """Whether one picture was asked for: earlier failures then do not wait."""
        return self.args.only is not None

    async def artist(self, user_id: int) -> AsyncIterator[Page]:
        try:
            if self.args.only is None:
                async for page in self.works_of(user_id):
                    yield page
            await self.describe(user_id)
        except (AnswerRefused, BodyRefused) as refusal:
            await self.artist_failed(user_id, refusal)

    def to_look_for_again(self) -> list[int]:
        """The artists who were not found, if that is long enough ago once the others are read."""
        apart = timedelta(seconds=self.configuration.gone_after)
        return [user_id for user_id, first in self.not_found.items() if self.now() >= first + apart]

    async def artist_failed(self, user_id: int, refusal: AnswerRefused | BodyRefused) -> None:
        """Record that one artist's list could not be read; the others' are still read."""
        if isinstance(refusal, RecheckDeferred):
            if self.defers_rechecks:
                self.looked_at_later.append(user_id)
            else:
                self.list_failed(f"artist {user_id}: {refusal}", logging.INFO)
        elif isinstance(refusal, AnswerRefused) and refusal.answer.kind is AnswerKind.NOT_FOUND:
            await self.artist_not_found(user_id, refusal.answer.message)
        else:
            self.list_failed(f"artist {user_id}: {refusal}")

    async def artist_not_found(self, user_id: int, said: str) -> None:
        """Record a 404; after the second one the artist has left, and their works with them."""
        if user_id not in self.not_found:
            self.list_failed(f"artist {user_id} left pixiv or never existed ({said}); check the id")
            self.not_found[user_id] = self.now()
        if await self.confirm_reader() and await self.ledger.write(
            updates.record_user_not_found, user_id, said, self.now(), apart=self.configuration.gone_after
        ):
            await self.ledger.write(updates.record_artist_left, user_id, self.now())

    async def works_of(self, user_id: int) -> AsyncIterator[Page]:
        if self.args.tag is not None:
            async for page in self.tagged(user_id, self.args.tag):
                yield page
            return
        if self.args.latest:
            latest = await self.fetch(USER_WORKS_LATEST, id=user_id)
            if not latest.work_ids:
                latest = await self.recheck_empty(USER_WORKS_LATEST, latest, id=user_id)
            async for page in self.pages_for(user_id, latest.work_ids):
                yield page
            return
        before = self.profile_before(user_id)
        profile = await self.fetch(USER_PROFILE_ALL, id=user_id)
        # A throttled answer is empty throughout: one that names novels is not.
        if not profile.work_ids and not profile.novels and before.digest != digest_of(()):
            profile = await self.recheck_empty(USER_PROFILE_ALL, profile, id=user_id)
        # Pixiv lists ugoira among the illustrations.
        work_ids = {"all": profile.work_ids, "manga": profile.manga}.get(self.args.type, profile.illusts)
        listed = frozenset(profile.work_ids)
        returned = await self.ledger.read(queries.returned_works, self.crawl.crawl_id, user_id, before.crawl_id)
        await self.ask_again(returned & listed)
        # Works of imported files, which pixiv may no longer have: each is asked for, and the answer says so.
        if unlisted := await self.ledger.read(queries.imported_works, user_id) - listed:
            self.vanished |= unlisted
            yield Page(sorted(unlisted), artist=user_id)
        digest = digest_of(profile.work_ids)
        if before.digest == digest and not (self.args.refresh or self.args.reread):
            self.count_listed(work_ids, work_ids)
            self.profiles[user_id] = before
            return
        async for page in self.pages_for(user_id, work_ids):
            yield page
        self.profiles[user_id] = Profile(digest, self.crawl.crawl_id)
        vanished = await self.ledger.read(
            queries.unseen_works, self.crawl.crawl_id, user_id, before.crawl_id, self.reader
        )
        # If the session is lost meanwhile, works seem to vanish.
        if vanished - listed and await self.confirm_reader():
            self.vanished |= vanished - listed
            await self.ask_again(vanished - listed)

    def profile_before(self, user_id: int) -> Profile:
        """What an artist's answer was at the last complete reading of this list."""
        kept = self.crawl.frontier
        known = {kept[place]: Profile(*kept[place + 1 : place + 3]) for place in range(0, len(kept), 3)}
        return known.get(user_id, Profile(digest=-1, crawl_id=0))

    async def ask_again(self, work_ids: set[int]) -> None:
        """Have works that came or went asked for at the end of the run, because only their own pages can say what happened."""
        for work_id in work_ids:
            await self.ledger.write(updates.mark_stale, work_id, self.now())

    async def pages_for(self, user_id: int, work_ids: list[int]) -> AsyncIterator[Page]:
        # Nothing is asked about works beyond those that are looked at.
        work_ids = work_ids[: self.args.max_works]
        for some in batched(work_ids, ROWS_A_REQUEST):
            yield await self.compared(user_id, some)

    async def tagged(self, user_id: int, tag: str) -> AsyncIterator[Page]:
        """The artist's works with a tag, with their rows, which distinguish an ugoira from an illustration."""
        category = {"all": "illustmanga", "manga": "manga"}.get(self.args.type, "illusts")
        async for body in self.pages_of(USER_TAGGED, id=user_id, category=category, tag=tag):
            wanted = [row.id for row in body.works if row.is_masked or self.is_wanted(row.kind)]
            yield page_of_rows(wanted, body.works)

    async def compared(self, user_id: int, work_ids: list[int]) -> Page:
        """The works with their rows, which show files, kind and revision, for works that are unknown or to be compared."""
        by_kind = self.args.type in ("illust", "ugoira")
        unsure = await rows_to_ask_for(self, work_ids, self.is_wanted if by_kind else None)
        rows: list[Artwork] = []
        if unsure:
            body = await self.fetch(
                USER_PROFILE_ILLUSTS, id=user_id, ids=unsure, work_category="illustManga", is_first_page=False
            )
            # One that names another artist would lead its files to a wrong folder: the work itself is asked then.
            rows = [row for row in items_from.listed_artworks(body.works.values()) if row.user_id in (None, user_id)]
        known = await self.ledger.read(queries.known_works, work_ids)
        kinds = {work_id: work.kind for work_id, work in known.items()}
        # A work without a row is asked for all the same: it then says why.
        return Page([work_id for work_id in work_ids if self.is_wanted(kinds.get(work_id))], rows, artist=user_id)

    def is_wanted(self, kind: str | None) -> bool:
        return kind is None or self.args.type in ("all", kind) or (self.args.type == ILLUSTRATIONS and kind != "manga")

    async def describe(self, user_id: int) -> None:
        """Read the artist's own page once, again with `refresh=true`, and when it may say why a picture that it named did not come."""
        level = await self.ledger.read(queries.user_detail, user_id)
        again = self.args.refresh or self.args.only is not None or await self.has_failed_pictures(user_id)
        if self.args.detail == "listing":
            if again or level is None:
                short = await self.fetch(USER_SHORT, beside={"pictures": True}, id=user_id)
                self.say_what_is_missing(short)
        elif again or level != "full":
            full = await self.fetch(USER_FULL, id=user_id)
            self.say_what_is_missing(full)

    def say_what_is_missing(self, artist: UserRow) -> None:
        if self.args.only not in (None, *(picture.kind for picture in items_from.pictures_of_user(artist))):
            self.logger.warning("artist %d has chosen no %s", artist.user_id, self.args.only)

    async def has_failed_pictures(self, user_id: int) -> bool:
        """Whether this run is to try a picture again."""
        return self.args.files and any(picture.retried for picture in await self.wanted_pictures(user_id, self.due_by))

    async def wanted_pictures(self, user_id: int, now: datetime | None) -> list[Original]:
        """The artist's pictures that this run is to fetch and that are due."""
        wanted = await self.ledger.read(queries.wanted_pictures, user_id, self.crawl.crawl_id, now)
        return [picture for picture in wanted if self.args.only in (None, picture.kind)]
