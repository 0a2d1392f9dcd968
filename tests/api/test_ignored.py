"""What pixiv was asked and did not heed is seen from the rows, and only then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.ignored import ignored_parameters
from tests.api.making import masked, row

FIRST = datetime(2026, 5, 1, 12, tzinfo=JAPAN)


def works(*days: int, **changes: Any) -> list[IllustRow]:
    """Works of the days so many days after the first."""
    return [
        IllustRow.model_validate(row(100 + place, createDate=(FIRST + timedelta(days=day)).isoformat(), **changes))
        for place, day in enumerate(days)
    ]


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        ({"mode": "r18"}, {"xRestrict": 0}),
        ({"mode": "safe"}, {"xRestrict": 2}),
        ({"type": "manga"}, {"illustType": 0}),
        ({"type": "illust_and_ugoira"}, {"illustType": 1}),
        ({"scd": "2026-05-02"}, {}),
        ({"ecd": "2026-04-30"}, {}),
        ({"wlt": 801}, {}),
        ({"wgt": 799}, {}),
        ({"hlt": 601}, {}),
        ({"hgt": 599}, {}),
        ({"ratio": "-0.5"}, {}),
        ({"ratio": "0"}, {}),
        ({"blt": 100}, {"bookmarkCount": 99}),
        ({"bgt": 100}, {"bookmarkCount": 101}),
        ({"ai_type": 1}, {"aiType": 2}),
    ],
)
def test_a_row_that_contradicts_what_was_asked(asked: dict[str, Any], changes: dict[str, Any]) -> None:
    [name] = asked
    assert ignored_parameters(asked, works(0, **changes)) == [name]
    assert ignored_parameters(asked, [IllustRow.model_validate(masked())]) == []


def test_rows_that_agree_or_say_nothing() -> None:
    asked = {"mode": "safe", "type": "illust", "scd": "2026-05-01", "ecd": "2026-05-03", "wlt": 800, "wgt": 800}
    asked |= {"hlt": 600, "hgt": 600, "ratio": "0.5", "blt": 5, "bgt": 10, "ai_type": 1, "order": "date_d", "tool": "x"}
    assert ignored_parameters(asked, works(2, 1, 0)) == []
    assert (
        ignored_parameters({"scd": "2026-05-02"}, [IllustRow.model_validate(row(createDate=None, xRestrict=None))])
        == []
    )
    assert ignored_parameters(asked, []) == []


@given(st.lists(st.integers(0, 400), min_size=2, max_size=60, unique=True))
def test_the_order_of_time(days: list[int]) -> None:
    ordered = sorted(days)
    assert ignored_parameters({"order": "date"}, works(*ordered)) == []
    assert ignored_parameters({"order": "date_d"}, works(*ordered)) == ["order"]
    assert ignored_parameters({"order": "date_d"}, works(*reversed(ordered))) == []


def test_a_work_that_was_published_later_than_it_was_posted_is_no_other_order() -> None:
    assert ignored_parameters({"order": "date_d"}, works(9, 8, 7, 6, 5, 8, 4, 3, 2, 1)) == []


@pytest.mark.parametrize(
    ("number", "is_premium", "seen"),
    [(60, None, True), (8, True, True), (7, True, False), (2, False, True), (1, False, False)],
)
def test_popular_works_in_order_of_time(number: int, is_premium: bool | None, seen: bool) -> None:
    rows = works(*reversed(range(number)))
    assert ignored_parameters({"order": "popular_d"}, rows, is_premium=is_premium) == ["order"] * seen
    assert ignored_parameters({"order": "popular_d"}, works(3, 9, 1, 4, 8, 2, 7, 5, 6), is_premium=is_premium) == []
