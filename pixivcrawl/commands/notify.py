"""`pixivcrawl notify`: sends a test notice to every service, and says which accepted it."""

from __future__ import annotations

import argparse
import sys

from scrapy.settings import Settings

from pixivcrawl.api.text import one_line
from pixivcrawl.configuration import NOTICES, Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.extensions.run_record import FAILED
from pixivcrawl.notifications.send import Message, send
from pixivcrawl.notifications.services import Service, services_from_settings
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.notify import failed_at


class Command(ArchiveCommand):
    example = "notify"

    def short_desc(self) -> str:
        return "Send a test notice to each service, and say which accepted it"

    def long_desc(self) -> str:
        return (
            "Tests the services to which pixivcrawl sync, crawl and archive send notices: pixivcrawl notify. Their "
            "URLs are in apprise's format (mail, Telegram, Discord, ntfy, a webhook and a hundred others) and are "
            "secrets: they come from PIXIVCRAWL_NOTICE_URLS, separated by spaces, or from the file that "
            "NOTICE_URLS_FILE names, one a line. NOTICE_ON selects the events that you get notices about. Sends "
            "nothing to pixiv. Exit codes: 0 every service accepted it; 1 one did not; 2 no service is named, or a "
            "setting is wrong."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        configuration = Configuration.from_settings(settings)
        return test(configuration, services_from_settings(settings))


def test(configuration: Configuration, services: tuple[Service, ...]) -> int:
    """Send the test notices; returns the exit code. Raises ConfigurationError if no service is set."""
    if not services:
        raise ConfigurationError(
            "no notice service is named: put apprise's URLs in PIXIVCRAWL_NOTICE_URLS, or in a file that "
            "PIXIVCRAWL_NOTICE_URLS_FILE names, as docs/report.md shows"
        )
    on = ", ".join(event for event in NOTICES if event in configuration.notice_on) or "nothing (NOTICE_ON)"
    where = one_line(str(configuration.archive_dir), 200)
    message = Message("pixiv archive: a test", f"Notices of the archive {where} come here. They are about: {on}.")
    print(f"notices are about: {on}", flush=True)
    failed = failed_at(send(services, [message], configuration.notice_timeout))
    for service in services:
        why = failed.get(str(service))
        print(f"{service}: {'it accepted the test notice' if why is None else why}", flush=True)
    if failed:
        print("what a service needs in its URL: https://github.com/caronc/apprise/wiki", file=sys.stderr)
    return FAILED if failed else 0
