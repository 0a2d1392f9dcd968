"""The application: routes, middlewares, and how a page is answered."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy import Connection

from pixivcrawl.api.text import one_line
from pixivcrawl.archive.layout import Archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.faults import report_fault
from pixivcrawl.gallery import forms, guard
from pixivcrawl.gallery.forms import COVERED, LANGUAGE
from pixivcrawl.gallery.guard import Guard
from pixivcrawl.gallery.media import Media, give_etag
from pixivcrawl.gallery.rendering import LANGUAGES, STATIC_TYPES, render, static_files
from pixivcrawl.gallery.request import JsonData, NotFound, Page, PageFunction, PageRequest, Redirect
from pixivcrawl.gallery.routes import PAGES
from pixivcrawl.gallery.shelf import Shelf
from pixivcrawl.gallery.thumbnails import Thumbnails
from pixivcrawl.index.reading import Index
from pixivcrawl.ledger.service import Ledger

LONGEST_FORM = 64 << 10


@dataclass(frozen=True, slots=True)
class Gallery:
    """Everything that the pages are made from. `fleet` is the configuration of a ledger that machines may share, on a server; else None."""

    archive: Archive
    ledger: Ledger
    index: Index
    shelf: Shelf
    thumbnails: Thumbnails
    zone: tzinfo
    fleet: Configuration | None = None


def application(gallery: Gallery, guarded_by: Guard) -> web.Application:
    """All routes, behind the guard."""
    app = web.Application(
        middlewares=[guard.guarding(guarded_by), _saying_errors(gallery)], client_max_size=LONGEST_FORM
    )
    app.router.add_routes([web.get(route.path, _answering(gallery, route.page)) for route in PAGES])
    app.router.add_routes(Media(gallery.archive, gallery.ledger, gallery.index, gallery.thumbnails).routes())
    app.router.add_routes(forms.routes(gallery.shelf, gallery.index))
    app.router.add_get("/opensearch.xml", _opensearch)
    app.router.add_get(r"/static/{name:[a-z]+\.[a-z]+}", _static)
    app.on_response_prepare.append(guard.give_headers)
    app.on_response_prepare.append(give_etag)
    return app


def _answering(gallery: Gallery, page: PageFunction) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        asked = request_of(gallery, request)
        answered = await gallery.ledger.read(_answered, page, asked)
        if isinstance(answered, Redirect):
            raise web.HTTPFound(answered.address)
        return web.Response(**answered)

    return answer


def _answered(connection: Connection, page: PageFunction, asked: PageRequest) -> dict[str, Any] | Redirect:
    """A page from one snapshot of the ledger, rendered in the same thread."""
    try:
        made = page(connection, asked)
        if isinstance(made, Redirect):
            return made
        if isinstance(made, JsonData):
            return {"text": json.dumps(made.value, ensure_ascii=False), "content_type": "application/json"}
    except NotFound as error:
        made = Page("error.html", {"status": 404, "why": str(error)}, 404)
    except ConfigurationError as error:
        made = Page("error.html", {"status": 400, "why": str(error)}, 400)
    return _html(made, asked)


def _html(page: Page, asked: PageRequest) -> dict[str, Any]:
    text = render(page, asked, languages=LANGUAGES)
    return {"text": text, "status": page.status, "content_type": "text/html"}


def request_of(gallery: Gallery, request: web.Request) -> PageRequest:
    """What a request asks for, with its browser's choices."""
    given = request.cookies.get(LANGUAGE, "")
    return PageRequest(
        path=request.match_info,
        query=request.query,
        address=request.path,
        archive=gallery.archive,
        index=gallery.index,
        shelf=gallery.shelf,
        covered=request.cookies.get(COVERED) != "no",
        language=given if given in LANGUAGES else _preferred(request.headers.get("Accept-Language", "")),
        zone=gallery.zone,
        fleet=gallery.fleet,
    )


def _preferred(accepted: str) -> str:
    """The first language of a browser's list for which there are texts."""
    wanted = (each.partition(";")[0].strip().partition("-")[0].lower() for each in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")


def local_zone() -> tzinfo:
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    return zone


def _saying_errors(gallery: Gallery) -> Middleware:
    """Answer errors with pages, never with a traceback."""

    @web.middleware
    async def saying_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            status, why = error.status, request.path if error.status == 404 else error.reason
        except PixivcrawlError as error:
            status, why = (400 if isinstance(error, ConfigurationError) else 503), str(error)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except sqlite3.DatabaseError as error:
            status, why = (
                503,
                f"the search index cannot be read ({error}): end the gallery, delete derived/, start it again",
            )
        except Exception as error:  # noqa: BLE001 (a fault of ours, which goes to the terminal; the gallery goes on)
            report_fault(error)
            status, why = 500, "a fault of the gallery's own: the terminal says more"
        page = Page("error.html", {"status": status, "why": one_line(why, 400)}, status)
        return web.Response(**_html(page, request_of(gallery, request)))

    return saying_errors


async def _opensearch(request: web.Request) -> web.Response:
    """The OpenSearch description, for searching from the browser's own box."""
    return web.Response(
        text='<?xml version="1.0" encoding="UTF-8"?>\n<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        "<ShortName>pixivcrawl</ShortName><Description>Works of this archive</Description><InputEncoding>UTF-8</InputEncoding>"
        f'<Url type="text/html" template="http://{request.host}/works?q={{searchTerms}}"/>'
        f'<Url type="application/x-suggestions+json" template="http://{request.host}/complete?q={{searchTerms}}"/>'
        "</OpenSearchDescription>\n",
        content_type="application/opensearchdescription+xml",
    )


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    kind = STATIC_TYPES.get(Path(name).suffix)
    if kind is None or name not in static_files():
        raise web.HTTPNotFound
    return web.Response(
        body=static_files()[name], content_type=kind, headers={"Cache-Control": "private, max-age=31536000"}
    )
