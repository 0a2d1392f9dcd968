"""`scrapy fetch`, with an exit code that says whether an answer came."""

from __future__ import annotations

import argparse

from scrapy.commands import fetch
from scrapy.http import Response

NO_ANSWER = 1
"""The exit code where none came; the log has said why in one line."""


class Command(fetch.Command):
    example = "fetch https://www.pixiv.net/ajax/user/11"

    def syntax(self) -> str:
        return "ADDRESS"

    def short_desc(self) -> str:
        return "Print what pixiv or its image host answers, byte for byte; archive nothing"

    def long_desc(self) -> str:
        return (
            "Prints the answer to one address, whatever its status, and archives nothing. It sends the session, and obeys the pace "
            "and any pause that the archive knows of. Exit codes: 0 answered; 1 no answer; 2 wrong usage or configuration."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        self.exitcode = NO_ANSWER
        super().run(args, opts)

    def _print_response(self, response: Response, opts: argparse.Namespace) -> None:
        self.exitcode = 0
        super()._print_response(response, opts)
