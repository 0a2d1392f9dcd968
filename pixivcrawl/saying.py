"""What a run says, for as long as somebody reads it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO


def say(text: str, to: TextIO | None = None) -> None:
    """A line or several, on standard output or where else. A run goes on when its reader, such as `head`, has seen enough."""
    stream = to or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # What is still in the stream's buffer, and what follows, goes nowhere.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
