"""`pixivcrawl filters`: lists the saved filters, and says what each makes of a work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.configuration import Configuration, filters_file
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.blacklists import read_blacklists
from pixivcrawl.filters import Filters, SavedFilters, read_filters
from pixivcrawl.index.saved_filters import add_filter
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand

JUDGED = {True: "wanted", None: "wanted, as far as is known", False: "left out"}


class Command(ArchiveCommand):
    example = "filters 100123"

    def syntax(self) -> str:
        return "[WORK ...]"

    def short_desc(self) -> str:
        return "List the saved filters, and say whether they let a work through"

    def long_desc(self) -> str:
        return (
            "Reads and checks filters.toml, which is beside subscriptions.toml, and lists its filters. With ids of "
            "works, it says what each filter makes of each work, from what the ledger knows. --from-file adds a filter "
            "made from what another tool was told not to fetch: PixivUtil2's blacklist_tags.txt, blacklist_members.txt "
            "and blacklist_titles.txt, or the settings that Powerful Pixiv Downloader exports; if it is given more "
            "than once, all files make one filter. Anything that a filter cannot express is named. Sends nothing to "
            "pixiv, and can run beside a crawl. Ends with exit code 2 if a file cannot be understood."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--from-file",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="add a filter of another tool's blacklists or exported settings",
        )
        parser.add_argument("--name", metavar="NAME", default="imported", help="name of the filter (default imported)")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if odd := [each for each in args if not (each.isascii() and each.isdecimal() and len(each) < 19)]:
            raise UsageError(f"{quoted(odd[0])} is not an id of a work", print_help=False)
        if opts.from_file:
            if args:
                raise UsageError("--from-file cannot be combined with ids of works", print_help=False)
            for line in added(filters_file(settings), opts.from_file, opts.name):
                print(line)
            return 0
        saved = read_filters(filters_file(settings))
        if not saved.filters:
            raise ConfigurationError(
                f"{saved.path} has no filter: write [filter.NAME] with a line like rating = 'safe'"
            )
        for line in self.judged(saved, [int(each) for each in args]) if args else listed(saved):
            print(line)
        return 0

    def judged(self, saved: SavedFilters, work_ids: list[int]) -> Iterator[str]:
        assert self.settings is not None
        ledger = Ledger.open(Configuration.from_settings(self.settings).database_url, read_only=True)
        try:
            works = ledger.read_now(queries.described_works, work_ids)
        finally:
            ledger.close()
        for work_id in work_ids:
            yield f"work {work_id}: {_judgements(saved, works.get(work_id))}"


def added(path: Path, sources: list[Path], name: str) -> Iterator[str]:
    """Append a filter of these files to `path`, where all else stays as it is; what was said of it, a line each."""
    carried = read_blacklists(sources)
    filters = carried.filters()
    if not filters.leave_something_out:
        raise ConfigurationError(
            f"{', '.join(map(str, sources))}: leaves no works out, as far as a filter can express it"
        )
    add_filter(path, name, filters)
    yield f"added to {path}: {name}: {said(filters)}"
    yield from (f"not carried over: {what}" for what in carried.left_out)
    yield f"to use it in every run, write fetch = {quoted(name)}; a single one takes it with --filter {name}"


def listed(saved: SavedFilters) -> Iterator[str]:
    """A line for each filter: its name, what it says, and where it counts by default."""
    yield f"filters: {saved.path}"
    for name, filters in saved.filters.items():
        default = [what for what, chosen in (("shown", saved.show), ("fetched", saved.fetch)) if chosen == name]
        yield f"{name}: {said(filters)}{_by_default(default)}"


def _by_default(where: list[str]) -> str:
    return f" ({' and '.join(where)} by default)" if where else ""


def said(filters: Filters) -> str:
    given = filters.model_dump(mode="json", exclude_none=True)
    texts = (
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in given.items()
    )
    return one_line(" ".join(texts), 400) or "leaves nothing out"


def _judgements(saved: SavedFilters, work: Artwork | None) -> str:
    if work is None:
        return "the ledger knows nothing of it"
    return "; ".join(f"{name}: {JUDGED[filters.fits(work)]}" for name, filters in saved.filters.items())
