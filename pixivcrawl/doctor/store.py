"""The object store of the originals, if there is one: whether it answers, and keeps what it must."""

from __future__ import annotations

from collections.abc import Iterator

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import object_store_of
from pixivcrawl.doctor.findings import Finding, ok, problem
from pixivcrawl.errors import PixivcrawlError


def check_store(archive: Archive) -> Iterator[Finding]:
    """Try it as a crawl does before it begins."""
    try:
        if (store := object_store_of(archive)) is not None:
            store.try_out()
            yield ok("store", f"{archive.bucket} keeps conditions and checksums")
    except PixivcrawlError as error:
        yield problem("store", error)
