"""Artists' works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from pydantic import Field, model_validator

from pixivcrawl import facts
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import (
    USER_FULL,
    USER_PROFILE_ALL,
    USER_PROFILE_ILLUSTS,
    USER_SHORT,
    USER_TAGGED,
    USER_WORKS_LATEST,
)
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import queries, records
from pixivcrawl.ledger.records.state import SETTLED_AVAILABILITY
from pixivcrawl.spiders.arguments import ListingArguments, UserIds, WorkType
from pixivcrawl.spiders.listing import ListingSpider, Page
from pixivcrawl.spiders.rows import without_rows

ROWS_A_REQUEST = 100
"""Pixiv: `profile/illusts` answers for up to 100 ids at once."""


class UserArguments(ListingArguments):
    id: UserIds = Field(title="Artists", description="One or several user ids, with commas or spaces between them.")
    type: WorkType = Field("all", title="Kind of work", description="Only illustrations, only manga or only ugoira.")
    tag: str | None = Field(
        None, min_length=1, title="Tag", description="Only the works that the artist gave this tag."
    )
    latest: bool = Field(
        default=False, title="Latest only", description="Only the few works that pixiv shows as the artist's latest."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.tag is not None and self.latest:
            raise ValueError("tag and latest=true do not go together; leave one out")
        return self


class UserSpider(ListingSpider[UserArguments]):
    """Archives every work of one or several artists.

    Pixiv names all of an artist's works in one answer, so that a run with nothing new costs one request an artist. `refresh=true` also
    reads the rows of the known works, a hundred a request, and fetches again what was revised. An artist who left or never existed is
    said and makes the run end with exit code 1; the others are archived all the same.
    """

    name = "user"

    async def listing(self) -> AsyncIterator[Page]:
        for user_id in dict.fromkeys(self.args.id):
            try:
                async for page in self.works_of(user_id):
                    yield page
                await self.describe(user_id)
            except (AnswerRefused, BodyRefused) as refusal:
                await self.artist_failed(user_id, refusal)

    async def artist_failed(self, user_id: int, refusal: AnswerRefused | BodyRefused) -> None:
        """One artist's list could not be read; the others' are read all the same."""
        if isinstance(refusal, AnswerRefused) and refusal.answer.kind is AnswerKind.NOT_FOUND:
            said = refusal.answer.message
            self.list_failed(f"artist {user_id} left pixiv or never existed ({said}); check the id")
            await self.ledger.write(records.record_user_unavailable, user_id, "gone", said, self.now())
        else:
            self.list_failed(f"artist {user_id}: {refusal}")

    async def works_of(self, user_id: int) -> AsyncIterator[Page]:
        if self.args.tag is not None:
            async for page in self.tagged(user_id, self.args.tag):
                yield page
            return
        if self.args.latest:
            latest = await self.ask(USER_WORKS_LATEST, id=user_id)
            work_ids = latest.work_ids
        else:
            profile = await self.ask(USER_PROFILE_ALL, id=user_id)
            # Pixiv lists ugoira among the illustrations.
            work_ids = {"all": profile.work_ids, "manga": profile.manga}.get(self.args.type, profile.illusts)
        await self.ledger.write(records.record_user_seen, user_id, self.now())
        if self.args.type in ("illust", "ugoira") or self.args.need_rows:
            async for page in self.compared(user_id, work_ids):
                yield page
        else:
            yield Page(work_ids)

    async def tagged(self, user_id: int, tag: str) -> AsyncIterator[Page]:
        """The artist's works under a tag, with their rows, which tell an ugoira from an illustration."""
        category = {"all": "illustmanga", "manga": "manga"}.get(self.args.type, "illusts")
        async for body in self.pages_of(USER_TAGGED, id=user_id, category=category, tag=tag):
            rows = facts.listed_artworks(body.works)
            yield Page([row.work_id for row in rows if self.args.type in ("all", row.kind)], rows)

    async def compared(self, user_id: int, work_ids: list[int]) -> AsyncIterator[Page]:
        """The works with their rows, which tell kind and revision, where these are not known or are to be compared."""
        for start in range(0, len(work_ids), ROWS_A_REQUEST):
            chunk = work_ids[start : start + ROWS_A_REQUEST]
            known = await self.ledger.read(queries.known_works, chunk)
            kinds = {work_id: work.kind for work_id, work in known.items() if work.kind}
            bring_files = await without_rows(self, [each for each in chunk if self.is_wanted(kinds.get(each))])
            settled = {work_id for work_id, work in known.items() if work.availability in SETTLED_AVAILABILITY}
            unsure = chunk
            if not self.args.refresh:
                unsure = [each for each in chunk if each in bring_files or not (each in kinds or each in settled)]
            rows: list[Artwork] = []
            if unsure:
                body = await self.ask(
                    USER_PROFILE_ILLUSTS, id=user_id, ids=unsure, work_category="illustManga", is_first_page=False
                )
                rows = facts.listed_artworks(body.works.values())
                kinds |= {row.work_id: row.kind for row in rows}
            # A work without a row is asked for all the same: it then says why.
            wanted = [work_id for work_id in chunk if self.is_wanted(kinds.get(work_id))]
            yield Page(wanted, rows)

    def is_wanted(self, kind: str | None) -> bool:
        return kind is None or self.args.type in ("all", kind)

    async def describe(self, user_id: int) -> None:
        """The artist's own page, once, and again with `refresh=true`."""
        level = await self.ledger.read(queries.user_detail, user_id)
        if self.args.detail == "listing":
            if self.args.refresh or level is None:
                short = await self.ask(USER_SHORT, id=user_id)
                await self.ledger.write(records.record_user, facts.listed_user(short), self.now())
        elif self.args.refresh or level != "full":
            full = await self.ask(USER_FULL, id=user_id)
            await self.ledger.write(records.record_user, facts.user(full), self.now())
