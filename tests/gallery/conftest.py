"""The gallery of a real archive, asked as a browser would ask it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from pixivcrawl.archive.bucket import Bucket
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration
from pixivcrawl.filters import FILE_NAME, read_filters
from pixivcrawl.gallery.app import Gallery, application
from pixivcrawl.gallery.guard import Guard
from pixivcrawl.gallery.shelf import Shelf
from pixivcrawl.gallery.thumbnails import Thumbnails
from pixivcrawl.index.reading import Index
from pixivcrawl.index.updating import update_index
from pixivcrawl.ledger.service import Ledger
from tests.gallery.making import archive_at
from tests.ledger.making import sqlite_url


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.body.decode()


class Visitor:
    """A browser without a window: it keeps cookies and follows nothing. `Host` is the gallery's own name unless another is given."""

    def __init__(self, gallery: Gallery, key: str | None = None) -> None:
        self.gallery = gallery
        self._loop = asyncio.new_event_loop()
        self._client: TestClient[Any, Any] = TestClient(
            TestServer(application(gallery, Guard(frozenset({"localhost:8490"}), key)), loop=self._loop),
            loop=self._loop,
        )
        self._loop.run_until_complete(self._client.start_server())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        return self.ask("POST", path, headers={"Origin": "http://localhost:8490"} | headers, data=form)

    def ask(self, method: str, path: str, *, headers: dict[str, str], **options: Any) -> Answer:
        sent = {"Host": "localhost:8490"} | {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> Answer:
            async with self._client.request(method, path, headers=sent, allow_redirects=False, **options) as answer:
                return Answer(answer.status, answer.headers, await answer.read())

        return self._loop.run_until_complete(ask())

    def send(self, request: bytes) -> bytes:
        """The answer to bytes that no client would send."""

        async def send() -> bytes:
            reader, writer = await asyncio.open_connection(self._client.host, self._client.port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
            return answer

        return self._loop.run_until_complete(send())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


@contextmanager
def visiting(
    root: Path,
    url: str | None = None,
    key: str | None = None,
    *,
    follows: bool = True,
    fleet: Configuration | None = None,
    zone: tzinfo = UTC,
    bucket: Bucket | None = None,
) -> Iterator[Visitor]:
    """The gallery of the archive at `root`, its index in line with the ledger unless it is left as it lies there."""
    ledger = Ledger.open(url or sqlite_url(root), read_only=True)
    archive, derived = Archive(root, bucket), root / "derived"
    if follows:
        update_index(ledger, derived, stop=threading.Event())
    with Workers(1, Limits(100_000_000, 1 << 30)) as workers:
        thumbnails = Thumbnails(archive, derived, workers)
        index = Index(derived, ledger, read_filters(root / FILE_NAME))
        gallery = Gallery(archive, ledger, index, Shelf(root), thumbnails, zone, fleet)
        visitor = Visitor(gallery, key)
        try:
            yield visitor
        finally:
            visitor.close()
            ledger.close()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Of the archive of `making.py`; no test of a module changes it but by marks on the shelf."""
    with visiting(archive_at(tmp_path_factory.mktemp("archive"))) as visitor:
        yield visitor
