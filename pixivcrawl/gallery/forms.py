"""What a person changes: marks on the shelf, and the choices of a browser. Each is a form of the gallery, sent by POST."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.rendering import LANGUAGES
from pixivcrawl.gallery.shelf import Shelf

COVERED, LANGUAGE = "pixivcrawl_covered", "pixivcrawl_language"
"""Cookies: what the person at this browser has chosen."""

YEAR = 365 * 86400

LARGEST_NUMBER = 2**63 - 1


def routes(shelf: Shelf) -> list[web.RouteDef]:
    async def mark(request: web.Request) -> web.Response:
        form = await _form(request)
        work_id, field, value = (str(form.get(name, "")) for name in ("work", "field", "value"))
        if not _is_number(work_id):
            raise ConfigurationError(f"work={work_id[:40]!r} is not the id of a work")
        if field != "note" and not _is_number(value):
            raise ConfigurationError(f"value={value[:40]!r} is not a number")
        await asyncio.to_thread(shelf.mark, int(work_id), field, value if field == "note" else int(value))
        return _back(str(form.get("back", "")))

    return [web.post("/shelf", mark), web.post("/settings", _settings)]


async def _settings(request: web.Request) -> web.Response:
    form = await _form(request)
    answer = _back(str(form.get("back", "")))
    for name, cookie, choices in (("covered", COVERED, ("yes", "no")), ("language", LANGUAGE, tuple(LANGUAGES))):
        chosen = str(form.get(name, ""))
        if chosen in choices:
            answer.set_cookie(cookie, chosen, max_age=YEAR, samesite="Strict", httponly=True, path="/")
    return answer


async def _form(request: web.Request) -> MultiMapping[Any]:
    """What was filled in. Raises ConfigurationError for what is no form."""
    try:
        return await request.post()
    except (ValueError, LookupError) as error:
        raise ConfigurationError("the form cannot be read: open its page anew") from error


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_NUMBER


def _back(address: str) -> web.Response:
    """To the page that the form stands on; to no other site, whatever a form says."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return web.Response(status=303, headers={"Location": address if is_own else "/works"})
