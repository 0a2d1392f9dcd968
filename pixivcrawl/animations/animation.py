"""What is known of an animation where it is made: nothing that a worker process would have to import a database for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.items import Frame


@dataclass(frozen=True, slots=True)
class Source:
    """A file with frames in it, and the SHA-256 that the ledger has of it."""

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
        """Its file's name without an extension; it tells what the animation is made from, so that what can be made better later is."""
        return f"{self.work_id:d}_{'ugoira' if self.is_zip else 'frames'}_{self.revision}"
