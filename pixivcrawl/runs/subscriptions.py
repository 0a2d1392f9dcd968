"""Turns subscriptions into lists for spiders, checked by the spiders' own arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from scrapy.settings import BaseSettings, Settings
from scrapy.spiderloader import SpiderLoader
from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.owned_lists import OwnerArguments
from pixivcrawl.base_spiders.params import ListingArguments, explain
from pixivcrawl.config_file import path_named
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import NO_RUNS, Feed, ListRun, ListRuns
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.session_check import NewsSpider
from pixivcrawl.session import Session, account_names, accounts_folder, reader_of, session_from_settings
from pixivcrawl.spiders.user import UserArguments
from pixivcrawl.subscriptions.file import FILE_NAME, FOLLOWING, REFRESH, Subscription, SubscriptionFile
from pixivcrawl.subscriptions.planning import CrawlScope, WantedList, checked_by_the_feed, may_be_known_by_the_feed

Answer = TypeVar("Answer")

ANY_ARTIST = 1
"""Stands for everyone in the arguments of a subscription to everyone whom the reader follows."""


def file_path(settings: BaseSettings) -> Path:
    """The path of the subscriptions file: SUBSCRIPTIONS, or in the archive."""
    return path_named(settings, "SUBSCRIPTIONS") or Configuration.from_settings(settings).archive_dir / FILE_NAME


class Catalogue:
    """The spiders and the readers, by the names used in subscriptions; turns subscriptions into wanted lists."""

    def __init__(self, settings: Settings, session: Session | None, account: str = "") -> None:
        self.account = account
        self._loader = SpiderLoader.from_settings(settings)
        self._settings = settings
        self._ugoira = Configuration.from_settings(settings).ugoira
        self.session = session

    @property
    def spiders(self) -> list[str]:
        return sorted(self._loader.list())

    def check(self, file: SubscriptionFile) -> None:
        """Raises ConfigurationError, with the line, for arguments that a spider does not take and for a list that appears twice."""
        lists: dict[str, str] = {}
        for subscription in file.subscriptions:
            wanted = self.wanted(file, subscription)
            if (other := lists.setdefault(wanted.key, subscription.name)) != subscription.name:
                raise file.refused(subscription, None, f"reads the same list as {quoted(other)}; leave one of them out")

    def wanted(self, file: SubscriptionFile, subscription: Subscription) -> WantedList:
        """The list that a subscription reads; for a subscription to everyone whom the reader follows, the list of them. Raises as `check`
        does.
        """
        if subscription.of_following:
            self._read(file, subscription, {**subscription.arguments, "id": str(ANY_ARTIST)})
            arguments = {"id": "me", "rest": "both", "reread": "true", "refresh": "true"}
            wanted = _wanted(subscription, self._spider("following", arguments), arguments)
            return replace(wanted, refresh=None)
        spider = self._read(file, subscription, subscription.arguments)
        if subscription.refresh not in (None, REFRESH) and not _compares(spider):
            raise file.refused(subscription, "refresh", f"{spider.name} keeps everything again each time; leave it out")
        return _wanted(subscription, spider, subscription.arguments)

    def artists(
        self, file: SubscriptionFile, subscription: Subscription, followed: Collection[int]
    ) -> Iterator[WantedList]:
        """The lists of the followed artists under a subscription to everyone whom the reader follows."""
        arguments = {**subscription.arguments, "id": str(ANY_ARTIST)}
        like_all = _wanted(subscription, self._read(file, subscription, arguments), arguments)
        for artist in sorted(followed):
            yield replace(
                like_all,
                name=f"{subscription.name}/{artist}",
                arguments={**arguments, "id": str(artist)},
                canonical={**like_all.canonical, "id": [artist]},
                artist=artist if like_all.artist is not None else None,
            )

    def list_of(self, name: str, arguments: Mapping[str, str]) -> WantedList:
        """What one crawl would read. Raises ConfigurationError, as the crawl would."""
        try:
            spider = self._spider(name, arguments)
        except ValidationError as error:
            raise ConfigurationError(explain(name, self._class(name).arguments(), error)) from None
        spider.session = self.session
        spider.require_session()
        return _wanted(Subscription(name, name, arguments, refresh=None), spider, arguments)

    def following(self) -> WantedList:
        """The list of the users whom the reader follows, read whole."""
        subscription = Subscription(FOLLOWING, "user", {}, refresh=None, of_following=True)
        return self.wanted(SubscriptionFile(Path(), "", ()), subscription)

    def news(self) -> WantedList:
        """The reader's feed, for its rows only."""
        arguments = {"files": "false", "detail": "listing"}
        subscription = Subscription(NewsSpider.name, NewsSpider.name, arguments, refresh=None)
        return _wanted(subscription, NewsSpider(**arguments), arguments)

    def _read(
        self, file: SubscriptionFile, subscription: Subscription, arguments: Mapping[str, str]
    ) -> PixivSpider[Any]:
        if subscription.spider not in self.spiders:
            known = ", ".join(self.spiders)
            raise file.refused(
                subscription, "spider", f"{quoted(subscription.spider)} is not a spider; there are: {known}"
            )
        if subscription.of_following and "id" in subscription.arguments:
            raise file.refused(subscription, "id", "the artists are those whom you follow; leave id out")
        try:
            spider = self._spider(subscription.spider, arguments)
        except ValidationError as error:
            location = error.errors()[0]["loc"]
            key = str(location[0]) if location else None
            why = explain(subscription.spider, self._class(subscription.spider).arguments(), error)
            # Its text is about the command line.
            why = why.removeprefix(f"{subscription.spider}: {key}=").replace("-a ", "")
            raise file.refused(subscription, key, why) from None
        except ConfigurationError as error:
            raise file.refused(subscription, "filter", str(error)) from None
        if getattr(spider.args, "account", None):
            raise file.refused(subscription, "account", "follow the artist by id, because a name may change")
        return spider

    def _class(self, name: str) -> type[PixivSpider[Any]]:
        return cast("type[PixivSpider[Any]]", self._loader.load(name))

    def _spider(self, name: str, arguments: Mapping[str, str]) -> PixivSpider[Any]:
        kind = self._class(name)
        spider = kind(**kind.with_filter(arguments, self._settings))
        # As the spider itself sets both when it begins: the ledger knows the list by them.
        if isinstance(spider.args, ListingArguments):
            spider.args.ugoira = spider.args.ugoira or self._ugoira
        owner = spider.args.id if isinstance(spider.args, OwnerArguments) else None
        if owner == "me" and self.session is not None and self.session.user_id is not None:
            spider.args.id = self.session.user_id
        return spider


def of_accounts(
    settings: Settings, session: Session | None, file: SubscriptionFile
) -> Iterator[tuple[Catalogue, SubscriptionFile]]:
    """Each account that the file names, in order, with its subscriptions; `session` is the one without a name.

    Raises ConfigurationError, with the line, for an unknown account and for a session that cannot be used.
    """
    firsts: dict[str, Subscription] = {}
    for subscription in file.subscriptions:
        firsts.setdefault(subscription.account, subscription)
    known = account_names(settings)
    for name, first in firsts.items():
        if name and name not in known:
            there = f"there is {', '.join(map(quoted, known))}" if known else "there is none yet"
            raise file.refused(
                first, "account", f"there is no account {quoted(name)} in {accounts_folder(settings)}: {there}"
            )
        own = as_account(settings, name)
        yield Catalogue(own, session_from_settings(own) if name else session, name), file.of_account(name)


def as_account(settings: Settings, name: str) -> Settings:
    """The settings for reading as another account; the same settings if no account is named."""
    if not name:
        return settings
    of_account = settings.copy()
    of_account.set("PIXIV_ACCOUNT", name, priority="cmdline")
    return of_account


def _wanted(subscription: Subscription, spider: PixivSpider[Any], arguments: Mapping[str, str]) -> WantedList:
    return WantedList(
        name=subscription.name,
        spider=spider.name,
        arguments=dict(arguments),
        canonical=spider.args.canonical(),
        every=subscription.every,
        refresh=subscription.refresh if _compares(spider) else None,
        artist=_whole_artist(spider.args),
        brings=_brings(spider),
        fits=getattr(spider.args, "fits", None),
    )


def _brings(spider: PixivSpider[Any]) -> CrawlScope | None:
    if not isinstance(spider, ListingSpider) or spider.args.rows_are_all:
        return None
    args = spider.args
    again = args.refresh and spider.rereads_on_refresh
    return CrawlScope(args.files, args.enough, args.wants_frames, again, spider.asked_by_name)


def _compares(spider: PixivSpider[Any]) -> bool:
    return "refresh" in type(spider).arguments().model_fields


def _whole_artist(arguments: Any) -> int | None:
    """The artist whose works a list covers without limits, so that the feed shows what is new on it."""
    if not isinstance(arguments, UserArguments) or arguments.id is None or len(arguments.id) != 1:
        return None
    is_part = arguments.type != "all" or arguments.tag is not None or arguments.latest or arguments.only is not None
    return None if is_part or arguments.max_works is not None else arguments.id[0]


@dataclass(frozen=True, slots=True)
class State:
    """The wanted lists and their runs.

    `lists` has each subscription with its list; `artists` has, by the name of a subscription to everyone whom the reader follows, the list
    of each of them, except artists with a subscription of their own. A list for which the feed showed nothing new
    counts as read then. `sizes` is the number of works on each list, by its key. `followed` is whom the reader follows.
    """

    lists: tuple[tuple[Subscription, WantedList], ...]
    artists: Mapping[str, tuple[WantedList, ...]]
    runs: Mapping[str, ListRuns]
    sizes: Mapping[str, int]
    followed: frozenset[int]

    @property
    def wanted(self) -> Iterator[WantedList]:
        """All lists."""
        yield from (wanted for _, wanted in self.lists)
        for of_one in self.artists.values():
            yield from of_one

    def runs_of(self, wanted: WantedList) -> ListRuns:
        return self.runs.get(wanted.key, NO_RUNS)


def look_up(configuration: Configuration, catalogue: Catalogue, file: SubscriptionFile) -> State:
    """The wanted lists, with everything the ledger knows about them. Raises ConfigurationError and StorageFailed."""
    state = read_ledger(configuration, lambda connection: _look_up(connection, catalogue, file))
    return state or State(*_wanted_of(catalogue, file, ()), {}, {}, frozenset())


def read_ledger(configuration: Configuration, query: Callable[[Connection], Answer]) -> Answer | None:
    """What the ledger knows; None if there is none yet."""
    if configuration.database_url.startswith("sqlite") and not configuration.archive.database.exists():
        return None
    ledger = Ledger.open(configuration.database_url, read_only=True)
    try:
        return ledger.read_now(query)
    finally:
        ledger.close()


def _look_up(connection: Connection, catalogue: Catalogue, file: SubscriptionFile) -> State:
    reader = catalogue.session.user_id if catalogue.session is not None else None
    followed = queries.followed_by(connection, reader) if reader is not None else []
    lists, artists = _wanted_of(catalogue, file, followed)
    state = State(lists, artists, {}, {}, frozenset(followed))
    keys = {wanted.key: wanted.is_limited for wanted in state.wanted}
    limited = [key for key, is_limited in keys.items() if is_limited]
    state = replace(
        state,
        runs=queries.runs_of_lists(connection, reader_of(catalogue.session), keys, limited),
        sizes=queries.list_sizes(connection, keys),
    )
    feed = None
    if reader is not None:
        key, people = catalogue.news().key, catalogue.following().key
        feed = queries.feed(connection, key, people, reader_of(catalogue.session))
    return state if feed is None else replace(state, runs={**state.runs, **_checked(connection, state, feed)})


def _wanted_of(
    catalogue: Catalogue, file: SubscriptionFile, followed: Collection[int]
) -> tuple[tuple[tuple[Subscription, WantedList], ...], dict[str, tuple[WantedList, ...]]]:
    """Each subscription with its list, and the lists of the followed artists."""
    lists = tuple((subscription, catalogue.wanted(file, subscription)) for subscription in file.subscriptions)
    taken = {artist for _, wanted in lists if wanted.spider == "user" for artist in wanted.canonical["id"]}
    artists = {}
    for subscription, _ in lists:
        if subscription.of_following:
            artists[subscription.name] = tuple(catalogue.artists(file, subscription, set(followed) - taken))
    return lists, artists


def _checked(connection: Connection, state: State, feed: Feed) -> dict[str, ListRuns]:
    """The artists' lists for which the feed showed nothing new."""
    known = [wanted for wanted in state.wanted if may_be_known_by_the_feed(wanted, state.runs_of(wanted), feed)]
    read = {wanted.key: run for wanted in known if (run := state.runs_of(wanted).read) is not None}
    if not read:
        return {}
    seen = queries.seen_in_feed(connection, feed, min(run.crawl_id for run in read.values()))
    return {
        wanted.key: checked_by_the_feed(state.runs_of(wanted), feed)
        for wanted in known
        if not _has_news(connection, wanted, read[wanted.key], seen.get(wanted.artist or 0, {}))
    }


def _has_news(connection: Connection, wanted: WantedList, read: ListRun, seen: Mapping[int, int]) -> bool:
    """Whether the feed has shown, since the list was read, a work of the artist that is not on the list and that its filters do not leave
    out.
    """
    later = [work_id for work_id, crawl_id in seen.items() if crawl_id > read.crawl_id]
    new = queries.not_on_list(connection, wanted.key, later)
    if not new or wanted.fits is None:
        return bool(new)
    described = queries.described_works(connection, sorted(new))
    return any(work_id not in described or wanted.fits(described[work_id]) is not False for work_id in new)
