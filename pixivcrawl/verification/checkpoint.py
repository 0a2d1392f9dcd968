"""What a verification remembers in the archive folder, so that it can be continued and samples take turns."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pixivcrawl.verification.findings import Finding, finding_of
from pixivcrawl.verification.sampling import CIRCLE, Window

FILE_NAME = "verify.json"
SAVE_EVERY = 3.0
"""Seconds between two states on the disk; more when writing one takes long."""

_SHARE_OF_TIME = 20
_VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """All files of artists before `artist`, and of this one's works up to `work`, have been looked at; 0 stands before the first."""

    artist: int = 0
    work: int = 0


@dataclass(slots=True)
class Progress:
    """How far a verification has come, and what it has found. `since` is fixed when it begins, and so is `window`."""

    options: dict[str, Any]
    window: Window
    since: datetime | None = None
    position: Position = Position()
    files: int = 0
    bytes_read: int = 0
    findings: list[Finding] = field(default_factory=list)


class CheckpointFile:
    """The state file of one archive, replaced in one step. A disk that cannot be written is reported once and is no obstacle."""

    def __init__(self, root: Path) -> None:
        self.path = root / FILE_NAME
        self._fields = _read(self.path)
        self._next_save = 0.0
        self._works = True

    @property
    def sampled_to(self) -> int | None:
        """The end, on the circle, of the last sample that was completed."""
        return self._place("sampled_to")

    @property
    def compared_to(self) -> int | None:
        """As `sampled_to`, for the samples that were compared with pixiv."""
        return self._place("compared_to")

    def remember_compared(self, end: int) -> None:
        """The next sample that is compared with pixiv begins where this one ended."""
        self._fields["compared_to"] = end
        self._write()

    def unfinished(self, options: dict[str, Any]) -> Progress | None:
        """The last verification, if it was stopped and had the same options."""
        kept = self._fields.get("unfinished")
        try:
            return _progress(kept) if isinstance(kept, dict) and kept["options"] == options else None
        except (KeyError, TypeError, ValueError):
            return None

    def note(self, progress: Progress) -> None:
        """Write the state, if the last time was long enough ago."""
        if time.monotonic() >= self._next_save:
            self.save(progress)

    def save(self, progress: Progress) -> None:
        began = time.monotonic()
        self._fields["unfinished"] = _as_json(progress)
        self._write()
        ended = time.monotonic()
        self._next_save = ended + max(SAVE_EVERY, _SHARE_OF_TIME * (ended - began))

    def finish(self, *, sampled_to: int | None) -> None:
        """Note that the verification is complete; the next one starts from the beginning."""
        if self._fields.pop("unfinished", None) is None and sampled_to is None:
            return
        if sampled_to is not None:
            self._fields["sampled_to"] = sampled_to
        self._write()

    def _place(self, name: str) -> int | None:
        place = self._fields.get(name)
        return place if isinstance(place, int) and 0 <= place < CIRCLE else None

    def _write(self) -> None:
        if not self._works:
            return
        fresh = self.path.with_name(f".{FILE_NAME}.{os.getpid()}")
        try:
            fresh.unlink(missing_ok=True)
            with fresh.open("x", encoding="ascii") as file:
                file.write(json.dumps({"version": _VERSION, **self._fields}))
            fresh.replace(self.path)
        except OSError as error:
            self._works = False
            sys.stderr.write(f"verify: {self.path} cannot be written ({error.strerror}), so --continue will not work\n")


def _read(path: Path) -> dict[str, Any]:
    """The stored state; empty if the file is missing, damaged or of another version."""
    try:
        fields = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    if not isinstance(fields, dict) or fields.pop("version", None) != _VERSION:
        return {}
    return fields


def _as_json(progress: Progress) -> dict[str, Any]:
    return {
        "options": progress.options,
        "window": asdict(progress.window),
        "since": None if progress.since is None else progress.since.isoformat(),
        "position": asdict(progress.position),
        "files": progress.files,
        "bytes_read": progress.bytes_read,
        "findings": [finding.as_json() for finding in progress.findings],
    }


def _progress(fields: dict[str, Any]) -> Progress:
    since = fields["since"]
    findings: Sequence[dict[str, Any]] = fields["findings"]
    return Progress(
        options=fields["options"],
        window=Window(**fields["window"]),
        since=None if since is None else datetime.fromisoformat(since),
        position=Position(**fields["position"]),
        files=int(fields["files"]),
        bytes_read=int(fields["bytes_read"]),
        findings=[finding_of(each) for each in findings],
    )
