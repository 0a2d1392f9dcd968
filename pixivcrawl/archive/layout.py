"""Where everything lies in an archive folder, built from checked numbers alone: no name from pixiv becomes a path."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.items import FileKind, Original

Format = Literal["jpg", "png", "gif", "zip"]
"""What an original can be; each is also its file's extension."""

_FORMATS: dict[str, Format] = {"jpeg": "jpg", **{name: name for name in get_args(Format)}}
_EXTENSIONS: dict[FileKind, frozenset[str]] = {
    "image": frozenset({"jpg", "png", "gif"}),
    "ugoira": frozenset({"zip"}),
    "frames": frozenset({"json"}),
}
_REVISION = re.compile(r"[0-9]{14}")
_NAME = re.compile(
    r"originals/[1-9][0-9]{0,18}/(?P<work>[1-9][0-9]{0,18})_(?:p(?P<page>0|[1-9][0-9]{0,18})|ugoira)"
    r"_(?P<revision>[0-9]{14})\.(?P<extension>[a-z]+)"
)
_STAGED_NAME = re.compile(
    r"(?P<work>[1-9][0-9]{0,18})_(?:p(?P<page>0|[1-9][0-9]{0,18})|ugoira)_(?P<revision>[0-9]{14})\.(?:[a-z]+\.body|json)"
)
_LARGEST_NUMBER = 2**63 - 1


class Name(NamedTuple):
    """What the relative path of a stored file says; `page` counts from 0 and is 0 for an ugoira."""

    work_id: int
    page: int
    revision: str
    extension: str
    kind: FileKind


class Place(NamedTuple):
    """A page of a work (0 for an ugoira) at one revision."""

    work_id: int
    page: int
    revision: str


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive folder. `root` is absolute; paths kept in the ledger are relative to it and use `/`."""

    root: Path

    @property
    def originals(self) -> Path:
        return self.root / "originals"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def lock_file(self) -> Path:
        return self.root / ".lock"

    @property
    def database(self) -> Path:
        return self.root / "archive.sqlite"

    def create(self) -> None:
        """Make the folders that are missing and write to each once. Raises `StorageFailed` where that does not work."""
        _make_folder(self.root, 0o777)
        for folder in (self.originals, self.journal):
            _make_folder(folder, 0o777)
        for folder in (self.staging, self.quarantine):
            _make_folder(folder, 0o700)
        for folder in (self.originals, self.journal, self.staging, self.quarantine):
            _try_writing(folder)
        _refuse_two_disks(self.staging, self.originals)

    def relative_path(self, original: Original, extension: str) -> str:
        """`originals/{user id}/{work id}_p{page}_{revision}.{extension}`, or `..._ugoira_{revision}.zip` for an ugoira.

        `extension` is that of the bytes (jpg, jpeg, png, gif, zip). Raises ValueError for anything that is not a plain
        number, a revision of 14 digits or an extension that fits the kind of file.
        """
        return _relative(original, format_of(extension), original.kind)

    def frames_path(self, original: Original) -> str:
        """The `.json` beside an ugoira's zip. Raises ValueError as `relative_path` does, and for a still image."""
        if original.kind != "ugoira":
            raise ValueError(f"work {original.work_id:d} is a still image and has no list of frames")
        return _relative(original, "json", "frames")

    def staging_path(self, original: Original) -> Path:
        """Where the body of this page at this revision is received; one for each extension. Raises as `relative_path`."""
        return self.staging / f"{_stem(original, original.kind)}.{format_of(original.extension)}.body"

    def frames_staging_path(self, original: Original) -> Path:
        """Where an ugoira's `.json` is written before it is placed. Raises ValueError as `relative_path` does."""
        return self.staging / f"{_stem(original, 'frames')}.json"

    def resolve(self, relative: str) -> Path:
        """The file a ledger row means. ValueError for a path that is absolute, climbs or leads out by a symlink."""
        parts = relative.split("/")
        if any(part in ("", ".", "..") or re.search(r"[\\:\0]", part) for part in parts):
            raise ValueError(f"{relative!r} is not a path inside the archive")
        path = self.root.joinpath(*parts)
        if not _may_lead_elsewhere(path, len(parts)):
            return path
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{relative!r} cannot be followed: its symlinks go in circles") from error
        if not inside:
            raise ValueError(f"{relative!r} leads out of the archive through a symlink")
        return path


def format_of(extension: str) -> Format:
    """The format an extension (without its dot) stands for; `jpeg` is jpg. Raises ValueError for any other."""
    try:
        return _FORMATS[extension.lower()]
    except KeyError:
        raise ValueError(f"{extension!r} is not the extension of an original ({', '.join(_FORMATS)})") from None


def parse_name(relative: str) -> Name | None:
    """What a path made by `relative_path` or `frames_path` says; None for any other text."""
    match = _NAME.fullmatch(relative)
    if match is None:
        return None
    kinds: tuple[FileKind, ...] = ("image",) if match["page"] else ("ugoira", "frames")
    for kind in kinds:
        if match["extension"] in _EXTENSIONS[kind]:
            return Name(int(match["work"]), int(match["page"] or 0), match["revision"], match["extension"], kind)
    return None


def parse_staged_name(name: str) -> Place | None:
    """What a file name made by `staging_path` or `frames_staging_path` says; None for any other text."""
    match = _STAGED_NAME.fullmatch(name)
    return Place(int(match["work"]), int(match["page"] or 0), match["revision"]) if match is not None else None


def _may_lead_elsewhere(path: Path, depth: int) -> bool:
    """Whether one of the last `depth` names of a path is a symlink, or on Windows anything: a junction leads elsewhere too.

    Each look lets another thread have the interpreter; to resolve the whole path takes four times as many.
    """
    # Not `Path.is_symlink`, which raises where a folder may not be looked into: that is for whoever uses the file to say.
    return sys.platform == "win32" or any(os.path.islink(place) for place in (path, *path.parents[: depth - 1]))  # noqa: PTH114


def _relative(original: Original, extension: str, kind: FileKind) -> str:
    if extension not in _EXTENSIONS[kind]:
        raise ValueError(f"{extension!r} is not the extension of a file of kind {kind}")
    return f"originals/{_number(original.user_id, 1)}/{_stem(original, kind)}.{extension}"


def _stem(original: Original, kind: FileKind) -> str:
    if not _REVISION.fullmatch(original.revision):
        raise ValueError(f"{original.revision!r} is not a revision of 14 digits")
    if kind == "image":
        part = f"p{_number(original.page, 0)}"
    elif original.page == 0:
        part = "ugoira"
    else:
        raise ValueError(f"page {original.page!r} of an ugoira: it has page 0 alone")
    return f"{_number(original.work_id, 1)}_{part}_{original.revision}"


def _number(value: int, smallest: int) -> str:
    text = format(value, "d")
    if not smallest <= value <= _LARGEST_NUMBER:
        raise ValueError(f"{text} is not an id or page number")
    return text


def _make_folder(folder: Path, mode: int) -> None:
    with storage_errors(folder):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)


def _try_writing(folder: Path) -> None:
    with storage_errors(folder), tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(bytes(4096))
        probe.flush()


def _refuse_two_disks(staging: Path, originals: Path) -> None:
    with storage_errors(originals):
        if staging.stat().st_dev != originals.stat().st_dev:
            raise OSError(errno.EXDEV, "staging is on another disk")
