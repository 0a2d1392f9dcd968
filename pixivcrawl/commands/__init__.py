"""The commands of `scrapy`, one file each."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

# As in extensions/run_record.py, which takes too long to import for what this is for.
INTERRUPTED = 130


def end_without_traceback(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """For Ctrl-C while commands are being imported, and in those that have nothing to put away; and for a fault of ours, anywhere."""
    if not issubclass(kind, KeyboardInterrupt):
        from pixivcrawl import faults  # only here: most commands have none

        with suppress(Exception):
            sys.stdout.flush()
        os._exit(faults.told(error))
    with suppress(Exception):
        sys.stdout.flush()
        os.write(2, b"pixivcrawl: interrupted; run the same command again\n")
    os._exit(INTERRUPTED)


def is_command_line() -> bool:
    """Whether this process is `scrapy` or `python -m scrapy`, and not one that only imports what is here."""
    program = Path(sys.argv[0])
    return "scrapy" in (program.stem, program.parent.name)


if is_command_line():
    # Reports, backups and all else are for their owner alone, until an archive says that it is shared (ARCHIVE_READERS).
    os.umask(0o077)
    sys.excepthook = end_without_traceback
