"""What can end a run, one line each, with the exit code that a timer reads.

Every message is a single line that says what is wrong and what to do next; none holds a secret.
"""

from __future__ import annotations


class PixivcrawlError(Exception):
    """The run cannot go on; `exit_code` is what the process ends with."""

    exit_code = 1


class ConfigurationError(PixivcrawlError):
    """Wrong usage: an argument, a setting, a session that is needed and not there, a ledger from a newer version."""

    exit_code = 2


class ArchiveInUse(PixivcrawlError):
    """Another run holds the archive."""

    exit_code = 3


class AccountRefused(PixivcrawlError):
    """Pixiv refuses the account: the session ended, a ban, a warning page."""

    exit_code = 4


class NoAnswer(PixivcrawlError):
    """Pixiv does not answer, or only with errors; what was not asked for waits for another run."""


class BudgetSpent(PixivcrawlError):
    """The day's API requests are used up; what was not asked for waits for another day."""


class PauseTooLong(PixivcrawlError):
    """Pixiv asks to be left alone for longer than a run may wait; the message says until when."""

    exit_code = 75


class StorageFailed(PixivcrawlError):
    """The disk or the ledger cannot go on: full, read-only, broken."""

    exit_code = 5


class NoWorker(PixivcrawlError):
    """No process can be started in which a file could be proven."""

    exit_code = 5
