"""Plans: what would run and what it would take, estimated from the ledger before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from scrapy.settings import Settings
from sqlalchemy import ColumnElement, Connection

from pixivcrawl.api.text import plural, spoken
from pixivcrawl.api.text import size as spoken_size
from pixivcrawl.base_spiders.many_details import LEAST_FOR_A_REQUEST, WORKS_A_REQUEST
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.continuity import require_ledger
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.queries import NO_RUNS
from pixivcrawl.reader import Reader
from pixivcrawl.runs.queue import Job
from pixivcrawl.runs.subscriptions import Catalogue, read_ledger
from pixivcrawl.session import Session, reader_of, session_from_settings
from pixivcrawl.subscriptions.costs import requests_for
from pixivcrawl.subscriptions.planning import DueList, WantedList
from pixivcrawl.throttling.costs import ENOUGH_FILES, REQUESTS_A_WORK, Speed, speed_of, speed_without_a_ledger


@dataclass(frozen=True, slots=True)
class Cost:
    """What one crawl takes: API requests for its list and for the own pages of `details` works, and known missing files.

    `untold` works have no row yet, which would show how many requests they take. `bytes` is roughly the size of the files, None if
    unknown. `most` is how many works a first reading covers, None for all.
    """

    list_requests: int
    details: int = 0
    details_requests: int = 0
    untold: int = 0
    files: int = 0
    bytes: int | None = None
    most: int | None = None

    @property
    def for_details(self) -> int:
        return self.details_requests + ceil(self.untold * REQUESTS_A_WORK)

    @property
    def has_works(self) -> bool:
        """Whether anything is left to do for known works."""
        return bool(self.details or self.untold or self.files)

    @property
    def requests(self) -> int:
        return self.list_requests + self.for_details


@dataclass(frozen=True, slots=True)
class PlannedList:
    """A crawl that would run: its name, its list, why now, and what it takes."""

    name: str
    due: DueList
    why: str
    cost: Cost


def plan_of_crawl(settings: Settings, spider: str, arguments: Mapping[str, str]) -> Iterator[str]:
    """What one crawl would take, as lines. Raises ConfigurationError and StorageFailed as the crawl itself would."""
    configuration, session = Configuration.from_settings(settings), session_from_settings(settings)
    wanted = Catalogue(settings, session).list_of(spider, arguments)
    require_ledger(read_url(configuration.database_url), configuration.archive)
    compare = arguments.get("refresh") == "true"

    def look(connection: Connection) -> PlannedList:
        limited = [wanted.key] if wanted.is_limited else []
        runs = queries.runs_of_lists(connection, reader_of(session), [wanted.key], limited).get(wanted.key, NO_RUNS)
        works = queries.list_sizes(connection, [wanted.key]).get(wanted.key, 0)
        due = DueList(wanted, None if runs.read is None else runs.read.started, compare)
        cost = cost_of(connection, due, requests_for(due, runs, works), reader_of(session), datetime.now(UTC))
        read = (
            "never read to its end"
            if runs.read is None
            else f"last read {runs.read.started.astimezone():%Y-%m-%d %H:%M}"
        )
        return PlannedList(str(Job(spider, arguments)), due, read, cost)

    known = read_ledger(
        configuration, lambda connection: (look(connection), speed_now(connection, configuration, session))
    )
    if known is None:
        due = DueList(wanted, None, compare)
        cost = Cost(requests_for(due, NO_RUNS, 0), untold=len(named_works(wanted)), most=most_works(wanted))
        known = PlannedList(str(Job(spider, arguments)), due, "never read", cost), speed_without_a_ledger(configuration)
    planned, speed = known
    yield "would run:"
    yield from lines_of_lists([planned])
    yield from lines_of_all([planned], speed, int(session is not None), configuration.throttle_wait)


def costs_of(
    configuration: Configuration, session: Session | None, lists: Sequence[tuple[DueList, int]]
) -> tuple[list[Cost], Speed]:
    """What the lists take, each with the requests for the list itself; and the expected speed."""
    now = datetime.now(UTC)

    def look(connection: Connection) -> tuple[list[Cost], Speed]:
        costs = [cost_of(connection, due, requests, reader_of(session), now) for due, requests in lists]
        return costs, speed_now(connection, configuration, session)

    known = read_ledger(configuration, look)
    return known or ([Cost(requests) for _, requests in lists], speed_without_a_ledger(configuration))


def speed_now(connection: Connection, configuration: Configuration, session: Session | None) -> Speed:
    return speed_of(connection, configuration, reader_of(session), datetime.now(UTC))


def cost_of(connection: Connection, due: DueList, list_requests: int, reader: Reader, now: datetime) -> Cost:
    """What a crawl takes, as far as the ledger knows its works."""
    wanted = due.wanted
    most = most_works(wanted) if due.since is None else None
    if wanted.brings is None:
        return Cost(list_requests, most=most)
    brings = wanted.brings
    come = queries.works_to_come(
        connection,
        works_of(connection, wanted),
        reader=reader,
        now=None if brings.by_name else now,
        files=brings.files,
        enough=brings.enough,
        frames=brings.frames,
        again=brings.again,
    )
    untold = come.left.untold + len(named_works(wanted) - set(queries.known_works(connection, named_works(wanted))))
    many = ceil(come.uncaptioned / WORKS_A_REQUEST) if come.uncaptioned >= LEAST_FOR_A_REQUEST else 0
    told = come.left.to_ask - come.left.untold
    known = queries.measured(connection)
    files, size = (come.stored, come.bytes) if come.stored >= ENOUGH_FILES else (known.files, known.bytes)
    return Cost(
        list_requests,
        details=told,
        details_requests=come.left.requests + many,
        untold=untold,
        files=come.left.files,
        bytes=round(come.left.files * size / files) if files else None,
        most=most,
    )


def works_of(connection: Connection, wanted: WantedList) -> ColumnElement[bool]:
    """The works of a crawl: those left on its list or, if it never ran, those that its arguments name."""
    if wanted.spider == "artwork" and wanted.canonical.get("backfill"):
        return queries.known_from_rows()
    if wanted.spider == "artwork":
        return queries.with_ids(named_works(wanted))
    if queries.list_is_known(connection, wanted.key) or wanted.spider != "user":
        return queries.on_list(wanted.key)
    return queries.of_artists(wanted.canonical["id"] or ())


def named_works(wanted: WantedList) -> set[int]:
    return set(wanted.canonical["id"] or ()) if wanted.spider == "artwork" else set()


def most_works(wanted: WantedList) -> int | None:
    return int(wanted.arguments["max_works"]) if wanted.is_limited else None


def lines_of_lists(planned: Sequence[PlannedList]) -> Iterator[str]:
    """One line for each crawl: why it runs, and what it takes."""
    for each in planned:
        yield f"  {each.name}: {'; '.join([each.why, *_parts(each.due, each.cost)])}"


def _parts(due: DueList, cost: Cost) -> Iterator[str]:
    if due.since is None and due.wanted.spider != "artwork":
        yield "a first reading" + (f" of at most {plural(cost.most, 'work')}" if cost.most else "")
    elif cost.list_requests:
        yield f"about {plural(cost.list_requests, 'request')}"
    if cost.details + cost.untold:
        yield f"{plural(cost.details + cost.untold, 'detail')} to come, about {plural(cost.for_details, 'request')}"
    if cost.files:
        yield f"{plural(cost.files, 'file')} to come{_about_size(cost.bytes)}"


def _about_size(size: int | None) -> str:
    return "" if size is None else f", about {spoken_size(size)}"


def lines_of_all(planned: Sequence[PlannedList], speed: Speed, more: int, wait: float) -> Iterator[str]:
    """What all crawls take together: requests, including `more` that belong to none of them, and pictures, each with its time.

    `wait`: the seconds after which what comes back empty is looked at again.
    """
    costs = [each.cost for each in planned]
    requests = more + sum(cost.requests for cost in costs)
    lists = [each for each in planned if each.due.wanted.spider != "artwork"]
    new = [each for each in lists if each.due.since is None]
    first = f"; {plural(len(new), 'list')} read for the first time, which takes longer" if new else ""
    once = f"; {spoken(wait)} more, once, if lists come back empty" if new and wait else ""
    taken = f"about {plural(requests, 'API request')}, {speed.time_for(requests)} at the current pace"
    yield taken + (f"; new works come on top{first}{once}" if lists else "")
    if files := sum(cost.files for cost in costs):
        sizes = [cost.bytes for cost in costs if cost.files]
        size = None if None in sizes else sum(filter(None, sizes))
        lasts = speed.time_for_pictures(files, size)
        time = (
            "the time is unknown until the first pictures arrive"
            if lasts is None
            else f"about {lasts} at the speed of earlier runs"
        )
        yield f"pictures, in addition to the requests: {plural(files, 'file')}{_about_size(size)}, {time}"
    if untold := sum(cost.untold for cost in costs):
        yield f"{plural(untold, 'work')}: the number of files is unknown until their own pages are read"
    if any(each.due.wanted.brings is not None and each.due.wanted.brings.enough == "full" for each in lists):
        requests = ceil(100 * REQUESTS_A_WORK)
        yield f"each 100 new works: their pictures first, then about {requests} requests, {speed.time_for(requests)}"
