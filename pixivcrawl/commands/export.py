"""`pixivcrawl export`: the archive in a form that needs no pixivcrawl to be read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import did_you_mean, plural, quoted
from pixivcrawl.archive.layout import Archive
from pixivcrawl.commands.status import opened
from pixivcrawl.commands.verify import stopped_like_ctrl_c
from pixivcrawl.config_file import expanded
from pixivcrawl.configuration import Configuration, filter_named
from pixivcrawl.console import say
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.export.choice import Result, Selection, select
from pixivcrawl.exchange.export.forms import FORMS, Form
from pixivcrawl.items import VideoForm
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.queries.exported import Choice
from pixivcrawl.reporting.output import STANDARD_OUTPUT
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.subscriptions import State, file_path, look_up, of_accounts
from pixivcrawl.session import session_from_settings
from pixivcrawl.subscriptions.file import Subscription, read_file
from pixivcrawl.subscriptions.planning import WantedList

REFUSED = 1

IDS = ("artist", "work", "series", "bookmarks", "following")
WHICH = (*IDS, "tag", "subscription")

SHOWN_TO_THE_READER = frozenset({"account", "discovery", "feed", "mypixiv", "watchlist"})
"""Spiders of lists that only the reader's own account sees; so it does a list's part that is not `rest=show`."""


CHOOSING = (
    "Which works is said by --artist, --work, --series, --tag, --bookmarks, --following, --subscription and --filter: of one kind any "
    "may fit (of tags all), of several kinds all must; --all takes everything. What only your own account sees (private bookmarks and "
    "follows, the answers of the account spider, who reads) leaves the archive with --with-private alone."
)
WRITING = (
    "It reads the ledger, asks pixiv nothing, takes no lock, and may run beside a crawl. Each file gets its name when it is whole; killed, "
    "the same command goes on, and a second run changes only what the ledger changed. A file whose SHA-256 is not the ledger's is named "
    "and left out. Exit codes: 0 all of it is there; 1 something was refused; 2 wrong usage, or no archive yet; 5 the disk or the ledger "
    "cannot go on; 130 interrupted."
)


class Command(ArchiveCommand):
    when_interrupted = "interrupted; run the same command again, it goes on"
    example = "export view ~/pictures --artist 11"

    def syntax(self) -> str:
        return "FORM TARGET"

    def short_desc(self) -> str:
        return "The archive in other forms: folders with human names, comics, sidecars, lists and more"

    def long_desc(self) -> str:
        forms = (f"{name}: {form.purpose}, as in: pixivcrawl export {form.example}." for name, form in FORMS.items())
        return "\n\n".join(["Writes chosen works to TARGET in one of these forms:", *forms, CHOOSING, WRITING])

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        which = parser.add_argument_group("which works")
        which.add_argument(
            "--artist",
            metavar="ID",
            action="append",
            help="works of this artist; may be given several times, as all of these",
        )
        which.add_argument("--work", metavar="ID", action="append", help="this work")
        which.add_argument("--series", metavar="ID", action="append", help="works of this series")
        which.add_argument(
            "--tag", metavar="NAME", action="append", help="works that bear this tag, written as pixiv writes it"
        )
        which.add_argument("--bookmarks", metavar="USER", action="append", help="works that this user bookmarked")
        which.add_argument(
            "--following", metavar="USER", action="append", help="works of the artists whom this user follows"
        )
        which.add_argument(
            "--subscription",
            metavar="NAME",
            action="append",
            help="works on the list of this entry of subscriptions.toml",
        )
        which.add_argument("--filter", metavar="NAME", help="works that this filter of filters.toml does not leave out")
        which.add_argument("--all", action="store_true", help="every work that the archive knows")
        forms = parser.add_argument_group("of some forms alone")
        forms.add_argument(
            "--name",
            metavar="TEMPLATE",
            help="view, cbz, sidecars: what files are called; docs/export.md lists what it may hold",
        )
        forms.add_argument(
            "--by",
            metavar="WAY",
            help="view: reflink, symlink, hardlink or copy (default: reflink where the disk can, else symlink); a hard link is the "
            "original itself, for whoever edits it too. cbz: series, for one book of each",
        )
        forms.add_argument(
            "--like", choices=("gallery-dl",), help="sidecars: under that tool's key names, one of each file"
        )
        forms.add_argument(
            "--dry-run", action="store_true", help="view: print what would be made, moved and removed, and do nothing"
        )
        forms.add_argument(
            "--unchecked",
            action="store_true",
            help="view: link without reading each file first; sizes alone are compared",
        )
        forms.add_argument(
            "--columns",
            choices=("addresses", "ids", "csv"),
            help="what list writes; default: what TARGET's name ends with, else addresses",
        )
        parser.add_argument("--format", choices=get_args(VideoForm), help="what video makes; default: mp4")
        parser.add_argument("--with-private", action="store_true", help="also what only your own account sees")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        name, form, target = read_words(args)
        refuse_foreign_options(name, form, opts)
        with stopped_like_ctrl_c():
            return export(settings, form, target, opts)


def read_words(args: Sequence[str]) -> tuple[str, Form, str]:
    """The form and the target that are meant."""
    if not args or args[0] not in FORMS:
        meant = did_you_mean(args[0], FORMS) if args else ""
        given = f"{quoted(args[0])} is no form; {meant}" if args else ""
        raise UsageError(
            f"{given}name one of {', '.join(FORMS)}, as in: pixivcrawl {Command.example}", print_help=False
        )
    form = FORMS[args[0]]
    if len(args) != 2:
        raise UsageError(f"{args[0]} takes one TARGET, as in: pixivcrawl export {form.example}", print_help=False)
    return args[0], form, args[1]


def refuse_foreign_options(name: str, form: Form, opts: argparse.Namespace) -> None:
    """Raises UsageError for an option of another form."""
    of_others = frozenset().union(*(each.options for each in FORMS.values())) - form.options
    for option in sorted(of_others):
        if getattr(opts, option) not in (None, False):
            takers = ", ".join(other for other, each in FORMS.items() if option in each.options)
            raise UsageError(f"{name} takes no --{option.replace('_', '-')}; it is for {takers}", print_help=False)


def export(settings: Settings, form: Form, target: str, opts: argparse.Namespace) -> int:
    """Write the export and print its result. Raises ConfigurationError and StorageFailed."""
    configuration = Configuration.from_settings(settings)
    archive = configuration.archive
    choice, filters = choice_of(settings, configuration, opts), filter_named(settings, opts.filter)
    place = place_for(form, target, archive)
    ledger = opened(configuration, archive)
    try:
        agree_on_store(archive, ledger, writes=False)
        chosen = select(archive, ledger, choice, filters)
        selection = replace(chosen, limits=configuration.proof_limits, workers=configuration.proof_workers)
        if not selection.work_ids:
            raise ConfigurationError(f"no work is chosen{left_out(selection)}: pixivcrawl status says what is there")
        result = form.run(selection, place, opts)
    finally:
        ledger.close()
    for line in result.lines:
        say(line)
    return end(selection, result)


def end(selection: Selection, result: Result) -> int:
    """Say what was left out and refused; gives the exit code."""
    if selection.hidden:
        say(f"{plural(selection.hidden, 'work')} left out by the filter")
    if result.refused:
        say(f"{plural(result.refused, 'file')} not exported, each named above")
    return REFUSED if result.refused else 0


def left_out(selection: Selection) -> str:
    return f", the filter leaves {plural(selection.hidden, 'work')} out" if selection.hidden else ""


def choice_of(settings: Settings, configuration: Configuration, opts: argparse.Namespace) -> Choice:
    """Raises ConfigurationError where nothing is chosen, and for what is no id and no subscription."""
    some = any(getattr(opts, name) for name in WHICH)
    if opts.all and some:
        raise ConfigurationError("--all takes every work: leave it out, or the works that are named")
    if not (opts.all or some or opts.filter):
        raise ConfigurationError("say which works, as in --artist 11, --tag NAME, --filter NAME or --all")
    ids = {name: tuple(id for text in getattr(opts, name) or () for id in ids_in(name, text)) for name in IDS}
    return Choice(
        works=ids["work"],
        artists=ids["artist"],
        bookmarks=ids["bookmarks"],
        following=ids["following"],
        series=ids["series"],
        lists=keys_of(settings, configuration, opts) if opts.subscription else (),
        tags=tuple(opts.tag or ()),
        with_private=opts.with_private,
    )


def ids_in(option: str, text: str) -> list[int]:
    """One id, or several with commas between."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 0 < len(part) < 19 for part in parts):
        raise ConfigurationError(f"--{option}: {quoted(text)} is no id; give a number, as in --{option} 11")
    return [int(part) for part in parts]


def keys_of(settings: Settings, configuration: Configuration, opts: argparse.Namespace) -> tuple[str, ...]:
    """The lists that the subscriptions of these names read."""
    file = read_file(file_path(settings))
    by_name: dict[str, tuple[State, Subscription, WantedList]] = {}
    for catalogue, part in of_accounts(settings, session_from_settings(settings), file):
        state = look_up(configuration, catalogue, part)
        by_name |= {subscription.name: (state, subscription, wanted) for subscription, wanted in state.lists}
    keys: list[str] = []
    for name in opts.subscription:
        if name not in by_name:
            known = ", ".join(by_name) or "none yet"
            raise ConfigurationError(f"{file.path} has no entry {quoted(name)}; it has {known}")
        state, subscription, wanted = by_name[name]
        is_public = wanted.spider not in SHOWN_TO_THE_READER and wanted.canonical.get("rest", "show") == "show"
        if not is_public and not opts.with_private:
            raise ConfigurationError(
                f"--subscription: {quoted(name)} is a list that only your own account sees; --with-private exports its works"
            )
        keys += [each.key for each in state.artists[name]] if subscription.of_following else [wanted.key]
    return tuple(keys)


def place_for(form: Form, target: str, archive: Archive) -> Path:
    """Where an export goes. Raises ConfigurationError for what is no such place, and for a place in the archive."""
    if target == STANDARD_OUTPUT and form.target == "stream":
        return Path(target)
    place = expanded(target, "TARGET")
    root = archive.root.resolve()
    # `derived/` is for what may be made again at any time.
    if place.resolve().is_relative_to(root) and not place.resolve().is_relative_to(root / "derived"):
        raise ConfigurationError(
            f"{place} lies in the archive: name a folder elsewhere, or {archive.root / 'derived' / 'export'}"
        )
    if form.target == "folder" and place.exists() and not place.is_dir():
        raise ConfigurationError(f"{place} is no folder: name one, or one that is not there yet")
    if form.target == "stream" and place.is_dir():
        raise ConfigurationError(f"{place} is a folder: name a file in it, as in pixivcrawl export {form.example}")
    if form.target == "stream" and not place.parent.is_dir():
        raise ConfigurationError(f"there is no folder {place.parent}: make it first")
    return place
