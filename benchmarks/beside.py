"""A crawl beside a gallery that is open on its archive and clicked through, against the same crawl alone: processor time, in pairs."""

from __future__ import annotations

import argparse
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from benchmarks import contenders
from benchmarks.archive import SHAPES
from benchmarks.building import make_tables
from benchmarks.measuring import PROJECT, Row, in_turns, interval, own_environment, ratios_of, run, table, write_json
from benchmarks.served import Served, serving

CLICKS_EVERY = 0.5
"""Seconds between two pages, as a person looks at them who is in a hurry."""

ALONE, BESIDE = "a crawl alone", "beside a gallery"
PAGES = ("/works", "/artists", "/changes", "/tags", "/missing", "/stats")
LINKS = re.compile(rb'(?:href|src)="(/(?:works/\d+|thumbs/[^"]+))"')


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="pairs (default: 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    options = parser.parse_args()
    rows: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="pixivcrawl-benchmark-"))
    try:
        with serving(SHAPES["small"], folder / "sandbox", 0) as served:
            in_turns(options.rounds, [partial(_crawl, rows, served, folder, name) for name in (ALONE, BESIDE)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(rows, {"contender": str, "round": str, "processor": "{:.2f} s".format, "pages": str, "failed": str}))
    ratios = ratios_of(rows, ALONE, BESIDE, "processor")
    low, high = interval(ratios)
    print(f"{BESIDE}: {statistics.median(ratios):.2f} of {ALONE} (90 %: {low:.2f} to {high:.2f})")
    write_json(options.json, "beside", rows)
    return 1 if any(row["failed"] for row in rows) else 0


def _crawl(rows: list[Row], served: Served, folder: Path, name: str, number: int) -> None:
    """One crawl into an archive of its own that holds no work yet."""
    archive = folder / "run"
    make_tables(archive)
    clicking: AbstractContextManager[list[str]] = _clicking(archive) if name == BESIDE else nullcontext([])
    with clicking as pages:
        contender = contenders.ours(served, archive, folder / "watch.json")
        cost = run(contender.command, env=contender.env, output=folder / "output.txt")
    failed = cost.output[-500:] if cost.exit_code else ""
    rows.append(
        {"contender": name, "round": number, "processor": cost.processor, "pages": len(pages), "failed": failed}
    )
    shutil.rmtree(archive)


@contextmanager
def _clicking(archive: Path) -> Iterator[list[str]]:
    """A gallery whose pages are opened one after another; gives which were."""
    env = own_environment(PIXIVCRAWL_ARCHIVE_DIR=str(archive))
    command = [sys.executable, "-m", "pixivcrawl", "gallery", "--port", "0"]
    opened: list[str] = []
    stop = threading.Event()
    with subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, text=True) as gallery:
        assert gallery.stdout is not None
        found = re.search(r"http://[^/\s]+", gallery.stdout.readline())
        if found is None:
            raise SystemExit("the gallery did not start")
        clicker = threading.Thread(target=_click, args=(found[0], opened, stop))
        clicker.start()
        try:
            yield opened
        finally:
            stop.set()
            clicker.join()
            gallery.terminate()


def _click(address: str, opened: list[str], stop: threading.Event) -> None:
    dice = random.Random(3)
    links: list[str] = []
    while not stop.wait(CLICKS_EVERY):
        path = dice.choice(links) if links and dice.random() < 0.7 else dice.choice(PAGES)
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            body = answer.read()
        opened.append(path)
        links = [link.decode() for link in LINKS.findall(body)] or links


if __name__ == "__main__":
    sys.exit(main())
