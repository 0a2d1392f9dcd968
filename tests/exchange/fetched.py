"""What gallery-dl itself fetches from a sandbox, and what became of an import of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.app_api import app_answer
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.images import Sent
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.server import Answering
from tests.live.running import PROJECT, environment, rows, scrapy
from tests.sandbox import serving
from tests.sandbox.hosts import FaultyApiHost


@dataclass(frozen=True)
class AppApiHost(FaultyApiHost):
    """The app's API too, by which gallery-dl reads an artist's works."""

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("PixivIOSApp/"):
            return self.document(sent, app_answer(self.world, self.addresses, request.path, request.query), None)
        return await super().answer(request, sent)


class Sandbox(serving.Sandbox):
    def host(self, kind: HostKind, scheme: str) -> Answering:
        if kind == "api":
            return AppApiHost(self.world, Addresses(f"{scheme}://{self.image_host}"), self.faults).answer
        return super().host(kind, scheme)


def gallery_dl(sandbox: Sandbox, folder: Path, *options: str, artist: int = 11, **pixiv: Any) -> None:
    """Have gallery-dl fetch an artist's works into `folder`; `pixiv` are options of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder.with_name(f"{folder.name}.json")
    extractor = {"base-directory": str(folder), "pixiv": {"refresh-token": "one of the sandbox's", **pixiv}}
    settings.write_text(json.dumps({"extractor": extractor, "cache": {"file": ":memory:"}}), encoding="utf-8")
    led = [sys.executable, str(PROJECT / "benchmarks" / "led_gallery_dl.py"), sandbox.base_url]
    words = ["--config-ignore", "--config", str(settings), *options, f"https://www.pixiv.net/users/{artist}/artworks"]
    trust = {"REQUESTS_CA_BUNDLE": sandbox.environment().get("SSL_CERT_FILE", "")}
    done = subprocess.run([*led, *words], env=os.environ | trust, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Brought:
    """An import in a process of its own: what it said, and what it asked of the sandbox."""

    exit_code: int
    said: str
    errors: str
    api_requests: int
    image_requests: int

    def number(self, what: str) -> int:
        """The number before words of its table; 0 where they do not stand there."""
        lines = [line.split() for line in self.said.splitlines() if what in line and line.split()[0][:1].isdigit()]
        return sum(int(words[0].replace(",", "")) for words in lines)


def bring_in(sandbox: Sandbox, archive: Path, *arguments: str | Path, **env: str) -> Brought:
    """`pixivcrawl import ...`."""
    before = len(sandbox.log)
    done = scrapy("import", *map(str, arguments), env=environment(sandbox, archive, **env))
    asked = sandbox.log[before:]
    images = sum(each.kind != "api" for each in asked)
    return Brought(done.returncode, done.stdout, done.stderr, len(asked) - images, images)


def imported(archive: Path) -> dict[str, tuple[str, str]]:
    """State and evidence of every imported file, by the path of its file in the tool's folder."""
    query = "SELECT source, state, evidence FROM files WHERE evidence IS NOT NULL AND kind != 'frames'"
    return {source.partition(": ")[2]: (state, evidence) for source, state, evidence in rows(archive, query)}


def tree(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every file of a folder, with SHA-256, time and permissions."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
