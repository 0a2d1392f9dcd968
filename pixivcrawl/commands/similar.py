"""`pixivcrawl similar`: a picture from anywhere looked for in the archive."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.workers import Workers
from pixivcrawl.commands.verify import require_archive, stopped_like_ctrl_c
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import ProgressPrinter, add_quiet, obey_quiet, say
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.index import similar
from pixivcrawl.index.reading import Index
from pixivcrawl.index.updating import update_index
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.queries.browsing.works import cards
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.exit_codes import complain


class Command(ArchiveCommand):
    example = "similar ~/Downloads/picture.jpg"

    def syntax(self) -> str:
        return "FILE ..."

    def short_desc(self) -> str:
        return "Find a picture in the archive, even if it was scaled, compressed or converted since"

    def long_desc(self) -> str:
        return (
            "Names the works and pages that show what a JPEG, PNG, GIF or WebP file shows: those of the same bytes first, then copies that "
            "were scaled, pressed harder, converted or slightly trimmed. A page that is blank or nearly so is looked for by its bytes "
            "alone. The first time, every picture of the archive is looked at, at 0.04 s for a large JPEG and 0.4 s for a large PNG; "
            "Ctrl-C stops that and the next time goes on, and an open gallery does it while nobody uses it. Pictures in an object store "
            "are fetched for it, a few at once, and not by the gallery. --known asks what was looked at already. Sends nothing to pixiv, "
            "writes derived/ alone, and may run beside a crawl. Exit codes: 0 looked for, found or not; 2 wrong usage, no archive yet, or "
            "a file that is no picture; 5 the disk, the object store or the ledger cannot go on; 130 interrupted."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        parser.add_argument("--known", action="store_true", help="look for it among the pictures looked at before")
        parser.add_argument("--json", action="store_true", help="write a line of JSON for each file")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if not args:
            raise UsageError(
                "similar needs to know which picture, as in: pixivcrawl similar picture.jpg", print_help=False
            )
        obey_quiet(opts, settings)
        configuration = Configuration.from_settings(settings)
        require_archive(configuration)
        with stopped_like_ctrl_c(), ExitStack() as held:
            return look_for([Path(each) for each in args], SimilarSearch.of(configuration, held), opts)


def look_for(paths: list[Path], search: SimilarSearch, opts: argparse.Namespace) -> int:
    """Print what is like each file; one that is no picture is said, and the others are looked for."""
    code = 0
    # Of a name that is mistyped it is said at once.
    if not opts.known and any(path.is_file() for path in paths):
        search.look_at_all()
    left, behind = similar.unseen(search.derived), Index(search.derived, search.ledger).behind()
    for path in paths:
        try:
            found = search.find(path)
        except PixivcrawlError as error:
            code = complain(error)
            continue
        for line in [as_json(path, found, left, behind)] if opts.json else lines(path, found):
            print(line)
    if left and not opts.json:
        say(f"pixivcrawl: not analysed yet: {plural(left, 'picture')} of the archive")
    if behind and not opts.json:
        missing = plural(behind, "work or change", "works or changes")
        say(f"pixivcrawl: not in the index yet: {missing} of the ledger: ask again later, without --known")
    return code


@dataclass(frozen=True, slots=True)
class SimilarSearch:
    """What looks for pictures in an archive."""

    archive: Archive
    ledger: Ledger
    workers: Workers

    @property
    def derived(self) -> Path:
        return self.archive.root / "derived"

    @classmethod
    def of(cls, configuration: Configuration, held: ExitStack) -> SimilarSearch:
        ledger = Ledger.open(configuration.database_url, read_only=True)
        held.callback(ledger.close)
        agree_on_store(configuration.archive, ledger, writes=False)
        workers = held.enter_context(Workers(configuration.proof_workers, configuration.proof_limits))
        return cls(configuration.archive, ledger, workers)

    def look_at_all(self) -> None:
        """Update the index, and look at the pictures that were not looked at yet."""
        update_index(self.ledger, self.derived, stop=Event())
        how_far = ProgressPrinter()
        after: int | None = similar.LEAST_DIGEST
        while after is not None:
            left = similar.unseen(self.derived)
            how_far(f"looking at the pictures of the archive for the first time: {plural(left, 'picture')} to go")
            after = similar.analyse(self.ledger, self.archive, self.derived, self.workers, after=after)

    def find(self, path: Path) -> SearchResult:
        found = similar.find(path, self.ledger, self.archive, self.derived, self.workers)
        return SearchResult(
            found,
            {
                card.work_id: card
                for card in self.ledger.read_now(cards, list({like.picture.work_id for like in found.like}))
            },
        )


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, and the works that it belongs to."""

    found: similar.SimilarPictures
    works: dict[int, Any]


def lines(path: Path, result: SearchResult) -> Iterator[str]:
    found = result.found
    if not found.like:
        yield f"{path}: nothing like it is in the archive"
    for like in found.like:
        picture, work = like.picture, result.works.get(like.picture.work_id)
        how = "the same bytes" if like.same_bytes else f"like it ({like.bits} of 128 bits differ)"
        name = f" {one_line(work.title or '', 60)} by {one_line(work.user_name or '', 40)}" if work is not None else ""
        size = f"{picture.width}x{picture.height}" if picture.width else picture.extension
        yield f"{path}: {how}: work {picture.work_id} page {picture.page},{name}, {size}, {picture.path}"
    if found.is_plain:
        yield f"{path}: it shows too little detail to compare: only identical files were looked for"


def as_json(path: Path, result: SearchResult, left: int, behind: int) -> str:
    """`left` pictures of the index have not been looked at, `behind` works or changes of the ledger are not in the index."""
    found = result.found
    like = [
        {
            "work": each.picture.work_id,
            "page": each.picture.page,
            "revision": each.picture.revision,
            "path": each.picture.path,
            "sha256": each.picture.sha256,
            "width": each.picture.width,
            "height": each.picture.height,
            "same_bytes": each.same_bytes,
            "bits": each.bits,
            "title": work.title if (work := result.works.get(each.picture.work_id)) is not None else None,
            "user": work.user_id if work is not None else None,
        }
        for each in found.like
    ]
    said = {"file": str(path), "sha256": found.sha256, "plain": found.is_plain, "like": like}
    return json.dumps(said | {"not_looked_at": left, "not_in_index": behind}, ensure_ascii=False)
