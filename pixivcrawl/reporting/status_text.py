"""The state of an archive, an artist or a work as lines for a terminal, with all names made inert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.api.withheld import WHAT_TO_DO
from pixivcrawl.items import name_of_file, part_name
from pixivcrawl.ledger import queries
from pixivcrawl.reporting.list_name import list_name
from pixivcrawl.reporting.overview import (
    ArchiveOverview,
    ArtistOverview,
    Cost,
    MissingOverview,
    Overview,
    Plan,
    WorkOverview,
)
from pixivcrawl.reporting.overview import Withheld as WithheldWorks

LINES = 20
"""The lines that are seen at a glance, including the first two."""

EVERYTHING = "pixivcrawl status --all"


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and its lines, of which there may be more (`number` in all); `where` shows them."""

    title: str
    lines: Sequence[str]
    number: int
    where: str = EVERYTHING
    said: str = field(default="")
    """What its heading says beside how many there are, where not all are shown."""

    def shown(self, most: int | None) -> list[str]:
        """The heading and at most this many lines; nothing if there are none."""
        lines = self.lines[:most]
        whole = len(lines) == self.number
        more = "" if whole else f": {self.number:,}{self.said}" + (f", the first {len(lines)} of them" if lines else "")
        heading = f"{self.title}{more}{'' if whole else f' ({self.where})'}{':' if lines else ''}"
        return [heading, *(f"  {line}" for line in lines)]


def lines_of(told: Overview, *, in_full: bool, at_work: datetime | None) -> list[str]:
    """All lines, at most LINES with the two above them unless `in_full`. Runs since `at_work` may be under way."""
    match told:
        case ArchiveOverview():
            fixed, parts = headline(told, at_work), parts_of(told, at_work)
        case ArtistOverview():
            fixed, parts = [artist_line(told.artist, is_listed=not told.is_unread)], parts_of_artist(told, at_work)
        case WorkOverview():
            fixed, parts = work_lines(told.work), parts_of_work(told, at_work)
        case MissingOverview():
            parts, in_full = parts_of_missing(told), True
            fixed = [] if parts else ["nothing is missing of what the lists named"]
    parts = [part for part in parts if part.number]
    if in_full:
        return [*fixed, *(line for part in parts for line in ["", *part.shown(None)])]
    room = shares([len(part.lines) for part in parts], LINES - 2 - len(fixed) - len(parts))
    return [*fixed, *(line for part, most in zip(parts, room, strict=True) for line in part.shown(most))]


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many lines each part gets, in turns, until the room or the lines are used up."""
    given = [0] * len(wanted)
    while room > 0 and given != list(wanted):
        for place, lines in enumerate(wanted):
            if given[place] < lines and room > 0:
                given[place] += 1
                room -= 1
    return given


def headline(standing: ArchiveOverview, at_work: datetime | None) -> list[str]:
    """The archive in numbers, what is to come and what to do."""
    return [
        *totals(standing.totals),
        *odd(standing.flawed, standing.as_served),
        *imported(standing.imported, standing.adopted),
        *zips_alone(standing.zips_alone, standing.zips_alone_gone, standing.zips_untimed),
        *plan_lines(standing.plan, is_all_here=not standing.waiting),
        to_do_line(standing, at_work),
    ]


def parts_of(standing: ArchiveOverview, at_work: datetime | None) -> list[Part]:
    unread = set(standing.artists_unread)
    artists = [artist_line(each, is_listed=each.user_id not in unread) for each in standing.artists]
    waiting = sum(each.number for each in standing.waiting)
    return [
        Part("artists", artists, standing.totals.artists),
        Part(
            "missing",
            [missing_line(each) for each in standing.missing],
            waiting,
            "pixivcrawl status --missing",
            why(standing.waiting),
        ),
        Part("withheld", [withheld_line(each) for each in standing.withheld], len(standing.withheld)),
        Part("unavailable", [unavailable_line(each) for each in standing.unavailable], standing.unavailable_works),
        Part("kept despite oddities", [odd_line(each) for each in standing.odd_files], len(standing.odd_files)),
        Part(
            "lists shown only in part",
            [in_part_line(each) for each in standing.lists_in_part],
            len(standing.lists_in_part),
        ),
        Part("last runs", [crawl_line(each, at_work) for each in standing.runs], len(standing.runs)),
        Part("forgotten", [forgotten_line(each) for each in standing.forgotten], len(standing.forgotten)),
        Part("hosts that asked for a pause", [pause_line(each) for each in standing.pauses], len(standing.pauses)),
    ]


def why(waiting: Sequence[queries.Waiting]) -> str:
    """What most of what is missing waits for."""
    counted = Counter[str]()
    for each in waiting:
        # Reasons that begin alike and name different files are one.
        counted[one_line(each.reason or "not tried yet", 40)] += each.number
    reasons = [f"{number:,} {reason}" for reason, number in counted.most_common(3)]
    return f": {'; '.join(reasons)}{'; ...' if len(counted) > 3 else ''}"


def parts_of_artist(told: ArtistOverview, at_work: datetime | None) -> list[Part]:
    return [
        Part("forgotten", [forgotten_line(each) for each in told.forgotten], len(told.forgotten)),
        Part("lists of the artist's works", [crawl_line(each, at_work) for each in told.lists], len(told.lists)),
        Part("missing", [missing_line(each) for each in told.missing], len(told.missing)),
        Part("unavailable", [unavailable_line(each) for each in told.unavailable], len(told.unavailable)),
        Part("pictures of the artist", [file_line(each) for each in told.pictures], len(told.pictures)),
    ]


def parts_of_work(told: WorkOverview, at_work: datetime | None) -> list[Part]:
    return [
        Part("forgotten", [forgotten_line(each) for each in told.forgotten], len(told.forgotten)),
        Part("files", [file_line(each) for each in told.files], len(told.files)),
        Part("on lists of", [crawl_line(each, at_work) for each in told.lists], len(told.lists)),
    ]


def parts_of_missing(told: MissingOverview) -> list[Part]:
    return [
        Part("why", [waiting_line(each) for each in told.waiting], len(told.waiting)),
        Part("missing", [missing_line(each) for each in told.missing], len(told.missing)),
    ]


def totals(all_of_it: queries.Totals) -> list[str]:
    works = (
        f"{plural(all_of_it.works, 'work')} of {plural(all_of_it.artists, 'artist')}: "
        f"{all_of_it.complete:,} complete, {all_of_it.to_do:,} to do, "
        f"{all_of_it.parked:,} waiting after a failure, {all_of_it.unavailable:,} unavailable"
        + (f", {all_of_it.forgotten:,} forgotten" if all_of_it.forgotten else "")
        + (f", {all_of_it.unasked:,} that no list asks for" if all_of_it.unasked else "")
    )
    return [works, f"{plural(all_of_it.files, 'file')}, {size(all_of_it.bytes)}"]


def odd(flawed: int, as_served: int) -> list[str]:
    """How many files are kept despite an oddity, if any."""
    told = {"flawed: kept": flawed, "doubtful and kept as served": as_served}
    said = [f"{plural(files, 'file')} {what}" for what, files in told.items() if files]
    return [f"{'; '.join(said)}, see docs/proof.md"] if said else []


def imported(stored: int, adopted: int) -> list[str]:
    """How many files came from other tools' folders, if any; those of unknown revision are among no other number."""
    told = {"imported": stored, "adopted, revision unknown: kept beside them": adopted}
    said = [f"{plural(files, 'file')} {what}" for what, files in told.items() if files]
    return ["; ".join(said)] if said else []


def odd_line(file: queries.OddFile) -> str:
    return f"{file.path}: {'as served: ' if file.as_served else ''}{one_line(file.flaw or 'the decoder warned', 200)}"


def zips_alone(may_be_had: int, gone: int, untimed: int) -> list[str]:
    """How many ugoira are there as pixiv made them alone, and how many without their timing, if any."""
    told = {"-a ugoira=frames also fetches the frames as uploaded": may_be_had, "the works are gone": gone}
    lines = [f"{ugoira:,} ugoira only as pixiv's own zip: {what}" for what, ugoira in told.items() if ugoira]
    if untimed:
        lines.append(f"{untimed:,} ugoira waiting for their timing, which comes with the details")
    return ["; ".join(lines)] if lines else []


def plan_lines(plan: Plan, *, is_all_here: bool) -> list[str]:
    """What was spent of the day's API requests, and about how long the remaining requests will take."""
    left = max(0, plan.budget - plan.spent)
    of_budget = f"{left:,} of {plan.budget:,} left" if plan.budget else "no limit (PIXIV_API_BUDGET)"
    lines = [f"API requests today (UTC): {plan.spent:,} sent, {of_budget}"]
    if plan.details.works:
        all_here = "all pictures are here, " if is_all_here and not plan.to_ask.works else ""
        lines.append(f"{all_here}{plural(plan.details.works, 'detail')} to come: {cost_of(plan.details)}")
    if plan.to_ask.works:
        lines.append(f"{plural(plan.to_ask.works, 'work')} to ask for: {cost_of(plan.to_ask)}")
    if plan.rows.works:
        known = f"{plural(plan.rows.works, 'work')} known only from rows (pixivcrawl artwork --backfill)"
        lines.append(f"{known}: {cost_of(plan.rows)}")
    return lines


def cost_of(cost: Cost) -> str:
    more = f" of requests, spread over {plural(cost.days + 1, 'day')} by the budget" if cost.days else ""
    return f"about {plural(cost.requests, 'request')}, {duration(cost.seconds)}{more} (an estimate)"


def duration(seconds: float) -> str:
    """A time in the largest unit that it fills."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"


def to_do_line(standing: ArchiveOverview, at_work: datetime | None) -> str:
    """What the user should do next."""
    last = standing.runs[0] if standing.runs else None
    if last is not None and last.outcome is None and at_work is not None and last.started >= at_work:
        return "to do: nothing, a run is under way"
    if last is not None and last.outcome != "complete":
        return f"to do: run the last command again ({list_name(last.spider, last.arguments)}); it continues where it stopped"
    if not standing.waiting and not standing.plan.to_ask.works and not standing.plan.details.works:
        return "to do: nothing"
    times = [each.due for each in standing.waiting]
    if times and all(time is not None and time > datetime.now(UTC) for time in times):
        first = min(time for time in times if time is not None)
        return f"to do: nothing before {first.astimezone():%Y-%m-%d %H:%M}; then run the same commands again"
    return "to do: run the same commands again; they continue where they stopped"


def artist_line(artist: queries.ArtistStatus, *, is_listed: bool = True) -> str:
    """`is_listed`: what is missing is known, because the artist's list was read to its end, or no run began to read it."""
    left = "" if artist.availability != "gone" else ", left pixiv"
    name = one_line(artist.name or "", 40)
    missing = [f"{artist.missing:,} missing"] if artist.missing or is_listed else []
    forgotten = f", {artist.forgotten:,} forgotten" if artist.forgotten else ""
    unasked = f", {artist.unasked:,} that no list asks for" if artist.unasked else ""
    unread = [] if is_listed else ["list not read to its end"]
    return (
        f"{artist.user_id} {name}{left}: {plural(artist.works, 'work')}, {artist.complete:,} complete, "
        f"{', '.join([*missing, *unread])}, "
        f"{artist.unavailable:,} unavailable{forgotten}{unasked}; {plural(artist.files, 'file')}, {size(artist.bytes)}"
    )


def work_lines(work: queries.WorkStatus) -> list[str]:
    """A work in a few lines: what it is, how well it is known, and what is blocking it."""
    artist = "an unknown artist" if work.user_id is None else f"{work.user_id} {one_line(work.user_name or '', 40)}"
    pages = f", {plural(work.page_count, 'page')}" if work.page_count else ""
    known = {None: "only its id is known", "listing": "known from a list's row", "full": "known in full"}[work.detail]
    state = {"complete": "all files are here", "parked": "what is missing is waiting after a failure"}
    return [
        f"work {work.work_id} {one_line(work.title or '', 80)} of {artist}: {work.kind or 'of unknown kind'}{pages}",
        f"{work.availability}, {known}, {state.get(work.files_state, 'files are still to come')}; first seen {work.first_seen:%Y-%m-%d}",
        *_in_the_way(work),
    ]


def _in_the_way(work: queries.WorkStatus) -> Iterator[str]:
    if work.availability == "withheld":
        yield withheld_line(WithheldWorks(work.unavailable_reason, work.withheld_from, 1))
    elif work.unavailable_since is not None:
        yield f"{work.availability} since {work.unavailable_since:%Y-%m-%d}: {one_line(work.unavailable_reason or '', 80)}"
    if work.stale_since is not None:
        yield f"pixiv may have a newer version since {work.stale_since:%Y-%m-%d}: the next run of its list asks for it"
    if work.failed_reason is not None:
        yield f"{one_line(work.failed_reason, 160)}; {due(work.next_attempt)}"


def file_line(file: queries.FileStatus) -> str:
    if file.state in ("stored", "adopted"):
        pixels = f", {file.width} x {file.height}" if file.width else ""
        flaw = f"; flawed: {one_line(file.flaw, 120)}" if file.flaw else ""
        served = "; kept as served" if file.as_served else ""
        unknown = "; revision unknown" if file.state == "adopted" else ""
        came = f"; imported ({file.evidence}) from {one_line(file.source or '', 160)}" if file.evidence else ""
        return f"{file.path}: {file.format}{pixels}, {size(file.bytes or 0)}{flaw}{served}{unknown}{came}"
    what = file.kind if file.kind in ("avatar", "background") else part_name(file.kind, file.page)
    reason = f": {one_line(file.failed_reason, 160)}; {due(file.next_attempt)}" if file.failed_reason else ""
    return f"{what} of {file.revision}: {STATES.get(file.state, file.state)}{reason}"


STATES = {
    "wanted": "to come",
    "parked": "failed",
    "intent": "about to be placed",
    "superseded": "pixiv has it no more",
    "deleted": "deleted by its owner",
}


def missing_line(missing: queries.Missing) -> str:
    what = (
        f"work {missing.work_id}" if missing.page is None else name_of_file(missing.kind, missing.work_id, missing.page)
    )
    if missing.reason is None:
        return f"{what}: not tried yet"
    return f"{what}: {one_line(missing.reason, 160)}; {due(missing.next_attempt)}"


def waiting_line(waiting: queries.Waiting) -> str:
    return f"{waiting.number:,}: {one_line(waiting.reason or 'not tried yet', 160)}; {due(waiting.due)}"


def due(moment: datetime | None) -> str:
    if moment is None or moment <= datetime.now(UTC):
        return "due at the next run"
    return f"due {moment.astimezone():%Y-%m-%d %H:%M}"


def withheld_line(counted: WithheldWorks) -> str:
    whom = {0: "a visitor", None: "an unknown reader"}.get(counted.reader, f"account {counted.reader}")
    to_do = next(
        (advice for known, advice in WHAT_TO_DO.items() if known == counted.reason), "run the same command again"
    )
    return f"{plural(counted.works, 'work')} from {whom}: {one_line(counted.reason or '', 80)}: {to_do}"


def unavailable_line(work: queries.Unavailable) -> str:
    kept = f", {plural(work.files, 'file')} kept" if work.files else ""
    reason = f" ({one_line(work.reason, 80)})" if work.reason else ""
    return f"work {work.work_id} {one_line(work.title or '', 40)}: {work.availability}{reason} since {work.since:%Y-%m-%d}{kept}"


def in_part_line(crawl: queries.CrawlRecord) -> str:
    parts, passed, rows = (
        crawl.counts.get(name, 0) for name in ("lists_cut_off", "parameters_ignored", "rows_refused")
    )
    lacks = {
        f"{plural(parts, 'part')} that pixiv did not show": parts,
        f"{plural(passed, 'parameter')} that pixiv ignored": passed,
        f"{plural(rows, 'row')} that could not be read": rows,
    }
    said = " and ".join(what for what, number in lacks.items() if number)
    artists = "; following with archive=true reads the artists' own lists" if crawl.spider == "feed" else ""
    name = list_name(crawl.spider, crawl.arguments)
    return f"{name}: {said} when it was read on {crawl.started:%Y-%m-%d}{artists}; reread=true reads it again"


def crawl_line(crawl: queries.CrawlRecord, at_work: datetime | None = None) -> str:
    stored, asked = (crawl.counts.get(name, 0) for name in ("files_stored", "api_requests"))
    # A run that was killed counted nothing, whatever it brought.
    counts = f"; {plural(stored, 'file')} stored, {plural(asked, 'API request')}" if crawl.counts else ""
    is_under_way = at_work is not None and crawl.started >= at_work
    outcome = crawl.outcome or (
        "under way" if is_under_way else "ended early (killed, or the disk or the ledger failed)"
    )
    reason = f": {one_line(crawl.reason, 120)}" if crawl.reason else ""
    reader = "" if crawl.reader is None else f" as account {crawl.reader}" if crawl.reader else " as a visitor"
    began = f"{crawl.started.astimezone():%Y-%m-%d %H:%M}"
    return f"{began} {list_name(crawl.spider, crawl.arguments)}{reader}: {outcome}{reason}{counts}"


def forgotten_line(forgotten: queries.Forgotten) -> str:
    page = f"{'users' if forgotten.subject == 'artist' else 'artworks'}/{forgotten.subject_id}"
    note = f": {one_line(forgotten.note, 120)}" if forgotten.note else ""
    return f"{page} since {forgotten.since:%Y-%m-%d}{note} (pixivcrawl forget {page} --undo)"


def pause_line(pause: queries.HostPause) -> str:
    return f"{pause.host} until {pause.until.astimezone():%Y-%m-%d %H:%M:%S}"
