"""`pixivcrawl unsubscribe`: removes something from what `pixivcrawl sync` follows; what is archived stays."""

from __future__ import annotations

import argparse

from scrapy.settings import Settings

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.subscriptions import file_path
from pixivcrawl.subscriptions.editing import change, removed


class Command(ArchiveCommand):
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

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if not args:
            raise ConfigurationError(
                "name a subscription, as in: pixivcrawl unsubscribe harbour; pixivcrawl subscriptions shows the names"
            )
        # A name may hold blanks, and need no quotation marks for them here.
        name = " ".join(args)
        file = change(file_path(settings), lambda file: removed(file, name), lambda _: None)
        print(f"no longer followed: {name}; what is archived stays; in {file.path}")
        return 0
