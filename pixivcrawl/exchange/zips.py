"""Reads what other tools add to an ugoira's zip."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

from pixivcrawl.items import Frame

TIMING = "animation.json"
"""The member that PixivUtil2 and gallery-dl (`mode: archive`) append; pixiv's own zips hold nothing but frames."""

_LARGEST = 4 << 20


def timing_within(path: Path) -> tuple[Frame, ...] | None:
    """How long each frame is shown, as a tool wrote it into the zip; None for a zip as pixiv made it. Raises OSError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(TIMING) as member:
            told = json.loads(member.read(_LARGEST))
    except (KeyError, ValueError, RecursionError, RuntimeError, EOFError, zipfile.BadZipFile, struct.error, zlib.error):
        return None
    return read_frames(told.get("frames") if isinstance(told, dict) else told)


def read_frames(told: object) -> tuple[Frame, ...] | None:
    """A list of `{"file", "delay"}` (milliseconds); None for anything else."""
    if not isinstance(told, list) or not told:
        return None
    frames = [_frame(each) for each in told]
    return None if None in frames else tuple(frame for frame in frames if frame is not None)


def _frame(told: object) -> Frame | None:
    match told:
        case {"file": str(file), "delay": int(delay)} if type(delay) is int:
            return Frame(file, delay)
    return None
