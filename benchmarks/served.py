"""The sandbox in a process of its own, and what it says of the requests that reached it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import PROJECT, own_environment, processor_seconds
from pixivcrawl.sandbox import World
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.log import Logged

ARTIST = 11


@dataclass(frozen=True, slots=True)
class Shape:
    """The works of one artist, or of each of several; `page_counts` take turns, `ugoira` is a percentage.

    Pages are JPEG of about 0.7 byte a pixel.
    """

    works: int
    size: tuple[int, int]
    page_counts: tuple[int, ...] = (1,)
    ugoira: int = 0
    artists: int = 1

    @property
    def options(self) -> list[str]:
        """The same in the sandbox's own words."""
        width, height = self.size
        pages = ",".join(map(str, self.page_counts))
        words = ["--works", str(self.works), "--size", f"{width}x{height}", "--pages", pages]
        return [*words, "--ugoira", str(self.ugoira), "--artists", str(self.artists)]

    def world(self) -> World:
        return World.of(
            artists=self.artists, works=self.works, size=self.size, page_counts=self.page_counts, ugoira=self.ugoira
        )


@dataclass(slots=True)
class Served:
    """A running sandbox: where it is, whom to trust, and what it has answered since it was last asked."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    cookie: str
    premium_cookie: str
    log: Path
    _read: int = 0
    _processor: float = 0.0

    @property
    def base_url(self) -> str:
        return self.environment["PIXIVCRAWL_PIXIV_BASE_URL"]

    @property
    def image_origin(self) -> str:
        return f"https://{self.environment['PIXIVCRAWL_PIXIV_IMAGE_HOSTS']}"

    def requests_since(self) -> list[Logged]:
        """The requests that were not told before, as their answers ended."""
        with self.log.open(encoding="utf-8") as lines:
            lines.seek(self._read)
            told = [Logged(**json.loads(line)) for line in lines]
            self._read = lines.seek(0, 2)
        return told

    def processor_since(self) -> float:
        """Processor time that the sandbox took since this was last asked."""
        before, self._processor = self._processor, processor_seconds(self.process.pid)
        return self._processor - before


@contextmanager
def serving(shape: Shape, folder: Path, delay_ms: float, program: str = "pixivcrawl.sandbox") -> Iterator[Served]:
    """Serve `shape` over TLS, each answer `delay_ms` late; its certificates and its log lie in `folder`.

    `program` is the module that serves it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "requests.jsonl"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", program, *shape.options, "--tls", str(folder), "--log", str(log)]
    process = subprocess.Popen(
        [*command, "--delay-ms", str(delay_ms)], cwd=PROJECT, env=own_environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        announced: list[str] = []
        while len(announced) < 5 and (line := process.stdout.readline()):
            announced.append(line)
        if len(announced) < 5:
            raise SystemExit("the sandbox did not start")
        words = [word for line in announced[:3] for word in shlex.split(line)[1:]]
        environment = dict(word.split("=", 1) for word in words)
        cookie, premium_cookie = (line.rpartition("=")[2].strip() for line in announced[3:])
        yield Served(process, environment, cookie, premium_cookie, log)
    finally:
        process.terminate()
        process.wait()


def image_addresses(shape: Shape, origin: str) -> list[str]:
    """Every original's address, the newest work first."""
    addresses = Addresses(origin)
    found: list[str] = []
    for work in shape.world().works():
        if work.is_ugoira:
            found.append(addresses.zip(work))
        else:
            found += [addresses.original(work, page) for page in range(len(work.pages))]
    return found
