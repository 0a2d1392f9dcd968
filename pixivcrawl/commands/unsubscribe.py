"""`pixivcrawl unsubscribe`: removes something from what `pixivcrawl sync` follows; what is archived stays."""

from __future__ import annotations

import argparse

from scrapy.commands import ScrapyCommand

from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.runs.exit_codes import complain
from pixivcrawl.runs.subscriptions import file_path
from pixivcrawl.subscriptions.editing import change, removed


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False
    example = "unsubscribe harbour"

    def syntax(self) -> str:
        return "NAME"

    def short_desc(self) -> str:
        return "Stop following something; what is archived of it stays"

    def long_desc(self) -> str:
        return (
            "Removes the entry of that name from subscriptions.toml, with its comments, and changes nothing else "
            "there: pixivcrawl unsubscribe harbour. pixivcrawl subscriptions shows the names. Nothing is removed from "
            "the archive."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        try:
            self.exitcode = self.unsubscribe(args)
        except PixivcrawlError as error:
            self.exitcode = complain(error)

    def unsubscribe(self, words: list[str]) -> int:
        assert self.settings is not None
        if not words:
            raise ConfigurationError(
                "name a subscription, as in: pixivcrawl unsubscribe harbour; pixivcrawl subscriptions shows the names"
            )
        # A name may hold blanks, and need no quotation marks for them here.
        name = " ".join(words)
        file = change(file_path(self.settings), lambda file: removed(file, name), lambda _: None)
        print(f"no longer followed: {name}; what is archived stays; in {file.path}")
        return 0
