"""`pixivcrawl fleet status`: how the workers of a fleet stand."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.exit_codes import complain


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False
    example = "fleet status"

    def syntax(self) -> str:
        return "status"

    def short_desc(self) -> str:
        return "Show who crawls as which account in a fleet, what waits, and what went wrong"

    def long_desc(self) -> str:
        return (
            "Shows, of a ledger on PostgreSQL that several workers share: pixivcrawl fleet status. A line for each account "
            "that has a session here (who holds its lane, its API requests today), for the jobs of each account (waiting, at work, "
            "failed), and for each reason why crawls of the last day ended early. It changes nothing and asks pixiv nothing."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args != ["status"]:
            raise UsageError("fleet says how it stands: pixivcrawl fleet status", print_help=False)
        try:
            self.exitcode = self.show()
        except PixivcrawlError as error:
            self.exitcode = complain(error)

    def show(self) -> int:
        from pixivcrawl.fleet.queue import server_of
        from pixivcrawl.fleet.state import standing

        settings = self.settings
        assert settings is not None
        configuration = Configuration.from_settings(settings)
        # Refuses a ledger that is a file.
        server_of(configuration.database_url)
        ledger = Ledger.open(configuration.database_url, read_only=True)
        try:
            for line in ledger.read_now(lambda connection: list(standing(connection, settings, datetime.now(UTC)))):
                print(line)
        finally:
            ledger.close()
        return 0
