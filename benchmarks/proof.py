"""The proofs on real pictures, on damaged ones and on mutated ones: false alarms, what is caught, and whether anything dies.

    python -m benchmarks.proof [FOLDER ...] [--pictures 3000] [--damaged 200] [--mutated 20000] [--seed 1]

Looks for JPEG, PNG and GIF files of any name in the folders, links left out, and takes them by turns of the formats. Mutated are those
under 128 KB, and some made here, an ugoira among them; without a folder those alone. Ends with 1 when a whole picture is refused or
doubted, or a mutated file ends a worker. Everything goes through the same worker processes as in a crawl.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from benchmarks.damages import DAMAGES, mutated
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Format
from pixivcrawl.archive.verdict import Expected, Limits, Proof
from pixivcrawl.archive.workers import Workers
from tests.archive import making

VERDICTS = ("whole", "flawed", "doubtful", "damaged")
AT_ONCE = 16
LONGEST, SHORTEST = 64 << 20, 256
DAMAGED_FROM = 16 << 10
"""Bytes: in a shorter file a stretch of 4 KB is most of it."""
MUTATED_BELOW = 128 << 10
SIGNATURES: dict[bytes, Format] = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"GIF8": "gif"}


class File(NamedTuple):
    name: str
    format: Format
    body: bytes


class Judged(NamedTuple):
    """A file's verdict, and in one line why."""

    name: str
    format: Format
    verdict: str
    reason: str
    died: bool


def main() -> int:
    options = _options()
    dice = random.Random(options.seed)
    pictures = _pictures(options.folders, options.pictures, dice)
    with Workers(2, Limits()) as workers, tempfile.TemporaryDirectory() as folder:
        court = Court(workers, Path(folder))
        alarms = _judge_whole(court, pictures) if pictures else 0
        if pictures:
            large = [picture for picture in pictures if picture[0].stat().st_size >= DAMAGED_FROM]
            _judge_damaged(court, large[: options.damaged], dice)
        small = [_read(path, format) for path, format in pictures if path.stat().st_size < MUTATED_BELOW]
        deaths = _judge_mutated(court, [*small, *_made()], options.mutated, dice)
    return 1 if alarms or deaths else 0


class Court:
    """Gives files to the workers, some ahead of the one whose verdict is asked for."""

    def __init__(self, workers: Workers, folder: Path) -> None:
        self._workers = workers
        self._folder = folder

    def verdicts(self, files: Iterable[File]) -> Iterator[Judged]:
        waiting: list[tuple[File, Path, Future[Proof]]] = []
        for number, file in enumerate(files):
            path = self._folder / str(number)
            path.write_bytes(file.body)
            proof = self._workers.prove(path, Expected(file.format), hashlib.sha256(file.body).hexdigest())
            waiting.append((file, path, proof))
            if len(waiting) == AT_ONCE:
                yield self._judged(*waiting.pop(0))
        for file, path, proof in waiting:
            yield self._judged(file, path, proof)

    def _judged(self, file: File, path: Path, proof: Future[Proof]) -> Judged:
        try:
            flaw = proof.result().flaw
        except Damaged as damage:
            verdict = "doubtful" if damage.only_warned else "damaged"
            return Judged(file.name, file.format, verdict, damage.reason, damage.kind == "decoder died")
        finally:
            path.unlink()
        return Judged(file.name, file.format, "flawed" if flaw else "whole", flaw or "", died=False)


def _judge_whole(court: Court, pictures: list[tuple[Path, Format]]) -> int:
    """Print what is not whole, and give how many were refused or doubted."""
    counts: Counter[tuple[Format, str]] = Counter()
    for judged in court.verdicts(_read(path, format) for path, format in pictures):
        counts[judged.format, judged.verdict] += 1
        if judged.verdict != "whole":
            print(f"  {judged.verdict}: {judged.name}: {judged.reason}")
    formats = sorted({format for format, _ in counts})
    _print_table("whole pictures", {format: [counts[format, verdict] for verdict in VERDICTS] for format in formats})
    return sum(count for (_, verdict), count in counts.items() if verdict in ("doubtful", "damaged"))


def _judge_damaged(court: Court, pictures: list[tuple[Path, Format]], dice: random.Random) -> None:
    bodies = [_read(path, format) for path, format in pictures]
    for format in sorted({file.format for file in bodies}):
        alike = [file for file in bodies if file.format == format]
        others = {file: [other for other in alike if other.body != file.body] for file in alike}
        rows = {}
        for name, damage in DAMAGES.items():
            damaged = [file._replace(body=damage(file.body, dice.choice(others[file]).body, dice)) for file in alike]
            counts = Counter(judged.verdict for judged in court.verdicts(damaged))
            rows[name] = [counts[verdict] for verdict in VERDICTS]
        _print_table(f"{format}, damaged", rows)


def _judge_mutated(court: Court, files: list[File], count: int, dice: random.Random) -> int:
    """Print what ended a worker, and give how many did."""
    by_format = [
        [file for file in files if file.format == format] for format in sorted({file.format for file in files})
    ]
    chosen = (dice.choice(alike) for alike in islice(cycle(by_format), count))
    counts: Counter[tuple[Format, str]] = Counter()
    deaths: Counter[str] = Counter()
    for judged in court.verdicts(file._replace(body=mutated(file.body, dice)) for file in chosen):
        counts[judged.format, judged.verdict] += 1
        deaths[f"{judged.format}: {judged.reason}"] += judged.died
    formats = sorted({format for format, _ in counts})
    _print_table("mutated", {format: [counts[format, verdict] for verdict in VERDICTS] for format in formats})
    for reason, times in (+deaths).items():
        print(f"  a worker died {times} times of a {reason}")
    print(f"  {sum(counts.values()):,} files, {deaths.total()} deaths of workers, none of the caller")
    return deaths.total()


def _pictures(folders: list[Path], count: int, dice: random.Random) -> list[tuple[Path, Format]]:
    """As many of each format as there are, in turns."""
    found: dict[Format, list[Path]] = {}
    for path in sorted(chain.from_iterable(folder.rglob("*") for folder in folders)):
        if path.is_symlink() or not path.is_file() or not SHORTEST <= path.stat().st_size <= LONGEST:
            continue
        with path.open("rb") as source:
            head = source.read(4)
        for signature, format in SIGNATURES.items():
            if head.startswith(signature):
                found.setdefault(format, []).append(path)
    for paths in found.values():
        dice.shuffle(paths)
    turns = zip_longest(*([(path, format) for path in paths] for format, paths in found.items()))
    return list(islice((picture for turn in turns for picture in turn if picture is not None), count))


def _made() -> Iterator[File]:
    yield File("baseline", "jpg", making.jpeg())
    yield File("progressive", "jpg", making.jpeg(progressive=True))
    yield File("CMYK", "jpg", making.jpeg(120, 80, mode="CMYK", progressive=True))
    yield File("colours", "png", making.png(120, 80))
    yield File("palette", "png", making.encoded(making.drawing(120, 80).quantize(64), "PNG"))
    yield File("animation", "gif", making.gif(3))
    yield File("ugoira", "zip", making.ugoira(120, 80))


def _read(path: Path, format: Format) -> File:
    return File(str(path), format, path.read_bytes())


def _print_table(title: str, rows: dict[str, list[int]]) -> None:
    print(f"{title:26}" + "".join(f"{verdict:>10}" for verdict in VERDICTS))
    for name, cells in rows.items():
        print(f"  {name:24}" + "".join(f"{cell:>10,}" for cell in cells))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--damaged", type=int, default=200)
    parser.add_argument("--mutated", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
