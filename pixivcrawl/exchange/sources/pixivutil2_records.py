"""Reads PixivUtil2's records: JSON, text and XMP beside the files, an ugoira's timing, and its database.

A note belongs to a work and is named after its title at the time, so notes are matched by the ids in them.
"""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from pixivcrawl.api.images import LARGEST_ID, read_image_url
from pixivcrawl.api.text import plural
from pixivcrawl.archive.stores.placing import frames_in
from pixivcrawl.exchange.databases import is_database, opened
from pixivcrawl.exchange.notes import Unread, folded_part, id_in, parse, read_text, revision_in
from pixivcrawl.exchange.source import Entry, Passed
from pixivcrawl.exchange.zips import timing_within
from pixivcrawl.items import Frame

NAME = "db.sqlite"

_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
_LINE = re.compile(r"^(?P<key>[A-Za-z]+(?: [A-Za-z]+)?) *= ?(?P<value>.*?)\r?$", re.MULTILINE)
_ELEMENT = re.compile(
    r"""(?<!/)(?:pixiv|dc):(?P<key>\w+)(?:="(?P<attribute>[^"]*)"|='(?P<other>[^']*)'|>(?P<text>[^<]*)<)"""
)
_BLACKLISTED = "**BLACKLISTED**"
_NEVER_FETCHED = "N/A"
_SEPARATORS = re.compile(r"[/\\]+")


@dataclass(frozen=True, slots=True)
class Note:
    """A note about a work; None where it says nothing. `created` and `revision` are 14 digits in Japan's time."""

    path: Path
    work_id: int
    user_id: int | None = None
    created: str | None = None
    revision: str | None = None
    page_count: int | None = None
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None


def read_note(path: Path) -> Note | None:
    """One of PixivUtil2's notes; None for any other file. Raises Unread."""
    if path.suffix.lower() == ".ugoira":
        return _of_ugoira(path)
    text = read_text(path)
    if text is None:
        return None
    match path.suffix.lower():
        case ".json":
            return _of_json(path, parse(text))
        case ".js":
            return _of_timing(path, text)
        case ".txt" if text.startswith("ArtistID"):
            return _of_fields(path, {found["key"]: found["value"] for found in _LINE.finditer(text)}, _IN_TEXT)
        case ".xmp":
            told = {
                found["key"]: html.unescape(found["attribute"] or found["other"] or found["text"] or "")
                for found in _ELEMENT.finditer(text)
            }
            return _of_fields(path, told, _IN_XMP) if "artist_id" in told else None
    return None


def _of_json(path: Path, told: Any) -> Note | None:
    if not isinstance(told, dict):
        return None
    if "Image ID" in told:
        return _of_fields(path, told, _IN_JSON)
    if not isinstance(told.get("urls"), dict) or (work_id := id_in(told.get("illustId"))) is None:
        return None
    # pixiv's own answer, as writeRawJSON keeps it.
    original = told["urls"].get("original")
    image = read_image_url(original) if isinstance(original, str) else None
    timing = _timing(told.get("Ugoira Data"))
    return Note(
        path,
        work_id,
        user_id=id_in(told.get("userId")),
        created=revision_in(told.get("createDate")),
        revision=image.revision if image is not None and image.work_id == work_id else timing.revision,
        page_count=id_in(told.get("pageCount")),
        width=id_in(told.get("width")),
        height=id_in(told.get("height")),
        frames=timing.frames,
    )


_IN_JSON = ("Image ID", "Artist ID", "Date", "Pages", "Resolution", "Ugoira Data")
_IN_TEXT = ("ImageID", "ArtistID", "Date", "Pages", "Resolution", "Ugoira Data")
_IN_XMP = ("identifier", "artist_id", "date", "pages", "resolution", "ugoira_data")


def _of_fields(path: Path, told: dict[str, Any], names: tuple[str, ...]) -> Note | None:
    """A note in the tool's own form, which has the address only for an ugoira."""
    work, artist, created, pages, resolution, ugoira = (told.get(name) for name in names)
    work_id = id_in(work)
    if work_id is None:
        return None
    size = _SIZE.fullmatch(resolution) if isinstance(resolution, str) else None
    timing = _timing(ugoira)
    return Note(
        path,
        work_id,
        user_id=id_in(artist),
        created=revision_in(created),
        revision=timing.revision,
        page_count=id_in(pages),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        frames=timing.frames,
    )


class _Timing(NamedTuple):
    work_id: int | None = None
    revision: str | None = None
    frames: tuple[Frame, ...] | None = None


def _of_ugoira(path: Path) -> Note:
    try:
        note = _of_timing(path, timing_within(path))
    except OSError as error:
        raise Unread(f"cannot be read: {error.strerror}") from None
    if note is None:
        raise Unread("is damaged: it is a .ugoira without its timing")
    return note


def _of_timing(path: Path, told: Any) -> Note | None:
    timing = _timing(told)
    if timing.work_id is None:
        return None
    return Note(path, timing.work_id, revision=timing.revision, page_count=1, frames=timing.frames)


def _timing(told: Any) -> _Timing:
    """The zip's address and the frames from pixiv's own answer about an ugoira."""
    try:
        body = parse(told) if isinstance(told, str) else told
    except Unread:
        return _Timing()
    if not isinstance(body, dict):
        return _Timing()
    addresses = (body.get("originalSrc"), body.get("src"))
    images = [image for each in addresses if isinstance(each, str) and (image := read_image_url(each)) is not None]
    image = next((image for image in images if image.kind == "zip"), None)
    frames = frames_in(body.get("frames"))
    return _Timing(frames=frames) if image is None else _Timing(image.work_id, image.revision, frames)


# The database


class Kept(NamedTuple):
    """A file in the database: `page` is None if not given, `added` is the time in Japan as 14 digits."""

    database: Path
    work_id: int
    page: int | None
    user_id: int | None
    added: str | None
    is_ugoira: bool | None


class Downloads:
    """The files in a database, found by the ends of their paths, because the folder may have moved."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """Raises sqlite3.Error if the database cannot be read to its end, or is another program's."""
        self.path = path
        self._database = database
        database.create_function("part", 2, _part, deterministic=True)
        # As PixivUtil2 does with a database of an earlier version; this is a copy.
        if "is_manga" not in {row[1] for row in database.execute("PRAGMA table_info(pixiv_master_image)")}:
            database.execute("ALTER TABLE pixiv_master_image ADD COLUMN is_manga TEXT")
        database.execute(
            "CREATE TABLE IF NOT EXISTS pixiv_manga_image (image_id INTEGER, page INTEGER, save_name TEXT, created_date DATE)"
        )
        database.execute(
            "CREATE TEMP TABLE kept AS SELECT image_id AS work, CASE WHEN is_manga IN ('big', 'ugoira_view') THEN 0 END AS page, "
            "member_id AS artist, save_name AS path, created_date AS added, is_manga AS mode, "
            "part(save_name, -1) AS name, part(save_name, -2) AS folder "
            "FROM pixiv_master_image WHERE typeof(image_id) = 'integer' AND typeof(save_name) = 'text' "
            "UNION ALL SELECT pages.image_id, page, member_id, pages.save_name, pages.created_date, is_manga, "
            "part(pages.save_name, -1), part(pages.save_name, -2) "
            "FROM pixiv_manga_image AS pages JOIN pixiv_master_image USING (image_id) "
            "WHERE typeof(page) = 'integer' AND typeof(pages.save_name) = 'text'"
        )
        database.execute("CREATE INDEX temp.kept_name ON kept (name, folder)")

    def entries(self) -> Iterator[Entry | Passed]:
        """The works that it recorded as fetched, without those that it was told to leave out."""
        left_out = 0
        for work_id, artist, path in self._database.execute(
            "SELECT image_id, member_id, save_name FROM pixiv_master_image WHERE typeof(image_id) = 'integer'"
        ):
            if path == _BLACKLISTED:
                left_out += 1
            elif 0 < work_id <= LARGEST_ID and path != _NEVER_FETCHED:
                yield Entry(work_id, artist if id_in(artist) else None)
        if left_out:
            yield Passed(
                self.path,
                f"{plural(left_out, 'work')} that PixivUtil2 was told to leave out: pixivcrawl forget leaves them out here",
            )

    def called(self, path: Path, *, by_name_alone: bool) -> Kept | None:
        """The entry that shares the longest end of this path; None if entries give different pages.

        Many files may be called `01.jpg`, so the folder's name must match too, except with `by_name_alone`.
        """
        ours = [folded_part(part) for part in reversed(path.parts)]
        best: dict[tuple[int, int | None], Kept] = {}
        longest = 0
        for work_id, page, artist, kept_path, added, mode in self._database.execute(
            "SELECT work, page, artist, path, added, mode FROM kept WHERE name = ? AND (? OR folder = ?)",
            (ours[0], by_name_alone, ours[1]),
        ):
            theirs = [folded_part(part) for part in reversed(_SEPARATORS.split(kept_path))]
            shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False))))
            if shared > longest:
                longest, best = shared, {}
            if shared == longest:
                is_ugoira = mode == "ugoira_view" if mode else None
                best[work_id, page] = Kept(self.path, work_id, page, id_in(artist), revision_in(added), is_ugoira)
        # The row of a work of several pages names the last of them, and does not say which that is.
        if len({work_id for work_id, _ in best}) == 1 and len(best) == 2:
            best = {key: kept for key, kept in best.items() if kept.page is not None}
        return next(iter(best.values())) if len(best) == 1 else None


def downloads(path: Path, until: ExitStack) -> Downloads | str | None:
    """The files in a database, which stays open `until` then; or why it cannot be read; None for another program's."""
    try:
        if not is_database(path):
            return "a database that is damaged: it does not begin as one" if path.name == NAME else None
        database = until.enter_context(opened(path))
        is_its = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'pixiv_master_image'").fetchone()
        return Downloads(path, database) if is_its else None
    except OSError as error:
        return f"a database that cannot be read: {error.strerror}"
    except sqlite3.Error as error:
        return f"a database that cannot be read to its end ({error}): end PixivUtil2 if it runs, and import once more"


def _part(path: str, place: int) -> str:
    parts = ("", *_SEPARATORS.split(path))
    return folded_part(parts[place])
