"""The object store of the originals, if there is one: whether it answers, and keeps what it must."""

from __future__ import annotations

from collections.abc import Iterator

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import object_store_of
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.errors import PixivcrawlError, StorageFailed


def check_store(archive: Archive) -> Iterator[Finding]:
    """Try it as a crawl does before it begins."""
    try:
        if (store := object_store_of(archive)) is None:
            return
        store.try_out()
        yield ok("store", f"{archive.bucket} keeps conditions and checksums")
    except PixivcrawlError as error:
        yield problem("store", error)
        return
    try:
        store.try_removal()
    except StorageFailed as error:
        yield warning(
            "store",
            "verify --repair, refetch, forget and rebuild cannot be used, a crawl ends if a file turns out not to be the original, and an "
            f"adopted file whose revision is found is kept twice: {error}",
        )
    except PixivcrawlError as error:
        yield problem("store", error)
