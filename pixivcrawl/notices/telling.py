"""The end of a run as far as notices go: nothing here changes how the run ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from scrapy.settings import BaseSettings

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.notices.memory import remembered
from pixivcrawl.notices.outcomes import Outcome
from pixivcrawl.notices.sending import Delivery, Message, send
from pixivcrawl.notices.services import services_from_settings


def tell(settings: BaseSettings, began: datetime, outcomes: Sequence[Outcome], *, weekly: bool = False) -> None:
    """Send the notices that a run which `began` then owes, `weekly` the digest too when it is due. Raises nothing of ours.

    What goes wrong is said once, in one line on standard error.
    """
    try:
        services = services_from_settings(settings)
        configuration = Configuration.from_settings(settings)
        if not services or not configuration.notice_on:
            return
        from pixivcrawl.notices.reckoning import owed_by_run, remember_taken  # only here: most runs have nobody to tell

        told = remembered(configuration.archive_dir)
        owed = owed_by_run(configuration, began, outcomes, told, weekly=weekly)
        deliveries = (
            send(services, [Message(each.title, each.body) for each in owed], configuration.notice_timeout)
            if owed
            else []
        )
        taken = {owed[each.message].event: owed[each.message] for each in deliveries if each.why is None}
        remember_taken(configuration, outcomes, told, taken)
        _say_what_failed(deliveries)
    except (PixivcrawlError, OSError) as error:
        said = str(error) if isinstance(error, PixivcrawlError) else error.strerror
        _say(f"no notice was sent, or it may come again ({said}); the run is as it was")


def failed_at(deliveries: Sequence[Delivery]) -> dict[str, str]:
    """{service: why} of those that did not take every message."""
    return {str(each.service): each.why for each in deliveries if each.why is not None}


def _say_what_failed(deliveries: Sequence[Delivery]) -> None:
    if failed := failed_at(deliveries):
        services = ", ".join(f"{service} ({why})" for service, why in failed.items())
        _say(f"notices did not reach {services}; the run is as it was; scrapy notify tries each service")


def _say(line: str) -> None:
    sys.stderr.write(f"pixivcrawl: {line}\n")
    sys.stderr.flush()
