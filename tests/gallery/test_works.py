"""The grid of works."""

from __future__ import annotations

from tests.gallery.conftest import Visitor
from tests.gallery.making import WORKS


def test_the_first_page_shows_every_work_the_newest_first(gallery: Visitor) -> None:
    answer = gallery.get("/")
    assert answer.status == 200
    places = [answer.text.index(f'href="/works/{work_id}"') for work_id in sorted(WORKS, reverse=True)]
    assert places == sorted(places)
