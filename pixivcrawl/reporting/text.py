"""A report as plain lines for a terminal or a mail, with all names made inert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.items import part_name
from pixivcrawl.ledger.queries import Missing
from pixivcrawl.ledger.queries.reports import ArtistNews, Change, Loss, NewName, NewWork, Return, Span
from pixivcrawl.reporting.collect import Limits, ListNews, News, Part

LIMITS = Limits(artists=20, works=5, lines=20)
"""What fits a few screens."""

FIELDS = {
    "page_count": "pages",
    "x_restrict": "age",
    "ai_type": "AI mark",
    "series_id": "series",
    "kind": "kind",
    "translated_title": "translated title",
    "translated_caption": "translated caption",
}
"""Fields of a work, in words where their own name is none."""

MORE = "... (--format json has everything)"


def report_lines(news: News) -> Iterator[str]:
    """The whole report, line by line."""
    yield f"archive: {news.place.root}"
    yield f"{day(news.span.since)} to {day(news.span.until)}"
    yield from left_out(news.span)
    yield ""
    yield from headline(news)
    yield from section("needs a person", news.attention)
    yield from section("new", of_artists(news), more=news.sums.works and len(news.artists) < news.sums.artists)
    yield from part("changed", map(change_line, news.changed.shown), news.changed)
    yield from part("gone", map(loss_line, news.gone.shown), news.gone)
    yield from part("back", map(return_line, news.returned.shown), news.returned)
    yield from part("renamed", map(name_line, news.renamed.shown), news.renamed)
    yield from part("failed", map(failure_line, news.failed.shown), news.failed)
    lists = sorted(news.runs.lists.values(), key=lambda each: (-each.files_stored, each.name))
    shown = lists[: LIMITS.lines]
    yield from section("lists read", map(list_line, shown), more=len(lists) > len(shown))


def left_out(span: Span) -> Iterator[str]:
    """What a filter leaves out, if there is one."""
    if span.filter is not None:
        yield f"filter {one_line(span.filter)}: {plural(len(span.left_out), 'work')} left out"


def headline(news: News) -> Iterator[str]:
    """The period in three lines."""
    sums, runs = news.sums, news.runs.sums
    stored = f"{plural(sums.files, 'file')} of them stored ({size(sums.bytes)})"
    yield f"{plural(sums.works, 'new work')} of {plural(sums.artists, 'artist')}, {stored}"
    yield (
        f"{plural(sums.revised, 'work')} with revised images, {sums.reworded:,} with changed words, {sums.gone:,} gone, "
        f"{sums.returned:,} back, {plural(sums.renamed, 'artist')} renamed"
    )
    yield (
        f"{plural(runs.runs, 'run')}: {runs.complete:,} complete, {runs.with_failures:,} with failures, {runs.stopped:,} stopped, "
        f"{runs.unfinished:,} interrupted or under way; "
        f"{plural(runs.api_requests, 'API request')}, {plural(runs.files_stored, 'file')} stored ({size(runs.bytes_stored)})"
    )


def section(title: str, lines: Iterable[str], *, more: object = False) -> Iterator[str]:
    """A heading and its lines; nothing if there are none."""
    begun = False
    for line in lines:
        if not begun:
            yield from ("", f"{title}:")
            begun = True
        yield f"  {line}"
    if begun and more:
        yield f"  {MORE}"


def part(title: str, lines: Iterable[str], of: Part) -> Iterator[str]:
    return section(title, lines, more=of.more)


def of_artists(news: News) -> Iterator[str]:
    for artist in news.artists:
        yield f"{artist_name(artist.user_id, artist.name)}: {counted(artist)}"
        works = news.newest.get(artist.user_id, [])
        yield from (f"  {work_line(work)}" for work in works)
        if artist.works > len(works):
            yield f"  and {artist.works - len(works):,} more"


def counted(artist: ArtistNews) -> str:
    return f"{plural(artist.works, 'new work')}, {plural(artist.files, 'file')} stored ({size(artist.bytes)})"


def artist_name(user_id: int | None, name: str | None) -> str:
    if user_id is None:
        return "works of unknown artists"
    return f"{user_id} {one_line(name or '', 60)}".rstrip()


def title_of(title: str | None) -> str:
    """A work's title, fit for one line; a substitute if it has none."""
    return one_line(title or "", 80) or "(no title)"


def work_line(work: NewWork) -> str:
    pages = "" if work.page_count in (None, 1) else f", {work.page_count:,} pages"
    return f"{work.work_id} {title_of(work.title)}{pages}{rating(work.x_restrict)}{state(work)}"


def rating(x_restrict: int | None) -> str:
    return {1: ", R-18", 2: ", R-18G"}.get(x_restrict or 0, "")


def state(work: NewWork) -> str:
    """A note about a new work that is not simply stored."""
    if work.availability == "withheld":
        return ", withheld from this reader"
    if work.availability in ("gone", "masked"):
        return f", {work.availability} by now"
    return {"complete": "", "parked": ", failed and waits"}.get(work.files_state, ", files not fetched")


def field_name(field: str) -> str:
    return FIELDS.get(field, field)


def change_line(change: Change) -> str:
    if change.field == "revision":
        what = f"images revised (before: {former(change.was)})"
    else:
        what = f"{field_name(change.field)} changed (before: {former(change.was)})"
    return f"{whose(change)}: {what}, seen {day(change.seen)}"


def former(value: object) -> str:
    """A former value, short."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return one_line(text, 80) or "nothing"


def loss_line(loss: Loss) -> str:
    kept = f"; {plural(loss.files, 'file')} kept" if loss.files else ""
    reason = f" ({one_line(loss.reason, 80)})" if loss.reason else ""
    return f"{whose(loss)}: {loss.availability}{reason} since {day(loss.since)}{kept}"


def return_line(back: Return) -> str:
    return f"{whose(back)}: back since {day(back.seen)}, was {back.was} since {day(back.since)}"


def name_line(name: NewName) -> str:
    return f"{name.user_id} {one_line(name.was, 60)} is now {one_line(name.name, 60)}, seen {day(name.seen)}"


def failure_line(failure: Missing) -> str:
    what = f"work {failure.work_id}" + ("" if failure.page is None else f" {part_name(failure.kind, failure.page)}")
    often = "" if failure.failed_runs == 1 else f", in {failure.failed_runs:,} runs"
    again = f"; tried again from {day(failure.next_attempt)}" if failure.next_attempt else ""
    return f"{what}: {one_line(failure.reason or 'no reason given', 160)}{often}{again}"


def list_line(of_list: ListNews) -> str:
    times = "once" if of_list.runs == 1 else f"{of_list.runs:,} times"
    outcome = of_list.outcome or "under way, or killed"
    reason = f": {one_line(of_list.reason, 120)}" if of_list.reason else ""
    return (
        f"{of_list.name}: read {times}, {plural(of_list.files_stored, 'file')} stored, {plural(of_list.api_requests, 'API request')}; "
        f"the last time {outcome}{reason}"
    )


def whose(of: Change | Loss | Return) -> str:
    """A work, and who made it."""
    by = f" by {artist_name(of.user_id, of.user_name)}" if of.user_id is not None else ""
    return f"{of.work_id} {title_of(of.title)}{by}"


def day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
