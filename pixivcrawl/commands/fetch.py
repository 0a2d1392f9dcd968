"""`scrapy fetch`, with an exit code that says whether an answer came, and without secrets in what it shows."""

from __future__ import annotations

import argparse

from scrapy.commands import fetch
from scrapy.exceptions import UsageError
from scrapy.http import Response
from w3lib.url import is_url

from pixivcrawl.api.text import quoted

NO_ANSWER = 1
"""The exit code where none came; the log has said why in one line."""

SECRETS = frozenset({b"Cookie", b"Set-Cookie", b"X-Csrf-Token"})
"""Headers that are shown by their names alone."""


class Command(fetch.Command):
    example = "fetch https://www.pixiv.net/ajax/user/11"
    answer: Response | None = None

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
        assert self.crawler_process is not None
        if len(args) != 1 or not is_url(args[0]):
            raise UsageError(f"name one address, as in: pixivcrawl {self.example}")
        if opts.spider and opts.spider not in self.crawler_process.spider_loader.list():
            raise UsageError(f"there is no spider {quoted(opts.spider)}")
        super().run(args, opts)
        if self.answer is None:
            self.exitcode = NO_ANSWER
        else:
            super()._print_response(self.answer, opts)

    def _print_response(self, response: Response, opts: argparse.Namespace) -> None:
        """Only keep it: of an error in here Scrapy would log a traceback, and go on."""
        self.answer = response

    def _print_headers(self, headers: dict[bytes, list[bytes]], prefix: bytes) -> None:
        hidden = {name: [b"(not shown)"] if name in SECRETS else values for name, values in headers.items()}
        super()._print_headers(hidden, prefix)
