"""Prepares one work to be fetched again: its present files are proven again, missing ones are wanted again."""

from __future__ import annotations

from collections.abc import Callable

from pixivcrawl.archive.layout import Archive
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.files import check_file
from pixivcrawl.verification.repair import Action, repair
from pixivcrawl.verification.verify import Depth


def refetch(archive: Archive, ledger: Ledger, work_id: int, depth: Depth, said: Callable[[Action], None]) -> None:
    """Make every missing or damaged file of the work wanted. The archive must be locked. Raises StorageFailed."""
    rows = ledger.read_now(queries.files_of_works, [work_id], IN_PLACE)
    found = (check_file(archive, row, read=True, workers=depth.provers) for row in rows)
    repair(archive, ledger, [finding for finding in found if finding is not None], depth, said)
