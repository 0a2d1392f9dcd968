"""A ledger for what archives nothing: empty, and forgotten with its process."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger.engine import engine_that_leaves_no_trace, is_empty, read_url
from pixivcrawl.ledger.failures import place_of
from pixivcrawl.ledger.models import HostRow
from pixivcrawl.ledger.service import Ledger

logger = logging.getLogger(__name__)


@contextmanager
def scratch_ledger(configuration: Configuration) -> Iterator[Ledger]:
    """A ledger that knows one thing of the archive's: which pauses pixiv asked for, and how many requests were sent today."""
    hosts = _hosts(configuration.database_url)
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-") as folder:
        ledger = Ledger.open(f"sqlite:///{folder}/scratch.sqlite")
        try:
            if hosts:
                ledger.write_now(_take_over, hosts)
            yield ledger
        finally:
            ledger.close()


def _hosts(database_url: str) -> list[dict[str, object]]:
    """What the archive's ledger says of each host, read without a trace; nothing where there is no ledger yet."""
    url = read_url(database_url)
    engine = engine_that_leaves_no_trace(url)
    try:
        if is_empty(engine):
            return []
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(HostRow.__table__)).mappings()]
    except (DBAPIError, PixivcrawlError) as error:
        logger.warning("what the ledger %s knows of pauses cannot be read (%s)", place_of(url), type(error).__name__)
        return []
    finally:
        engine.dispose()


def _take_over(connection: Connection, hosts: list[dict[str, object]]) -> None:
    connection.execute(insert(HostRow.__table__), hosts)
