"""What `scrapy crawl`, `archive` and `sync` have in common at their end: the notices that the run owes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scrapy.settings import BaseSettings

from pixivcrawl.commands.stopping import end_when_told, nothing_to_stop
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.extensions.run_record import INTERRUPTED
from pixivcrawl.notices.outcomes import Outcome
from pixivcrawl.notices.telling import tell


def tell_of(settings: BaseSettings, began: datetime, outcomes: Sequence[Outcome], *, weekly: bool = False) -> None:
    """Send what is owed; `weekly`: also what a timer's runs owe.

    Of a run that was interrupted nothing is sent: whoever did that knows, and wants it to end. Nor of a wrong word on a command line.
    """
    if any(outcome.exit_code == INTERRUPTED for outcome in outcomes):
        return
    if not weekly:
        outcomes = [outcome for outcome in outcomes if outcome.exit_code != ConfigurationError.exit_code]
    # The crawls are over, and their report is given: a signal ends the sending at once.
    end_when_told(nothing_to_stop, str)
    tell(settings, began, outcomes, weekly=weekly)
