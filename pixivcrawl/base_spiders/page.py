"""A page of a list, as listing spiders give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixivcrawl import items_from
from pixivcrawl.api.bodies.masks import WITHHELD
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.items import Artwork


@dataclass(frozen=True, slots=True)
class Page:
    """The works on one page of a list, in its order, with what its rows say about them (`rows` may lack some), and where the list
    continues.

    `artist`: whose works all of them are, where the list says that. `withheld`: those whose rows say that this reader is not shown them.
    """

    work_ids: list[int]
    rows: Sequence[Artwork] = ()
    cursor: str | None = None
    artist: int | None = None
    withheld: Sequence[int] = ()


def page_of_rows(work_ids: list[int], rows: Sequence[IllustRow], cursor: str | None = None) -> Page:
    """A page of a list whose works come as such rows."""
    withheld = [row.id for row in rows if row.mask_reason not in (None, WITHHELD)]
    return Page(work_ids, items_from.listed_artworks(rows), cursor, withheld=withheld)
