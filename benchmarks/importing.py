"""`python -m benchmarks.importing`: how fast folders of other tools come in, and how soon a second import sees that nothing is to be done.

Makes folders of small files and of files of real size from the sandbox's own pictures, as gallery-dl leaves them with its sidecars,
PixivUtil2 with pixiv's answer about each work, and a person without any note; imports each into a new archive; imports it once more;
and tries the same with `--dry-run`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import own_environment
from pixivcrawl import sandbox
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.bodies import artworks
from pixivcrawl.sandbox.http import ApiRequest
from pixivcrawl.sandbox.works import Work
from pixivcrawl.sandbox.world import World

ARTIST = 11

ARTISTS_FOLDER = {"gallery-dl": "pixiv/11 artist_11", "pixivutil2": "artist_11 (11)", "folder": "artist_11"}
SOURCES = tuple(ARTISTS_FOLDER)


@dataclass(frozen=True, slots=True)
class Kind:
    """Works of one artist, and the size of their pages."""

    name: str
    works: int
    pages: int
    size: tuple[int, int]


SMALL = Kind("small", 2000, 5, (96, 72))
REAL = Kind("real size", 120, 2, (2480, 3508))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "--works", type=int, help=f"works of small files ({SMALL.works}), and a tenth of them of real size"
    )
    given = parser.parse_args()
    for kind in (SMALL, REAL):
        works = kind.works if given.works is None else max(1, given.works // (1 if kind is SMALL else 10))
        with tempfile.TemporaryDirectory(prefix="importing-") as folder:
            for line in measured(Kind(kind.name, works, kind.pages, kind.size), Path(folder)):
                print(line, flush=True)


def measured(kind: Kind, folder: Path) -> list[str]:
    world = World.of(works=kind.works, pages=kind.pages, size=kind.size)
    lines = []
    with sandbox.Sandbox(world) as running:
        for source in SOURCES:
            place = folder / source
            files, size = fill(world, place, f"https://{running.image_host}", source)
            env = own_environment(
                PIXIVCRAWL_ARCHIVE_DIR=str(folder / f"archive of {source}"),
                PIXIV_PHPSESSID=running.cookie,
                PIXIVCRAWL_PIXIV_API_DELAY="0",
                **running.environment(),
            )
            took = {what: timed(env, place, *options) for what, options in RUNS.items()}
            first = took["import"].seconds
            speed = f"{files / first:,.0f} files/s, {size / 1e6 / first:,.0f} MB/s"
            each = ", ".join(f"{what} {spent}" for what, spent in took.items())
            lines.append(f"{kind.name}, {source}: {files:,} files, {size / 1e6:,.0f} MB: {speed}; {each}")
    return lines


RUNS = {"dry run": ("--dry-run",), "import": (), "again": ()}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of the processors; the second tells on a busy machine what the first does not."""

    seconds: float
    processor: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.processor:.2f} s of a processor)"


def timed(env: dict[str, str], place: Path, *options: str) -> Took:
    """An import in a process of its own, whose start is counted too."""
    began, spent = time.monotonic(), of_children()
    command = [sys.executable, "-m", "scrapy", "import", str(place), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert "left" not in done.stdout, done.stdout[-500:]
    return Took(time.monotonic() - began, of_children() - spent)


def of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fill(world: World, place: Path, origin: str, source: str) -> tuple[int, int]:
    """Write an artist's pages as a tool does; gives how many, and their bytes."""
    folder = place / ARTISTS_FOLDER[source]
    folder.mkdir(parents=True)
    files, size, addresses = 0, 0, Addresses(origin)
    for work in world.works_of(ARTIST, world.readers[0]):
        for number in range(len(work.pages)):
            body = world.pictures.original(work, number).whole
            path = folder / f"{work.id}_p{number}{' - title' if source == 'pixivutil2' else ''}.jpg"
            path.write_bytes(body)
            seconds = work.uploaded.timestamp()
            os.utime(path, (seconds, seconds))
            files, size = files + 1, size + len(body)
            if source == "gallery-dl":
                _write_note(path.with_name(f"{path.name}.json"), _sidecar(work, number, addresses))
        if source == "pixivutil2":
            asked = ApiRequest(world, addresses, world.readers[0], (str(work.id),), {})
            _write_note(folder / f"{work.id}.json", artworks.detail(asked).content["body"])
    return files, size


def _sidecar(work: Work, number: int, addresses: Addresses) -> dict[str, Any]:
    return {
        "category": "pixiv",
        "id": work.id,
        "num": number,
        "type": "illust",
        "user": {"id": ARTIST},
        "page_count": len(work.pages),
        "url": addresses.original(work, number),
        "width": work.first.width,
        "height": work.first.height,
    }


def _write_note(path: Path, told: Any) -> None:
    path.write_text(json.dumps(told, indent=4), encoding="utf-8")


if __name__ == "__main__":
    main()
