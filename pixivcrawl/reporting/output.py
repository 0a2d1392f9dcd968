"""Writes a report or a list to standard output, or to a file that is replaced as a whole."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.config_file import expanded
from pixivcrawl.errors import ConfigurationError

STANDARD_OUTPUT = "-"

FORMATS = {".html": "html", ".htm": "html", ".json": "json", ".txt": "text"}
"""The format of a report by the end of its file's name."""


def write_out(pieces: Iterable[str]) -> None:
    """Write to standard output, a piece at a time."""
    for piece in pieces:
        sys.stdout.write(piece)
    sys.stdout.flush()


def file_for(name: str, archive: Path) -> Path:
    """The file that is meant. Raises ConfigurationError for a folder, a missing folder, and the archive's own files."""
    path = expanded(name, "--output")
    if path.is_dir():
        raise ConfigurationError(f"--output {path}: is a folder; name a file in it, as in {path / 'report.html'}")
    if not path.parent.is_dir():
        raise ConfigurationError(f"--output {path}: there is no folder {path.parent}; make it first")
    inside = path.resolve().is_relative_to(archive.resolve())
    if inside and (path.resolve().parent != archive.resolve() or path.suffix not in (".html", ".htm", ".txt")):
        raise ConfigurationError(
            f"--output {path}: belongs to the archive; name a file elsewhere, or {archive / 'report.html'}"
        )
    return path


def write_file(path: Path, pieces: Iterable[str]) -> None:
    """Write to a file, which keeps its old content until the new one is complete. Raises StorageFailed."""
    if path.exists() and not path.is_file():
        # A device or a pipe is written to as it is.
        with storage_errors(path), path.open("w", encoding="utf-8", newline="\n") as there:
            there.writelines(pieces)
        return
    # A link stays one, and what it leads to is replaced.
    path = path.resolve()
    beside = path.with_name(f"{path.name}.part")
    with storage_errors(path):
        try:
            with beside.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(pieces)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
