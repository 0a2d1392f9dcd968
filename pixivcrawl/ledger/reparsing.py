"""Reads kept answers again with the present parsers, so that a new column is filled for older works and users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, select

from pixivcrawl import items_from
from pixivcrawl.api.catalogue import ILLUST_DETAIL, USER_FULL
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.batched import batched
from pixivcrawl.items import Facts, columns_of
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.models import ArtworkRow, UserRow, table
from pixivcrawl.ledger.queries.works import answers_after
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.upsert import may_be_unsaid, rows_of

BATCH = 200
"""Answers that are read, and recorded, at once."""


@dataclass(slots=True)
class ReparseResult:
    """How many answers were read, how many works and users lacked something that theirs says, and how many answers could not be read."""

    answers: int = 0
    filled: int = 0
    unreadable: int = 0


def reparse(ledger: Ledger, tell: Callable[[int], None] = lambda _: None) -> ReparseResult:
    """Fill what the ledger lacks from the last answer about each work and user. `tell` gets the number read. Raises StorageFailed."""
    reparsed = ReparseResult()
    for endpoint in (ILLUST_DETAIL.name, USER_FULL.name):
        answers = _answers(ledger, endpoint)
        for batch in batched(answers, BATCH):
            facts = [told for subject, payload in batch if (told := _told(endpoint, subject, payload)) is not None]
            together = Facts.of([item for each in facts for item in each.items()])
            new = ledger.read_now(lacking, together)
            if found := new.items():
                ledger.write_now(updates.fill_unknown, new)
            reparsed.answers += len(batch)
            reparsed.filled += len(found)
            reparsed.unreadable += len(batch) - len(facts)
            tell(reparsed.answers)
    return reparsed


def lacking(connection: Connection, facts: Facts) -> Facts:
    """The values in these facts that the ledger lacks for known works and users."""
    artworks = (_lacking(connection, table(ArtworkRow), artwork) for artwork in facts.artworks)
    users = (_lacking(connection, table(UserRow), user) for user in facts.users)
    return Facts.of([item for item in chain(artworks, users) if item is not None])


def _lacking(connection: Connection, target: Table, item: Any) -> Any:
    """The item with only those values that the ledger lacks; None if it lacks none."""
    (row,) = rows_of([item])
    known = connection.execute(select(target).where(target.c.id == row["id"])).mappings().first()
    unsaid = may_be_unsaid(item.__class__)
    lacks = [name for name in unsaid if row[name] is not None and known is not None and known[name] is None]
    said = {
        field.name: None for name, field in columns_of(item.__class__).items() if name in unsaid and name not in lacks
    }
    return replace(item, **said) if lacks else None


def _answers(ledger: Ledger, endpoint: str) -> Iterator[tuple[int, bytes | None]]:
    """The work or user that each is about, and its body; None where the journal does not have it any more."""
    after = 0
    while subjects := ledger.read_now(answers_after, endpoint, after, BATCH):
        after = subjects[-1]
        yield from ((subject, ledger.kept_answer_now(endpoint, subject)) for subject in subjects)


def _told(endpoint: str, subject: int, payload: bytes | None) -> Facts | None:
    try:
        if payload is None:
            return None
        if endpoint == ILLUST_DETAIL.name:
            return Facts(artworks=(items_from.artwork(ILLUST_DETAIL.parse(payload, {"id": subject})),))
        return Facts(users=(items_from.user(USER_FULL.parse(payload, {"id": subject})),))
    except BodyRefused:
        return None
