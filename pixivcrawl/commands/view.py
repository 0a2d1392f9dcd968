"""`scrapy view`, with the exit codes of `fetch`."""

from __future__ import annotations

from scrapy.commands import view

from pixivcrawl.commands import fetch


class Command(fetch.Command, view.Command):
    example = "view https://www.pixiv.net/artworks/5000111"

    def short_desc(self) -> str:
        return "Open what pixiv answers in a browser; archive nothing"

    def long_desc(self) -> str:
        return super().long_desc().replace("Prints", "Opens in a browser")
