"""Works for the tests of exports, without a ledger and with one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pixivcrawl.items import Artwork, FileKind, Original
from pixivcrawl.ledger.queries.exported import ExportedSeries, ExportedTag, ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile
from pixivcrawl.ledger.updates import record_artwork
from tests.gallery.making import keep
from tests.ledger.making import FIRST, NOW, an_artwork, connected, sqlite_url

FACTS: dict[str, Any] = {
    "id": 101,
    "user_id": 7,
    "title": "夏空と猫",
    "translated_title": "Summer sky and cat",
    "kind": "manga",
    "page_count": 12,
    "created": datetime(2026, 1, 31, 20, 0, tzinfo=UTC),
    "uploaded": datetime(2026, 2, 1, 3, 4, 5, tzinfo=UTC),
    "x_restrict": 1,
    "ai_type": 2,
    "availability": "available",
    "bookmark_count": 1200,
    "like_count": 340,
    "view_count": 56000,
}
"""The work that docs/export.md shows what each token gives of."""

TAGS = [
    ExportedTag("猫", None, None, {"en": "cat"}),
    ExportedTag("原神", None, None, {"en": "Genshin"}),
    ExportedTag("空", None, None, {}),
]


def a_work(artist: dict[str, Any] | None = None, **facts: Any) -> ExportedWork:
    """The work of the docs, with other facts."""
    told = {"name": "Mika", "account": "mika_draws"} if artist is None else artist
    return ExportedWork(cast("Any", FACTS | facts), cast("Any", told), TAGS, ExportedSeries(55, "Sky", 3))


def a_file(page: int = 2, kind: FileKind = "image", extension: str = "png") -> KeptFile:
    """The third page of that work."""
    return KeptFile(
        101, page, FIRST, kind, 7, "stored", None, extension, datetime(2026, 2, 1, tzinfo=UTC), 640, 480, None,
        f"originals/7/101_p{page}_{FIRST}.{extension}", "ab" * 32, 1000, extension, as_served=False, flaw=None, etag=None,
        last_modified=None,
    )  # fmt: skip


def archive_of(root: Path, works: Sequence[Artwork], body: bytes = b"a picture of ") -> Path:
    """An archive of these works; the files need not be pictures, since no export looks into them."""
    root.mkdir(parents=True, exist_ok=True)
    with connected(sqlite_url(root)) as connection:
        for work in works:
            record_artwork(connection, work, NOW)
            for original in work.originals:
                keep(connection, root, original, body_of(original, body))
    return root


def body_of(original: Original, body: bytes = b"a picture of ") -> bytes:
    return body + str(original).encode() * 20


def titled(*titles: str, pages: int = 1) -> list[Artwork]:
    """A work of each title."""
    return [an_artwork(number, pages, title=title) for number, title in enumerate(titles, 101)]


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file of an export, but for what it notes for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".pixivcrawl-")
    }
