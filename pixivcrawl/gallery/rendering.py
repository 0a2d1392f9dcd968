"""Templates, and the functions that they may call."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pixivcrawl.api.text import one_line, size
from pixivcrawl.gallery.captions import caption
from pixivcrawl.gallery.media import address_of
from pixivcrawl.gallery.request import Page, PageRequest
from pixivcrawl.gallery.thumbnails import SIDES
from pixivcrawl.ledger.queries.browsing.works import Picture

RATIO_STEP, LEAST_RATIO, MOST_RATIO = 1.04, 0.4, 3.0
"""A card is as wide as its picture to 2 %, from a narrow strip to a wide one; the picture is cropped by what is left."""

LANGUAGES = {"en": "English", "ja": "日本語", "zh": "中文"}

STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_HERE = files("pixivcrawl.gallery")

_ASKED: ContextVar[PageRequest] = ContextVar("asked")
"""What is being answered in this thread: macros of other templates know no values of the page's own."""


@cache
def static_files() -> dict[str, bytes]:
    """The style sheet, the scripts and the icon, by name."""
    return {
        each.name: each.read_bytes() for each in (_HERE / "static").iterdir() if each.name.endswith(tuple(STATIC_TYPES))
    }


@cache
def static(name: str) -> str:
    """The address of a static file; it changes with the file's content."""
    return f"/static/{name}?v={hashlib.sha256(static_files()[name]).hexdigest()[:12]}"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """{English text: its translation}. English is in the templates."""
    if language == "en":
        return {}
    texts: dict[str, str] = tomllib.loads((_HERE / "texts" / f"{language}.toml").read_text(encoding="utf-8"))["texts"]
    return texts


@cache
def environment(language: str) -> Environment:
    """The templates in one language. A missing value is an error; text is escaped."""
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    texts = catalogue(language)

    def gettext(text: str) -> str:
        return texts.get(text, text)

    def ngettext(one: str, many: str, number: int) -> str:
        return gettext(one if number == 1 else many)

    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(_filters())
    made.globals.update(asking=_ASKED.get, ratio=ratio, static=static, with_query=with_query)
    return made


def _template(name: str) -> str | None:
    template = _HERE / "templates" / name
    return template.read_text(encoding="utf-8") if template.is_file() else None


def render(page: Page, asked: PageRequest, **more: Any) -> str:
    """The page's HTML."""
    template = environment(asked.language).get_template(page.template)
    held = _ASKED.set(asked)
    try:
        return template.render(asked=asked, **more, **page.values)
    finally:
        _ASKED.reset(held)


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "caption": caption,
        "day": day,
        "name": name,
        "number": lambda value: f"{value:,}",
        "original": original,
        "path": lambda text: quote(str(text), safe=""),
        "revision": revision,
        "size": size,
        "thumb": thumbnail,
        "time": moment,
    }


def name(text: str | None, longest: int = 200) -> Markup:
    """Text from pixiv: on one line, without characters that change the direction of text, isolated from its surroundings."""
    return Markup("<bdi>{}</bdi>").format(one_line(text or "", longest))


def moment(time: datetime | None) -> Markup:
    """A time in the reader's zone, with the zone's name."""
    if time is None:
        return Markup("")
    local = _in_zone(time)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} {}</time>').format(
        time.astimezone(UTC).isoformat(timespec="seconds"), local, local.tzname() or f"{local:%z}"
    )


def day(time: datetime | None) -> Markup:
    """The day of a time; its title is the whole time."""
    if time is None:
        return Markup("")
    local = _in_zone(time)
    whole = f"{local:%Y-%m-%d %H:%M} {local.tzname() or f'{local:%z}'}"
    return Markup('<time datetime="{}" title="{}">{:%Y-%m-%d}</time>').format(
        time.astimezone(UTC).isoformat(timespec="seconds"), whole, local
    )


def _in_zone(time: datetime) -> datetime:
    try:
        return time.astimezone(_ASKED.get().zone)
    except OverflowError:
        # Within hours of the first of all dates, or of the last.
        return time


def revision(digits: str) -> Markup:
    """The time in an image's address, which is Japan's time."""
    local = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 (the zone stands beside it)
    return Markup('<time datetime="{}+09:00">{:%Y-%m-%d %H:%M} JST</time>').format(local.isoformat(), local)


def original(picture: Picture) -> str:
    """The address of a stored file."""
    return f"/originals/{picture.sha256}.{picture.extension}?{address_of(picture)}"


def thumbnail(picture: Picture, side: int = SIDES[0]) -> str:
    """The address of a thumbnail whose longer side has so many pixels, one of SIDES."""
    longer = "" if side == SIDES[0] else f"&side={side:d}"
    return f"/thumbs/{picture.sha256}.webp?{address_of(picture)}{longer}"


def ratio(width: int | None, height: int | None) -> int:
    """Which of the style sheet's classes `r0`, `r1` ... a picture of this size has; a square if unknown."""
    exact = width / height if width and height else 1.0
    within = min(max(exact, LEAST_RATIO), MOST_RATIO)
    return round(math.log(within / LEAST_RATIO, RATIO_STEP))


def with_query(**changes: Any) -> str:
    """The address of this page with a changed query; None removes a part. `before` and `after` are removed unless given."""
    asked = _ASKED.get()
    parts = [(key, value) for key, value in asked.query.items() if key not in (*changes, "before", "after")]
    parts += [(key, value) for key, value in changes.items() if value is not None]
    return f"{asked.address}?{urlencode(parts)}" if parts else asked.address
