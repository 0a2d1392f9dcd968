"""Which page of which work a name tells, whatever stands beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.exchange.names import Named, read_name

IDS, PAGES = st.integers(1, LARGEST_ID), st.integers(0, 99_999)
TITLES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=30)
AFTER = st.one_of(st.just(""), TITLES.map(lambda title: f" - {title}"), st.just("(1)"))
"""What tools, people and systems write after a page's number: never a digit, nor what pixiv writes after a reduced picture's."""

NAMED = {
    "5000111_p0.jpg": Named(5000111, 0, "image"),
    "5000111_p12.png": Named(5000111, 12, "image"),
    "5000111_p001.png": Named(5000111, 1, "image"),
    "artist 11 5000111_p0.jpg": Named(5000111, 0, "image"),
    "2021-05-05 title (5000111_p3).jpg": Named(5000111, 3, "image"),
    "5000111-0123456789abcdef0123456789abcdef_p0.jpg": Named(5000111, 0, "image"),
    "5000111_ugoira1920x1080.zip": Named(5000111, 0, "ugoira"),
    "5000111_ugoira.zip": Named(5000111, 0, "ugoira"),
    "5000111_ugoira0.jpg": Named(5000111, 0, "frame"),
    "5000111_ugoira17 - title.png": Named(5000111, 17, "frame"),
    "5000111_p0_master1200.jpg": Named(5000111, 0, "image", is_reduced=True),
    "5000111_p0_square1200.jpg": Named(5000111, 0, "image", is_reduced=True),
    "5000111_p0_custom1200.jpg": Named(5000111, 0, "image", is_reduced=True),
    "5000111_p0 - after 5000211_p3.jpg": Named(5000111, 0, "image"),
    "after 5000211_p3 5000111_p0.jpg": None,
    "5000111_p0 and 5000111_p0.jpg": Named(5000111, 0, "image"),
    "5000111.jpg": None,
    "05000111_p0.jpg": None,
    "99999999999999999999_p0.jpg": None,
    "5000111_p.jpg": None,
    "5000111_p123456.jpg": None,
    "photo.jpg": None,
}


@pytest.mark.parametrize(("name", "told"), NAMED.items())
def test_a_name_tells_its_page(name: str, told: Named | None):
    assert read_name(name) == told


@given(IDS, PAGES, AFTER, st.sampled_from(["jpg", "png", "gif", "zip"]))
def test_what_a_tool_writes_at_the_start_is_read_whatever_follows(work_id: int, page: int, after: str, extension: str):
    assert read_name(f"{work_id}_p{page}{after}.{extension}") == Named(work_id, page, "image")


@given(TITLES)
def test_no_name_breaks_it(name: str):
    named = read_name(name)
    assert named is None or 1 <= named.work_id <= LARGEST_ID
