"""Extensions that nothing tells: what one page shows of the others, and what it does not."""

from __future__ import annotations

import asyncio

import pytest

from pipelines.extension_probe import ExtensionProbe, FirstIsMissing, NoSuchAddress
from pixivcrawl.items import Original, StagedOriginal
from tests.ledger.making import an_original


def tried(originals: list[Original], there: set[str]) -> tuple[list[str | type], list[str]]:
    """Under which extension each came, or what was raised for it, and what the image host was asked for.

    `there` names the pages that it has, such as 1.gif.
    """
    asked: list[str] = []

    async def fetch(original: Original) -> StagedOriginal:
        name = f"{original.page}.{original.extension}"
        asked.append(name)
        await asyncio.sleep(0)
        if name not in there:
            raise NoSuchAddress
        return StagedOriginal(original, "", "ab" * 32, 1)

    async def fetch_all() -> list[StagedOriginal | BaseException]:
        guesses = ExtensionProbe()
        return await asyncio.gather(
            *(guesses.fetched(original, fetch) for original in originals), return_exceptions=True
        )

    found = asyncio.run(fetch_all())
    return [each.original.extension if isinstance(each, StagedOriginal) else type(each) for each in found], asked


@pytest.mark.parametrize("kind", ["image", "frame"])
def test_the_others_are_tried_as_the_first_one_came(kind: str):
    pages = [an_original(page=page, kind=kind, guessed=True) for page in range(4)]
    came, asked = tried(pages, {"0.png", "1.png", "2.gif", "3.png"})
    assert came == ["png", "png", "gif", "png"]
    assert sorted(asked) == ["0.jpg", "0.png", "1.png", "2.gif", "2.jpg", "2.png", "3.png"]


def test_where_page_0_is_not_there_nothing_else_is_asked_for():
    pages = [an_original(page=page, guessed=True) for page in range(30)]
    assert tried(pages, {"1.jpg"}) == (
        [NoSuchAddress] + [FirstIsMissing] * 29,
        ["0.jpg", "0.png", "0.gif"],
    )


def test_a_later_page_that_is_not_there_keeps_no_other_from_being_tried():
    pages = [an_original(page=page, guessed=True) for page in (1, 2, 3)]
    assert tried(pages, {"2.jpg", "3.jpg"})[0] == [NoSuchAddress, "jpg", "jpg"]
