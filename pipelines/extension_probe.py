"""Finds the extension of an original where it is unknown (a row's pages, an ugoira's frames), trying the likelier ones first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from pixivcrawl.items import Original, StagedOriginal

EXTENSIONS = ("jpg", "png", "gif")
"""The extensions of pixiv's originals, the likelier first."""

REMEMBERED_WORKS = 256
"""For how many works it is remembered which extension their pages have."""

Fetch = Callable[[Original], Awaitable[StagedOriginal]]


class NoSuchAddress(Exception):
    """The image host answers 404 for a guessed address."""


class FirstIsMissing(NoSuchAddress):
    """The image host answers 404 for page 0 under each extension; the other pages were not asked for."""


class ExtensionProbe:
    """Tries the extensions of a work's first page or frame; for the others, the extension of the first is tried first."""

    def __init__(self) -> None:
        self._first_pages: OrderedDict[tuple[int, str], asyncio.Future[str | None]] = OrderedDict()

    async def fetched(self, original: Original, fetch: Fetch) -> StagedOriginal:
        """The result of `fetch` with the first extension that the image host knows. Raises NoSuchAddress if it knows none.

        `fetch` raises NoSuchAddress for a wrong extension; all its other errors reach the caller.
        """
        work = original.work_id, original.revision
        first_page = self._first_pages.get(work)
        if first_page is not None:
            extension = await asyncio.shield(first_page)
            if extension is None:
                raise FirstIsMissing
            return await _tried(original.with_extension(extension), fetch)
        first_page = self._first_pages[work] = asyncio.get_running_loop().create_future()
        while len(self._first_pages) > REMEMBERED_WORKS:
            self._first_pages.popitem(last=False)
        found: str | None = original.extension
        try:
            staged = await _tried(original, fetch)
        except NoSuchAddress:
            # Without page 0 the others are unlikely to exist; a missing later page says nothing about the others.
            found = None if original.page == 0 else found
            raise
        else:
            found = staged.original.extension
            return staged
        finally:
            # Also when the transfer failed for another reason, so that each of the other pages is tried by itself.
            first_page.set_result(found)


async def _tried(original: Original, fetch: Fetch) -> StagedOriginal:
    for extension in sorted(EXTENSIONS, key=lambda each: each != original.extension):
        try:
            return await fetch(original.with_extension(extension))
        except NoSuchAddress:
            continue
    raise NoSuchAddress
