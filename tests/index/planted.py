"""`python -m tests.index.planted [PICTURES PAIRS]`: copies planted among pictures, found in an archive by the command and the gallery.

Without numbers 50 pairs among 5,000 pictures. Each half of each pair is asked for by `pixivcrawl similar`, and as many pictures that the
archive has not; then every page of `/duplicates` is read. It tells what was missed, what was taken for a copy, and how long each step took.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pixivcrawl.ledger import updates
from tests.archive.making import encoded
from tests.commands.typing_in import type_in
from tests.gallery.conftest import Visitor, visiting
from tests.gallery.making import keep
from tests.index.pictures import COPIES, DRAWN, blank, drawn, writing
from tests.ledger.making import NOW, an_artwork, connected, sqlite_url

STORED = [name for name in COPIES if name != "as a WebP"]
"""Copies that an archive may hold."""

SEED = 20261130


class Planted(NamedTuple):
    """The works of an archive, of one picture each, and which work is a copy of which."""

    works: Mapping[int, Sequence[bytes]]
    pairs: list[set[int]]


class Outcome(NamedTuple):
    """Pairs that were missed, and works that were taken for copies."""

    missed: list[set[int]]
    wrong: list[set[int]]


def picture(number: int) -> bytes:
    """The picture of a number as a file: PNG and JPEG in turns."""
    if number % 2:
        return encoded(drawn(number), "PNG", compress_level=1)
    return encoded(drawn(number), "JPEG", quality=90)


def planted(number: int, pairs: int, seed: int = SEED) -> Planted:
    """So many works, and copies of some of them that show enough to be told from others."""
    dice = random.Random(seed)
    with ProcessPoolExecutor() as processes:
        pictures = processes.map(picture, range(1, number + 1), chunksize=50)
        works = {work_id: [body] for work_id, body in enumerate(pictures, 1)}
    copied = dice.sample([work_id for work_id in works if DRAWN[work_id % len(DRAWN)] is not blank], pairs)
    expected = []
    for place, work_id in enumerate(copied):
        copy, name = number + 1 + place, STORED[place % len(STORED)]
        if DRAWN[work_id % len(DRAWN)] is writing and name == "trimmed":
            # Thin lines then fall elsewhere between the pixels of the closer look.
            name = "half the size"
        works[copy] = [COPIES[name](drawn(work_id))]
        expected.append({work_id, copy})
    return Planted(works, sorted(expected, key=sorted))


def store(root: Path, works: Mapping[int, Sequence[bytes]], artist: int = 7) -> None:
    """Works with these pictures as their pages."""
    with connected(sqlite_url(root)) as connection:
        for work_id, pages in works.items():
            work = an_artwork(work_id, len(pages), user_id=artist)
            updates.record_artwork(connection, work, NOW)
            for original, body in zip(work.originals, pages, strict=True):
                keep(connection, root, original, body)


def asked_for(root: Path, folder: Path, told: Planted, strangers: Sequence[int]) -> Outcome:
    """What `pixivcrawl similar` finds of each half of each pair, and of pictures that the archive has not."""
    asked: list[tuple[Path, set[int]]] = []
    for pair in told.pairs:
        for work_id in sorted(pair):
            asked.append((folder / str(work_id), pair))
            asked[-1][0].write_bytes(told.works[work_id][0])
    for number in strangers:
        asked.append((folder / f"stranger {number}", set()))
        asked[-1][0].write_bytes(picture(number))
    run = type_in("similar", "--json", *(str(path) for path, _ in asked), archive=root)
    assert run.code == 0, run.err
    outcome = Outcome([], [])
    for line, (_, expected) in zip(run.out.splitlines(), asked, strict=True):
        found = {like["work"] for like in json.loads(line)["like"]}
        compare(outcome, [found] if found else [], [expected] if expected else [])
    return outcome


def shown(visitor: Visitor) -> Iterator[set[int]]:
    """The works of each group on the pages of `/duplicates`."""
    path: str | None = "/duplicates?show=near"
    while path is not None:
        page = visitor.get(path).text
        for section in re.findall(r"<section>.*?</section>", page, re.DOTALL):
            yield {int(work_id) for work_id in re.findall(r'href="/works/(\d+)', section)}
        further = re.search(r'href="(/duplicates\?[^"]*after=[^"]*)"', page)
        path = further[1].replace("&amp;", "&") if further is not None else None


def compare(outcome: Outcome, found: list[set[int]], expected: list[set[int]]) -> None:
    outcome.missed.extend(pair for pair in expected if pair not in found)
    outcome.wrong.extend(group for group in found if group not in expected)


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def campaign(number: int, pairs: int, seed: int = SEED) -> Outcome:
    """All of it, in a folder of its own."""
    with TemporaryDirectory(prefix="pixivcrawl-planted-") as folder:
        root = Path(folder) / "archive"
        root.mkdir()
        with timed(f"{number:,} pictures drawn, {pairs} of them copied"):
            told = planted(number, pairs, seed)
        with timed("stored in an archive"):
            store(root, told.works)
        strangers = [each for each in range(number + 1, number + 2 * pairs) if DRAWN[each % len(DRAWN)] is not blank]
        with timed(f"analysed, and {2 * pairs + len(strangers)} files asked for by pixivcrawl similar"):
            outcome = asked_for(root, Path(folder), told, strangers)
        with timed("all pages of /duplicates read"), visiting(root) as visitor:
            compare(outcome, list(shown(visitor)), told.pairs)
        return outcome


def main() -> int:
    number, pairs = (int(word) for word in sys.argv[1:] or ("5000", "50"))
    outcome = campaign(number, pairs)
    print(f"missed: {outcome.missed or 'none'}; taken for copies: {outcome.wrong or 'none'}")
    return int(outcome != Outcome([], []))


if __name__ == "__main__":
    sys.exit(main())
