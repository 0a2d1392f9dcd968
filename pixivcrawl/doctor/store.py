"""The object store of the originals, if there is one: whether it answers, and keeps what it must."""

from __future__ import annotations

from collections.abc import Iterator

from pixivcrawl.archive.layout import Archive
from pixivcrawl.doctor.findings import Finding, ok, problem
from pixivcrawl.errors import PixivcrawlError


def check_store(archive: Archive) -> Iterator[Finding]:
    """Try it as a crawl does before it begins."""
    if archive.bucket is None:
        return
    try:
        from pixivcrawl.archive.stores.s3 import object_store_of

        object_store_of(archive).try_out()
    except PixivcrawlError as error:
        yield problem("store", error)
    else:
        yield ok("store", f"{archive.bucket} keeps conditions and checksums")
