"""Works: what list rows and works' own pages say of them, and what they said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from pixivcrawl.batched import batched
from pixivcrawl.items import Artwork, Original, Series, columns_of
from pixivcrawl.ledger.models import ArtworkRow, ArtworkVersionRow, FileRow, table
from pixivcrawl.ledger.updates.change_log import note_changes
from pixivcrawl.ledger.updates.files import WorkFiles, record_originals, record_originals_of_works
from pixivcrawl.ledger.updates.history import keep_former
from pixivcrawl.ledger.updates.people import record_user_accounts, record_user_names
from pixivcrawl.ledger.updates.series import record_series
from pixivcrawl.ledger.updates.state import (
    FINAL_AVAILABILITY,
    NOT_FAILED,
    refresh_files,
    refresh_unsettled,
    refresh_waiting,
)
from pixivcrawl.ledger.updates.tags import TagLink, links_of, record_tags, record_translations, tag_links
from pixivcrawl.ledger.updates.upsert import as_kept, insert_new, upsert

IDS_A_QUERY = 500

_COLUMNS = {name: field.name for name, field in columns_of(Artwork).items()}
"""{column: the artwork's field}."""

_FACTS = tuple(name for name in _COLUMNS if name != "id")
_ROW_MAY_TELL = tuple(columns_of(Artwork, "in_rows"))
_VERSIONED = columns_of(Artwork, "history").keys()

_OF_ITS_PAGE = frozenset({"caption", "translated_title", "translated_caption"})
"""The fields that the mobile site words otherwise than a work's own page: a value becomes history only if it came from that page."""

_WRITTEN_APART = ("id", "files_state", "files_stored", "bytes_stored", "comments_read")
_STATE = tuple(name for name in table(ArtworkRow).c.keys() if name not in (*_FACTS, *_WRITTEN_APART))  # noqa: SIM118 (no dict)
"""The columns of a work that are the ledger's own and not pixiv's."""

_AVAILABLE = {
    "availability": "available",
    "unavailable_reason": None,
    "unavailable_since": None,
    "withheld_from": None,
    "withheld_session": None,
    "withheld_at": None,
}

_ARTWORKS, _VERSIONS = table(ArtworkRow), table(ArtworkVersionRow)
_KNOWN = select(_ARTWORKS).where(_ARTWORKS.c.id.in_(bindparam("work_ids", expanding=True)))

Row = dict[str, Any]
Known = Mapping[int, RowMapping]


def known_rows(connection: Connection, work_ids: Sequence[int]) -> dict[int, RowMapping]:
    """The rows of the works that the ledger knows."""
    refresh_waiting(connection, work_ids)
    rows: dict[int, RowMapping] = {}
    for some in batched(work_ids, IDS_A_QUERY):
        found = connection.execute(_KNOWN, {"work_ids": some})
        rows.update((row["id"], row) for row in found.mappings())
    return rows


def record_stubs(connection: Connection, work_ids: Iterable[int], now: datetime) -> None:
    """Works of which only the id is known; known ones are left as they are."""
    insert_new(connection, _ARTWORKS, [{"id": work_id, "first_seen": now} for work_id in work_ids], ("id",))


def record_artist(connection: Connection, work_ids: Sequence[int], user_id: int) -> None:
    """Record this user as the artist of works whose artist was unknown: a list of their works named them."""
    of_nobody = _ARTWORKS.c.id.in_(work_ids) & _ARTWORKS.c.user_id.is_(None)
    if connection.execute(update(_ARTWORKS).where(of_nobody).values(user_id=user_id)).rowcount:
        note_changes(connection, "work", work_ids)


def record_rows(connection: Connection, artworks: Sequence[Artwork], now: datetime) -> list[int]:
    """Record works from list rows, never masked ones. A fully known work keeps its level and everything that a row does not say.

    Returns the works that must be asked for again, which are marked stale: the row shows another revision or update than the ledger
    knows, or shows a work that was gone.
    """
    by_id = {artwork.work_id: artwork for artwork in artworks}
    known = known_rows(connection, list(by_id))
    names = {artwork.user_id: artwork.user_name for artwork in by_id.values()}
    record_user_names(connection, ((user_id, name, now) for user_id, name in names.items()))
    record_user_accounts(connection, by_id.values())
    rows = {work_id: _row(artwork, known.get(work_id), now) for work_id, artwork in by_id.items()}
    revised = [work_id for work_id, artwork in by_id.items() if _is_revised(artwork, known.get(work_id))]
    for work_id, artwork in by_id.items():
        row = rows[work_id]
        row["row_revision"] = artwork.revision or row["row_revision"]
        row["row_updated"] = artwork.uploaded or row["row_updated"]
        row["masked_since"] = None
        if row["availability"] in ("unknown", "masked", "gone"):
            row |= _AVAILABLE
        if work_id in revised:
            row["stale_since"] = row["stale_since"] or now
    _write(connection, by_id, known, rows, dict.fromkeys(by_id, now))
    for work_id, was in known.items():
        if any(rows[work_id][name] != was[name] for name in ("availability", "stale_since")):
            refresh_unsettled(connection, work_id)
    return revised


def record_originals_of_rows(connection: Connection, originals: Sequence[Original], now: datetime) -> None:
    """Record the originals that follow from works' recorded rows as wanted.

    A row brings none if its work is known in full, or is stale although files of the row's revision are known, so for another reason than
    this row. Of a work with several rows the last one counts.
    """
    of_works: dict[int, dict[tuple[str, int], Original]] = {}
    for original in originals:
        of_row = of_works.setdefault(original.work_id, {})
        if any(other.revision != original.revision for other in of_row.values()):
            of_row.clear()
        of_row[original.kind, original.page] = original
    wanted: dict[int, list[Original]] = {}
    for work_id, known in known_rows(connection, list(of_works)).items():
        of_work = list(of_works[work_id].values())
        change: Row = _AVAILABLE if known["availability"] == "withheld" else {}
        if known["detail"] == "full":
            continue
        if known["stale_since"] is not None:
            if _knows_files(connection, work_id, of_work[0].revision):
                continue
            change = change | {"stale_since": None}
        if change:
            connection.execute(update(_ARTWORKS).where(_ARTWORKS.c.id == work_id).values(**change))
            refresh_unsettled(connection, work_id)
            note_changes(connection, "work", [work_id])
        wanted[work_id] = of_work
    record_originals_of_works(connection, wanted, now)


def record_row_originals(connection: Connection, work_id: int, originals: Sequence[Original], now: datetime) -> None:
    """The originals that follow from a work's row, all of one revision.

    What is known of a file at that revision stays as it is; files of other revisions that were never stored are superseded.
    """
    record_originals_of_works(connection, {work_id: originals}, now)


def _knows_files(connection: Connection, work_id: int, revision: str) -> bool:
    """Whether any file of a work at a revision was ever wanted."""
    of_revision = (FileRow.artwork_id == work_id, FileRow.revision == revision)
    return connection.execute(select(FileRow.id).where(*of_revision).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class ArtworkUpdate:
    """What `record_artwork` takes."""

    artwork: Artwork
    now: datetime
    retry_parked: bool = False


def record_artwork(
    connection: Connection, artwork: Artwork, now: datetime, *, retry_parked: bool = False
) -> list[Original]:
    """Record a work from its own page. Returns the originals to fetch: not stored, and not parked until later.

    `retry_parked` also returns those whose time has not come. Former values go to `artwork_versions`; what was wanted of an older
    revision is superseded, what is stored of it stays. A work that was gone is back; one that now needs a session keeps what is known.
    """
    (missing,) = record_artworks(connection, [ArtworkUpdate(artwork, now, retry_parked)])
    return missing


def record_artworks(connection: Connection, told: Sequence[ArtworkUpdate]) -> list[list[Original]]:
    """`record_artwork` for each."""
    by_id = {each.artwork.work_id: each for each in told}
    if len(by_id) < len(told):
        return [missing for each in told for missing in record_artworks(connection, [each])]
    known = known_rows(connection, list(by_id))
    record_user_names(connection, ((each.artwork.user_id, each.artwork.user_name, each.now) for each in told))
    record_user_accounts(connection, (each.artwork for each in told))
    for each in told:
        if (series := _series_of(each.artwork)) is not None:
            record_series(connection, [series], [], each.now)
    rows = {work_id: _full_row(each.artwork, known.get(work_id), each.now) for work_id, each in by_id.items()}
    artworks = {work_id: each.artwork for work_id, each in by_id.items()}
    _write(connection, artworks, known, rows, {work_id: each.now for work_id, each in by_id.items()})
    missing = record_originals(
        connection,
        [WorkFiles(each.artwork.work_id, each.artwork.originals, each.now, each.retry_parked) for each in told],
    )
    for work_id in by_id:
        refresh_files(connection, work_id)
    return missing


def _series_of(artwork: Artwork) -> Series | None:
    if artwork.series_id is None or artwork.series_title is None:
        return None
    return Series(artwork.series_id, artwork.user_id, artwork.series_title)


def _full_row(artwork: Artwork, known: RowMapping | None, now: datetime) -> Row:
    """The row of a work whose own page was read."""
    row = _row(artwork, known, now) | NOT_FAILED
    if artwork.availability == "available":
        row |= _AVAILABLE | {"stale_since": None, "missing_since": None}
    elif not is_settled(known):
        row |= {"availability": "withheld", "unavailable_since": row["unavailable_since"] or now}
    return row


def is_settled(known: RowMapping | None) -> bool:
    """Nothing is left to do for the work: its own page was read, and all its files are there."""
    if known is None or known["detail"] != "full":
        return False
    return bool(known["files_state"] == "complete" and known["stale_since"] is None)


def _row(artwork: Artwork, known: RowMapping | None, now: datetime) -> Row:
    """All columns of a work's row: what the source says over what is known."""
    partial = known is not None and known["detail"] == "full" and artwork.detail == "listing"
    row: Row = {"id": artwork.work_id}
    row |= {name: known[name] if known is not None else None for name in _FACTS}
    row |= _told(artwork, _ROW_MAY_TELL if partial else _FACTS)
    row |= {name: known[name] for name in _STATE} if known is not None else _new_state(now)
    row["detail"] = "full" if partial else artwork.detail
    row["described"] = row["described"] or now
    return row


def _told(artwork: Artwork, names: Sequence[str]) -> Row:
    """What the source says, in the form in which the ledger would return it."""
    told: Row = {}
    for name in names:
        value = getattr(artwork, _COLUMNS[name])
        if value is not None:
            told[name] = value if type(value) is int else as_kept(value)
    return told


def _new_state(now: datetime) -> Row:
    state: Row = dict.fromkeys(_STATE)
    return state | {"availability": "unknown", "failed_runs": 0, "first_seen": now}


def _is_revised(artwork: Artwork, known: RowMapping | None) -> bool:
    if known is None:
        return False
    if known["availability"] == "gone":
        return True
    if known["detail"] != "full" and not known["files_stored"]:
        return False
    revision = artwork.revision
    if (
        revision is not None
        and known["revision"] is not None
        and revision not in (known["revision"], known["row_revision"])
    ):
        return True
    updated = artwork.uploaded
    return (
        updated is not None
        and known["row_updated"] is not None
        and updated not in (known["row_updated"], known["uploaded"])
    )


def _write(
    connection: Connection,
    artworks: Mapping[int, Artwork],
    known: Known,
    rows: Mapping[int, Row],
    moments: Mapping[int, datetime],
) -> None:
    """Write the rows that differ from what is known, their tags, and the former values; `moments` says when each work was read."""
    former_tags = tag_links(connection, [work_id for work_id, row in known.items() if row["detail"] is not None])
    changed = [row for work_id, row in rows.items() if work_id not in known or _differs(row, known[work_id])]
    upsert(connection, _ARTWORKS, changed, ("id",))
    retagged = {
        work_id: links
        for work_id, artwork in artworks.items()
        if (links := _other_links(artwork, former_tags.get(work_id, []))) is not None
    }
    record_tags(connection, retagged, [work_id for work_id in retagged if work_id in former_tags])
    note_changes(connection, "work", [*retagged, *(row["id"] for row in changed)])
    record_translations(connection, ((artwork.tags, moments[work_id]) for work_id, artwork in artworks.items()))
    for work_id, old in known.items():
        former: dict[str, Any] = {}
        if old["described"] is not None:
            told = _VERSIONED if old["detail"] == "full" else _VERSIONED - _OF_ITS_PAGE
            former = {name: old[name] for name in told if rows[work_id][name] != old[name] and old[name] is not None}
            names = [link.name for link in former_tags.get(work_id, [])]
            if work_id in retagged and {link.name for link in retagged[work_id]} != set(names):
                former["tags"] = names
        if old["availability"] in FINAL_AVAILABILITY and rows[work_id]["availability"] == "available":
            former["availability"] = old["availability"]
        # A work's absence began with its tombstone.
        away = {"availability": old["unavailable_since"]}
        first = old["described"] or old["first_seen"]
        keep_former(connection, _VERSIONS, {"artwork_id": work_id}, former, away, first, moments[work_id])


def _differs(row: Row, known: RowMapping) -> bool:
    return any(known[name] != value for name, value in row.items())


def _other_links(artwork: Artwork, former: Sequence[TagLink]) -> list[TagLink] | None:
    """The work's tags if the source names other ones, or says other things about them; a list row without tags says nothing."""
    if not artwork.tags and artwork.detail == "listing":
        return None
    links = links_of(artwork.tags, former)
    return links if set(links) != set(former) else None
