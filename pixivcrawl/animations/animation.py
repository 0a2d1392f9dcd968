"""The description of an animation for worker processes, which need no database for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.items import Frame


@dataclass(frozen=True, slots=True)
class Source:
    """A file with frames, and its SHA-256 in the ledger."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Animation:
    """An ugoira at one revision: its frames with their delays, and the `files` that hold them.

    These are one for each frame, or a single zip whose members bear the frames' names. `pixels` are those of one frame.
    """

    user_id: int
    work_id: int
    revision: str
    frames: tuple[Frame, ...]
    files: tuple[Source, ...]
    is_zip: bool
    pixels: int

    @property
    def name(self) -> str:
        """Its file name without extension; it says what the animation is made from, so that a better one can replace it later."""
        return f"{self.work_id:d}_{'ugoira' if self.is_zip else 'frames'}_{self.revision}"
