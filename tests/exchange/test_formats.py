"""Formats read backwards: of whatever format and title, the page that a name means, or none; never another one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixivcrawl.exchange.formats import Meaning, compiled
from pixivcrawl.exchange.names import read_name
from pixivcrawl.exchange.sources import pbd, pixivutil2

TITLES = st.text("a1 5_p-猫([.]ugoira", max_size=12) | st.sampled_from(["5000999_p3", "7", "_p1", "x_p0 - y", "2 3 4"])
IDS = st.integers(1, 10**9)
PAGES = st.integers(0, 1200)

OF_PIXIVUTIL2 = (
    "%image_id%",
    "%urlFilename%",
    "%page_index%",
    "%page_number%",
    "%title%",
    "%tags%",
    "%artist%",
    "%R-18%",
)
OF_PBD = ("{id}", "{pid}", "{p}", "{title}", "{user}", "{tags}")
TOOLS = {
    "PixivUtil2": (OF_PIXIVUTIL2, pixivutil2.TOKEN, pixivutil2.MEANINGS),
    "PBD": (OF_PBD, pbd.TOKEN, pbd.MEANINGS),
}


@st.composite
def formats(draw: st.DrawFn, tokens: tuple[str, ...]) -> str:
    """Tokens with something that is no digit between each two."""
    drawn = draw(st.lists(st.sampled_from(tokens), min_size=1, max_size=5))
    return (
        "".join(f"{token}{draw(st.sampled_from([' ', ' - ', '_', '/', ' (', '] ', '.x']))}" for token in drawn) + "end"
    )


def name_by(text: str, values: Mapping[str, str]) -> str:
    """The name that a tool would give, with spaces that come to stand together taken away."""
    for token, value in values.items():
        text = text.replace(token, value)
    return re.sub("/{2,}", "/", "/".join(re.sub(" {2,}", " ", part).strip() for part in text.split("/"))) + ".jpg"


@pytest.mark.parametrize("tool", TOOLS)
@given(data=st.data(), work_id=IDS, page=PAGES, title=TITLES, words=TITLES)
def test_a_name_by_any_format_tells_its_own_page_or_none(
    tool: str, data: st.DataObject, work_id: int, page: int, title: str, words: str
) -> None:
    tokens, token, meanings = TOOLS[tool]
    text, of_pages = data.draw(formats(tokens)), data.draw(st.booleans())
    found = compiled(text, token, meanings, of_pages=of_pages)
    if found is None:
        assert not any(each in text for each in ("%image_id%", "%urlFilename%", "{id}", "{pid}"))
        return
    page = page if of_pages else 0
    number, second = (str(page), str(page + 1)) if of_pages else ("", "")
    values = {"%image_id%": str(work_id), "%page_index%": number, "%page_number%": second, "{pid}": str(work_id)}
    values |= dict.fromkeys(("%urlFilename%", "{id}"), f"{work_id}_p{page}") | {"{p}": number}
    values |= dict.fromkeys(("{title}", "%title%"), title)
    values |= dict.fromkeys(("{user}", "{tags}", "%tags%", "%artist%", "%R-18%"), words)
    named = found.read(name_by(text, values))
    tells_page = any(each in text for each in ("%urlFilename%", "%page_index%", "%page_number%", "{id}", "{p}"))
    assert named is None or (named.work_id, named.page) == (work_id, page if tells_page else 0)


@given(IDS, PAGES, TITLES)
@example(5_000_111, 3, "5000999_p3")
@example(5_000_111, 0, "_ugoira0")
def test_what_a_title_holds_is_taken_for_no_page(work_id: int, page: int, title: str) -> None:
    for name in (f"{work_id}_p{page} - {title}.jpg", f"{work_id}_p{page:03}-{title}.png", f"{work_id}_p{page}.gif"):
        named = read_name(name)
        assert named is not None
        assert (named.work_id, named.page, named.kind) == (work_id, page, "image")


def test_a_name_that_fits_in_many_ways_takes_no_time() -> None:
    """Each free part of a format may be any part of the name."""
    meanings: Mapping[str, Meaning] = pixivutil2.MEANINGS
    text = "%works_date% %title% - %artist% %tags% x%image_id%y%title%z%page_index% %tags% %title%"
    found = compiled(text, pixivutil2.TOKEN, meanings)
    assert found is not None
    began = time.perf_counter()
    found.read("x1y z2 " * 36 + ".jpg")
    assert time.perf_counter() - began < 2
