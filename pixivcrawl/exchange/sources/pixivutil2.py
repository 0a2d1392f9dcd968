"""Reads PixivUtil2's folders: names in the formats of `config.ini`, notes about works, and the database `db.sqlite`.

By default `{artist} ({id})/{id}_p{n} - {title}.{ext}`; of an ugoira `{id}_ugoira1920x1080 - {title}.zip`, its `.ugoira`, which is that zip
with the timing added, and what was made of these (webm, gif, png ...). A file's own time is that at which the work was first uploaded,
and says nothing of the revision.
"""

from __future__ import annotations

import configparser
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.formats import Meaning, NameFormat, compiled
from pixivcrawl.exchange.lists import text_lines
from pixivcrawl.exchange.names import CONVERTED, Named, ending, read_name
from pixivcrawl.exchange.notes import Unread
from pixivcrawl.exchange.source import Contents, Files, Found, Passed, Source, ending_in
from pixivcrawl.exchange.sources.pixivutil2_records import Downloads, Kept, Note, downloads, read_note
from pixivcrawl.items import FileKind
from pixivcrawl.verification.claims import Claim, Recorded

TOKEN = re.compile(r"%[A-Za-z0-9_-]+(?:\{[^}]*\})?%")
MEANINGS: Mapping[str, Meaning] = {
    "%image_id%": "work",
    "%urlFilename%": "file",
    "%page_index%": "page",
    "%page_number%": "page from 1",
}
"""The tokens of a name that have a meaning; all others are words."""

SETTINGS = "config.ini"

_NOTES = frozenset({"json", "txt", "xmp", "js", "ugoira"})
_DATABASES = frozenset({"sqlite", "sqlite3", "db"})
_ARTIST = re.compile(r".+ \(([1-9][0-9]{0,17})\)")
_OF_ARTIST = re.compile(r"[1-9][0-9]{0,18}_(?:p[0-9]+|ugoira[0-9]+x[0-9]+) -.*")
_FOLDER_OF_PAGES = re.compile(r"(?<![0-9])([1-9][0-9]{0,18}(?:_big)?)/(_p[0-9]+)(?=[^/]*$)")
"""createMangaDir: `{id}/_p{n} - {title}.jpg` for `{id}_p{n} - {title}.jpg`."""
_OWN_NAME = re.compile(r"(?:^|[/\\])%urlFilename%[^/\\]*$")
_ANIMATED = (b"acTL", b"NETSCAPE2.0")
"""What stands near the head of an animated PNG and GIF."""
_HEAD = 65536
LONGEST_FORMAT = 8
"""Folders and file of a path that a format may speak of."""


def shows_itself(entries: Files) -> bool:
    """Recognizes its database, settings or notes, or its name for an artist's folder."""
    if any(_OF_ARTIST.fullmatch(entry.name) and _ARTIST.fullmatch(Path(entry.path).parent.name) for entry in entries):
        return True
    with ExitStack() as until:
        return (
            any(_formats(Path(entry.path)) for entry in entries if entry.name == SETTINGS)
            or any(map(_is_note, ending_in(entries, _NOTES)))
            or any(isinstance(downloads(path, until), Downloads) for path in ending_in(entries, _DATABASES))
        )


def _is_note(path: Path) -> bool:
    try:
        return read_note(path) is not None
    except Unread:
        return False


@dataclass(slots=True)
class _Known:
    """What a folder contains besides pictures. `own_names`: names are known to begin with pixiv's own."""

    folder: Path
    formats: list[NameFormat] = field(default_factory=list)
    own_names: bool = True
    notes: dict[int, list[Note]] = field(default_factory=lambda: defaultdict(list))
    databases: list[Downloads] = field(default_factory=list)


def read(contents: Contents, pictures: Files) -> Iterator[Found]:
    known = _Known(contents.folder)
    with ExitStack() as until:
        for path in ending_in(contents.others, _DATABASES):
            database = downloads(path, until)
            if isinstance(database, str):
                yield Passed(path, database)
            elif database is not None:
                known.databases.append(database)
                yield from database.entries()
        if pictures:
            yield from _look_up(contents, known)
        yield from (_claim(Path(entry.path), known) for entry in pictures)


def _look_up(contents: Contents, known: _Known) -> Iterator[Passed]:
    """Read settings and notes."""
    for entry in contents.others:
        if entry.name == SETTINGS and (settings := _formats(Path(entry.path))) is not None:
            known.formats += settings.formats
            known.own_names = known.own_names and settings.own_names
    # A .ugoira is both a picture and a note about itself.
    for path in ending_in([*contents.others, *contents.pictures], _NOTES):
        try:
            note = read_note(path)
        except Unread as why:
            yield Passed(path, f"a note that {why}")
        else:
            if note is not None:
                known.notes[note.work_id].append(note)


class _Settings(NamedTuple):
    formats: list[NameFormat]
    own_names: bool


def _formats(path: Path) -> _Settings | None:
    """The formats for single-page and other works in a `config.ini`; None for another program's file."""
    config = configparser.RawConfigParser(strict=False)
    try:
        config.read_string("\n".join(text_lines(path)))
    except (configparser.Error, ConfigurationError):
        return None
    # PixivUtil2 moved its options from section to section, and finds them wherever they are.
    options = {key: value for section in config.sections() for key, value in config[section].items()}
    texts = {key: options[key] for key in ("filenameformat", "filenamemangaformat") if key in options}
    if not texts:
        return None
    formats = (compiled(text, TOKEN, MEANINGS, of_pages=key == "filenamemangaformat") for key, text in texts.items())
    return _Settings([each for each in formats if each is not None], all(map(_OWN_NAME.search, texts.values())))


def _claim(path: Path, known: _Known) -> Claim | Passed:
    named = _named(path, known.formats)
    alone = path.parent == known.folder
    named_by = (each.called(path, by_name_alone=alone) for each in known.databases)
    kept = next((found for found in named_by if found is not None), None)
    if named is not None and named.is_reduced:
        return Passed(path, "reduced: its name says so")
    is_own = known.own_names and named is not None and path.name.startswith(f"{named.work_id}")
    if kept is not None and named is not None and is_own and _contradicts(named, kept):
        return Passed(
            path, f"its name says work {named.work_id}, the database work {kept.work_id}, or another page of it"
        )
    told = kept if kept is not None and (named is None or _contradicts(named, kept)) else named
    if told is None:
        return Passed(path, "neither its name nor a database tells its work")
    notes = known.notes.get(told.work_id, [])
    if (why := _not_original(path, _is_ugoira(named, kept, notes))) is not None:
        return Passed(path, why, told.work_id if why.startswith("converted") else None)
    page = told.page if told.page is not None or named is None else named.page
    if page is None:
        return Passed(path, f"a page of work {told.work_id}; neither its name nor the database tells which")
    kind: FileKind = "ugoira" if ending(path.name) in ("zip", "ugoira") else "image"
    recorded = _recorded(path, page, kept, notes)
    return Claim(path, told.work_id, page, kind, recorded, rewritten=ending(path.name) == "ugoira")


def _is_ugoira(named: Named | None, kept: Kept | None, notes: list[Note]) -> bool | None:
    """Whether a work is an ugoira; None if unknown."""
    if named is not None and named.kind == "ugoira":
        return True
    if kept is not None and kept.is_ugoira is not None:
        return kept.is_ugoira
    return any(note.frames for note in notes) if notes else None


def _named(path: Path, formats: list[NameFormat]) -> Named | None:
    """What a path gives by the formats and by pixiv's own name at its start; None if these contradict each other."""
    text = _FOLDER_OF_PAGES.sub(r"\1\2", "/".join(path.parts[-LONGEST_FORMAT:])).replace("_big_p", "_p")
    by_own_name = read_name(text.rpartition("/")[2])
    told = {named for each in formats if (named := each.read(text)) is not None}
    if by_own_name is not None and text.rpartition("/")[2].startswith(f"{by_own_name.work_id}"):
        told.add(by_own_name)
    if not told:
        return by_own_name
    return told.pop() if len(told) == 1 else None


def _contradicts(named: Named, kept: Kept) -> bool:
    return named.work_id != kept.work_id or kept.page not in (None, named.page)


def _not_original(path: Path, is_ugoira: bool | None) -> str | None:
    """Why a file is not pixiv's original; None if it may be."""
    kind = ending(path.name)
    if kind in CONVERTED:
        return f"converted: pixiv has no {kind}"
    if kind == "zip" and is_ugoira is False:
        # createPixivArchive
        return "a zip of pages: unpack it, and import its folder"
    if kind in ("zip", "ugoira"):
        return None
    # createApng names what it makes .png; a name of one's own does not tell it from a page.
    if is_ugoira or (is_ugoira is None and read_name(path.name) is None and _is_animated(path)):
        return f"converted: an ugoira as {kind}"
    return None


def _is_animated(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        # The proof reports it.
        return False
    return any(sign in head for sign in _ANIMATED)


def _recorded(path: Path, page: int, kept: Kept | None, notes: list[Note]) -> Recorded | None:
    """What a work's notes and the database say about one of its files."""
    near = [note for note in notes if note.path.parent == path.parent] or notes
    if not near and kept is not None:
        return Recorded(by=f"the database {kept.database.name}", user_id=kept.user_id)
    if not near:
        folder = _ARTIST.fullmatch(path.parent.name)
        return Recorded(by=f"the folder {path.parent.name}", user_id=int(folder[1])) if folder else None
    newest = near[-1]
    frames = {note.frames for note in near if note.frames is not None}
    sizes = {(note.width, note.height) for note in near if note.width is not None}
    width, height = sizes.pop() if len(sizes) == 1 and page == 0 and not frames else (None, None)
    return Recorded(
        by=f"the note {newest.path.name}",
        user_id=next((note.user_id for note in near if note.user_id is not None), None),
        revision=_revision(near, kept),
        kind="ugoira" if frames else "image",
        page_count=next((note.page_count for note in near if note.page_count is not None), None),
        width=width,
        height=height,
        frames=frames.pop() if len(frames) == 1 else None,
    )


def _revision(notes: list[Note], kept: Kept | None) -> str | None:
    """The revision in the notes, if it must also be the file's.

    PixivUtil2 rewrites a work's notes even when it keeps an existing file, whatever was revised since. So they give
    a file's revision only if there had been no other by then, or if the database says that the file is newer.
    """
    revisions = {note.revision for note in notes if note.revision is not None}
    created = {note.created for note in notes if note.created is not None}
    if len(revisions) != 1:
        return None
    (revision,) = revisions
    came_after = kept is not None and kept.added is not None and kept.added >= revision
    return revision if created == {revision} or came_after else None


SOURCE = Source("pixivutil2", shows_itself, read)
