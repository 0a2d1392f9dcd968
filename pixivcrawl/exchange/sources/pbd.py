"""Reads Powerful Pixiv Downloader's folders: names, notes beside files, the exported download record and settings.

By default `pixiv/{user}-{user_id}/{id}-{title}.{ext}`, where `{id}` is `{pid}_p{n}`. People may let numbers start at 1, pad them with
zeros, or leave out the first; an ugoira has none, and is a webm unless they chose its zip. The record gives each file's
page and the time in its address.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pixivcrawl.api.images import is_revision, read_image_url
from pixivcrawl.archive.stores.placing import frames_in
from pixivcrawl.exchange.formats import Meaning, NameFormat, compiled
from pixivcrawl.exchange.names import CONVERTED, PICTURES, Named, ending, is_at_start, read_name
from pixivcrawl.exchange.notes import LARGEST_NOTE, Unread, folded_part, id_in, parse, read_text, revision_in
from pixivcrawl.exchange.source import Contents, Entry, Files, Found, Passed, Source, ending_in
from pixivcrawl.items import FileKind, Frame
from pixivcrawl.verification.claims import Claim, Recorded

LARGEST_RECORD = 512 << 20
"""The tool begins another file of its record before one has 500 MB."""

_NOTES = frozenset({"json", "txt"})

TOKEN = re.compile(r"\{[A-Za-z0-9_]+\}")
MEANINGS: Mapping[str, Meaning] = {
    "{id}": "work and page",
    "{pid}": "work",
    "{id_num}": "work",
    "{p}": "page",
    "{p_num}": "page",
}
"""The tokens of a name that have a meaning; all others are words."""

FEWEST = 3
"""So many works have to begin at 1, and none at 0, before all numbers are taken to count from 1."""

_UGOIRA = 2
_OF_UGOIRA = CONVERTED | {"zip"}
_OF_ARTIST = re.compile(r"(?![0-9]{4}(?:-[0-9]{2}){1,2}$).+-([1-9][0-9]{0,17})")
"""`{user}-{user_id}`, but for what is a day or a month."""
_DEFAULT = re.compile(r"[1-9][0-9]{0,18}(?:_p[0-9]+)?-.*")
_AT_START = re.compile(r"([1-9][0-9]{0,18})(?![0-9])(?!_p[0-9])")
_NUMBERED = re.compile(r"(?<![0-9])([1-9][0-9]{0,18})_p[0-9]+")
_ID = re.compile(r"([1-9][0-9]{0,18})(?:_p([0-9]{1,5}))?")
_SIZE = re.compile(r"([0-9]{1,6}) x ([0-9]{1,6})")
_DATED = re.compile(r"[0-9]{4}(?:/[0-9]{2}){5}")


class _Note(NamedTuple):
    """The tool's note about a work; None where it says nothing. `stem` is the name of its files without numbers."""

    path: Path
    stem: str
    work_id: int
    user_id: int | None
    created: str | None
    revision: str | None
    page_count: int | None
    width: int | None
    height: int | None
    is_ugoira: bool
    frames: tuple[Frame, ...] | None


class _Download(NamedTuple):
    """A line of the record: a file's name and folders, from last to first; an ugoira has no page."""

    record: Path
    parts: tuple[str, ...]
    work_id: int
    page: int | None
    revision: str | None


@dataclass(slots=True)
class _Known:
    """What a folder contains besides pictures, and what its names show together.

    `numbers` are those that names give the pages of a work; `ids_first` says that most names begin with ids; `first` is the number of
    first pages, as the settings or the names tell it.
    """

    folder: Path
    notes: dict[int, list[_Note]] = field(default_factory=lambda: defaultdict(list))
    downloads: dict[str, list[_Download]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    unnumbered: set[int] = field(default_factory=set)
    formats: list[NameFormat] = field(default_factory=list)
    of_ugoira: list[NameFormat] = field(default_factory=list)
    ids_first: bool = True
    first: int | None = None


def shows_itself(entries: Files) -> bool:
    """Recognizes the tool's notes, record or settings, or its name for an artist's folder."""
    if any(_DEFAULT.fullmatch(entry.name) and _OF_ARTIST.fullmatch(Path(entry.path).parent.name) for entry in entries):
        return True
    return any(map(_is_its_own, ending_in(entries, _NOTES)))


def read(contents: Contents, pictures: Files) -> Iterator[Found]:
    known = _Known(contents.folder)
    for path in ending_in(contents.others, _NOTES):
        # What is no note may be the record, whose works are known even if all their pictures are.
        if pictures or not path.stem.endswith("-meta"):
            try:
                _look_into(path, known)
            except Unread as why:
                yield Passed(path, f"a note that {why}")
    works = {download.work_id for downloads in known.downloads.values() for download in downloads}
    yield from map(Entry, sorted(works))
    _count([entry.name for entry in contents.pictures if ending(entry.name) in PICTURES], known)
    if known.first is None:
        known.first = _first_number(known)
    yield from (_claim(Path(entry.path), known) for entry in pictures)


# What is no picture


def _is_its_own(path: Path) -> bool:
    known = _Known(path.parent)
    try:
        _look_into(path, known)
    except Unread:
        return False
    return bool(known.notes or known.downloads or known.formats)


def _look_into(path: Path, known: _Known) -> None:
    """Add the contents of one of the tool's files. Raises Unread."""
    is_note, is_list = path.stem.endswith("-meta"), _begins_a_list(path)
    text = read_text(path, LARGEST_RECORD if is_list else LARGEST_NOTE)
    try:
        told: Any = parse(text) if path.suffix.lower() == ".json" else _fields(text or "") if is_note else None
    except Unread:
        if is_note or is_list:
            raise
        # It may as well be another program's.
        return
    for each in told if isinstance(told, list) else [told]:
        if not isinstance(each, dict):
            continue
        if (note := _note(path, each)) is not None:
            known.notes[note.work_id].append(note)
        elif (download := _download(path, each)) is not None:
            known.downloads[download.parts[0]].append(download)
        elif "downloadThread" in each:
            _take_settings(each, known)


def _begins_a_list(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == b"["
    except OSError:
        # The code that reads it reports that.
        return False


def _note(path: Path, told: dict[str, Any]) -> _Note | None:
    """A work's note, or a line of an exported result, which has the same form."""
    original = told.get("original")
    image = read_image_url(original) if isinstance(original, str) else None
    work_id = id_in(told.get("idNum"))
    if work_id is None or image is None or image.work_id != work_id:
        return None
    timing = told.get("ugoiraInfo")
    return _Note(
        path,
        _without_number(path.stem.removesuffix("-meta"), work_id),
        work_id,
        user_id=id_in(told.get("userId")),
        created=revision_in(told.get("date")),
        revision=image.revision,
        page_count=id_in(told.get("pageCount")),
        width=id_in(told.get("fullWidth")),
        height=id_in(told.get("fullHeight")),
        is_ugoira=image.kind == "zip" or told.get("type") == _UGOIRA,
        frames=frames_in(timing.get("frames")) if isinstance(timing, dict) else None,
    )


def _fields(text: str) -> dict[str, Any]:
    """A `-meta.txt`, with names and values on alternate lines, in the form of the JSON note."""
    pairs = re.findall(r"^([A-Za-z]+)\r?\n(.*?)\r?\n\r?$", text, re.MULTILINE)
    # A description stands between them, and may look like anything: what comes first is the tool's, and what comes last.
    first, last = dict(reversed(pairs)), dict(pairs)
    size = _SIZE.fullmatch(last.get("Size", ""))
    return {
        "idNum": first.get("ID"),
        "original": first.get("Original"),
        "userId": first.get("UserID"),
        "date": last.get("Date"),
        "fullWidth": size[1] if size else None,
        "fullHeight": size[2] if size else None,
    }


def _download(path: Path, told: dict[str, Any]) -> _Download | None:
    """A line of the record; None for a novel, whose time is not from an address, and for any other object."""
    name, time = told.get("n"), told.get("d")
    found = _ID.fullmatch(each) if isinstance(each := told.get("id"), str) else None
    if found is None or not isinstance(name, str) or id_in(found[1]) is None:
        return None
    if not (time is None or (isinstance(time, str) and _DATED.fullmatch(time))):
        return None
    revision = time.replace("/", "") if time else None
    page = int(found[2]) if found[2] else None
    parts = tuple(folded_part(part) for part in reversed(name.split("/")))
    return _Download(path, parts, int(found[1]), page, revision if revision and is_revision(revision) else None)


def _take_settings(told: dict[str, Any], known: _Known) -> None:
    saved = told.get("namingRuleList")
    names = [told.get("userSetName"), *(saved if isinstance(saved, list) else ())]
    for name in dict.fromkeys(each for each in names if isinstance(each, str)):
        for of_pages, formats in ((True, known.formats), (False, known.of_ugoira)):
            if (found := compiled(name, TOKEN, MEANINGS, of_pages=of_pages)) is not None:
                formats.append(found)
    if told.get("serialNoStart") in (0, 1):
        known.first = told["serialNoStart"]


# Pictures


def _count(names: list[str], known: _Known) -> None:
    """Note the page numbers in names, and whether names begin with ids, since a title may contain what looks like one."""
    told = [(name, _named(name)) for name in names]
    elsewhere = sum(named is not None and not is_at_start(name) for name, named in told)
    known.ids_first = elsewhere * 2 < len(told)
    for name, named in told:
        if named is not None and (is_at_start(name) or not known.ids_first):
            known.numbers[named.work_id].add(named.page)
        elif (found := _AT_START.match(name)) is not None:
            known.unnumbered.add(int(found[1]))


def _named(name: str) -> Named | None:
    named = read_name(name)
    return named if named is not None and named.kind == "image" else None


def _first_number(known: _Known) -> int | None:
    """The number of first pages, as works show it; None if they disagree or too few show it."""
    told = {first for work_id in known.numbers if (first := _first_of(work_id, known)) is not None}
    if told:
        return told.pop() if len(told) == 1 else None
    from_one = [numbers for numbers in known.numbers.values() if numbers == set(range(1, len(numbers) + 1))]
    return 1 if len(from_one) == len(known.numbers) >= FEWEST else None


def _first_of(work_id: int, known: _Known) -> int | None:
    """The number of a work's first page, from its own files' names."""
    numbers = known.numbers[work_id]
    if 0 in numbers:
        return 0
    if work_id in known.unnumbered and 1 in numbers:
        # The first page bears no number.
        return 0
    counts = {note.page_count for note in known.notes.get(work_id, ()) if note.page_count is not None}
    return 1 if counts == {max(numbers)} else None


def _claim(path: Path, known: _Known) -> Claim | Passed:
    download, kind = _recorded_as(path, known), ending(path.name)
    told = _told_by(path, known) if download is None else (download.work_id, download.page or 0)
    if isinstance(told, str):
        return Passed(path, f"converted: pixiv has no {kind}" if kind in CONVERTED else told)
    work_id, page = told
    by_name = read_name(path.name) if known.ids_first and is_at_start(path.name) else None
    if by_name is not None and by_name.work_id != work_id:
        return Passed(path, f"its name says work {by_name.work_id}, the record work {work_id}")
    notes = known.notes.get(work_id, [])
    is_ugoira = any(note.is_ugoira for note in notes) or (download is not None and download.page is None)
    if kind in CONVERTED:
        return Passed(path, f"converted: pixiv has no {kind}", work_id)
    if is_ugoira and kind not in ("zip", "ugoira"):
        return Passed(path, f"converted: an ugoira as {kind}", work_id)
    claimed: FileKind = "ugoira" if kind == "zip" else "image"
    return Claim(path, work_id, page, claimed, _recorded(path, page, download, notes, is_ugoira))


def _recorded_as(path: Path, known: _Known) -> _Download | None:
    """The line of the record that matches the end of the path; if it names a folder, that must match too."""
    ours = tuple(folded_part(part) for part in reversed(path.parts))
    best: dict[tuple[int, int | None, str | None], _Download] = {}
    longest = 0
    for download in known.downloads.get(ours[0], ()):
        shared = sum(1 for _ in _same(ours, download.parts))
        is_enough = shared >= min(2, len(download.parts)) or path.parent == known.folder
        if not is_enough or shared < longest:
            continue
        if shared > longest:
            longest, best = shared, {}
        best[download[2:]] = download
    return next(iter(best.values())) if len(best) == 1 else None


def _same(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[str]:
    for our, their in zip(ours, theirs, strict=False):
        if our != their:
            return
        yield our


def _told_by(path: Path, known: _Known) -> tuple[int, int] | str:
    """The work and page of a file that no record names, or why they are unknown."""
    formats = known.of_ugoira if ending(path.name) in _OF_UGOIRA else known.formats
    told = {named for each in formats if (named := each.read("/".join(path.parts[-8:]))) is not None}
    named = read_name(path.name)
    if named is not None and named.is_reduced:
        return "reduced: its name says so"
    if len(told) == 1 and (named is None or not is_at_start(path.name)):
        named = told.pop()
    elif named is None or (known.ids_first and not is_at_start(path.name)):
        return _unnumbered(path, known)
    if named.page == 0:
        return named.work_id, 0
    of_work = _first_of(named.work_id, known) if named.work_id in known.numbers else None
    first = of_work if of_work is not None else known.first
    if first is None:
        return "its number may count from 0 or from 1: put the exported download record beside it"
    return named.work_id, named.page - first


def _unnumbered(path: Path, known: _Known) -> tuple[int, int] | str:
    """A first or only page may have just the id as its name; so may any page if the person's format has no numbers."""
    found = _AT_START.match(path.name)
    if found is None:
        return "its name tells no page of a work, and no record names it"
    work_id = int(found[1])
    counts = {note.page_count for note in known.notes.get(work_id, ())}
    is_first = work_id in known.numbers or counts == {1} or ending(path.name) in _OF_UGOIRA
    return (work_id, 0) if is_first else "its name tells no page: put the exported download record beside it"


def _recorded(
    path: Path, page: int, download: _Download | None, notes: list[_Note], is_ugoira: bool
) -> Recorded | None:
    """What the record and a work's notes say about one of its files."""
    folder = _OF_ARTIST.fullmatch(path.parent.name)
    by_folder = int(folder[1]) if folder else None
    if download is None and not notes:
        return Recorded(by=f"the folder {path.parent.name}", user_id=by_folder) if folder else None
    work_id = download.work_id if download is not None else notes[0].work_id
    stem = _without_number(path.stem, work_id)
    own = [note for note in notes if note.stem == stem and note.path.parent == path.parent]
    # A note with another name may be newer: it gives the revision if there had been no other.
    sure = own or [note for note in notes if note.created == note.revision]
    revisions = {note.revision for note in sure}
    revision = download.revision if download is not None else revisions.pop() if len(revisions) == 1 else None
    near = own or notes
    sizes = {(note.width, note.height) for note in near}
    width, height = sizes.pop() if len(sizes) == 1 and page == 0 and not is_ugoira else (None, None)
    frames = {note.frames for note in near if note.frames is not None}
    return Recorded(
        by=f"the record {download.record.name}" if download is not None else f"the note {near[-1].path.name}",
        user_id=next((note.user_id for note in near if note.user_id is not None), by_folder),
        revision=revision,
        kind="ugoira" if is_ugoira else "image",
        page_count=next((note.page_count for note in near if note.page_count is not None), None),
        width=width,
        height=height,
        frames=frames.pop() if len(frames) == 1 else None,
    )


def _without_number(stem: str, work_id: int) -> str:
    return _NUMBERED.sub(lambda found: found[1] if found[1] == str(work_id) else found[0], stem)


SOURCE = Source("pbd", shows_itself, read)
