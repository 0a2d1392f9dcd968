"""The commands of `scrapy`, one file each."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pixivcrawl.console import complain
from pixivcrawl.errors import PixivcrawlError, StorageFailed

# As in extensions/run_record.py, which takes too long to import for what this is for.
INTERRUPTED = 130

BROKEN_PIPE = 141
"""The exit code that a shell sees of a program whose reader has gone: 128 plus the number of SIGPIPE."""


def end_without_traceback(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Handle an uncaught exception in one line: Ctrl-C while commands are being imported or have nothing to clean up, a reader of the
    output that went away, errors in Scrapy's own commands, and bugs of ours.
    """
    if issubclass(kind, BrokenPipeError) and has_lost_its_reader():
        os._exit(BROKEN_PIPE)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        # If standard output is what failed, it takes not even the end of a line.
        print_the_rest("\n")
    if isinstance(error, PixivcrawlError):
        complain(f"pixivcrawl: {error}")
        os._exit(error.exit_code)
    if not issubclass(kind, KeyboardInterrupt):
        from pixivcrawl import faults  # only here: most commands have none

        with suppress(Exception):
            sys.stdout.flush()
        if not faults.is_fault(error):
            complain(f"pixivcrawl: {' '.join(str(error).split())}")
            os._exit(1)
        os._exit(faults.report_fault(error))
    with suppress(Exception):
        sys.stdout.flush()
        os.write(2, b"pixivcrawl: interrupted; run the same command again\n")
    os._exit(INTERRUPTED)


def has_lost_its_reader() -> bool:
    """Whether standard output is a pipe without a reader."""
    if not hasattr(select, "poll"):
        # Windows, which reports this with another error than a broken pipe.
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def print_the_rest(text: str = "") -> None:
    """Print `text` and what standard output has not yet taken; exit at once if its reader is gone or its disk is full."""
    try:
        if text:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(BROKEN_PIPE)
    except OSError as error:
        complain(
            f"pixivcrawl: standard output cannot be written ({error.strerror}): see to its disk, then run the same command again"
        )
        os._exit(StorageFailed.exit_code)


def open_closed_streams() -> None:
    """Open standard streams that are closed, as some supervisors start programs, so that nobody reads or hears of it.

    Otherwise a file of the archive would get the number of one, and whatever is printed would be written into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)  # noqa: FBT003 (its only argument)
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (as long as the process)


def require_current_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        complain("pixivcrawl: the current folder is gone: change to another one")
        sys.exit(2)


def is_command_line() -> bool:
    """Whether this process is `scrapy`, `pixivcrawl` or `python -m` one of them, rather than one that only imports this."""
    program = Path(sys.argv[0])
    return (program.parent.name if program.stem == "__main__" else program.stem) in ("scrapy", "pixivcrawl")


if is_command_line():
    open_closed_streams()
    require_current_folder()
    # Reports, backups and all else are for their owner alone, until an archive says that it is shared (ARCHIVE_READERS).
    os.umask(0o077)
    # Scrapy imports every command to run one, and Python's collector, which looks at 700 new objects, took a tenth of the start.
    gc.set_threshold(10_000)
    sys.excepthook = end_without_traceback
    atexit.register(print_the_rest)
