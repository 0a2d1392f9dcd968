"""Reads gallery-dl's folders: `{id}_p{num}.{ext}`, optional sidecars `NAME.ext.json`, and its list of downloads.

An ugoira is `{id}_p0.zip`, or frames `{id}_p{n}.jpg` (`ugoira: original`). Modification times come from the image host.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import LARGEST_ID, is_revision, read_image_url
from pixivcrawl.api.text import plural
from pixivcrawl.exchange.databases import is_database, opened
from pixivcrawl.exchange.names import PICTURES, ending
from pixivcrawl.exchange.source import Entry, Found, Passed, Source, files_in
from pixivcrawl.exchange.sources.folder import claim_by_name
from pixivcrawl.exchange.zips import read_frames
from pixivcrawl.items import FileKind
from pixivcrawl.verification.claims import Claim, Recorded

LARGEST_SIDECAR = 4 << 20
FOLDERS_LOOKED_AT = 50
"""Folders in which a sign of gallery-dl is looked for."""

_ARTIST = re.compile(r"[1-9][0-9]{0,17} \S+")
_ENTRY = re.compile(r"pixiv[^0-9]{0,16}([1-9][0-9]{0,18})(?![0-9])")
_SQLITE = frozenset({"sqlite3", "sqlite", "db"})


def is_its_own(folder: Path) -> bool:
    """Recognizes a folder `pixiv/{id} {account}`, a sidecar, or its list of downloads."""
    return any(
        _shows_it(entries) for entries in islice(files_in(folder), FOLDERS_LOOKED_AT) if not isinstance(entries, Passed)
    )


def _shows_it(entries: list[os.DirEntry[str]]) -> bool:
    names = {entry.name for entry in entries}
    for entry in entries:
        path = Path(entry.path)
        if _is_artists(path.parent):
            return True
        if entry.name.endswith(".json") and entry.name[:-5] in names and isinstance(_sidecar(path), dict):
            return True
        if ending(entry.name) in _SQLITE and _is_list(path):
            return True
    return False


def read(folder: Path) -> Iterator[Found]:
    for entries in files_in(folder):
        if isinstance(entries, Passed):
            yield entries
            continue
        names = {entry.name for entry in entries}
        for entry in entries:
            if ending(entry.name) in _SQLITE:
                yield from _listed(Path(entry.path))
            else:
                yield from _claimed(entry, f"{entry.name}.json" in names)


def _claimed(entry: os.DirEntry[str], has_sidecar: bool) -> Iterator[Claim | Passed]:
    by_name = claim_by_name(entry)
    if by_name is None:
        return
    told = _sidecar(Path(f"{entry.path}.json")) if has_sidecar else None
    if isinstance(told, str):
        yield Passed(Path(f"{entry.path}.json"), told)
    recorded = _claim(by_name.path, told) if isinstance(told, dict) else None
    if (
        recorded is not None
        and ending(entry.name) in PICTURES
        and not (isinstance(by_name, Passed) and "reduced" in by_name.reason)
    ):
        yield recorded
    elif isinstance(by_name, Claim):
        yield replace(by_name, recorded=_by_folder(by_name.path.parent), served=_time_of(entry))
    else:
        yield by_name


def _by_folder(folder: Path) -> Recorded | None:
    """The artist of the files in `pixiv/{id} {account}`."""
    if not _is_artists(folder):
        return None
    return Recorded(by=f"the folder {folder.name}", user_id=int(folder.name.partition(" ")[0]))


def _is_artists(folder: Path) -> bool:
    return folder.parent.name == "pixiv" and _ARTIST.fullmatch(folder.name) is not None


def _time_of(entry: os.DirEntry[str]) -> datetime:
    return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)


def _sidecar(path: Path) -> dict[str, Any] | str | None:
    """A pixiv work's sidecar; or why it cannot be read; None for one from another site."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(LARGEST_SIDECAR))
    except OSError as error:
        return f"a sidecar that cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        return "a sidecar that is damaged: it is no JSON"
    return told if isinstance(told, dict) and told.get("category") == "pixiv" else None


def _claim(path: Path, told: dict[str, Any]) -> Claim | None:
    """What a sidecar says about its file; None if it names no page of a work."""
    work_id, page, artist = told.get("id"), told.get("num"), told.get("user")
    if not _is_number(work_id, 1) or not _is_number(page, 0):
        return None
    image = read_image_url(url) if isinstance(url := told.get("url"), str) else None
    if image is not None and (image.kind not in ("original", "zip") or image.work_id != work_id):
        return None
    is_zip = image.kind == "zip" if image is not None else told.get("extension") == "zip"
    kind: FileKind = "ugoira" if is_zip else "frame" if told.get("type") == "ugoira" else "image"
    user_id = artist.get("id") if isinstance(artist, dict) else None
    # gallery-dl: the size is that of the first page, and of an ugoira's frames.
    sized = page == 0 or kind == "frame"
    recorded = Recorded(
        by=f"the sidecar {path.name}.json",
        user_id=user_id if _is_number(user_id, 1) else None,
        revision=image.revision if image is not None else _revision(told.get("date_url")),
        kind=kind,
        page_count=count if kind == "image" and _is_number(count := told.get("page_count"), 1) else None,
        width=width if sized and _is_number(width := told.get("width"), 1) else None,
        height=height if sized and _is_number(height := told.get("height"), 1) else None,
        frames=read_frames(told.get("frames")) if kind == "ugoira" else None,
    )
    return Claim(path, work_id, page, kind, recorded)


def _is_number(value: Any, least: int) -> TypeGuard[int]:
    return type(value) is int and least <= value <= LARGEST_ID


def _revision(date_url: Any) -> str | None:
    """gallery-dl's `date_url` is the time in the file's address, but in UTC instead of Japan's zone."""
    if not isinstance(date_url, str):
        return None
    try:
        moment = datetime.fromisoformat(date_url).replace(tzinfo=UTC).astimezone(JAPAN)
    except (ValueError, OverflowError):
        return None
    revision = f"{moment:%Y%m%d%H%M%S}"
    return revision if is_revision(revision) else None


def _is_list(path: Path) -> bool:
    try:
        if not is_database(path):
            return False
        with opened(path) as database:
            return (
                database.execute("SELECT 1 FROM pragma_table_info('archive') WHERE name = 'entry'").fetchone()
                is not None
            )
    except (OSError, sqlite3.Error):
        return False


def _listed(path: Path) -> Iterator[Entry | Passed]:
    """The works of `archive(entry)`: by default `pixiv{id}{suffix}.{ext}`, with an `archive-format` of one's own something alike."""
    others, known = 0, set()
    try:
        if not is_database(path):
            yield Passed(path, "a database that is damaged: it does not begin as one")
            return
        with opened(path) as database:
            if database.execute("SELECT 1 FROM pragma_table_info('archive') WHERE name = 'entry'").fetchone() is None:
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


SOURCE = Source("gallery-dl", is_its_own, read)
