"""`pixivcrawl forget`: excludes a work or an artist from later runs, or takes that back."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import plural, size
from pixivcrawl.archive.deleting import delete
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import store_of
from pixivcrawl.commands.verify import require_archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.gallery.thumbnails import small_pictures
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reporting.overview import subject_named
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.exclusive import locked_ledger


class Command(ArchiveCommand):
    example = "forget https://www.pixiv.net/artworks/5000111 --note 'a duplicate'"

    def syntax(self) -> str:
        return "WORK | ARTIST ..."

    def short_desc(self) -> str:
        return "Exclude works or artists from all later runs, and with --delete-files remove their files"

    def long_desc(self) -> str:
        return (
            "No run asks for or fetches a forgotten work or artist, whatever list names it. What the ledger knows "
            "stays, and so do the files unless --delete-files is given; their rows then say that their owner deleted "
            "them. pixivcrawl forget users/11 names an artist, pixivcrawl forget artworks/5000111 a work; a number "
            "alone is enough if the archive knows only one of the two by it. --undo takes it back, and the next run of "
            "their list fetches deleted files again. Sends nothing to pixiv. Exit codes: 0 done; 2 wrong usage, or no "
            "archive; 3 the archive is in use; 5 the disk or the ledger failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--delete-files", action="store_true", help="also delete the files")
        parser.add_argument("--note", metavar="TEXT", help="a note for yourself, shown by pixivcrawl status")
        parser.add_argument("--undo", action="store_true", help="take it back")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if not args:
            raise UsageError(
                "name the works or artists to forget, as in: pixivcrawl forget artworks/5000111", print_help=False
            )
        if opts.undo and (opts.delete_files or opts.note):
            raise UsageError("--undo takes no --note and no --delete-files", print_help=False)
        configuration = Configuration.from_settings(settings)
        require_archive(configuration)
        with locked_ledger(configuration, "forget") as (archive, ledger):
            subjects = [ledger.read_now(subject_named, typed) for typed in args]
            for subject, subject_id in dict.fromkeys(subjects):
                print(change(archive, ledger, opts, subject, subject_id))
        return 0


def change(
    archive: Archive, ledger: Ledger, opts: argparse.Namespace, subject: updates.Subject, subject_id: int
) -> str:
    """Forget or remember it; returns the line to print."""
    now, what = datetime.now(UTC), f"{subject} {subject_id}"
    if opts.undo:
        if (subject, subject_id) not in {
            (each.subject, each.subject_id) for each in ledger.read_now(queries.forgotten)
        }:
            return f"{what} is not forgotten"
        ledger.write_now(updates.remember, subject, subject_id, now)
        return f"{what} is wanted again: the next run of a list that names it archives it"
    ledger.write_now(updates.forget, subject, subject_id, now, note=opts.note, files_deleted=opts.delete_files)
    if not opts.delete_files:
        return f"{what} is forgotten; what is archived of it stays"
    # Recorded first and deleted then, so that a kill in between leaves files that the same command deletes, and none that count as lost.
    deleted = ledger.read_now(queries.paths_deleted, subject, subject_id)
    store = store_of(archive)
    files, freed = store.delete([path for path, _ in deleted])
    delete(archive, small_pictures(sha256 for _, sha256 in deleted if sha256 is not None))
    still = f"; {archive.bucket} keeps older versions, which have them still" if store.keeps_versions else ""
    return f"{what} is forgotten; {plural(files, 'file')} deleted, {size(freed)}{still}"
