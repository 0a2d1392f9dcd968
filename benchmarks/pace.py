"""One artist at the pace that pixiv bears, with everyone's defaults: when the first picture is there, the last, and the last detail."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import contenders
from benchmarks.contenders import Contender
from benchmarks.measuring import Row, in_turns, medians, paired, ratio, run, seconds, table, whole, write_json
from benchmarks.served import Served, Shape, image_addresses, serving

SHAPES = {
    # 300 works, 45 of them ugoira and 75 of several pages: 570 files, 235 MB.
    "pixiv": Shape(300, (900, 650), (1, 1, 4, 1, 1, 2, 1, 1, 8, 1, 1, 3, 1, 1, 1, 6, 1), 15),
    # Small enough to try the benchmark itself.
    "trial": Shape(6, (160, 120), (1, 2), 20),
}
CONTENDERS = ("ours", "listing", "gallery-dl")

COLUMNS: dict[str, Callable[..., str]] = {
    "contender": str,
    "first picture": seconds,
    "last picture": seconds,
    "ours/theirs": ratio,
    "last detail": seconds,
    "time": seconds,
    "API": whole,
    "429": whole,
    "images": whole,
    "failed": str,
    "runs": str,
}


Make = Callable[[Served, Path], Contender]


def main() -> int:
    options = _parser().parse_args()
    shape = SHAPES[options.shape]
    files = len(image_addresses(shape, ""))
    folder = Path(tempfile.mkdtemp(prefix="pixivcrawl-benchmark-", dir=options.folder))
    rows: list[Row] = []

    def turn(make: Make, number: int) -> None:
        # A sandbox for each run, so that nobody has used up what pixiv allows.
        with serving(shape, folder / "sandbox", 0, "benchmarks.paced") as served:
            rows.append({**measure(make, served, folder, files), "round": number})
        print(table(rows[-1:], COLUMNS).splitlines()[-1], file=sys.stderr)

    try:
        in_turns(options.rounds, [partial(turn, make) for make in _makers(options, folder)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    summed = medians(rows, ("contender",))
    for row in summed:
        row["ours/theirs"] = paired(rows, row["contender"], "pixivcrawl", "last picture")
    print(table(summed, COLUMNS))
    write_json(options.json, "pace", rows)
    return 1 if any(row["failed"] for row in rows) else 0


def _makers(options: argparse.Namespace, folder: Path) -> list[Make]:
    made: dict[str, Make] = {
        "ours": contenders.ours_by_default,
        "listing": lambda served, place: contenders.ours_by_default(served, place, "detail=listing"),
    }
    if "gallery-dl" in options.contenders:
        program = options.gallery_dl or contenders.installed_gallery_dl(folder)
        if program is not None:
            made["gallery-dl"] = partial(contenders.gallery_dl_by_default, program)
    return [made[name] for name in options.contenders if name in made]


def measure(make: Make, served: Served, folder: Path, files: int) -> Row:
    """One run into a folder of its own, which is removed; seconds are counted from its start."""
    place = folder / "run"
    contender = make(served, place)
    began = time.time()
    cost = run(contender.command, env=contender.env, output=folder / "output.txt")
    there = contenders.times_of_pictures(place, began)
    requests = served.requests_since()
    asked = [request for request in requests if request.kind == "api"]
    said = cost.output.strip().splitlines()[-1:]
    failed = "" if cost.exit_code == 0 and len(there) == files else f"{len(there)} of {files} files: {said}"
    shutil.rmtree(place, ignore_errors=True)
    return {
        "contender": contender.name,
        "first picture": min(there, default=None),
        "last picture": max(there, default=None),
        "last detail": max((request.time - began for request in asked), default=None),
        "time": cost.seconds,
        "API": len(asked),
        "429": sum(request.status == 429 for request in asked),
        "images": len(requests) - len(asked),
        "failed": failed,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pace", description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="pixiv", help="default: pixiv")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="runs of each contender (default: 1)")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS, help="default: all")
    parser.add_argument(
        "--gallery-dl", type=Path, metavar="PROGRAM", help="an installed one; otherwise one is installed"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to be measured (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
