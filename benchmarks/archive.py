"""Whole archive runs against the sandbox, beside curl, gallery-dl and stock Scrapy: time, processor time, memory, requests."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import contenders
from benchmarks.contenders import Contender
from benchmarks.measuring import (
    Row,
    in_turns,
    medians,
    megabytes,
    paired,
    ratio,
    run,
    seconds,
    table,
    whole,
    write_json,
)
from benchmarks.measuring import milliseconds as ms
from benchmarks.served import Served, Shape, image_addresses, serving

SHAPES = {
    # 300 works, 45 of them ugoira, 1,127 files, 92 MB.
    "small": Shape(300, (396, 297), (1, 1, 16, 1, 1, 1, 1, 4, 12), 15),
    # 60 works, 215 files, 379 MB.
    "real": Shape(60, (1960, 1340), (1, 1, 1, 1, 1, 12, 1, 3, 12)),
    # 64 files of 30 MB.
    "large": Shape(64, (7200, 6000)),
    # Of few works, for each work's own answer names all of its artist's; as many pages to a work in both, for they are in memory together.
    "tiny-10000": Shape(100, (64, 48), (100,)),
    "tiny-100000": Shape(1_000, (64, 48), (100,)),
    # Small enough to try the benchmark itself.
    "trial": Shape(6, (160, 120), (1, 2), 20),
}
CONTENDERS = ("ours", "curl", "gallery-dl", "gallery-dl-api", "stock")

COLUMNS: dict[str, Callable[..., str]] = {
    "shape": str,
    "delay": lambda delay: f"{delay:g} ms",
    "contender": str,
    "time": seconds,
    "ours/theirs": ratio,
    "last original": seconds,
    "last/theirs": ratio,
    "processor": seconds,
    "own": seconds,
    "peak": megabytes,
    "together": megabytes,
    "API": whole,
    "images": whole,
    "server": seconds,
    "stall": lambda longest: ms(1000 * longest),
    "failed": str,
    "runs": str,
}


def main() -> int:
    options = _parser().parse_args()
    rows: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="pixivcrawl-benchmark-", dir=options.folder))
    try:
        gallery_dl = None
        if {"gallery-dl", "gallery-dl-api"}.intersection(options.contenders):
            gallery_dl = options.gallery_dl or contenders.installed_gallery_dl(folder)
        for shape in options.shapes:
            for delay in options.delays:
                with serving(SHAPES[shape], folder / "sandbox", delay, "benchmarks.app_api") as served:
                    measured = side_by_side(SHAPES[shape], served, folder, options, gallery_dl)
                rows += [{"shape": shape, "delay": delay, **row} for row in measured]
                print(f"{shape} at {delay:g} ms: done", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(summary(rows), COLUMNS))
    write_json(options.json, "archive", rows)
    return 1 if any(row["failed"] for row in rows) else 0


def side_by_side(
    shape: Shape, served: Served, folder: Path, options: argparse.Namespace, gallery_dl: Path | None
) -> list[Row]:
    """A row for each run: every contender once a round, after one round of curl's that only has the sandbox paint its pictures."""
    addresses = image_addresses(shape, served.image_origin)
    watch = folder / "watch.json"
    made: dict[str, Callable[[Path], Contender]] = {
        "ours": lambda place: contenders.ours(served, place, watch, *options.arguments),
        "curl": lambda place: contenders.curl(served, place, addresses),
        "stock": lambda place: contenders.stock_scrapy(served, place),
    }
    if gallery_dl is not None:
        made["gallery-dl"] = lambda place: contenders.gallery_dl(gallery_dl, served, place, addresses)
        made["gallery-dl-api"] = lambda place: contenders.gallery_dl_by_default(gallery_dl, served, place)
    rows: list[Row] = []

    def turn(name: str, number: int) -> None:
        rows.append({**measure(made[name], served, folder, watch, len(addresses)), "round": number})

    turn("curl", -1)
    rows.clear()
    in_turns(options.rounds, [partial(turn, name) for name in options.contenders if name in made])
    return rows


def measure(make: Callable[[Path], Contender], served: Served, folder: Path, watch: Path, files: int) -> Row:
    """One run into a folder of its own, which is looked through and removed."""
    place = folder / "run"
    contender = make(place)
    watch.unlink(missing_ok=True)
    served.requests_since()
    served.processor_since()
    began = time.time()
    cost = run(contender.command, env=contender.env, output=folder / "output.txt")
    requests = Counter(request.kind for request in served.requests_since())
    there = contenders.times_of_pictures(place, began)
    failed = (
        "" if cost.exit_code == 0 and len(there) == files else f"{len(there)} of {files} files: {cost.output[-500:]}"
    )
    shutil.rmtree(place, ignore_errors=True)
    seen = json.loads(watch.read_text()) if watch.exists() else {}
    return {
        "contender": contender.name,
        "time": cost.seconds,
        "last original": max(there, default=None),
        "processor": cost.processor,
        "own": seen.get("processor"),
        "peak": cost.peak,
        "together": cost.together or None,
        "API": requests["api"],
        "images": requests["image"],
        "server": served.processor_since(),
        "stall": seen.get("longest_stall"),
        "watched": seen,
        "failed": failed,
    }


def summary(rows: Sequence[Row]) -> list[Row]:
    """The medians, and how long ours took, whole and until its last original was there, beside each of the others in the same round."""
    summed = medians(rows, ("shape", "delay", "contender"))
    for row in summed:
        alike = [one for one in rows if (one["shape"], one["delay"]) == (row["shape"], row["delay"])]
        row["ours/theirs"] = paired(alike, row["contender"], "pixivcrawl", "time")
        row["last/theirs"] = paired(alike, row["contender"], "pixivcrawl", "last original", "time")
    return summed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["small", "real"], help="default: small real")
    parser.add_argument(
        "--delays", nargs="+", type=float, default=[0, 60], metavar="MS", help="of each answer (default: 0 60)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each contender (default: 3)")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS, help="default: all")
    parser.add_argument(
        "--arguments", nargs="+", default=[], metavar="NAME=VALUE", help="of our spider, such as detail=listing"
    )
    parser.add_argument(
        "--gallery-dl", type=Path, metavar="PROGRAM", help="an installed one; otherwise one is installed"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to be measured (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
