"""The errors that can end a run, each with one line for people and an exit code for timers.

Every message is a single line that says what is wrong and what to do next; none holds a secret.
"""

from __future__ import annotations


class PixivcrawlError(Exception):
    """The run cannot continue; `exit_code` is what the process ends with."""

    exit_code = 1


class ConfigurationError(PixivcrawlError):
    """Wrong usage: an argument, a setting, a missing session, a ledger from a newer version."""

    exit_code = 2


class ArchiveInUse(PixivcrawlError):
    """Another run is using the archive."""

    exit_code = 3


class AccountRefused(PixivcrawlError):
    """Pixiv refuses the account: the session ended, a ban, a warning page."""

    exit_code = 4


class NoAnswer(PixivcrawlError):
    """Pixiv does not answer, or only with errors; what was not asked for is left for another run."""


class BudgetSpent(PixivcrawlError):
    """The day's API requests are used up; what was not asked for is left for another day."""


class PauseTooLong(PixivcrawlError):
    """Pixiv asks for a longer pause than a run may wait; the message says until when."""

    exit_code = 75


class StorageFailed(PixivcrawlError):
    """The disk or the ledger failed: full, read-only, broken."""

    exit_code = 5


class FeedFailed(PixivcrawlError):
    """A feed could not be stored; the archive has what it was to hold."""


class NoWorker(PixivcrawlError):
    """No process for proofs can be started."""

    exit_code = 5
