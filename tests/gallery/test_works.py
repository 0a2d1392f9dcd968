"""The grid of works."""

from __future__ import annotations

from tests.gallery.conftest import Visitor
from tests.gallery.making import WORKS


def test_the_first_page_shows_every_work_the_newest_first(gallery: Visitor) -> None:
    answer = gallery.get("/")
    assert answer.status == 200
    places = [answer.text.index(f'href="/works/{work_id}"') for work_id in sorted(WORKS, reverse=True)]
    assert places == sorted(places)


def test_a_work_s_page_stands(gallery: Visitor) -> None:
    for work_id in WORKS:
        for path in (f"/works/{work_id}", f"/works/{work_id}/check"):
            answer = gallery.get(path)
            assert answer.status == 200, answer.text
