"""A real archive for the gallery: works with files of real bytes, a revised one, one that is gone, names that are hostile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from pixivcrawl.items import Artwork, Original, ProvenOriginal, StagedOriginal, StoredOriginal, Tag
from pixivcrawl.ledger.updates import record_artwork, record_intent, record_stored, record_unavailable
from tests.archive import making as pictures
from tests.ledger.making import DAY, FRAMES, NOW, SECOND, an_artwork, an_ugoira, connected, sqlite_url

NORMAL, MANGA, UGOIRA, R18, GONE, REVISED, WITHOUT_FILES, HOSTILE = 101, 102, 103, 104, 105, 106, 107, 108

WORKS = (NORMAL, MANGA, UGOIRA, R18, GONE, REVISED, WITHOUT_FILES, HOSTILE)

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>{{ 7 * 7 }}\u202e"

CAPTION = (
    'a caption<br><a href="/jump.php?https%3A%2F%2Fexample.org%2Fa" target="_blank">there</a> <strong>bold</strong>'
    '<script>alert(1)</script><a href="javascript:alert(1)">no</a><img src=x onerror=alert(1)>'
)


def archive_at(root: Path) -> Path:
    """An archive with all of these; gives its folder."""
    root.mkdir(parents=True, exist_ok=True)
    with connected(sqlite_url(root)) as connection:
        for work in works():
            record_artwork(connection, work, NOW)
            place(connection, root, work.originals)
        revised = replace(an_artwork(REVISED, 1, SECOND, title="revised"), uploaded=NOW - DAY)
        record_artwork(connection, revised, NOW + DAY)
        place(connection, root, revised.originals, seed=77)
        record_unavailable(connection, GONE, "gone", "404", NOW + DAY)
    return root


def works() -> list[Artwork]:
    ugoira = an_ugoira(UGOIRA)
    return [
        an_artwork(NORMAL, title="夏空と猫", caption=CAPTION, tags=(Tag("猫", "cat"), Tag("原神"))),
        an_artwork(MANGA, 5, title="a manga", kind="manga", book_style=1),
        an_artwork(UGOIRA, title="it moves", kind="ugoira", originals=(ugoira,)),
        an_artwork(R18, title="for adults", x_restrict=1),
        an_artwork(GONE, title="was here"),
        an_artwork(REVISED, title="before it was revised"),
        an_artwork(WITHOUT_FILES, title="to come"),
        an_artwork(HOSTILE, title=SCRIPT, user_id=8, user_name=SCRIPT, caption=SCRIPT, tags=(Tag(SCRIPT, SCRIPT),)),
    ]


def place(connection: Connection, root: Path, originals: Sequence[Original], seed: int = 0) -> None:
    """Put real bytes where the ledger then says that they are."""
    for original in originals:
        if original.work_id != WITHOUT_FILES:
            keep(connection, root, original, body_of(original, seed))


def keep(
    connection: Connection, root: Path, original: Original, body: bytes, *, size: tuple[int, int] = (640, 480)
) -> None:
    """A file in its place, and its row."""
    folder = root / "originals" / str(original.user_id)
    folder.mkdir(parents=True, exist_ok=True)
    part = f"p{original.page}" if original.kind == "image" else "ugoira"
    name = f"{original.work_id}_{part}_{original.revision}.{original.extension}"
    (folder / name).write_bytes(body)
    staged = StagedOriginal(original, "staging/x.body", hashlib.sha256(body).hexdigest(), len(body))
    proven = ProvenOriginal(staged, original.extension, *size)
    path = f"originals/{original.user_id}/{name}"
    beside = (f"{path.removesuffix('.zip')}.json", "cd" * 32) if original.kind == "ugoira" else (None, None)
    record_intent(connection, StoredOriginal(proven, path, *beside), NOW)
    record_stored(connection, StoredOriginal(proven, path, *beside), NOW)


def body_of(original: Original, seed: int = 0) -> bytes:
    """The bytes of a file: another picture for each page."""
    if original.kind == "ugoira":
        frames = {frame.file: pictures.jpeg(320, 240) for frame in FRAMES}
        return pictures.zipped(frames)
    drawn = pictures.drawing(640, 480, seed=original.work_id * 100 + original.page + seed)
    return pictures.encoded(drawn, "JPEG")
