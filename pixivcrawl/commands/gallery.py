"""`pixivcrawl gallery`: shows the archive as pages in a browser."""

from __future__ import annotations

import argparse
import webbrowser

from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration, filters_file
from pixivcrawl.console import say
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import read_filters
from pixivcrawl.runs.command import ArchiveCommand

PORT = 8490


class Command(ArchiveCommand):
    example = "gallery --open"

    def short_desc(self) -> str:
        return "Browse the archive in a web browser: works, history, tags, rankings, with search"

    def long_desc(self) -> str:
        return (
            "Shows the archive in a browser on this machine, at http://127.0.0.1:8490, until Ctrl-C. It reads the "
            "ledger, asks pixiv nothing, takes no lock, and can run beside a crawl, whose works appear within seconds. "
            "It writes only derived/ (the search index and thumbnails, which may be deleted at any time) and "
            "shelf.sqlite (favourites and notes). --open also opens the page. --lan lets other devices on the network "
            "in, through an address with a key. Exit codes: 0 ended; 2 wrong usage, a port that is in use, or no "
            "archive yet; 5 the disk or the ledger failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--open", action="store_true", help="open the page in this machine's browser")
        parser.add_argument(
            "--port",
            metavar="N",
            type=int,
            default=PORT,
            help=f"port to listen on; 0 for any free one (default {PORT})",
        )
        parser.add_argument(
            "--lan", action="store_true", help="let other devices on the network in, through an address with a key"
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        # Only here: the server is much to import for those who ask for help.
        from pixivcrawl.gallery.server import serve

        if not 0 <= opts.port <= 65535:
            raise ConfigurationError(f"--port: {opts.port} is not a port; give one from 0 to 65535")
        configuration = Configuration.from_settings(settings)

        def show(address: str) -> None:
            print(f"The gallery of {configuration.archive_dir} is at {address}")
            print(
                "Press Ctrl-C to end it. It changes only derived/, shelf.sqlite and, if you save a view, filters.toml.",
                flush=True,
            )
            if opts.open and not webbrowser.open(address):
                say("pixivcrawl: no browser could be started; open the address yourself")

        serve(configuration, read_filters(filters_file(settings)), port=opts.port, lan=opts.lan, show=show)
        return 0
