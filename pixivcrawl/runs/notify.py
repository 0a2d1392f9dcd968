"""Sends the notices at the end of `scrapy crawl`, `archive` and `sync`; never changes how the run ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scrapy.settings import BaseSettings

from pixivcrawl.configuration import Configuration
from pixivcrawl.console import complain
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.extensions.run_record import INTERRUPTED
from pixivcrawl.notifications.send import Delivery, Message, send
from pixivcrawl.notifications.services import services_from_settings
from pixivcrawl.notifications.state import Outcome, remembered
from pixivcrawl.runs.signals import nothing_to_stop, stop_on_signals


def notify_of(settings: BaseSettings, began: datetime, outcomes: Sequence[Outcome], *, weekly: bool = False) -> None:
    """Send the notices that a run which `began` then owes; `weekly`: also what a timer's runs owe. Raises nothing of ours.

    Nothing is sent after an interruption, which the user caused, or after a mistake on the command line.
    """
    if any(outcome.exit_code == INTERRUPTED for outcome in outcomes):
        return
    if not weekly:
        outcomes = [outcome for outcome in outcomes if outcome.exit_code != ConfigurationError.exit_code]
    # The crawls are over, and their report is given: a signal ends the sending at once.
    stop_on_signals(nothing_to_stop, str)
    try:
        _say_what_failed(_send(settings, began, outcomes, weekly=weekly))
    except (PixivcrawlError, OSError) as error:
        said = str(error) if isinstance(error, PixivcrawlError) else error.strerror
        _say(f"no notice was sent, or it may be sent again ({said}); this does not change the run's result")


def failed_at(deliveries: Sequence[Delivery]) -> dict[str, str]:
    """{service: why} for the services that did not accept every message."""
    return {str(each.service): each.why for each in deliveries if each.why is not None}


def _send(settings: BaseSettings, began: datetime, outcomes: Sequence[Outcome], *, weekly: bool) -> list[Delivery]:
    services = services_from_settings(settings)
    configuration = Configuration.from_settings(settings)
    if not services or not configuration.notice_on:
        return []
    from pixivcrawl.notifications.rules import (  # only here: most runs send no notices
        notices_of_run,
        remember_taken,
    )

    told = remembered(configuration.archive_dir)
    owed = notices_of_run(configuration, began, outcomes, told, weekly=weekly)
    messages = [Message(each.title, each.body) for each in owed]
    deliveries = send(services, messages, configuration.notice_timeout) if messages else []
    taken = {owed[each.message].event: owed[each.message] for each in deliveries if each.why is None}
    remember_taken(configuration, outcomes, told, taken)
    return deliveries


def _say_what_failed(deliveries: Sequence[Delivery]) -> None:
    if failed := failed_at(deliveries):
        services = ", ".join(f"{service} ({why})" for service, why in failed.items())
        _say(
            f"notices did not reach {services}; this does not change the run's result; pixivcrawl notify tests each service"
        )


def _say(line: str) -> None:
    complain(f"pixivcrawl: {line}")
