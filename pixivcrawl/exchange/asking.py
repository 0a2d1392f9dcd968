"""Decides what to ask pixiv about the works of imported files, and combines the answers with what is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pixivcrawl.exchange.importing import Known
from pixivcrawl.exchange.reading import Offered
from pixivcrawl.exchange.source import Passed
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import PagesOfWork
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.rows_spider import RowsFound


def works_to_ask(ledger: Ledger | None, offered: Iterable[Offered]) -> dict[int | None, list[int]]:
    """The works for which pixiv's current row matters, by artist (None: unknown).

    If the ledger knows the work, a record's word on a file's revision stands whatever the row says. The row is asked for again where the
    files that follow from it are not known.
    """
    artists: dict[int, int | None] = {}
    undecided: set[int] = set()
    for each in offered:
        claim, said = each.claim, each.claim.recorded
        artists[claim.work_id] = artists.get(claim.work_id) or (said.user_id if said is not None else None)
        if said is None or said.revision is None:
            undecided.add(claim.work_id)
    known = _pages(ledger, artists)
    undecided |= _unnamed(ledger, sorted(artists))
    wanted: defaultdict[int | None, list[int]] = defaultdict(list)
    for work_id, artist in sorted(artists.items()):
        pages = known.get(work_id)
        if work_id in undecided or pages is None or pages.revision is None:
            wanted[pages.user_id if pages is not None and pages.user_id is not None else artist].append(work_id)
    return dict(wanted)


def listed_to_ask(ledger: Ledger | None, entries: Collection[int], offered: Iterable[Offered]) -> list[int]:
    """Works that a tool's list names but whose files are missing and which the ledger does not know, or knows by a row alone."""
    without_files = sorted(set(entries) - {each.claim.work_id for each in offered})
    known = set() if ledger is None else ledger.read_now(queries.known_work_ids, without_files)
    unnamed = _unnamed(ledger, without_files)
    return [work_id for work_id in without_files if work_id not in known or work_id in unnamed]


def known_of(
    ledger: Ledger | None,
    offered: Sequence[Offered],
    asked: Collection[int],
    shown: Mapping[int, PagesOfWork],
    artists: Mapping[int, int],
    unanswered: Collection[int],
) -> Known:
    """What is known about the works of the files, after `asked` were requested and pixiv has `shown` some of them."""
    work_ids = {each.claim.work_id for each in offered}
    known = _pages(ledger, work_ids)
    works = {
        work_id: pages for work_id, pages in known.items() if work_id not in asked and pages.availability == "available"
    }
    works |= {work_id: _with_history(row, known.get(work_id)) for work_id, row in shown.items()}
    whose = {work_id: pages.user_id for work_id, pages in {**known, **works}.items() if pages.user_id is not None}
    whose = {**_recorded_artists(offered), **artists, **whose}
    whose |= _artists_beside(offered, whose)
    forgotten = (
        {(each.subject, each.subject_id) for each in ledger.read_now(queries.forgotten)}
        if ledger is not None
        else set()
    )
    unwanted = {each for each in work_ids if ("work", each) in forgotten or ("artist", whose.get(each)) in forgotten}
    return Known(works, whose, frozenset(unwanted), frozenset(unanswered))


def converted_of_gone(ledger: Ledger | None, passed: Iterable[Passed], shown: RowsFound) -> set[int]:
    """Of the works of converted files those that pixiv does not show today, as far as is known."""
    works = {each.converted_of for each in passed if each.converted_of is not None}
    known = _pages(ledger, works).items()
    are_shown = {work_id for work_id, pages in known if pages.availability == "available" and pages.revision}
    return works - are_shown - shown.listed - shown.works.keys() - shown.unanswered


def _pages(ledger: Ledger | None, work_ids: Iterable[int]) -> dict[int, PagesOfWork]:
    return {} if ledger is None else ledger.read_now(queries.pages_of_works, sorted(set(work_ids)))


def _unnamed(ledger: Ledger | None, work_ids: Sequence[int]) -> set[int]:
    return set() if ledger is None else ledger.read_now(queries.unnamed_work_ids, work_ids)


def _with_history(row: PagesOfWork, known: PagesOfWork | None) -> PagesOfWork:
    """A work as its row shows it today, with its former states."""
    if known is None:
        return row
    return replace(
        row,
        revisions=row.revisions | known.revisions,
        page_count=max(row.page_count, known.page_count),
        url=known.url or row.url,
    )


def _recorded_artists(offered: Iterable[Offered]) -> dict[int, int]:
    return {
        each.claim.work_id: each.claim.recorded.user_id
        for each in offered
        if each.claim.recorded is not None and each.claim.recorded.user_id is not None
    }


def _artists_beside(offered: Iterable[Offered], whose: Mapping[int, int]) -> dict[int, int]:
    """For unknown works: the artist of all other files in the same folder, if they have only one."""
    of_folder: defaultdict[Path, set[int]] = defaultdict(set)
    unknown: list[Offered] = []
    for each in offered:
        artist = whose.get(each.claim.work_id)
        if artist is None:
            unknown.append(each)
        else:
            of_folder[each.claim.path.parent].add(artist)
    return {
        each.claim.work_id: next(iter(artists))
        for each in unknown
        if len(artists := of_folder[each.claim.path.parent]) == 1
    }
