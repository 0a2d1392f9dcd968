"""The ledger at a million works, ten million tag links and three million files: recording, look-ups, what `status` asks, what is to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from scrapy.settings import Settings
from sqlalchemy import Connection, Engine, event

from benchmarks.building import copy_to_server, database_url, fill, make_tables
from benchmarks.measuring import Row, own_environment, run, table, write_json
from pixivcrawl.api.catalogue import USER_PROFILE_ILLUSTS
from pixivcrawl.api.text import plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.items import Artwork, Facts, Original, ProvenOriginal, StagedOriginal, StoredOriginal, Tag
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.answer import StoredAnswer
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import VISITOR
from pixivcrawl.reporting.overview import ArchiveOverview, archive_overview
from pixivcrawl.reporting.status_text import LINES
from pixivcrawl.spiders.user import UserArguments
from pixivcrawl.throttling.costs import speed_of

GREATEST = 1
"""The artist who has a tenth of all works; the others share the rest."""

TAGS, FILES = 10, 3
IN_FLIGHT = 32
UPLOADED = datetime(2026, 11, 1, tzinfo=UTC)

COLUMNS = {"what": str, "figure": str, "by processor time": str, "unit": str, "aim": str}


def main() -> int:
    options = _parser().parse_args()
    archive = options.folder / f"ledger-{options.works}-{options.artists}"
    if not archive.exists():
        began = time.monotonic()
        build(archive, options.works, options.artists)
        print(f"built in {time.monotonic() - began:.0f} s: {archive}", file=sys.stderr)
    url = options.server or database_url(archive)
    if options.server:
        archive = archive.with_name(f"{archive.name}-server")
        if not archive.exists():
            began = time.monotonic()
            copy_to_server(options.folder / f"ledger-{options.works}-{options.artists}", url)
            Archive(archive).create()
            print(f"copied in {time.monotonic() - began:.0f} s to the server", file=sys.stderr)
    configuration = configured(archive)
    ledger = Ledger.open(url, archive=Archive(archive))
    try:
        with statements() as sent:
            rows = [
                *reading(ledger, configuration, options.works),
                *asyncio.run(recording(ledger, options.record, options.works)),
            ]
            scanning = [] if options.server else scans(ledger, sent)
    finally:
        ledger.close()
    if options.server:
        rows += recorded_together(url, archive, options.writers, options.record, options.works)
    else:
        rows.append(
            {"what": "statements that look at a whole table", "figure": str(len(scanning)), "aim": "status alone"}
        )
    rows.append(status_command(archive, url))
    print(table(rows, COLUMNS))
    write_json(options.json, "ledger", rows)
    return 0


def configured(archive: Path) -> Configuration:
    settings = Settings({"ARCHIVE_DIR": str(archive)})
    settings.setmodule("settings.default", priority="default")
    return Configuration.from_settings(settings)


def build(archive: Path, works: int, artists: int) -> None:
    made = archive.with_name(f"{archive.name}.new")
    make_tables(made)
    owners = ((number, GREATEST if number % 10 == 0 else 2 + number % (artists - 1)) for number in range(1, works + 1))
    asked = {user_id: UserArguments(id=[user_id]).canonical() for user_id in range(1, artists + 1)}
    fill(made, owners, tags=TAGS, files=FILES, arguments=asked)
    made.rename(archive)


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def each(what: str, repeat: int, call: Callable[[], Any], aim: str = "") -> Row:
    """What one call takes: the median of `repeat`, in milliseconds."""
    taken, busy = [], []
    for _ in range(repeat):
        began, worked = time.perf_counter(), time.process_time()
        call()
        taken.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    milliseconds = [shown(1000 * statistics.median(values)) for values in (taken, busy)]
    return {"what": what, "figure": milliseconds[0], "by processor time": milliseconds[1], "unit": "ms", "aim": aim}


async def rate(what: str, count: int, doing: Awaitable[Any], aim: str = "") -> Row:
    """How many of `count` things are done in a second; by processor time: if this process alone had a core."""
    began, worked = time.perf_counter(), time.process_time()
    await doing
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    figures = {"figure": shown(count / seconds), "by processor time": shown(count / busy)}
    return {"what": what, **figures, "unit": "a second", "aim": aim}


def status(connection: Connection, configuration: Configuration) -> ArchiveOverview:
    """What `pixivcrawl status` reads for a visitor."""
    now = datetime.now(UTC)
    speed = speed_of(connection, configuration, VISITOR, now)
    return archive_overview(connection, configuration, speed.for_works, now, LINES)


def reading(ledger: Ledger, configuration: Configuration, works: int) -> Iterator[Row]:
    dice = random.Random(3)

    def some() -> list[int]:
        return [dice.randrange(1, works) for _ in range(48)]

    ledger.read_now(queries.known_works, [1])
    yield each("48 known works looked up", 300, lambda: ledger.read_now(queries.known_works, some()), "< 1")
    yield each("48 works with their tags", 100, lambda: ledger.read_now(queries.described_works, some()))
    yield each("what `status` asks", 3, lambda: ledger.read_now(status, configuration), "< 1,000")
    yield each("of it totals and artists", 3, lambda: ledger.read_now(queries.status_of_works, 20))
    yield each("of it what is missing", 3, lambda: ledger.read_now(queries.status_missing, 20))
    yield each("of it what is unavailable", 3, lambda: ledger.read_now(queries.status_unavailable, 20))


def recorded_together(url: str, archive: Path, writers: int, count: int, works: int) -> list[Row]:
    """What that many machines record at once, each with a journal of its own, beside one of them."""
    rows = []
    for number in (1, writers):
        with ProcessPoolExecutor(number, mp_context=get_context("spawn")) as processes:
            # A start of its own for each, so that what is measured is not the imports.
            list(processes.map(time.sleep, [0.5] * number))
            first = 1_000 * works + 10 * count * round(time.time())
            parts = [(url, archive / f"writer-{part}", first + 2 * part * count, count) for part in range(number)]
            spans = list(processes.map(record_alone, parts))
        seconds = max(ended for _, ended, _ in spans) - min(began for began, _, _ in spans)
        busy = sum(worked for *_, worked in spans)
        figures = {"figure": shown(number * count / seconds), "by processor time": shown(number * count / busy)}
        rows.append({"what": f"works in full by {plural(number, 'writer')} at once", **figures, "unit": "a second"})
    return rows


def record_alone(part: tuple[str, Path, int, int]) -> tuple[float, float, float]:
    """Record works in full, in a process of its own: when it began and ended, and its processor time."""
    url, folder, first, count = part
    archive = Archive(folder)
    archive.create()
    now = datetime.now(UTC)
    artworks = [an_artwork(first + number, first) for number in range(count)]
    ledger = Ledger.open(url, archive=archive)
    try:
        began, worked = time.time(), time.process_time()
        asyncio.run(at_once([partial(record_work, ledger, artwork, now) for artwork in artworks]))
        return began, time.time(), time.process_time() - worked
    finally:
        ledger.close()


async def recording(ledger: Ledger, count: int, works: int) -> list[Row]:
    """Archive the works of one more artist with the functions that a run uses, as many at a time as a run has open."""
    now = datetime.now(UTC)
    first = max(10 * works, ledger.read_now(_highest_work))
    user_id = first
    artworks = [an_artwork(first + number, user_id) for number in range(1, count + 1)]
    rows_of_others = [an_artwork(first + count + number, user_id, detail="listing") for number in range(1, count + 1)]
    stored = [as_stored(original) for artwork in artworks for original in artwork.originals]
    crawl = await ledger.write(updates.begin_crawl, "user", UserArguments(id=[user_id]).canonical(), now)

    async def list_them() -> None:
        await ledger.write(updates.record_listing, crawl.crawl_id, [one.work_id for one in artworks], None, now)

    async def list_rows() -> None:
        for start in range(0, count, 100):
            await record_page(ledger, rows_of_others[start : start + 100], now)

    def to_do(crawl_id: int) -> Any:
        return ledger.read_now(queries.works_to_ask, crawl_id, 0, 100, reader=VISITOR, now=now, enough="full")

    rows = [
        await rate("ids listed for the first time", count, list_them()),
        each("the first 100 works to do", 20, lambda: to_do(crawl.crawl_id)),
        each(f"nothing to do on a list of {works // 10:,}", 20, lambda: to_do(GREATEST)),
        await rate(
            "works recorded in full, with body and journal",
            count,
            at_once([partial(record_work, ledger, artwork, now) for artwork in artworks]),
            "> 1,500",
        ),
        await rate(
            "files recorded, intent and stored",
            len(stored),
            at_once([partial(record_file, ledger, one, now) for one in stored]),
        ),
        await rate("list rows recorded, a hundred at a time", count, list_rows(), "> 1,500"),
    ]
    done: dict[str, Any] = {"outcome": "complete", "exit_code": 0, "counts": {}, "read_to_end": True, "now": now}
    await ledger.write(partial(updates.end_crawl, crawl_id=crawl.crawl_id, **done))
    return rows


def _highest_work(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT max(id) FROM artworks").scalar_one())


async def record_work(ledger: Ledger, artwork: Artwork, now: datetime) -> None:
    await ledger.write(
        updates.record_answer,
        StoredAnswer("illust.detail", {"id": artwork.work_id}, body_of(artwork), now, URL.format(artwork.work_id)),
    )
    await ledger.write(updates.record_facts, Facts(artworks=(artwork,)), now)


async def record_page(ledger: Ledger, rows: Sequence[Artwork], now: datetime) -> None:
    body = {"works": {str(row.work_id): row_of(row) for row in rows}}
    payload = json.dumps({"error": False, "message": "", "body": body}).encode()
    asked = {"id": rows[0].user_id, "ids": [row.work_id for row in rows]}
    answer = StoredAnswer(USER_PROFILE_ILLUSTS.name, asked, payload, now, URL.format(rows[0].work_id))
    await ledger.write(updates.record_answer, answer, Facts(artworks=tuple(rows)))


async def record_file(ledger: Ledger, stored: StoredOriginal, now: datetime) -> None:
    await ledger.write(updates.record_intent, stored, now)
    await ledger.write(updates.record_stored, stored, now)


async def at_once(tasks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all, as many at a time as a run has open, in order."""
    waiting = iter(tasks)

    async def go_on() -> None:
        for task in waiting:
            await task()

    await asyncio.gather(*(go_on() for _ in range(IN_FLIGHT)))


def an_artwork(work_id: int, user_id: int, *, detail: Any = "full") -> Artwork:
    revision = f"{UPLOADED + timedelta(seconds=work_id % 1_000_000):%Y%m%d%H%M%S}"
    originals = tuple(
        Original(
            work_id,
            user_id,
            page,
            revision,
            f"https://i.pximg.net/img-original/img/{revision}/{work_id}_p{page}.jpg",
            "jpg",
            UPLOADED,
            1200,
            1600,
        )
        for page in range(FILES)
    )
    return Artwork(
        work_id=work_id,
        user_id=user_id,
        user_name=f"artist {user_id}",
        title=f"title of {work_id}",
        kind="illust",
        page_count=FILES,
        detail=detail,
        caption=f"What the artist says of {work_id}. " * 3,
        tags=tuple(Tag(f"tag {1 + work_id * 31 * place % (10 * 2**place)}") for place in range(1, TAGS + 1)),
        created=UPLOADED,
        uploaded=UPLOADED,
        width=1200,
        height=1600,
        x_restrict=0,
        restrict=0,
        ai_type=1,
        sanity_level=2,
        bookmark_count=work_id % 997,
        like_count=work_id % 499,
        comment_count=0,
        view_count=work_id % 9973,
        revision=revision,
        originals=originals if detail == "full" else (),
    )


URL = "https://www.pixiv.net/ajax/illust/{}?lang=en"


def body_of(artwork: Artwork) -> bytes:
    """About as long and as regular as what pixiv answers."""
    tags = [
        {"tag": tag.name, "locked": True, "deletable": False, "userId": str(artwork.user_id)} for tag in artwork.tags
    ]
    near = {str(artwork.work_id + step): None for step in range(100)}
    body = {"id": str(artwork.work_id), "title": artwork.title, "tags": {"tags": tags}, "userIllusts": near}
    return json.dumps({"error": False, "message": "", "body": body}).encode()


def row_of(artwork: Artwork) -> dict[str, Any]:
    """A list's row, as `body_of`."""
    told = {"id": str(artwork.work_id), "title": artwork.title, "tags": [tag.name for tag in artwork.tags]}
    thumbnail = (
        f"https://i.pximg.net/c/250x250_80_a2/img-master/img/{artwork.revision}/{artwork.work_id}_p0_square1200.jpg"
    )
    shown = {"url": thumbnail, "alt": artwork.title, "userId": str(artwork.user_id), "userName": artwork.user_name}
    numbers = {
        "width": artwork.width,
        "height": artwork.height,
        "pageCount": artwork.page_count,
        "aiType": artwork.ai_type,
    }
    times = {"createDate": artwork.created, "updateDate": artwork.uploaded}
    return told | shown | numbers | {name: str(time) for name, time in times.items()}


def as_stored(original: Original) -> StoredOriginal:
    sha256 = f"{original.work_id * 1000 + original.page:064x}"
    proven = ProvenOriginal(StagedOriginal(original, "staging/body.part", sha256, 900_000), "jpg", 1200, 1600)
    return StoredOriginal(
        proven, f"originals/{original.user_id}/{original.work_id}_p{original.page}_{original.revision}.jpg"
    )


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Every statement that is sent meanwhile, each once, with values that it was sent with."""
    sent: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            sent.setdefault(statement, parameters[0] if many else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def scans(ledger: Ledger, sent: dict[str, Any]) -> list[str]:
    """The statements that go through a whole table or a whole index of one; each is said."""

    def explain(connection: Connection) -> list[str]:
        found = []
        for statement, parameters in dict(sent).items():
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [
                row[3]
                for row in plan
                if re.match(r"SCAN (artworks|files|artwork_tags|crawl_artworks|answers|tags)\b", row[3])
            ]
            if steps and "FROM artworks" in statement:
                found.append(statement)
                print(f"whole table: {'; '.join(steps)}: {' '.join(statement.split())[:200]}", file=sys.stderr)
        return found

    return ledger.read_now(explain)


def status_command(archive: Path, url: str) -> Row:
    """`pixivcrawl status` as a person would run it, its start included."""
    env = own_environment(PIXIVCRAWL_ARCHIVE_DIR=str(archive), PIXIVCRAWL_DATABASE_URL=url)
    with tempfile.TemporaryDirectory() as folder:
        costs = [
            run([sys.executable, "-m", "pixivcrawl", "status"], env=env, output=Path(folder) / "said") for _ in range(3)
        ]
    assert not any(cost.exit_code for cost in costs), costs[0].output
    taken = statistics.median(cost.seconds for cost in costs), statistics.median(cost.processor for cost in costs)
    figures = {"figure": shown(1000 * taken[0]), "by processor time": shown(1000 * taken[1])}
    return {"what": "`pixivcrawl status`, start-up included", **figures, "unit": "ms", "aim": "< 1,500"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument(
        "--works", type=int, default=1_000_000, metavar="N", help="how many there are (default: 1,000,000)"
    )
    parser.add_argument("--artists", type=int, default=3_000, metavar="N", help="whose they are (default: 3,000)")
    parser.add_argument("--record", type=int, default=3_000, metavar="N", help="how many are recorded (default: 3,000)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pixivcrawl-benchmark-ledgers",
        metavar="DIR",
        help="keeps the ledger between runs, about 2 GB for a million works (default: in the system's folder for such things)",
    )
    parser.add_argument(
        "--server", metavar="URL", help="of an empty PostgreSQL database: measure a copy of the ledger there instead"
    )
    parser.add_argument(
        "--writers", type=int, default=4, metavar="N", help="how many record at once on a server (default: 4)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
