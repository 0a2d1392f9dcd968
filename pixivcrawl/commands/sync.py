"""`pixivcrawl sync`: whatever is due of what is followed, one after another; for a timer."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from scrapy.commands import ScrapyCommand
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError

from pixivcrawl.api.text import plural, quoted
from pixivcrawl.archive.lock import held_for_all_runs
from pixivcrawl.base_spiders.rechecks import RECHECKS_DEFERRED
from pixivcrawl.commands.crawl import add_wait, in_lane, introduce
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import add_quiet, obey_quiet, say, show_any_text
from pixivcrawl.errors import ArchiveInUse, ConfigurationError, PixivcrawlError
from pixivcrawl.extensions.progress.terminal import OverallProgress
from pixivcrawl.extensions.run_record import FAILED, INTERRUPTED
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import UNREACHABLE
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.notifications.state import Outcome
from pixivcrawl.runs.exit_codes import complain
from pixivcrawl.runs.notify import notify_of
from pixivcrawl.runs.plans import Cost, PlannedList, costs_of, lines_of_all, lines_of_lists
from pixivcrawl.runs.queue import ENDS_ALL, ENDS_EVERY_ACCOUNT, Job, brought, job_of, outcomes, run_all, worst
from pixivcrawl.runs.session_check import NewsSpider
from pixivcrawl.runs.signals import nothing_to_stop, stop_crawls, stop_on_signals
from pixivcrawl.runs.subscriptions import Catalogue, State, file_path, look_up, of_accounts
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.subscriptions.costs import requests_for, requests_for_following
from pixivcrawl.subscriptions.file import SubscriptionFile, read_file
from pixivcrawl.subscriptions.planning import DueList, WantedList, due, next_turn, within_share
from pixivcrawl.throttling.costs import Speed, speed_without_a_ledger

SHARE = 4
"""One part in so many of a day's API requests may go to comparing what is known."""

GIVE_UP_AFTER = 3
"""So many lists in a row for which pixiv could not be reached at all, and the network is down."""

DAY = timedelta(days=1)


class Command(ScrapyCommand):
    requires_project = True
    example = "sync --plan"

    def short_desc(self) -> str:
        return "Run what is due of what is followed; for a timer"

    def long_desc(self) -> str:
        return (
            "Runs every subscription that is due, the most overdue first, one after another, and ends: pixivcrawl sync. "
            "It has no loop of its "
            "own; a timer calls it as often as you like, and what is not due costs nothing. What was missed is caught up with once. "
            "--plan shows what would run and sends nothing. The exit code is the worst of the runs', as of one crawl; 3 when another "
            "run uses the archive."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        add_wait(parser)
        parser.add_argument("--all", action="store_true", help="everything, due or not")
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="NAME",
            help="this subscription alone, due or not; of following the artists who are due (may be repeated)",
        )
        parser.add_argument(
            "--plan", action="store_true", help="show what would run and what it would take; send nothing"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        show_any_text()
        obey_quiet(opts, self.settings)
        stop_on_signals(nothing_to_stop, str)
        if args:
            raise UsageError(f"sync takes no {quoted(args[0])}; name a subscription with --only", print_help=False)
        try:
            configuration = Configuration.from_settings(self.settings)
            session = session_from_settings(self.settings)
            file = read_file(file_path(self.settings))
            parts = [*of_accounts(self.settings, session, file)] or [(Catalogue(self.settings, session), file)]
            introduce(configuration, *(catalogue.session for catalogue, _ in parts), sends=not opts.plan)
            for catalogue, part in parts:
                checked(catalogue, part, opts.only)
        except PixivcrawlError as error:
            sys.exit(complain(error))
        only = frozenset(opts.only)
        self.syncs = [
            Sync(configuration, catalogue, part, everything=opts.all, only=only, budget=configuration.api_budget)
            for catalogue, part in parts
            if not only or only & {subscription.name for subscription in part.subscriptions}
        ]

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        began = datetime.now(UTC)
        ended = []
        try:
            self.exitcode = self.show_plan() if opts.plan else self.run_due(wait=opts.wait)
        except PixivcrawlError as error:
            self.exitcode = complain(error)
            ended.append(Outcome("sync", self.exitcode, str(error)))
        ran = [job for sync in self.syncs for job in sync.ran]
        if not opts.plan and (ran or self.exitcode != ArchiveInUse.exit_code):
            notify_of(self.settings, began, [*outcomes(ran), *ended], weekly=True)

    def show_plan(self) -> int:
        """Say what would run, and send nothing."""
        for sync in self.syncs:
            if sync.catalogue.account:
                print(f"as {sync.catalogue.account}:")
            for line in plan_lines(sync, sync.state(), sync.plan(), datetime.now(UTC)):
                print(line)
        return 0

    def run_due(self, *, wait: bool) -> int:
        assert isinstance(self.crawler_process, AsyncCrawlerProcess)
        configuration = self.syncs[0].configuration
        archive = configuration.archive
        archive.create(configuration.archive_readers)
        with held_for_all_runs(archive, "sync"):
            # Made, or brought up to date, before anything is read from it.
            Ledger.open(configuration.database_url, archive=archive).close()
            due = [sync for sync in self.syncs if sync.plan()]
            if not due:
                for sync in self.syncs:
                    say(sync.next_time())
                return 0
            process, begun = self.crawler_process, due[:1]
            stop_on_signals(partial(stop_crawls, process), lambda: "\n".join([*report(due), ""]))
            run_all(process, in_turns(due, begun, wait=wait), lambda: begun[-1].overall())
        say("\n".join(report(due)))
        codes = [sync.exit_code() for sync in due]
        return next((code for code in codes if code in ENDS_EVERY_ACCOUNT), max(codes))


async def in_turns(syncs: Sequence[Sync], begun: list[Sync], *, wait: bool) -> AsyncIterator[Job]:
    """The crawls of one account after those of another, each in its account's lane; what ends one's does not end another's."""
    for sync in syncs:
        begun.append(sync)
        with ExitStack() as until_done:
            lane = in_lane(sync.configuration, sync.catalogue.session, "sync", wait=wait)
            try:
                # It may be waited for long.
                await asyncio.to_thread(until_done.enter_context, lane)
            except ArchiveInUse as in_use:
                complain(in_use)
                sync.refusal = in_use
                continue
            async for job in sync.jobs():
                yield job
        if sync.exit_code() in ENDS_EVERY_ACCOUNT:
            return


def report(syncs: Sequence[Sync]) -> list[str]:
    return [line for sync in syncs for line in sync.report()]


def checked(catalogue: Catalogue, file: SubscriptionFile, only: Sequence[str]) -> SubscriptionFile:
    """The file. Raises ConfigurationError for what is wrong in it, for one that is empty, and for names that it does not hold."""
    known = [subscription.name for subscription in file.whole or file.subscriptions]
    if not known:
        raise ConfigurationError(f"{file.path} has no subscriptions yet; begin with: pixivcrawl subscribe URL")
    if unknown := [name for name in only if name not in known]:
        there = ", ".join(map(quoted, known))
        raise ConfigurationError(f"--only: there is no subscription {quoted(unknown[0])}; there is: {there}")
    catalogue.check(file)
    return file


@dataclass(slots=True)
class Sync:
    """One sync: what is due, and the results.

    `everything`: due or not. `only` names the subscriptions to run, due or not (of one to all whom the reader follows, the artists who are
    due); empty for all that are due. `budget` is how many API requests a day may take, 0 for any number.
    """

    configuration: Configuration
    catalogue: Catalogue
    file: SubscriptionFile
    everything: bool
    only: frozenset[str]
    budget: int
    ran: list[Job] = field(default_factory=list)
    left: list[DueList] = field(default_factory=list)
    without_news: int = 0
    ended: str = ""
    finished: bool = False
    refusal: PixivcrawlError | None = None
    _read: set[str] = field(default_factory=set)
    _unreachable: int = 0
    _costs: dict[str, Cost] = field(default_factory=dict)
    _speed: Speed | None = None

    # What is to be done

    def plan(self) -> list[DueList]:
        """What is to be read now, without what this sync has read."""
        now = datetime.now(UTC)
        state = self.state()
        chosen = [wanted for subscription, wanted in state.lists if self._is_chosen(subscription.name)]
        artists = [wanted for name, of_it in state.artists.items() if self._is_chosen(name) for wanted in of_it]
        forced = {wanted.key for wanted in chosen} if self.everything or self.only else set()
        if self.everything:
            forced |= {wanted.key for wanted in artists}
        planned = due([*chosen, *artists], state.runs, now, forced)
        lists = [(each, self.cost(state, each)) for each in planned]
        costs, self._speed = costs_of(self.configuration, self.catalogue.session, lists)
        self._costs = {each.wanted.key: cost for each, cost in zip(planned, costs, strict=True)}
        if any(each.compare for each in planned):
            planned = within_share(planned, lambda each: self.cost(state, each), self._share(now))
        return [each for each in planned if each.wanted.key not in self._read]

    def state(self) -> State:
        return look_up(self.configuration, self.catalogue, self.file)

    def cost(self, state: State, planned: DueList) -> int:
        """About how many API requests the list takes, without its works."""
        wanted = planned.wanted
        if wanted.spider == "following" and wanted.key == self.catalogue.following().key:
            return requests_for_following(len(state.followed))
        return requests_for(planned, state.runs_of(wanted), state.sizes.get(wanted.key, 0))

    def asks_the_feed(self, state: State, plan: Sequence[DueList], *, people_read: bool) -> bool:
        """Whether the feed, and before it the list of those followed, takes fewer requests than asking the artists one by one."""
        session = self.catalogue.session
        if self.everything or session is None or session.user_id is None:
            return False
        told = [each.wanted for each in plan if each.wanted.artist is not None and not each.compare]
        if state.followed:
            told = [wanted for wanted in told if wanted.artist in state.followed]
        people = 0 if people_read else requests_for_following(len(state.followed))
        return len(told) > people + 1

    def _is_chosen(self, name: str) -> bool:
        return not self.only or name in self.only

    def _share(self, now: datetime) -> int:
        """How many API requests may still go to comparisons today."""
        whole = self.budget or self.speed.requests_a_day
        return whole // SHARE - self.spent(now, full_readings=True)

    @property
    def speed(self) -> Speed:
        return self._speed or speed_without_a_ledger(self.configuration)

    def spent(self, now: datetime, *, full_readings: bool = False) -> int:
        """How many API requests the runs of the last day took."""
        ledger = Ledger.open(self.configuration.database_url, read_only=True)
        try:
            reader = reader_of(self.catalogue.session)
            return ledger.read_now(queries.api_requests_since, now - DAY, reader, full_readings=full_readings)
        finally:
            ledger.close()

    # Doing it

    async def jobs(self) -> AsyncIterator[Job]:
        """The crawls, each known when the one before it is over."""
        plan = await asyncio.to_thread(self.plan)
        self.left = plan
        people_read = False
        following = self.catalogue.following().key
        for each in plan:
            if each.wanted.key == following:
                async for job in self._run(replace(job_of(each), decides_the_rest=True), each.wanted):
                    yield job
                    people_read = job.exit_code == 0
        plan = await asyncio.to_thread(self.plan)
        if self.asks_the_feed(await asyncio.to_thread(self.state), plan, people_read=people_read):
            async for job in self._ask_the_feed(people_read=people_read):
                yield job
            before = len(plan)
            plan = await asyncio.to_thread(self.plan)
            self.without_news = before - len(plan)
        self.left = list(plan)
        for each in plan:
            async for job in self._run(job_of(each), each.wanted):
                yield job
        self.finished = True

    async def _ask_the_feed(self, *, people_read: bool) -> AsyncIterator[Job]:
        """The feed, after the list of those whom it shows: it says nothing of anyone else."""
        if not people_read:
            following = self.catalogue.following()
            people = Job("following", following.arguments, name="whom you follow", decides_the_rest=True)
            async for job in self._run(people, following):
                yield job
                people_read = job.exit_code == 0
        if people_read:
            news = self.catalogue.news()
            async for job in self._run(Job(NewsSpider, news.arguments, name="what is new from whom you follow"), news):
                yield job

    async def _run(self, job: Job, wanted: WantedList | None = None) -> AsyncIterator[Job]:
        """Give the job, unless something ends the sync before it, and handle its result."""
        if self.ended or worst(self.ran) in ENDS_ALL:
            return
        if self.budget and await asyncio.to_thread(self.spent, datetime.now(UTC)) >= self.budget:
            self.ended = (
                f"the {self.budget:,} API requests of a day (PIXIV_API_BUDGET) are used up; the next sync goes on"
            )
            return
        job.account = self.catalogue.account
        self.ran.append(job)
        yield job
        if wanted is not None:
            self._read.add(wanted.key)
            self.left = [each for each in self.left if each.wanted.key != wanted.key]
        self._unreachable = self._unreachable + 1 if UNREACHABLE in job.counts else 0
        if self._unreachable >= GIVE_UP_AFTER:
            self.ended = f"pixiv could not be reached {self._unreachable} times in a row: look at the network; the next sync goes on"

    # What came of it

    def exit_code(self) -> int:
        """The worst of the jobs'; 1 at least where something had to be left for the next sync."""
        if self.refusal is not None:
            return self.refusal.exit_code
        code = worst(self.ran)
        if code in ENDS_ALL:
            return code
        if not self.finished:
            return INTERRUPTED
        return max(code, FAILED) if self.ended else code

    def report(self) -> list[str]:
        """What each brought, for a person: a line each."""
        who = f", as {self.catalogue.account}" if self.catalogue.account else ""
        lines = ["", f"what each brought{who}:", *(f"  {job}: {brought(job)}" for job in self.ran)]
        if self.without_news:
            lines.append(f"  the feed shows nothing new of {plural(self.without_news, 'artist')}")
        if ended := self.ended or str(self.refusal or ""):
            lines.append(ended)
        if self.left:
            lines.append(f"not begun: {len(self.left):,} that are due; the next sync goes on with them")
        return lines

    def overall(self) -> OverallProgress:
        """Where the sync stands."""
        done = sum(job.exit_code is not None for job in self.ran)
        under_way = self.ran[-1] if self.ran and self.ran[-1].exit_code is None else None
        current = "" if under_way is None else under_way.name or str(under_way)
        left = [each for each in self.left if each.wanted.name != current]
        requests = sum(self.whole_cost(each).requests for each in left)
        seconds = self.speed.time_for(requests).total_seconds()
        if any(RECHECKS_DEFERRED in job.counts for job in self.ran):
            # What came back empty is asked for again at the very end.
            seconds = max(seconds, self.configuration.throttle_wait)
        return OverallProgress("sync", done, done + len(left) + (under_way is not None), current, seconds)

    def whole_cost(self, planned: DueList) -> Cost:
        """What was reckoned for a list and its works when the plan was made."""
        return self._costs.get(planned.wanted.key, Cost(1))

    def next_time(self) -> str:
        """What to say when nothing is due."""
        now = datetime.now(UTC)
        state = self.state()
        moments = [
            (moment, wanted) for wanted in state.wanted if (moment := next_turn(wanted, state.runs_of(wanted), now))
        ]
        moment, wanted = min(moments, key=lambda each: each[0])
        return f"nothing is due; next: {wanted.name}, {moment.astimezone():%Y-%m-%d %H:%M}"


def plan_lines(sync: Sync, state: State, plan: Sequence[DueList], now: datetime) -> Iterator[str]:
    """What would run, what it would take, and how long, for a person."""
    if not plan:
        yield sync.next_time()
        return
    yield "would run:"
    total = int(sync.catalogue.session is not None)
    asks_the_feed = sync.asks_the_feed(state, plan, people_read=False)
    lists = plan
    if asks_the_feed:
        told = [
            each
            for each in plan
            if each.wanted.artist in state.followed
            and not each.compare
            and each.since is not None
            and not sync.whole_cost(each).has_works
        ]
        requests = requests_for_following(len(state.followed)) + 1
        yield f"  the followed artists and what is new from them ({plural(len(told), 'artist')} here): about {plural(requests, 'request')}"
        following = sync.catalogue.following().key
        lists = [each for each in plan if each not in told and each.wanted.key != following]
        total += requests
    planned = [PlannedList(str(job_of(each)), each, why(each), sync.whole_cost(each)) for each in lists]
    yield from lines_of_lists(planned)
    yield from lines_of_all(planned, sync.speed, total, sync.configuration.throttle_wait)
    if sync.budget:
        yield f"of {sync.budget:,} API requests a day (PIXIV_API_BUDGET), {max(0, sync.budget - sync.spent(now)):,} are left"


def why(planned: DueList) -> str:
    if planned.since is None:
        return "never read"
    compared = "to be compared" if planned.compare else ""
    since = "" if planned.extra else f"due since {planned.since.astimezone():%Y-%m-%d %H:%M}"
    return " and ".join(filter(None, [since, compared]))
