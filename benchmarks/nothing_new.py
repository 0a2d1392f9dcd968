"""Runs that find nothing new, at a hundred, ten thousand and a hundred thousand archived works of one artist, and start-up alone."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import contenders
from benchmarks.building import fill, make_tables
from benchmarks.measuring import (
    Row,
    in_turns,
    medians,
    megabytes,
    own_environment,
    run,
    seconds,
    table,
    whole,
    write_json,
)
from benchmarks.served import ARTIST, Served, Shape, serving
from pixivcrawl.spiders.user import UserArguments

COLUMNS: dict[str, Callable[..., str]] = {
    "what": str,
    "works": whole,
    "time": seconds,
    "processor": seconds,
    "peak": megabytes,
    "API": whole,
    "images": whole,
    "failed": str,
    "runs": str,
}
CRAWL = (sys.executable, "-m", "scrapy", "crawl", "user", "-a", f"id={ARTIST}")
BARE = "bare Scrapy: its version"
START_UP = {
    BARE: (sys.executable, "-m", "scrapy", "version"),
    "every spider: scrapy list": (sys.executable, "-m", "scrapy", "list"),
}


def main() -> int:
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pixivcrawl-benchmark-", dir=options.folder))
    rows: list[Row] = []
    try:
        for works in options.works:
            archive = build(folder, works)
            with serving(Shape(works, (64, 48)), folder / "sandbox", 0) as served:
                found_nothing(served, folder, archive, works)
                turns = [partial(take, rows, served, folder, archive, works, CRAWL, "nothing new")]
                turns += [
                    partial(
                        take,
                        rows,
                        served,
                        folder,
                        archive,
                        works,
                        (sys.executable, "-m", "scrapy", "status"),
                        "scrapy status",
                    )
                ]
                if works == options.works[0]:
                    turns += [
                        partial(take, rows, served, folder, archive, None, command, what)
                        for what, command in START_UP.items()
                    ]
                in_turns(options.rounds, turns)
            print(f"{works:,} works: done", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(medians(rows, ("what", "works")), COLUMNS))
    write_json(options.json, "nothing_new", rows)
    return 1 if any(row["failed"] for row in rows) else 0


def build(folder: Path, works: int) -> Path:
    """An archive of every work that the sandbox lists; its files are rows alone."""
    archive = folder / f"archive-{works}"
    make_tables(archive)
    for name in ("originals", "staging", "quarantine", "journal"):
        (archive / name).mkdir(exist_ok=True)
    world = Shape(works, (64, 48)).world()
    owned = ((work.id, ARTIST) for work in world.works())
    fill(archive, owned, tags=8, files=1, arguments={ARTIST: UserArguments(id=[ARTIST]).canonical()})
    return archive


def found_nothing(served: Served, folder: Path, archive: Path, works: int) -> None:
    """Once before anything is measured: the run agrees that all is there."""
    taken: list[Row] = []
    take(taken, served, folder, archive, works, CRAWL, "", 0)
    if taken[0]["failed"]:
        raise SystemExit(f"the archive that was built is not complete to a run: {taken[0]['failed']}")


def take(
    rows: list[Row],
    served: Served,
    folder: Path,
    archive: Path,
    works: int | None,
    command: Sequence[str],
    what: str,
    turn: int,
) -> None:
    served.requests_since()
    bare = own_environment(SCRAPY_SETTINGS_MODULE="scrapy.settings.default_settings")
    env = bare if what == BARE else contenders.our_environment(served, archive)
    cost = run(command, env=env, output=folder / "output.txt")
    requests = Counter(logged.kind for logged in served.requests_since())
    as_it_should = cost.exit_code == 0 and requests["image"] == 0 and requests["api"] <= 1
    rows.append(
        {
            "what": what,
            "works": works,
            "round": turn,
            "time": cost.seconds,
            "processor": cost.processor,
            "peak": cost.peak,
            "API": requests["api"],
            "images": requests["image"],
            "failed": "" if as_it_should else cost.output[-500:] or f"{dict(requests)}",
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nothing_new", description=__doc__)
    parser.add_argument(
        "--works",
        nargs="+",
        type=int,
        default=[100, 10_000, 100_000],
        metavar="N",
        help="archived works (default: 100 10000 100000)",
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each (default: 3)")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where the archives are built (default: the system's)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
