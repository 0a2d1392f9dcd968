"""Search by words finds what a look at every title, caption and tag would, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from pixivcrawl.folding import fold, plain
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.items import Artwork, Tag
from tests.index.making import an_index, as_searched, every_id
from tests.ledger.making import an_artwork

LETTERS = (
    "ねこネコの猫耳娘東方原神かガバばぱヴゔabcABC ＡＢ"
    "ｃＩÉéß①㍿ﬁñн-_.:#\"'()*^~!?&<>\\/　\t\ufffd\U0010fffd\U0010ff2e😀🏳️\u3099\u200f\u202e"
)


def some_text(dice: random.Random, longest: int) -> str:
    return "".join(dice.choices(LETTERS, k=dice.randint(1, longest)))


def random_works(dice: random.Random, number: int) -> list[Artwork]:
    tags = [Tag(some_text(dice, 6)) for _ in range(200)]
    return [
        replace(
            an_artwork(work_id),
            title=some_text(dice, 12),
            caption=dice.choice([None, f"<strong>{some_text(dice, 20)}</strong>&amp;", some_text(dice, 20)]),
            tags=tuple({tag.name: tag for tag in dice.choices(tags, k=dice.randrange(6))}.values()),
        )
        for work_id in range(1, number + 1)
    ]


def folded_texts(work: Artwork) -> str:
    """One a line: no folded text holds the end of one."""
    return "\n".join(fold(text) for text in (work.title, plain(work.caption or ""), *(tag.name for tag in work.tags)))


def found_by_a_look_at_each(texts: dict[int, str], words: list[str]) -> set[int]:
    folded = [fold(word) for word in words]
    return {work_id for work_id, of_work in texts.items() if all(word in of_work for word in folded)}


@pytest.mark.parametrize(
    ("works", "queries"),
    [
        (200, 150),
        pytest.param(2_000, 400, marks=pytest.mark.long),
        pytest.param(10_000, 2_000, marks=pytest.mark.campaign),
    ],
)
def test_none_is_missed_and_none_is_wrong(tmp_path: Path, works: int, queries: int):
    dice = random.Random(3)
    known = random_works(dice, works)
    tag_ids: dict[str, int] = {}
    index = an_index(tmp_path, [as_searched(work, tag_ids) for work in known])
    texts = [text for work in known for text in (work.title, *(tag.name for tag in work.tags))]
    held = {work.work_id: folded_texts(work) for work in known}
    for _ in range(queries):
        words = []
        for _ in range(dice.choice([1, 1, 1, 2])):
            text = dice.choice(texts) if dice.random() < 0.7 else some_text(dice, 4)
            start = dice.randrange(len(text))
            words.append(text[start : start + dice.choice([1, 2, 3, 8])])
        wanted = found_by_a_look_at_each(held, words)
        query = WorksQuery(words=tuple(words))
        assert index.count(query, works) == len(wanted), words
        if len(wanted) < 500:
            assert set(every_id(index, query)) == wanted, words
