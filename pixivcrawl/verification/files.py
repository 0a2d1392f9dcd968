"""Compares one file with its row: whether it is there, with the right length and the same bytes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, format_of, parse_name
from pixivcrawl.archive.stores import FileMissing, NotAPlainFile, store_of
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import name_of_file
from pixivcrawl.ledger.queries import KeptFile
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.findings import Finding, FindingKind, RowKey

TIME_TOLERANCE = 2.0
"""Seconds; FAT keeps the time of a file to two of them."""


def whose_originals(archive: Archive, ledger: Ledger) -> str:
    """The name, in a shared ledger, of the archive whose files are verified; empty if all files are in one place."""
    return "" if store_of(archive).is_shared else ledger.known_as


def is_of_another(row: KeptFile, known_as: str) -> bool:
    """Whether a stored file belongs to another archive than the one with this name in a shared ledger; a copy of it may be here."""
    return bool(known_as) and row.archive not in (None, known_as)


def is_only_elsewhere(archive: Archive, row: KeptFile, known_as: str) -> bool:
    """Whether a stored file belongs to another archive, without a copy here."""
    return is_of_another(row, known_as) and not store_of(archive).is_taken(row.path or "")


def check_file(archive: Archive, row: KeptFile, *, read: bool, workers: Workers | None = None) -> Finding | None:
    """What is wrong with the file of a stored row; None if nothing is.

    `read` also compares the bytes, not only what the store says of them; `workers`, if given, prove the picture again. Raises only NoWorker
    and StorageFailed, apart from bugs of ours.
    """
    try:
        with store_of(archive).measured(_path_of(archive, row), read=read) as found:
            if (difference := _difference(row, found.bytes, found.sha256)) is not None:
                return difference
            if workers is not None and found.here is not None and found.sha256 is not None:
                problem = _prove(found.here, row, workers, found.sha256)
                if problem is not None:
                    return problem
    except FileMissing as error:
        return _finding("missing", row, str(error))
    except NotAPlainFile as error:
        return _finding("changed", row, str(error))
    except OSError as error:
        return _finding("unreadable", row, why_unreadable(error))
    if found.modified is not None and abs(found.modified - row.uploaded.timestamp()) >= TIME_TOLERANCE:
        return _finding(
            "time changed",
            row,
            f"{_moment(found.modified, row)} where the ledger says {row.uploaded:%Y-%m-%d %H:%M:%S}Z",
        )
    return None


def _path_of(archive: Archive, row: KeptFile) -> str:
    """Where a row's file lies. Raises FileMissing for a path that leads out of the archive."""
    if row.path is None:
        raise FileMissing("the ledger does not say where it is")
    if parse_name(row.path) is None:
        try:
            archive.resolve(row.path)
        except ValueError as error:
            raise FileMissing(str(error)) from None
    return row.path


def _difference(row: KeptFile, size: int, sha256: str | None) -> Finding | None:
    """`sha256` is that of the bytes that were found; None if unknown."""
    if row.bytes is not None and size != row.bytes:
        return _finding("changed", row, f"size: {size:,} bytes where the ledger says {row.bytes:,}", sha256)
    if sha256 is not None and sha256 != row.sha256:
        return _finding("changed", row, f"SHA-256: {sha256} where the ledger says {row.sha256}", sha256)
    return None


def why_unreadable(error: OSError) -> str:
    """The system's reason in words, without the path."""
    return f"cannot be read: {error.strerror or error}"


def _prove(path: Path, row: KeptFile, workers: Workers, sha256: str) -> Finding | None:
    if row.kind == "frames":
        return None
    try:
        expected = Expected(format_of(row.format or row.extension), row.width, row.height, row.frames)
        workers.prove(path, expected, sha256).result()
    except Damaged as damage:
        if damage.is_no_verdict:
            return _finding("not proven", row, str(damage), sha256)
        if row.as_served and damage.only_warned:
            return None
        return _finding("proof failed", row, str(damage), sha256)
    except ValueError as error:
        return _finding("proof failed", row, str(error), sha256)
    except StorageFailed as error:
        return _finding("unreadable", row, str(error), sha256)
    return None


def _finding(kind: FindingKind, row: KeptFile, reason: str, found: str | None = None) -> Finding:
    key = RowKey(row.work_id, row.page, row.revision, row.kind)
    return Finding(kind, row.path or name_of_file(row.kind, row.work_id, row.page), reason, key, row.sha256, found)


def _moment(modified: float, row: KeptFile) -> str:
    try:
        return f"{datetime.fromtimestamp(modified, row.uploaded.tzinfo):%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return "a time out of range"
