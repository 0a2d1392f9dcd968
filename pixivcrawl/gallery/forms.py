"""What a person can change, by forms sent with POST: marks on the shelf, saved filters, and a browser's choices."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.pages.works import LONGEST_BOX
from pixivcrawl.gallery.rendering import LANGUAGES
from pixivcrawl.gallery.shelf import Shelf
from pixivcrawl.index.reading import Index
from pixivcrawl.index.saved_filters import add_filter
from pixivcrawl.index.search import WorksQuery, parse

COVERED, LANGUAGE = "pixivcrawl_covered", "pixivcrawl_language"
"""Cookies: what the person at this browser has chosen."""

YEAR = 365 * 86400

LARGEST_NUMBER = 2**63 - 1


def routes(shelf: Shelf, index: Index) -> list[web.RouteDef]:
    async def mark(request: web.Request) -> web.Response:
        form = await _form(request)
        work_id, field, value = (str(form.get(name, "")) for name in ("work", "field", "value"))
        if not _is_number(work_id):
            raise ConfigurationError(f"work={quoted(work_id, 40)} is not the id of a work")
        if field != "note" and not _is_number(value):
            raise ConfigurationError(f"value={quoted(value, 40)} is not a whole number")
        await asyncio.to_thread(shelf.mark, int(work_id), field, value if field == "note" else int(value))
        return _back(str(form.get("back", "")))

    async def save(request: web.Request) -> web.Response:
        form = await _form(request)
        name, view = (str(form.get(part, "")).strip() for part in ("name", "q"))
        if not name or len(view) > LONGEST_BOX:
            raise ConfigurationError(
                f"a view is saved under a name, and its search has at most {LONGEST_BOX:,} characters"
            )
        await asyncio.to_thread(_save, index, name, view)
        return _back(f"/works?{urlencode({'q': WorksQuery(filter=name).text()})}")

    return [web.post("/shelf", mark), web.post("/filters", save), web.post("/settings", _settings)]


def _save(index: Index, name: str, text: str) -> None:
    index.saved = add_filter(index.saved.path, name, index.as_filter(parse(text)))


async def _settings(request: web.Request) -> web.Response:
    form = await _form(request)
    answer = _back(str(form.get("back", "")))
    for name, cookie, choices in (("covered", COVERED, ("yes", "no")), ("language", LANGUAGE, tuple(LANGUAGES))):
        chosen = str(form.get(name, ""))
        if chosen in choices:
            answer.set_cookie(cookie, chosen, max_age=YEAR, samesite="Strict", httponly=True, path="/")
    return answer


async def _form(request: web.Request) -> MultiMapping[Any]:
    """The form's fields. Raises ConfigurationError for anything but a form."""
    try:
        return await request.post()
    except (ValueError, LookupError) as error:
        raise ConfigurationError("the form cannot be read: open its page again") from error


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_NUMBER


def _back(address: str) -> web.Response:
    """Redirect to the page with the form; never to another site, whatever the form says."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return web.Response(status=303, headers={"Location": address if is_own else "/works"})
