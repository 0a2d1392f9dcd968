"""What is typed is completed to tags and artists with it anywhere in a name, in any script."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixivcrawl.folding import fold
from pixivcrawl.index import completions
from pixivcrawl.index.reading import Index
from pixivcrawl.items import Tag
from pixivcrawl.ledger.service import Ledger
from tests.index.making import an_index, as_searched, follow, know
from tests.ledger.making import an_artwork

KINDS = ("tag", "artist")


def completed(index: Index, text: str) -> list[str]:
    return [each.name for each in index.complete(text, KINDS, 12)]


def test_names_that_begin_with_it_come_first_and_then_those_that_contain_it(
    ledger: Ledger, derived: Path, index: Index
):
    know(
        ledger,
        an_artwork(1, tags=(Tag("オリジナル"), Tag("猫耳", "cat ears"), Tag("黒猫"), Tag("scatter"))),
        an_artwork(2, tags=(Tag("オリジナル"), Tag("猫耳", "cat ears"), Tag("黒猫"), Tag("scatter"))),
        an_artwork(3, tags=(Tag("catgirl"),), user_id=8, user_name="mika the cat"),
    )
    follow(ledger, derived)
    assert completed(index, "猫") == ["猫耳", "黒猫"]
    assert completed(index, "CAT") == ["cat ears", "catgirl", "scatter", "mika the cat"]
    assert completed(index, "ears") == ["cat ears"]
    assert completed(index, "りじな") == ["オリジナル"]
    assert completed(index, "the c") == ["mika the cat"]
    assert completed(index, "-") == []
    assert index.complete("ears", KINDS, 12)[0].now == "猫耳"
    assert [each.name for each in index.complete("cat", ("artist",), 12)] == ["mika the cat"]


def test_a_name_is_completed_as_long_as_it_is_one(ledger: Ledger, derived: Path, index: Index):
    know(
        ledger,
        an_artwork(1, tags=(Tag("a tag", "former"), Tag("left alone"))),
        an_artwork(2, tags=(Tag("left alone"),)),
    )
    follow(ledger, derived)
    assert completed(index, "orme") == ["former"]
    know(ledger, an_artwork(1, tags=(Tag("a tag", "later"),)))
    follow(ledger, derived)
    assert completed(index, "ater") == ["later"]
    assert completed(index, "eft alone") == ["left alone"]
    know(ledger, an_artwork(1, tags=()), an_artwork(2, tags=()))
    follow(ledger, derived)
    assert completed(index, "ag") == completed(index, "alone") == []


@pytest.fixture
def few_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "MOST_SORTED", 3)


LETTERS = st.text(st.sampled_from("aAbア猫-* "), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LETTERS.filter(str.strip), max_size=5), min_size=1, max_size=8), LETTERS)
@pytest.mark.usefixtures("few_are_sorted")
def test_no_name_is_missed_whether_few_have_the_text_or_many(
    tmp_path_factory: pytest.TempPathFactory, tags: list[list[str]], text: str
):
    ids: dict[str, int] = {}
    works = [
        as_searched(an_artwork(number, tags=tuple(map(Tag, dict.fromkeys(names)))), ids)
        for number, names in enumerate(tags, 1)
    ]
    index = an_index(tmp_path_factory.mktemp("derived"), works)
    number = Counter(name for names in tags for name in dict.fromkeys(names))
    typed = fold(text)
    wanted = sorted(
        (name for name in number if typed and typed in fold(name)),
        key=lambda name: (not fold(name).startswith(typed), -number[name], ids[name]),
    )
    assert [each.name for each in index.complete(text, ("tag",), 100)] == wanted
