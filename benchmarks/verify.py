"""`scrapy verify` on gigabytes: does it name exactly what was damaged, is it healed, and how fast is it beside `sha256sum`?

    python -m benchmarks.verify FOLDER [--gigabytes 4] [--damages 50] [--pairs 5] [--seed 4] [--json]

FOLDER is made, filled by real crawls from the sandbox, and kept; one that an earlier call filled to its end is used again. Both
programs read the same files from the cache, in turns, so that a busy machine slows both down.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from pixivcrawl.sandbox.works import Page
from tests.live.nursery import PROJECT
from tests.live.running import assert_holds, environment, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.verification.damages import KINDS, Damager

PAGES = (Page("jpg", 1200, 900), Page("jpg", 2400, 1800), Page("jpg", 600, 800), Page("jpg", 3500, 2500))
BYTES_A_WORK = 9_830_000
ARTISTS = 5


class Ran(NamedTuple):
    """Seconds by the clock and of the processor, and the most memory in MB."""

    seconds: float
    processor: float
    megabytes: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--damages", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON instead of a table")
    options = parser.parse_args()
    works = max(1, round(options.gigabytes * 1e9 / BYTES_A_WORK / ARTISTS))
    with Sandbox(World.of(artists=ARTISTS, works=works, pages=PAGES)) as sandbox:
        archive = options.folder.absolute()
        crawl(sandbox, archive)
        result = sizes(archive) | compare(archive, options.pairs) | damage_and_heal(sandbox, archive, options)
    print(json.dumps(result) if options.json else table(result))
    return 0


def crawl(sandbox: Sandbox, archive: Path) -> None:
    for artist in range(11, 11 + ARTISTS):
        run = scrapy("crawl", "user", "-a", f"id={artist}", env=environment(sandbox, archive), timeout=7200)
        assert run.returncode == 0, run.stdout + run.stderr


def sizes(archive: Path) -> dict[str, Any]:
    found = [path.stat().st_size for path in (archive / "originals").rglob("*") if path.is_file()]
    return {"files": len(found), "gigabytes": sum(found) / 1e9}


def compare(archive: Path, pairs: int) -> dict[str, Any]:
    """The same files read by `scrapy verify` and by two processes of `sha256sum`, once to warm up and then in turns."""
    verify = [sys.executable, "-m", "scrapy", "verify"]
    with tempfile.NamedTemporaryFile() as names:
        names.write(b"\0".join(os.fsencode(path) for path in (archive / "originals").rglob("*") if path.is_file()))
        names.flush()
        # A few files at a time, so that the two end together.
        hash_all = ["xargs", "-0", "-P", "2", "-n", "16", "-a", names.name, "sha256sum"]
        timed(hash_all, archive)
        timed(verify, archive)
        rounds = [(timed(verify, archive), timed(hash_all, archive)) for _ in range(pairs)]
    ratios = [hashed.seconds / verified.seconds for verified, hashed in rounds]
    return {
        "verify": middle([verified for verified, _ in rounds])._asdict(),
        "sha256sum": middle([hashed for _, hashed in rounds])._asdict(),
        "speed": statistics.median(ratios),
        "speeds": ratios,
    }


def middle(rounds: list[Ran]) -> Ran:
    return Ran(*(statistics.median(values) for values in zip(*rounds, strict=True)))


LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""A small process of its own: what it starts counts the starter's memory as its own at first."""


def timed(command: list[str], archive: Path) -> Ran:
    env = environment(None, archive)
    run = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], cwd=PROJECT, env=env, capture_output=True, check=True
    )
    code, *measured = json.loads(run.stdout)
    assert code == 0, command
    return Ran(*measured)


def damage_and_heal(sandbox: Sandbox, archive: Path, options: argparse.Namespace) -> dict[str, Any]:
    expected = Damager(archive, options.seed).plant(islice(cycle(KINDS), options.damages))
    env = environment(None, archive)
    run = scrapy("verify", "--json", env=env, timeout=7200)
    found = {(each["kind"], each["path"]) for each in map(json.loads, run.stdout.splitlines())}
    repaired = scrapy("verify", "--repair", env=env, timeout=7200)
    clean = scrapy("verify", env=env, timeout=7200)
    asked = len(sandbox.log)
    crawl(sandbox, archive)
    fetched = [logged.path for logged in sandbox.log[asked:] if "/img-original/" in logged.path]
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in range(11, 11 + ARTISTS)))
    return {
        "damages": options.damages,
        "findings expected": len(expected),
        "findings": len(found),
        "wrongly named": sorted(found ^ expected),
        "exit codes": [run.returncode, repaired.returncode, clean.returncode],
        "fetched again": len(fetched),
        "after the crawl": scrapy("verify", env=env, timeout=7200).returncode,
    }


def table(result: dict[str, Any]) -> str:
    lines = [f"{result['files']:,} files, {result['gigabytes']:.2f} GB, read from the cache", ""]
    lines += [f"{'':12}{'seconds':>10}{'processor':>12}{'MB at most':>12}"]
    for name in ("verify", "sha256sum"):
        ran = result[name]
        lines.append(f"{name:12}{ran['seconds']:>10.2f}{ran['processor']:>12.2f}{ran['megabytes']:>12.0f}")
    lines += [f"speed of verify: {result['speed']:.2f} times that of two sha256sum", ""]
    told = (
        "damages",
        "findings expected",
        "findings",
        "wrongly named",
        "exit codes",
        "fetched again",
        "after the crawl",
    )
    return "\n".join(lines + [f"{name}: {result[name]}" for name in told])


if __name__ == "__main__":
    sys.exit(main())
