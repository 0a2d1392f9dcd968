"""`export view`: the originals under readable names, as links or copies."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pixivcrawl.api.text import plural, quoted
from pixivcrawl.archive.cloning import clone
from pixivcrawl.archive.failures import storage_errors, storage_failure
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import store_of
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.exchange.export.folder import Planned, opened
from pixivcrawl.exchange.export.templates import FILE, Template, read_template
from pixivcrawl.exchange.export.writing import Differs, pieces, place_of, require_same
from pixivcrawl.reporting.output import write_out


def _symlink(source: Path, place: Path) -> bool:
    place.symlink_to(source)
    return True


def _hardlink(source: Path, place: Path) -> bool:
    place.hardlink_to(source)
    return True


LINKS: Mapping[str, Callable[[Path, Path], bool]] = MappingProxyType(
    {"reflink": clone, "symlink": _symlink, "hardlink": _hardlink}
)
"""What makes a file of another name without copying its bytes; False, or an OSError, where the disk cannot."""

NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}
)
"""What disks say that have no links of the kind, as FAT and exFAT do, or none to another disk."""

TRIAL = ".pixivcrawl-trial.part"
"""The name under which a link is tried."""

COPY = "copy"

WAYS = (*LINKS, COPY)


def export(selection: Selection, target: Path, options: argparse.Namespace) -> Result:
    """Update the view from the ledger, or say what that would do."""
    template = read_template(options.name or FILE, of_files=True)
    if options.by not in (None, *WAYS):
        raise ConfigurationError(f"--by {quoted(options.by)}: a view is by {', '.join(WAYS)}")
    result = Result()
    with opened(target, "view", for_looking=options.dry_run) as folder:
        if options.dry_run:
            folder.plan(planned(selection, template, options.by or ""))
            write_out(f"{line}\n" for line in folder.changes())
            return result
        by = way_for(selection, target, options.by)
        folder.plan(planned(selection, template, by))

        def make(_work: int, print_: str, place: Path) -> None:
            make_file(selection.archive, Original.read(print_), place, by, is_checked=not options.unchecked)

        difference = folder.bring_in_line(make, result)
    result.lines.append(f"{target}: {plural(len(selection.work_ids), 'work')} by {by}: {difference}")
    return result


def planned(selection: Selection, template: Template, by: str) -> Iterator[Planned]:
    """Every file of the view."""
    # A symlink leads to a place, anything else holds bytes that stay the same when the archive is moved.
    root = str(selection.archive.root) if by == "symlink" else ""
    for work in selection.works():
        for file in work.current_files:
            original = Original(file.path or "", file.sha256 or "", file.bytes)
            name = original.path.rpartition("/")[2].partition(".")[0]
            part = f"{file.kind} {file.page} {file.revision}"
            yield Planned(template.path(work, file), work.id, part, f"{by} {original} {root}", name)


class Original(NamedTuple):
    """A file of the archive, as the view's prints identify it."""

    path: str
    sha256: str
    bytes: int | None

    def __str__(self) -> str:
        return f"{self.sha256} {self.bytes} {self.path}"

    @classmethod
    def read(cls, print_: str) -> Original:
        _, sha256, size, path, _ = print_.split(" ", 4)
        return cls(path, sha256, int(size) if size.isdecimal() else None)


def make_file(archive: Archive, original: Original, place: Path, by: str, *, is_checked: bool) -> None:
    """Link or copy an original to another name. Raises Differs if its bytes differ from the ledger's, and StorageFailed."""
    if by != COPY:
        source = place_of(archive, original)
        if is_checked:
            require_same(archive, original)
        LINKS[by](source, place)
    else:
        with place.open("xb") as copy:
            copy.writelines(pieces(archive, original))
    if by not in ("reflink", COPY):
        return
    if archive.bucket is None:
        found = place_of(archive, original).stat()
        os.utime(place, ns=(found.st_mtime_ns, found.st_mtime_ns))
    elif (held := store_of(archive).head(original.path)) is not None:
        seconds = held.uploaded.timestamp()
        os.utime(place, (seconds, seconds))


def way_for(selection: Selection, target: Path, by: str | None) -> str:
    """The requested way, otherwise reflinks or symlinks, whichever works first. Raises ConfigurationError if neither does."""
    if by == COPY or (by is None and selection.archive.bucket is not None):
        return COPY
    for way in (by,) if by is not None else ("reflink", "symlink"):
        if takes(selection, target, way):
            return way
    what = f"{by}s" if by is not None else "links"
    raise ConfigurationError(
        f"--by: {target} lies on a disk that takes no {what} to the archive's files: use --by copy"
    )


def takes(selection: Selection, target: Path, way: str) -> bool:
    """Whether the disk supports this way, tried with a file of the archive."""
    if selection.archive.bucket is not None:
        return False
    stored = (file for work in selection.works() for file in work.current_files)
    trial = target / TRIAL
    for file in stored:
        try:
            source = place_of(selection.archive, file)
        except Differs:
            continue
        with storage_errors(target):
            trial.unlink(missing_ok=True)
        try:
            return LINKS[way](source, trial)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise storage_failure(error.errno or 0, target) from error
            return False
        finally:
            trial.unlink(missing_ok=True)
    return True
