"""`pixivcrawl fleet status`: how the workers of a fleet stand."""

from __future__ import annotations

import argparse

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.subscriptions import as_account
from pixivcrawl.session import account_names, reader_of, session_from_settings


class Command(ArchiveCommand):
    example = "fleet status"

    def syntax(self) -> str:
        return "status"

    def short_desc(self) -> str:
        return "Show who crawls as which account in a fleet, what waits, and what went wrong"

    def long_desc(self) -> str:
        return (
            "Shows, of a ledger on PostgreSQL that several workers share: pixivcrawl fleet status. A line for each account "
            "that has a session here or has read (who holds its lane, its API requests today, its pause), for the jobs of each account "
            "(waiting, at work, failed), for each worker that cannot plan, for what the crawls of the last day brought, "
            "and for each reason why some of them ended early. "
            "It changes nothing and asks pixiv nothing. The gallery shows the same at /fleet, and METRICS_ADDRESS gives it to Prometheus."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if args != ["status"]:
            raise UsageError("fleet says how it stands: pixivcrawl fleet status", print_help=False)
        from pixivcrawl.fleet.queue import server_of
        from pixivcrawl.fleet.state import state_lines, state_of_fleet

        configuration = Configuration.from_settings(settings)
        # Refuses a ledger that is a file.
        server_of(configuration.database_url)
        sessions = {
            name: reader_of(session_from_settings(as_account(settings, name)))
            for name in ("", *account_names(settings))
        }
        ledger = Ledger.open(configuration.database_url, read_only=True)
        try:
            status = ledger.read_now(state_of_fleet, configuration, sessions)
        finally:
            ledger.close()
        for line in state_lines(status, configuration):
            print(line)
        return 0
