"""The base of commands that crawl nothing themselves: an error, or Ctrl-C, ends them with one line and its exit code."""

from __future__ import annotations

import _thread
import argparse
import signal
import sys
import threading
from abc import abstractmethod

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl import console
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.run_record import INTERRUPTED
from pixivcrawl.runs.exit_codes import complain


class ArchiveCommand(ScrapyCommand):
    """A command that is its method `execute`. One without a `syntax` takes only options."""

    requires_project = True
    requires_crawler_process = False
    instead = ""
    """What to do instead of giving words to a command that takes none."""
    when_interrupted = "interrupted; run the same command again"

    @abstractmethod
    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        """Returns the exit code. Raises UsageError and PixivcrawlError."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        if args and not self.syntax():
            name = type(self).__module__.rpartition(".")[2]
            # The word is not repeated: it may be a session that was pasted in the wrong place.
            raise UsageError(
                f"{name} takes only options; {self.instead or f'see pixivcrawl {name} --help'}", print_help=False
            )
        console.show_any_text()
        sys.unraisablehook = _interrupt_again
        try:
            self.exitcode = self._executed(self.settings, args, opts)
        except PixivcrawlError as error:
            self.exitcode = complain(error)
        except KeyboardInterrupt:
            console.complain(f"pixivcrawl: {self.when_interrupted}")
            self.exitcode = INTERRUPTED

    def _executed(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        try:
            return self.execute(settings, args, opts)
        except (PixivcrawlError, UsageError):
            raise
        except Exception:
            # Rows of a damaged ledger may fail anywhere, and are no bug of ours.
            _require_sound_ledger(settings)
            raise


def _require_sound_ledger(settings: Settings) -> None:
    """Raises StorageFailed for one that is damaged."""
    # Only here: no other run pays for importing them.
    from pixivcrawl.configuration import Configuration
    from pixivcrawl.ledger.engine import read_url
    from pixivcrawl.ledger.integrity import require_sound

    require_sound(read_url(Configuration.from_settings(settings).database_url))


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more when Ctrl-C came while Python cleaned up an object: it drops what is raised there, and the command went on."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    again = threading.Timer(0.05, _interrupt)
    again.daemon = True
    again.start()


def _interrupt() -> None:
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        # Unlike the other way, this also ends a wait.
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
