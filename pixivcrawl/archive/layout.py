"""The paths in an archive folder, built only from checked numbers: no name from pixiv becomes part of a path.

Folders that the owner of the archive linked are followed, files never. The archive's folder itself, each folder in it, and an artist's
folder in `originals/` may be a symlink (on Windows also a junction) to a folder elsewhere on the same disk, made by this user, by the
archive's owner or by root. A link in the place of a file, or further down, is in the way like any other file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pixivcrawl.archive.bucket import Bucket
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import OF_USERS, FileKind, Original

Format = Literal["jpg", "png", "gif", "zip"]
"""What an original can be; each is also its file's extension."""

Readers = Literal["owner", "group", "all"]
"""Who may read the files of an archive; only its owner may ever change them."""

UMASKS: dict[Readers, int] = {"owner": 0o077, "group": 0o027, "all": 0o022}
"""Set for the whole process, so that they also apply to files that SQLite and other libraries create."""

_FORMATS: dict[str, Format] = {"jpeg": "jpg", **{name: name for name in get_args(Format)}}
_EXTENSIONS: dict[FileKind, frozenset[str]] = {
    "image": frozenset({"jpg", "png", "gif"}),
    "ugoira": frozenset({"zip"}),
    "frame": frozenset({"jpg", "png", "gif"}),
    "frames": frozenset({"json"}),
    "avatar": frozenset({"jpg", "png", "gif"}),
    "background": frozenset({"jpg", "png", "gif"}),
}
_REVISION = re.compile(r"[0-9]{14}")
_UNKNOWN = "0"
"""The first digit of the revision of a file whose revision at pixiv is unknown; pixiv's own begin with a year."""

_STEM = r"(?P<work>[1-9][0-9]{0,18})_(?:(?P<part>p|frame)(?P<page>0|[1-9][0-9]{0,18})|ugoira)_(?P<revision>[0-9]{14})"
_NAME = re.compile(rf"originals/[1-9][0-9]{{0,18}}/{_STEM}\.(?P<extension>[a-z]+)")
_STAGED_NAME = re.compile(rf"{_STEM}\.(?:[a-z]+\.body|json)")
_OF_USER = r"(?P<kind>avatar|background)_(?P<revision>[0-9]{14})\.(?P<extension>[a-z]+)"
_NAME_OF_USER = re.compile(rf"users/(?P<user>[1-9][0-9]{{0,18}})/{_OF_USER}")
_STAGED_NAME_OF_USER = re.compile(rf"user(?P<user>[1-9][0-9]{{0,18}})_{_OF_USER}\.body")
_KINDS: dict[str | None, tuple[FileKind, ...]] = {"p": ("image",), "frame": ("frame",), None: ("ugoira", "frames")}
"""The kind of a file, by the word before the number in its name."""
_ARTIST = re.compile(r"[1-9][0-9]{0,18}")
_FOREIGN = re.compile(r"[\\:\0]")
_NO_NAMES = frozenset({"", ".", ".."})
_LARGEST_NUMBER = 2**63 - 1
_JUNCTION = 0xA0000003
"""The tag of a junction (IO_REPARSE_TAG_MOUNT_POINT), which Windows does not count among its symlinks."""


class Name(NamedTuple):
    """What the relative path of a stored file says; `page` counts from 0: the page or the frame; 0 for an ugoira's zip.

    Of a user's picture, `work_id` is the user's.
    """

    work_id: int
    page: int
    revision: str
    extension: str
    kind: FileKind


class Place(NamedTuple):
    """A page or frame of a work at one revision; an ugoira's zip also stands for the list of its frames."""

    work_id: int
    page: int
    revision: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive folder. `root` is absolute; paths in the ledger are relative to it and use `/`.

    With a `bucket` the originals lie there, under the same paths, and everything else in the folder.
    """

    root: Path
    bucket: Bucket | None = None

    @property
    def originals(self) -> Path:
        return self.root / "originals"

    @property
    def users(self) -> Path:
        return self.root / "users"

    @property
    def _of_originals(self) -> tuple[Path, ...]:
        return (self.originals, self.users) if self.bucket is None else ()

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
    def name_file(self) -> Path:
        return self.root / ".name"

    @property
    def database(self) -> Path:
        return self.root / "archive.sqlite"

    def create(self, readers: Readers = "owner") -> None:
        """Create missing folders and write to each once. Raises `StorageFailed` if that fails.

        So it does for a folder that leads somewhere else than it should, and for two artists' folders that are one. What this process
        makes from now on, in the archive and elsewhere, may be read by `readers` alone.
        """
        os.umask(UMASKS[readers])
        _make_folder(self.root, 0o777)
        of_originals = self._of_originals
        for folder in (*of_originals, self.journal, self.staging, self.quarantine):
            self._refuse_astray(folder)
        for folder in (*of_originals, self.journal):
            _make_folder(folder, 0o777)
        for folder in (self.staging, self.quarantine):
            _make_folder(folder, 0o700)
        for folder in (*of_originals, self.journal, self.staging, self.quarantine):
            _try_writing(folder)
        for folder in (*of_originals, self.quarantine):
            refuse_two_disks(self.staging, folder)
        self._refuse_shared_folders()

    def require_artists(self) -> None:
        """Raises `StorageFailed` if an artist's linked folder cannot be reached, because its files may still exist."""
        for link in self._linked_artists():
            self._refuse_astray(link)

    def has_journal(self) -> bool:
        """Whether anything was ever written to the journal."""
        with storage_errors(self.journal):
            return self.journal.is_dir() and any(path.stat().st_size for path in self.journal.glob("*.gz"))

    def relative_path(self, original: Original, extension: str) -> str:
        """`originals/{user id}/{work id}_p{page}_{revision}.{extension}`; of an ugoira `..._ugoira_{revision}.zip` or
        `..._frame{number}_{revision}.{extension}`; of a user `users/{user id}/avatar_{revision}.{extension}`, or background.

        `extension` is that of the bytes (jpg, jpeg, png, gif, zip). Raises ValueError for anything that is not a plain
        number, a revision of 14 digits or an extension that fits the kind of file.
        """
        return _relative(original, format_of(extension), original.kind)

    def frames_path(self, original: Original) -> str:
        """The `.json` beside an ugoira's zip. Raises ValueError as `relative_path` does, and for any other file."""
        if original.kind != "ugoira":
            raise ValueError(
                f"a list of frames lies beside an ugoira's zip alone, not beside {original.kind} {original.work_id:d}"
            )
        return _relative(original, "json", "frames")

    def staging_path(self, original: Original) -> Path:
        """Where the body of this page at this revision is received; a different path for each extension. Raises as `relative_path`."""
        of_user = f"user{_number(original.user_id, 1)}_" if original.kind in OF_USERS else ""
        return self.staging / f"{of_user}{_stem(original, original.kind)}.{format_of(original.extension)}.body"

    def frames_staging_path(self, original: Original) -> Path:
        """Where an ugoira's `.json` is written before it is placed. Raises ValueError as `relative_path` does."""
        return self.staging / f"{_stem(original, 'frames')}.json"

    def resolve(self, relative: str) -> Path:
        """The file of a ledger row. ValueError for a path that is absolute or climbs, and for a link that is not followed."""
        path = self._inside(relative)
        if is_link(path):
            raise ValueError(f"{relative!r} is a link, and a file that is one is never followed")
        folder, _, _ = relative.rpartition("/")
        if folder:
            self.resolve_folder(folder)
        return path

    def resolve_new(self, relative: str) -> Path:
        """As `resolve`, for a file that is about to be placed: nothing is written through a link that already has the name."""
        path = self._inside(relative)
        self.resolve_folder(relative.rpartition("/")[0])
        return path

    def resolve_folder(self, relative: str) -> Path:
        """A folder on the path to files; it may be a link where the owner may link one. Raises ValueError as `resolve`."""
        path = self._inside(relative)
        # `originals` and `users`, and an artist's folder in them.
        may_be_linked = relative.count("/") < 2
        for place in (*path.parents[: relative.count("/")][::-1], path):
            if not is_link(place):
                continue
            if not may_be_linked:
                raise ValueError(f"{relative!r} leads elsewhere by a link, which is not followed")
            if (why := self._astray(place)) is not None:
                raise ValueError(why)
        return path

    def _inside(self, relative: str) -> Path:
        parts = relative.split("/")
        if _FOREIGN.search(relative) or not _NO_NAMES.isdisjoint(parts):
            raise ValueError(f"{relative!r} is not a path inside the archive")
        return self.root.joinpath(*parts)

    def _refuse_astray(self, folder: Path) -> None:
        if is_link(folder) and (why := self._astray(folder)) is not None:
            raise StorageFailed(f"{why}, then run the same command again")

    def _astray(self, link: Path) -> str | None:
        """Why a link in place of a folder is not followed, and what to do; None if it is followed."""
        try:
            target = link.resolve(strict=True)
            owner = link.lstat().st_uid
            owners = {self.root.stat().st_uid, os.geteuid() if hasattr(os, "geteuid") else owner, 0}
        except (OSError, RuntimeError):
            return f"{link} is a link that leads nowhere: mount the disk that it leads to, or remove it"
        if not target.is_dir():
            return f"{link} is a link to something else than a folder: remove it"
        if owner not in owners:
            return f"{link} is a link that another user made: remove it"
        if any(target.is_relative_to(kept) or kept.is_relative_to(target) for kept in self._kept_from(link)):
            return f"{link} is a link to another folder of the archive: link it to a folder of its own"
        return None

    def _kept_from(self, link: Path) -> list[Path]:
        """The real folders that a link may not lead to, into, or around."""
        folders = [self.originals, self.users, self.journal, self.staging, self.quarantine]
        return [Path(os.path.realpath(folder)) for folder in folders if folder != link]

    def _linked_artists(self) -> list[Path]:
        links: list[Path] = []
        # Older archives have no users/ until a run creates it.
        for folder in (each for each in self._of_originals if each != self.users or os.path.lexists(each)):
            with storage_errors(folder), os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if is_artist(entry.name))
            links += [folder / name for name in names if is_link(folder / name)]
        return links

    def _refuse_shared_folders(self) -> None:
        """Refuse two artists' folders that are the same: each would count the other's files as unknown."""
        seen: dict[str, Path] = {}
        for link in self._linked_artists():
            other = seen.setdefault(os.path.realpath(link), link)
            if other != link:
                raise StorageFailed(
                    f"{other} and {link} are links to one folder: give each artist one of their own, "
                    "then run the same command again"
                )


def unknown_revision(sha256: str) -> str:
    """The stand-in for an unknown revision: 14 digits derived from the file's bytes, so that two files of one page have different ones."""
    return f"{_UNKNOWN}{int(sha256, 16) % 10**13:013}"


def is_unknown(revision: str) -> bool:
    """Whether a revision was made of a file's bytes; sorted, it comes before every one of pixiv's."""
    return revision.startswith(_UNKNOWN)


def is_link(place: Path) -> bool:
    """Whether a name is a link: a symlink, or a junction on Windows. False if nothing can be seen.

    Each system call gives up the interpreter's lock; resolving a whole path takes four times as many calls.
    """
    try:
        # Not `Path.is_symlink`, which raises if the folder may not be read: reporting that is left to the code that uses the file.
        found = os.lstat(place)
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _JUNCTION


def is_artist(name: str) -> bool:
    """Whether a folder's name is that of an artist's folder."""
    return _ARTIST.fullmatch(name) is not None and int(name) <= _LARGEST_NUMBER


def format_of(extension: str) -> Format:
    """The format of an extension (without its dot); `jpeg` is jpg. Raises ValueError for any other."""
    try:
        return _FORMATS[extension.lower()]
    except KeyError:
        raise ValueError(f"{extension!r} is not the extension of an original ({', '.join(_FORMATS)})") from None


def parse_name(relative: str) -> Name | None:
    """What a path made by `relative_path` or `frames_path` says; None for any other text."""
    if (found := _NAME_OF_USER.fullmatch(relative)) is not None:
        kind = _user_kind(found["kind"])
        known = found["extension"] in _EXTENSIONS[kind] and int(found["user"]) <= _LARGEST_NUMBER
        return Name(int(found["user"]), 0, found["revision"], found["extension"], kind) if known else None
    match = _NAME.fullmatch(relative)
    if match is None:
        return None
    for kind in _KINDS[match["part"]]:
        if match["extension"] in _EXTENSIONS[kind]:
            return Name(int(match["work"]), int(match["page"] or 0), match["revision"], match["extension"], kind)
    return None


def parse_staged_name(name: str) -> Place | None:
    """What a file name made by `staging_path` or `frames_staging_path` says; None for any other text."""
    if (found := _STAGED_NAME_OF_USER.fullmatch(name)) is not None:
        return Place(int(found["user"]), 0, found["revision"], _user_kind(found["kind"]))
    match = _STAGED_NAME.fullmatch(name)
    if match is None:
        return None
    return Place(int(match["work"]), int(match["page"] or 0), match["revision"], _KINDS[match["part"]][0])


def _relative(original: Original, extension: str, kind: FileKind) -> str:
    if extension not in _EXTENSIONS[kind]:
        raise ValueError(f"{extension!r} is not the extension of a file of kind {kind}")
    folder = "users" if kind in OF_USERS else "originals"
    return f"{folder}/{_number(original.user_id, 1)}/{_stem(original, kind)}.{extension}"


def _user_kind(word: str) -> FileKind:
    return "avatar" if word == "avatar" else "background"


def _stem(original: Original, kind: FileKind) -> str:
    if not _REVISION.fullmatch(original.revision):
        raise ValueError(f"{original.revision!r} is not a revision of 14 digits")
    if kind in OF_USERS:
        return f"{kind}_{original.revision}"
    if kind in ("image", "frame"):
        part = f"{'p' if kind == 'image' else kind}{_number(original.page, 0)}"
    elif original.page == 0:
        part = "ugoira"
    else:
        raise ValueError(f"page {original.page!r} of an ugoira's zip: it has page 0 alone")
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


def refuse_two_disks(staging: Path, folder: Path) -> None:
    """A file gets its final name without being copied. Raises StorageFailed."""
    with storage_errors(folder):
        if staging.stat().st_dev != folder.stat().st_dev:
            raise OSError(errno.EXDEV, "staging is on another disk")
