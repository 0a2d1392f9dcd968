"""`pixivcrawl filters`: what is saved, what each filter makes of a work, and one line where the file is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.typing_in import type_in
from tests.ledger.making import NOW, an_artwork, connected, record_artwork, sqlite_url

SAVED = """
[filter.calm]
rating = "safe"
exclude_artists = [9]

[filter.long]
min_pages = 20

[default]
show = "calm"
fetch = "calm"
"""


def test_the_filters_are_listed_with_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SAVED)
    typed = type_in("filters", archive=tmp_path)
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.splitlines()[1:] == [
        "calm: rating=safe exclude_artists=9 (shown and fetched by default)",
        "long: min_pages=20",
    ]


def test_a_work_is_judged_by_each(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SAVED)
    with connected(sqlite_url(tmp_path)) as connection:
        record_artwork(connection, an_artwork(5), NOW)
    typed = type_in("filters", "5", "6", archive=tmp_path)
    assert typed.code == 0
    assert typed.out.splitlines() == [
        "work 5: calm: wanted, as far as is known; long: left out",
        "work 6: the ledger knows nothing of it",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "has no filter: write [filter.NAME]"), ("[filter.a]\nage = 3", "[filter.a] age: is not known")],
)
def test_a_file_that_says_nothing_or_something_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "filters.toml").write_text(text)
    typed = type_in("filters", archive=tmp_path)
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    assert said in line
