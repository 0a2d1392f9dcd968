"""A report as a single HTML file: no script, nothing loaded from elsewhere, every name escaped."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.items import part_name
from pixivcrawl.ledger.queries import Missing
from pixivcrawl.ledger.queries.reports import ArtistNews, Change, Loss, NewName, NewWork, Return
from pixivcrawl.reporting.collect import Limits, ListNews, News, Part
from pixivcrawl.reporting.text import counted, day, field_name, former, left_out, rating, state, title_of
from pixivcrawl.reporting.thumbnails import Thumbnail

LIMITS = Limits(artists=40, works=12, lines=100)

PIXIV = "https://www.pixiv.net"

GALLERY = "http://127.0.0.1:8490"
"""Where `pixivcrawl gallery` answers by default."""

STYLE = """
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --text: #1d1c1a; --soft: #5c5953; --line: #ddd8cf;
  --link: #0b5aa8; --warn: #8a3b00; --warn-back: #fff3e4; }
@media (prefers-color-scheme: dark) { :root { --back: #161614; --card: #201f1d; --text: #efece6; --soft: #b3aea4;
  --line: #3b3935; --link: #8ec1ff; --warn: #ffc38a; --warn-back: #33261a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main, header { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 1.5rem 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p, ul, dl { margin: .5rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.soft { color: var(--soft); font-weight: normal; }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.25rem, 1fr)); gap: .5rem; }
.sums div { display: flex; flex-direction: column-reverse; justify-content: flex-end;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
.sums dt { color: var(--soft); font-size: .875rem; }
.sums dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.warn { background: var(--warn-back); border: 1px solid var(--warn); border-radius: .5rem; padding: .25rem 1rem; }
.warn h2 { border: 0; margin: .5rem 0 0; color: var(--warn); }
.works { list-style: none; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(9rem, 40vw), 1fr)); }
.works li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; font-size: .875rem; }
.works img { display: block; width: 100%; height: 9rem; object-fit: contain; background: var(--back); }
.works a { display: block; }
.works a span, .works p { display: block; margin: 0; padding: .25rem .5rem; }
.both { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin: .25rem 0; }
.both img { max-width: 45%; height: auto; }
.lines { padding-left: 1.1rem; }
.lines li { margin: .35rem 0; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
footer { max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: var(--soft); font-size: .875rem; }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")

POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
"""What a browser may load for this page: only its own style and embedded pictures, in case a name ever escapes."""


@dataclass(frozen=True, slots=True)
class PicturesShown:
    """What is known of works by id: each one's picture, the picture before a revision, and which have a file here."""

    pictures: Mapping[int, Thumbnail] = field(default_factory=dict)
    before: Mapping[int, Thumbnail] = field(default_factory=dict)
    here: Collection[int] = ()


def page(news: News, shown: PicturesShown) -> Iterator[str]:
    """The page in pieces. A work with a file here links to the gallery, any other to pixiv."""
    title = f"What is new: {day(news.span.since)} to {day(news.span.until)}"
    parts = [part for part in _parts(news, shown) if part is not None]
    yield f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>What is new</h1>
<p class="soft"><time datetime="{news.span.since.isoformat()}">{day(news.span.since)}</time> to
<time datetime="{news.span.until.isoformat()}">{day(news.span.until)}</time></p>
"""
    yield from (f'<p class="soft">{named(line, 400)}</p>\n' for line in left_out(news.span))
    yield """<nav aria-label="Parts of this report"><ul>
"""
    yield from (f'<li><a href="#{key}">{name}</a></li>\n' for key, name, _ in parts)
    yield "</ul></nav>\n</header>\n<main>\n"
    yield from _sums(news)
    yield from _attention(news)
    for key, name, content in parts:
        yield f'<section aria-labelledby="{key}">\n<h2 id="{key}">{name}</h2>\n'
        yield from content
        yield "</section>\n"
    yield (
        f"</main>\n<footer><p>Archive {named(str(news.place.root), 400)}, read at {day(news.made)}. "
        "<code>pixivcrawl report --format json</code> tells all of it. "
        "Works that are here open in the gallery while <code>pixivcrawl gallery</code> runs.</p></footer>\n</body>\n</html>\n"
    )


_Section = tuple[str, str, Iterable[str]]


def _parts(news: News, of: PicturesShown) -> Iterator[_Section | None]:
    """Each part that has something to show: its anchor, heading and content."""
    if news.artists:
        yield "new", "New works", _new(news, of)
    yield _lines("changed", "Changed", news.changed, partial(_change, of))
    yield _lines("gone", "Gone", news.gone, partial(_loss, of))
    yield _lines("back", "Back", news.returned, partial(_return, of))
    yield _lines("renamed", "Renamed", news.renamed, _name)
    yield _lines("failed", "Failed", news.failed, partial(_failure, of))
    lists = sorted(news.runs.lists.values(), key=lambda each: (-each.files_stored, each.name))
    shown = Part(tuple(lists[: LIMITS.lines]), len(lists) > LIMITS.lines)
    yield _lines("lists", "Lists that were read", shown, _list)


def _sums(news: News) -> Iterator[str]:
    sums, runs = news.sums, news.runs.sums
    told = {
        "new works": f"{sums.works:,}",
        "artists with new works": f"{sums.artists:,}",
        "stored of new works": size(sums.bytes),
        "works revised": f"{sums.revised:,}",
        "works reworded": f"{sums.reworded:,}",
        "gone": f"{sums.gone:,}",
        "back": f"{sums.returned:,}",
        "artists renamed": f"{sums.renamed:,}",
        "runs": f"{runs.runs:,}",
        "runs that were not complete": f"{runs.runs - runs.complete:,}",
        "API requests": f"{runs.api_requests:,}",
    }
    yield '<dl class="sums">\n'
    yield from (f"<div><dt>{name}</dt><dd>{number}</dd></div>\n" for name, number in told.items())
    yield "</dl>\n"


def _attention(news: News) -> Iterator[str]:
    if news.attention:
        yield '<section class="warn" aria-labelledby="person">\n<h2 id="person">What needs a person</h2>\n<ul class="lines">\n'
        yield from (f"<li>{named(line, 600)}</li>\n" for line in news.attention)
        yield "</ul>\n</section>\n"


def _new(news: News, of: PicturesShown) -> Iterator[str]:
    for artist in news.artists:
        yield f'<h3>{_artist(artist.user_id, artist.name)} <span class="soft">{counted(artist)}</span></h3>\n'
        yield from _works(artist, news.newest.get(artist.user_id, []), of)
    if len(news.artists) < news.sums.artists:
        yield f"<p>And {news.sums.artists - len(news.artists):,} more artists.</p>\n"


def _works(artist: ArtistNews, works: list[NewWork], of: PicturesShown) -> Iterator[str]:
    yield '<ul class="works">\n'
    for work in works:
        # What it shows is not known; the title beside it says as much as there is.
        shown = _image(of.pictures.get(work.work_id))
        more = "".join([*_pages(work), rating(work.x_restrict), state(work)]).removeprefix(", ")
        about = f"<p>{escaped(more)}</p>" if more else ""
        yield (
            f'<li><a href="{_place(of, work.work_id)}" rel="noreferrer">{shown}'
            f"<span>{named(title_of(work.title))}</span></a>{about}</li>\n"
        )
    yield "</ul>\n"
    if artist.works > len(works):
        yield f'<p class="soft">and {artist.works - len(works):,} more</p>\n'


def _pages(work: NewWork) -> Iterator[str]:
    if work.page_count not in (None, 1):
        yield f", {work.page_count:,} pages"


def _lines(key: str, name: str, part: Part, line: Callable[..., str]) -> _Section | None:
    if not part.shown:
        return None
    more = '<p class="soft">and more</p>\n' if part.more else ""
    lines = (f"<li>{line(each)}</li>\n" for each in part.shown)
    return key, name, ('<ul class="lines">\n', *lines, "</ul>\n", more)


def _change(of: PicturesShown, change: Change) -> str:
    what = "images revised" if change.field == "revision" else f"{escaped(field_name(change.field))} changed"
    told = f"{_whose(of, change)}: {what}, before: {named(former(change.was))} {_seen(day(change.seen))}"
    before, after = of.before.get(change.work_id), of.pictures.get(change.work_id)
    if change.field != "revision" or before is None or after is None:
        return told
    return f'{told}<span class="both">{_image(before, "before")} → {_image(after, "after")}</span>'


def _loss(of: PicturesShown, loss: Loss) -> str:
    reason = f" ({named(loss.reason)})" if loss.reason else ""
    kept = f", {plural(loss.files, 'file')} kept" if loss.files else ""
    return f"{_whose(of, loss)}: {escaped(loss.availability)}{reason}{kept} {_seen(day(loss.since))}"


def _return(of: PicturesShown, back: Return) -> str:
    return f"{_whose(of, back)}: was {escaped(back.was)} since {day(back.since)} {_seen(day(back.seen))}"


def _name(name: NewName) -> str:
    return f"{named(name.was)} is now {_artist(name.user_id, name.name)} {_seen(day(name.seen))}"


def _failure(of: PicturesShown, failure: Missing) -> str:
    page = "" if failure.page is None else f" {part_name(failure.kind, failure.page)}"
    again = f" tried again from {day(failure.next_attempt)}" if failure.next_attempt else ""
    return (
        f"{_work(of, failure.work_id, None)}{page}: {named(failure.reason or 'no reason given', 200)}, "
        f"in {plural(failure.failed_runs, 'run')} {_seen(again)}"
    )


def _list(of_list: ListNews) -> str:
    reason = f": {named(of_list.reason, 200)}" if of_list.reason else ""
    return (
        f"{named(of_list.name)}: {plural(of_list.runs, 'run')}, {plural(of_list.files_stored, 'file')} stored, "
        f"{of_list.api_requests:,} API requests; the last {escaped(of_list.outcome or 'under way, or killed')}{reason}"
    )


def _whose(of: PicturesShown, event: Change | Loss | Return) -> str:
    by = f" by {_artist(event.user_id, event.user_name)}" if event.user_id is not None else ""
    return f"{_work(of, event.work_id, event.title)}{by}"


def _work(of: PicturesShown, work_id: int, title: str | None) -> str:
    text = named(title_of(title)) if title is not None else f"work {work_id:d}"
    return f'<a href="{_place(of, work_id)}" rel="noreferrer">{text}</a>'


def _place(of: PicturesShown, work_id: int) -> str:
    return f"{GALLERY}/works/{work_id:d}" if work_id in of.here else f"{PIXIV}/artworks/{work_id:d}"


def _image(picture: Thumbnail | None, words: str = "") -> str:
    if picture is None:
        return ""
    return f'<img src="{picture.uri}" width="{picture.width}" height="{picture.height}" alt="{words}">'


def _artist(user_id: int | None, name: str | None) -> str:
    if user_id is None:
        return "Works of unknown artists"
    shown = named(one_line(name or "", 60) or f"artist {user_id:d}")
    return f'<a href="{PIXIV}/users/{user_id:d}" rel="noreferrer">{shown}</a>'


def _seen(text: str) -> str:
    return f'<span class="soft">{text}</span>'


def named(text: str, longest: int = 120) -> str:
    """Foreign text, made inert: on one line, without direction marks, isolated from its surroundings, and escaped."""
    return f"<bdi>{escaped(one_line(text, longest))}</bdi>"


def escaped(text: str) -> str:
    return html.escape(text, quote=True)
