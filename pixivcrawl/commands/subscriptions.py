"""`pixivcrawl subscriptions`: lists what is followed, how its last run ended, and when it is next due."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime

from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, plural
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.extensions.run_record import told
from pixivcrawl.ledger.queries import NO_RUNS, ListRun, ListRuns
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.subscriptions import State, file_path, look_up, of_accounts
from pixivcrawl.session import session_from_settings
from pixivcrawl.subscriptions.file import Subscription, read_file
from pixivcrawl.subscriptions.intervals import interval_text
from pixivcrawl.subscriptions.planning import WantedList, next_comparison, next_reading

RESULT_COUNTS = ("works_read", "files_stored", "works_failed", "files_failed", "lists_failed")
"""The counts of a run that show what it brought, in this order."""


class Command(ArchiveCommand):
    example = "subscriptions --all"

    def short_desc(self) -> str:
        return "List what is followed: last run, what it brought, and when it is next due"

    def long_desc(self) -> str:
        return (
            "Reads subscriptions.toml and the ledger, sends nothing to pixiv, and can run beside a crawl. For a "
            "subscription to everyone whom you follow, --all shows a line for each of them."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--all", action="store_true", help="also show a line for each artist whom you follow")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        configuration = Configuration.from_settings(settings)
        file = read_file(file_path(settings))
        if not file.subscriptions:
            raise ConfigurationError(f"{file.path} has no subscriptions yet; begin with: pixivcrawl subscribe URL")
        parts = list(of_accounts(settings, session_from_settings(settings), file))
        for catalogue, part in parts:
            catalogue.check(part)
        print(f"subscriptions: {file.path}")
        for catalogue, part in parts:
            if catalogue.account:
                print(f"as {catalogue.account}:")
            for line in listed(look_up(configuration, catalogue, part), datetime.now(UTC), everyone=opts.all):
                print(line)
        return 0


def listed(state: State, now: datetime, *, everyone: bool) -> Iterator[str]:
    """A line for each subscription, and an indented one for what it stands for."""
    for subscription, wanted in state.lists:
        yield f"{line(wanted, state.runs_of(wanted), now)}"
        if subscription.of_following:
            yield from artists(state, subscription, now, everyone=everyone)


def line(wanted: WantedList, runs: ListRuns, now: datetime) -> str:
    arguments = one_line(" ".join(f"{name}={value}" for name, value in wanted.arguments.items()))
    return (
        f"{wanted.name}: {wanted.spider} {arguments}, every {interval_text(wanted.every)}; "
        f"{last(runs.last)}; {following(wanted, runs, now)}"
    )


def last(run: ListRun | None) -> str:
    """How the last run ended, and what it brought."""
    if run is None:
        return "not run yet"
    ended = run.outcome or "under way, or killed"
    reason = f" ({one_line(run.reason, 80)})" if run.reason else ""
    brought = [told(name, run.counts[name]) for name in RESULT_COUNTS if run.counts.get(name)]
    news = ", ".join(brought) if brought else "nothing new"
    return f"last {at(run.started)} {ended}{reason}: {news}"


def following(wanted: WantedList, runs: ListRuns, now: datetime) -> str:
    """When it is next due, and when its known works are compared."""
    reading, comparison = next_reading(wanted, runs, now), next_comparison(wanted, runs, now)
    due = "due now" if reading is None or reading <= now else f"due {at(reading)}"
    failed = f", could not be read {plural(len(runs.failed), 'time')}" if runs.failed else ""
    compared = f", compared {at(max(comparison, now))}" if comparison is not None else ""
    return f"{due}{failed}{compared}"


def artists(state: State, subscription: Subscription, now: datetime, *, everyone: bool) -> Iterator[str]:
    of_it = state.artists[subscription.name]
    read = [state.runs_of(wanted).read for wanted in of_it]
    waiting = sum(due is None or due <= now for due in (next_reading(each, state.runs_of(each), now) for each in of_it))
    works = sum(run.counts.get("works_read", 0) for run in read if run is not None)
    yield (
        f"  {plural(len(of_it), 'artist')}: {sum(run is not None for run in read):,} read, {waiting:,} due now; "
        f"{plural(works, 'work')} requested by their last runs"
    )
    if everyone:
        yield from (f"  {line(wanted, state.runs.get(wanted.key, NO_RUNS), now)}" for wanted in of_it)


def at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
