"""The gallery's index at a million works, ten million tag links and three million files: made from nothing, asked at random, followed."""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from benchmarks.building import database_url, fill, make_tables
from benchmarks.ledger import FILES, GREATEST, TAGS, an_artwork
from benchmarks.measuring import Row, run, table, write_json
from pixivcrawl.index import schema, writing
from pixivcrawl.index.completions import complete
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import parse
from pixivcrawl.index.updating import update_index
from pixivcrawl.items import Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger

ARTISTS = 3_000

NAMES, LONGEST_NAME = 300_000, 10
"""Of tags with their translations, and letters of one."""

KANA = "".join(chr(code) for code in (*range(0x3042, 0x3094), *range(0x30A2, 0x30F5)))
KANJI = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 2_000))
LATIN = "abcdefghijklmnopqrstuvwxyz0123456789 "
WORDS = (
    "猫耳",
    "東方",
    "原神",
    "オリジナル",
    "艦これ",
    "初音ミク",
    "夏空",
    "ブルーアーカイブ",
    "魔法少女",
    "touhou",
    "miku",
    "の",
    "猫",
)
LONGEST = {"title": 16, "caption": 56}
"""Letters; on average a title has 9 and a caption 29."""

SORTS = ("new", "uploaded", "archived", "bookmarks")
COLUMNS = {"what": str, "median ms": str, "worst ms": str, "figure": str, "unit": str, "aim": str}


def main() -> int:
    options = _parser().parse_args()
    archive = options.folder / f"gallery-{options.works}"
    if not archive.exists():
        build(archive, options.works)
    derived = archive / "derived"
    if options.make_index:
        return _make_index(archive, derived)
    rows = [] if options.keep_index and derived.exists() else list(made_again(archive, derived, options.works))
    ledger = Ledger.open(database_url(archive))
    try:
        rows += asked(Index(derived, ledger), options.requests, options.works)
        rows += completed(options.requests)
        rows += followed(ledger, derived)
    finally:
        ledger.close()
    print(table(rows, COLUMNS))
    write_json(options.json, "gallery", rows)
    return 0


def build(archive: Path, works: int) -> None:
    """Works with titles, captions and tags in Japanese letters, a few of which are on most works, as on pixiv."""
    made = archive.with_name(f"{archive.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    make_tables(made)
    owners = ((number, GREATEST if number % 10 == 0 else 2 + number % (ARTISTS - 1)) for number in range(1, works + 1))
    fill(made, owners, tags=TAGS, files=FILES, arguments={})
    dice = random.Random(20)
    with closing(sqlite3.connect(made / "archive.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        texts = ((*(_text(dice, longest) for longest in LONGEST.values()), number) for number in range(1, works + 1))
        connection.executemany("UPDATE artworks SET title = ?, caption = ? WHERE id = ?", texts)
        tags = connection.execute("SELECT id FROM tags ORDER BY id").fetchall()
        names = ((f"{_tag_name(dice, tag_id)}", tag_id) for (tag_id,) in tags)
        connection.executemany("UPDATE OR IGNORE tags SET name = ? WHERE id = ?", names)
        connection.execute(
            "UPDATE artworks SET x_restrict = CASE WHEN id % 7 = 0 THEN 1 WHEN id % 997 = 0 THEN 2 ELSE 0 END, "
            "ai_type = 1 + (id % 11 = 0), kind = CASE WHEN id % 5 = 0 THEN 'manga' WHEN id % 41 = 0 THEN 'ugoira' ELSE kind END"
        )
        connection.execute("COMMIT")
    made.rename(archive)


def _text(dice: random.Random, longest: int) -> str:
    letters = "".join(dice.choices(*LETTERS, k=dice.randint(2, longest)))
    return letters + dice.choices(WORDS, WORD_WEIGHTS)[0] if dice.random() < 0.5 else letters


def _tag_name(dice: random.Random, tag_id: int) -> str:
    return WORDS[tag_id - 1] if tag_id <= len(WORDS) else "".join(dice.choices(*LETTERS, k=dice.randint(2, 8)))


ALL_LETTERS = KANA + KANJI + LATIN
LETTERS = (ALL_LETTERS, [1 / rank for rank in range(1, len(ALL_LETTERS) + 1)])
WORD_WEIGHTS = [1 / (1 + rank) for rank in range(len(WORDS))]


def made_again(archive: Path, derived: Path, works: int) -> Iterator[Row]:
    """The index from nothing, by a process of its own."""
    shutil.rmtree(derived, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.gallery", "--folder", str(archive.parent), "--works", str(works)]
    with tempfile.TemporaryDirectory() as folder:
        cost = run([*command, "--make-index"], output=Path(folder) / "said")
    assert cost.exit_code == 0, cost.output
    size = sum(path.stat().st_size for path in derived.iterdir())
    yield {"what": "index made from nothing", "figure": f"{cost.seconds:,.0f}", "unit": "s", "aim": "< 480"}
    yield {"what": "of it processor time", "figure": f"{cost.processor:,.0f}", "unit": "s"}
    yield {"what": "its peak of memory", "figure": f"{cost.peak / 1e6:,.0f}", "unit": "MB"}
    yield {"what": "its size", "figure": f"{size / 1e6:,.0f}", "unit": "MB", "aim": "< 1,600"}


def _make_index(archive: Path, derived: Path) -> int:
    ledger = Ledger.open(database_url(archive))
    try:
        update_index(ledger, derived, stop=Event())
    finally:
        ledger.close()
    return 0


def asked(index: Index, requests: int, works: int) -> list[Row]:
    """Random pages of each kind: the first, a later one, and the count."""
    dice = random.Random(7)
    tags = [subject.name for subject in index.tags(limit=500)[0] if subject.name]
    texts = _texts_of(index, dice)

    def part(length: int) -> Callable[[], str]:
        return lambda: f'"{_part(dice, texts, length)}"'

    sorted_by: dict[str, Callable[[], str]] = {
        "all works": lambda: "",
        "a tag": lambda: f'#"{dice.choice(tags)}"',
        "an artist": lambda: f"user:{dice.randrange(1, ARTISTS)}",
        "two letters": part(2),
    }
    kinds = {f"{what}, sort:{sort}": _sorted(text, sort) for what, text in sorted_by.items() for sort in SORTS}
    kinds["the artist of a tenth of all works, sort:bookmarks"] = lambda: f"user:{GREATEST} sort:bookmarks"
    kinds["two tags"] = lambda: f'#"{dice.choice(tags)}" #"{dice.choice(tags)}"'
    kinds["a tag without another"] = lambda: f'#"{dice.choice(tags)}" -#"{dice.choice(tags)}"'
    kinds |= {f"text of {length}": part(length) for length in (1, 2, 3, 8)}
    kinds["a word and a tag"] = lambda: f'{part(2)()} #"{dice.choice(tags)}"'
    kinds["a month"] = lambda: f"date:{dice.randrange(2012, 2024)}-{dice.randrange(1, 13):02}"
    kinds["ugoira of a rating"] = lambda: f"kind:ugoira rating:{dice.choice(['safe', 'r18', 'r18g'])}"
    kinds["pages that no work has"] = lambda: "pages:>500"
    kinds["a word and pages that no work has"] = lambda: f"{part(2)()} pages:>500"
    rows = []
    for what, text in kinds.items():
        taken = [_request(index, text()) for _ in range(requests)]
        rows.append(_figures(what, taken, "20, 150"))
    return rows


def completed(requests: int) -> Iterator[Row]:
    """One to three letters from within a name, among as many names as a large archive has."""
    dice = random.Random(9)
    names = [_text(dice, LONGEST_NAME).strip() or "x" for _ in range(NAMES)]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(schema.open_for_writing(Path(folder) / "index.sqlite")) as made,
    ):
        schema.create(made)
        made.execute("BEGIN")
        # The most frequent tag is on two thirds of a million works, the next on half as many, and so on.
        subjects = ((number, 1 + 660_000 // number) for number in range(1, NAMES + 1))
        made.executemany("INSERT INTO subjects VALUES ('tag', ?, ?, NULL)", subjects)
        writing.replace_names(made, "tag", {number: (name, ()) for number, name in enumerate(names, 1)})
        made.execute("COMMIT")
        for length in (1, 2, 3):
            texts = [_part(dice, names, length) for _ in range(requests)]
            taken = [_timed(partial(complete, made, text, ("tag", "artist"), 12)) for text in texts]
            yield _figures(f"{length} letters completed, {NAMES:,} names", taken, "20, 150")


def _sorted(text: Callable[[], str], sort: str) -> Callable[[], str]:
    return lambda: f"{text()} sort:{sort}"


def _request(index: Index, text: str) -> float:
    query = parse(text.replace("\\", ""))

    def ask() -> None:
        page = index.works(query)
        index.count(query)
        if page.older is not None:
            index.works(query, before=page.older)

    return _timed(ask)


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def _figures(what: str, taken: Sequence[float], aim: str) -> Row:
    return {"what": what, "median ms": f"{statistics.median(taken):.1f}", "worst ms": f"{max(taken):.1f}", "aim": aim}


def _texts_of(index: Index, dice: random.Random) -> list[str]:
    """Titles that are there, so that what is searched for is found."""
    return [_text(dice, LONGEST["title"]) for _ in range(200)] + list(WORDS)


def _part(dice: random.Random, texts: Sequence[str], length: int) -> str:
    text = dice.choice(texts)
    start = dice.randrange(max(1, len(text) - length + 1))
    return text[start : start + length].strip(' "\\') or "猫"


def followed(ledger: Ledger, derived: Path) -> Iterator[Row]:
    """Works that changed since, as a crawl leaves them."""
    first = 100_000_000 + time.time_ns() // 1_000_000_000
    now = datetime.now(UTC)
    for number in range(0, 2_000, 100):
        works = tuple(an_artwork(first + number + place, first) for place in range(100))
        ledger.write_now(updates.record_facts, Facts(artworks=works), now)
    began, worked = time.perf_counter(), time.process_time()
    update_index(ledger, derived, stop=Event())
    taken, busy = time.perf_counter() - began, time.process_time() - worked
    yield {"what": "2,000 new works followed", "figure": f"{taken:.2f}", "unit": "s", "aim": "< 10"}
    yield {"what": "of it processor time", "figure": f"{busy:.2f}", "unit": "s"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument(
        "--works", type=int, default=1_000_000, metavar="N", help="how many there are (default: 1,000,000)"
    )
    parser.add_argument("--requests", type=int, default=50, metavar="N", help="of each kind (default: 50)")
    parser.add_argument("--keep-index", action="store_true", help="ask the index that an earlier run made")
    parser.add_argument(
        "--make-index", action="store_true", help="make the index and end: what this program runs itself"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pixivcrawl-benchmark-ledgers",
        metavar="DIR",
        help="keeps ledger and index between runs, about 4 GB for a million works (default: in the system's folder for such things)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
