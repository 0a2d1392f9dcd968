"""A ledger for crawls that archive nothing: empty, and discarded with its process."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import DBAPIError

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger.engine import engine_that_leaves_no_trace, is_empty, read_url
from pixivcrawl.ledger.failures import place_of
from pixivcrawl.ledger.models import AccountRow, HostRow, table
from pixivcrawl.ledger.service import Ledger

logger = logging.getLogger(__name__)

TAKEN_OVER = (table(HostRow), table(AccountRow))


@contextmanager
def scratch_ledger(configuration: Configuration) -> Iterator[Ledger]:
    """A ledger that has only the archive's limits for pixiv: pauses, the requests sent today, the learned pace."""
    known = _known(configuration.database_url)
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-") as folder:
        ledger = Ledger.open(f"sqlite:///{folder}/scratch.sqlite")
        try:
            ledger.write_now(_take_over, known)
            yield ledger
        finally:
            ledger.close()


def _known(database_url: str) -> dict[Table, list[dict[str, object]]]:
    """The rows of each table that is taken over, read without a trace; nothing where there is no ledger yet."""
    url = read_url(database_url)
    engine = engine_that_leaves_no_trace(url)
    try:
        if is_empty(engine):
            return {}
        with engine.connect() as connection:
            return {each: [dict(row) for row in connection.execute(select(each)).mappings()] for each in TAKEN_OVER}
    except (DBAPIError, PixivcrawlError) as error:
        logger.warning("what the ledger %s knows of pauses cannot be read (%s)", place_of(url), type(error).__name__)
        return {}
    finally:
        engine.dispose()


def _take_over(connection: Connection, known: dict[Table, list[dict[str, object]]]) -> None:
    for each, rows in known.items():
        if rows:
            connection.execute(insert(each), rows)
