"""Reads gallery-dl's folders: `{id}_p{num}.{ext}`, optional sidecars `NAME.ext.json`, and its list of downloads.

An ugoira is `{id}_p0.zip`, or frames `{id}_p{n}.jpg` (`ugoira: original`). Modification times come from the image host.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from pixivcrawl.api.images import LARGEST_ID, read_image_url
from pixivcrawl.api.text import plural
from pixivcrawl.archive.stores.placing import frames_in
from pixivcrawl.exchange.databases import is_database, opened
from pixivcrawl.exchange.names import PICTURES, ending, is_at_start
from pixivcrawl.exchange.notes import Unread, id_in, parse, read_text, revision_in
from pixivcrawl.exchange.source import Contents, Entry, Files, Found, Passed, Source, ending_in
from pixivcrawl.exchange.sources.folder import claim_by_name
from pixivcrawl.items import FileKind
from pixivcrawl.verification.claims import Claim, Recorded

_ARTIST = re.compile(r"([1-9][0-9]{0,17}) \S+")
_ENTRY = re.compile(r"pixiv[^0-9]{0,16}([1-9][0-9]{0,18})(?![0-9])")
_SQLITE = frozenset({"sqlite3", "sqlite", "db"})


def shows_itself(entries: Files) -> bool:
    """Recognizes a folder `pixiv/{id} {account}`, a sidecar, or its list of downloads."""
    names = {entry.name for entry in entries}
    sidecars = (Path(entry.path) for entry in entries if entry.name.endswith(".json") and entry.name[:-5] in names)
    return (
        any(_artist_by(Path(entry.path).parent) for entry in entries[:1])
        or any(map(_is_sidecar, sidecars))
        or any(map(_is_list, ending_in(entries, _SQLITE)))
    )


def read(contents: Contents, pictures: Files) -> Iterator[Found]:
    for path in ending_in(contents.others, _SQLITE):
        yield from _listed(path)
    others = {entry.path for entry in contents.others}
    for entry in pictures:
        yield from _claimed(entry, has_sidecar=f"{entry.path}.json" in others)


def _claimed(entry: os.DirEntry[str], *, has_sidecar: bool) -> Iterator[Claim | Passed]:
    by_name, recorded = claim_by_name(entry), None
    if has_sidecar and ending(entry.name) in PICTURES:
        try:
            recorded = _sidecar(by_name.path)
        except Unread as why:
            yield Passed(Path(f"{entry.path}.json"), f"a sidecar that {why}")
    if isinstance(by_name, Claim):
        page = by_name.work_id, by_name.page
        if recorded is None:
            artist = _artist_by(by_name.path.parent)
            by = Recorded(by=f"the folder {by_name.path.parent.name}", user_id=artist) if artist else None
            yield replace(by_name, recorded=by, served=_time_of(entry))
        elif is_at_start(entry.name) and page != (recorded.work_id, recorded.page):
            yield Passed(by_name.path, f"its name says page {page[1]} of work {page[0]}, and its sidecar another page")
        else:
            yield recorded
    elif recorded is None or "reduced" in by_name.reason:
        yield by_name
    else:
        yield recorded


def _artist_by(folder: Path) -> int | None:
    """The artist of the files in `pixiv/{id} {account}`."""
    found = _ARTIST.fullmatch(folder.name) if folder.parent.name == "pixiv" else None
    return int(found[1]) if found is not None else None


def _time_of(entry: os.DirEntry[str]) -> datetime | None:
    try:
        return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
    except OSError:
        # It is gone by now; the code that reads it reports that.
        return None


def _told_beside(path: Path) -> dict[str, Any] | None:
    """A picture's sidecar; None for one from another site. Raises Unread."""
    told = parse(read_text(Path(f"{path}.json")))
    return told if isinstance(told, dict) and told.get("category") == "pixiv" else None


def _is_sidecar(path: Path) -> bool:
    try:
        return _told_beside(path.with_suffix("")) is not None
    except Unread:
        return False


def _sidecar(path: Path) -> Claim | None:
    """What a picture's sidecar says about it; None if it names no page of a work. Raises Unread."""
    told = _told_beside(path) or {}
    work_id, page, artist = told.get("id"), told.get("num"), told.get("user")
    if not _is_number(work_id, 1) or not _is_number(page, 0):
        return None
    image = read_image_url(url) if isinstance(url := told.get("url"), str) else None
    if image is not None and (image.kind not in ("original", "zip") or image.work_id != work_id):
        return None
    is_zip = image.kind == "zip" if image is not None else told.get("extension") == "zip"
    kind: FileKind = "ugoira" if is_zip else "frame" if told.get("type") == "ugoira" else "image"
    user_id = id_in(artist.get("id")) if isinstance(artist, dict) else None
    # gallery-dl: the size is that of the first page, and of an ugoira's frames.
    sized = page == 0 or kind == "frame"
    recorded = Recorded(
        by=f"the sidecar {path.name}.json",
        # A folder that contradicts the sidecar leaves it to pixiv whose the work is.
        user_id=user_id if _artist_by(path.parent) in (None, user_id) else None,
        # gallery-dl's `date_url` is the time in the file's address, but in UTC instead of Japan's zone.
        revision=image.revision if image is not None else revision_in(told.get("date_url")),
        kind=kind,
        page_count=id_in(told.get("page_count")) if kind == "image" else None,
        width=id_in(told.get("width")) if sized else None,
        height=id_in(told.get("height")) if sized else None,
        frames=frames_in(told.get("frames")) if kind == "ugoira" else None,
    )
    return Claim(path, work_id, page, kind, recorded)


def _is_number(value: Any, least: int) -> TypeGuard[int]:
    return type(value) is int and least <= value <= LARGEST_ID


def _is_list(path: Path) -> bool:
    try:
        if not is_database(path):
            return False
        with opened(path) as database:
            return _has_entries(database)
    except (OSError, sqlite3.Error):
        return False


def _has_entries(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT 1 FROM pragma_table_info('archive') WHERE name = 'entry'").fetchone())


def _listed(path: Path) -> Iterator[Entry | Passed]:
    """The works of `archive(entry)`: by default `pixiv{id}{suffix}.{ext}`, with an `archive-format` of one's own something alike."""
    others, known = 0, set()
    try:
        if not is_database(path):
            yield Passed(path, "a database that is damaged: it does not begin as one")
            return
        with opened(path) as database:
            if not _has_entries(database):
                return
            for (entry,) in database.execute("SELECT entry FROM archive"):
                found = _ENTRY.match(entry) if isinstance(entry, str) else None
                if found is None or int(found[1]) > LARGEST_ID:
                    others += 1
                elif (work_id := int(found[1])) not in known:
                    known.add(work_id)
                    yield Entry(work_id)
    except OSError as error:
        yield Passed(path, f"a database that cannot be read: {error.strerror}")
    except sqlite3.Error as error:
        yield Passed(path, f"a database that is damaged: {error}")
    if others:
        yield Passed(
            path, f"{plural(others, 'entry', 'entries')} of another site, or in a form that names no work of pixiv's"
        )


SOURCE = Source("gallery-dl", shows_itself, read)
