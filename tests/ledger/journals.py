"""What lies in a journal, read as the program reads it."""

from __future__ import annotations

from pathlib import Path

from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.journal import body_of, packed_at


def read_answer(folder: Path, location: Location) -> bytes | None:
    """The body of an answer in the journal; None if it is not there any more, or damaged."""
    try:
        return body_of(packed_at(folder, location))
    except OSError:
        return None
