"""The API origin: who may ask what, and which body answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.bodies import (
    account,
    artworks,
    collections,
    listings,
    rankings,
    requests,
    searches,
    today,
    users,
)
from pixivcrawl.sandbox.damage import WEB_PAGE
from pixivcrawl.sandbox.exchange import Answer, Json, Question, RefusedError, refused
from pixivcrawl.sandbox.faults import STATUS_KIND, Fault, Faults
from pixivcrawl.sandbox.images import Sent
from pixivcrawl.sandbox.works import Session
from pixivcrawl.sandbox.world import World

Gate = Literal["anyone", "session", "token"]
NO_ONES_TOKEN = "0" * 32
PAGE_OF_PEOPLE = re.compile(r"/|/en/users/\d+")
"""What a browser shows: each holds the reader's token."""
PIXIV_ME = re.compile(r"/pixiv\.me/([^/]+)")
"""pixiv.me, which has a host of its own: it leads from the name of an account to the page of its artist."""
NOT_SIGNED_IN = "不正なリクエストです。"
"""pixiv: what an endpoint for the signed-in says to others, with status 400: \"a bad request\"."""
NOT_KNOWN = "An unknown error occurred"


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is matched whole; its groups are the question's places."""

    method: str
    path: re.Pattern[str]
    gate: Gate
    answer: Callable[[Question], Answer]


def _route(path: str, answer: Callable[[Question], Answer], gate: Gate = "anyone", method: str = "GET") -> Route:
    return Route(method, re.compile(path), gate, answer)


WORD = r"(.+)"
DRAWN = r"(illust|manga|ugoira)"
ROUTES = (
    _route(r"/ajax/illust/(\d+)", artworks.detail),
    _route(r"/ajax/illust/(\d+)/pages", artworks.pages),
    _route(r"/ajax/illust/(\d+)/ugoira_meta", artworks.ugoira_meta),
    _route(r"/ajax/illust/(\d+)/recommend/init", listings.recommend, "session"),
    _route(r"/ajax/illust/recommend/illusts", listings.recommended, "session"),
    _route(r"/ajax/illust/new", listings.new, "session"),
    _route(r"/ajax/illusts/comments/roots", listings.comments),
    _route(r"/ajax/illusts/bookmarks/add", collections.bookmark_add, "token", "POST"),
    _route(r"/ajax/illusts/like", collections.like, "token", "POST"),
    _route(r"/ajax/user/(\d+)", users.user),
    _route(r"/ajax/user/(\d+)/profile/all", users.profile_all),
    _route(r"/ajax/user/(\d+)/profile/illusts", users.profile_illusts),
    _route(r"/ajax/user/(\d+)/works/latest", users.works_latest),
    _route(r"/ajax/user/(\d+)/following", collections.following, "session"),
    _route(r"/ajax/user/(\d+)/followers", collections.followers, "session"),
    _route(r"/ajax/user/(\d+)/illusts/bookmarks", collections.bookmarks, "session"),
    _route(r"/ajax/user/(\d+)/(illusts|manga|illustmanga)/tag", listings.tagged),
    _route(r"/ajax/user/extra", account.extra, "session"),
    _route(r"/ranking\.php", rankings.ranking),
    _route(rf"/ajax/search/artworks/{WORD}", searches.artworks),
    _route(rf"/ajax/search/illustrations/{WORD}", searches.illustrations),
    _route(rf"/ajax/search/manga/{WORD}", searches.manga),
    _route(rf"/ajax/search/top/{WORD}", searches.top),
    _route(rf"/ajax/search/tags/{WORD}", listings.tag_info),
    _route(r"/ajax/stories/tag_stories", listings.stories),
    _route(r"/ajax/follow_latest/illust", collections.feed, "session"),
    _route(r"/ajax/mypixiv_latest/illust", collections.mypixiv, "session"),
    _route(r"/ajax/watch_list/manga", collections.watchlist, "session"),
    _route(r"/ajax/series/(\d+)", listings.series),
    _route(r"/ajax/commission/page/request", requests.overview),
    _route(rf"/ajax/commission/page/request/complete/{DRAWN}", requests.complete),
    _route(rf"/ajax/commission/page/request/creators/{DRAWN}", requests.creators),
    _route(r"/ajax/commission/page/request/in_progress/(all|illust|manga|ugoira)", requests.in_progress),
    _route(r"/ajax/discovery/artworks", listings.discovery_artworks, "session"),
    _route(r"/ajax/discovery/users", listings.discovery_users, "session"),
    _route(r"/ajax/discovery/(?:artworks|users)/meta", account.discovery_meta, "session"),
    _route(r"/ajax/top/illust", account.top, "session"),
    _route(r"/ajax/sketch/live/following", account.live_following, "session"),
    _route(r"/ajax/dashboard/home", account.dashboard_home, "session"),
    _route(r"/ajax/dashboard/settings", account.dashboard_settings, "session"),
    _route(r"/ajax/dashboard/works/illust/request_strategy", account.request_strategy, "session"),
    _route(r"/ajax/webpush", account.webpush),
    _route(r"/ajax/notification", account.notification, "session"),
    _route(r"/ajax/linked_service/tumeng", account.tumeng, "session"),
    _route(r"/ajax/illust/unlisted/(\w+)", today.unlisted),
    _route(r"/touch/ajax/illust/details/many", today.details_many),
    _route(r"/ajax/illusts/comments/replies", today.replies),
    _route(r"/ajax/collection/(\d+)", today.collection),
    _route(r"/ajax/commission/page/users/(\d+)/request", today.user_requests),
    _route(r"/ajax/user/(\d+)/illusts/bookmark/tags", today.bookmark_tags, "session"),
)


@dataclass(frozen=True, slots=True)
class ApiHost:
    """Answers requests; nothing here but a fault gives anything but what pixiv would."""

    world: World
    faults: Faults
    addresses: Addresses

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        if not request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return _page(sent, 403)
        cookie = request.cookies.get("PHPSESSID", "")
        session = self.world.reader(cookie)
        fault = self.faults.for_api(request.path, request.rel_url.query_string)
        if fault is not None and fault.kind == "disconnect":
            sent(0, 0)(0)
            if request.transport:
                request.transport.abort()
            return web.Response()
        if fault is not None and fault.kind == "html":
            return _page(sent, fault.status)
        if fault is not None and fault.kind == "guard":
            return _page(sent, 403, GUARD)
        if fault is not None and fault.kind == "redirect":
            return _redirect(sent, fault.location)
        if fault is None and (named := PIXIV_ME.fullmatch(request.path)):
            found = self.world.artist_called(named[1])
            return _page(sent, 404) if found is None else _redirect(sent, f"https://www.pixiv.net/users/{found.id}")
        if fault is None and PAGE_OF_PEOPLE.fullmatch(request.path):
            return _page_of_people(sent, None if self.world.habits.mixes_tokens else session)
        is_refused = cookie and session is None and self.world.habits.refuses_unknown
        answer = refused(401, NOT_KNOWN) if is_refused else await self._answer(request, session)
        reader = session.user_id if session is not None and self.world.habits.tells_reader else None
        return _document(sent, answer if fault is None else _distorted(answer, fault), fault, reader)

    async def _answer(self, request: web.BaseRequest, session: Session | None) -> Answer:
        for route in ROUTES:
            if route.method == request.method and (found := route.path.fullmatch(request.path)):
                break
        else:
            return refused(404, "There is no such endpoint.")
        if route.gate != "anyone" and session is None:
            return refused(400, NOT_SIGNED_IN)
        if route.gate == "token" and session is not None and request.headers.get("x-csrf-token") != session.csrf_token:
            return refused(400, "Invalid request.")
        heeded = [name for name in request.query if name not in self.world.passed_over]
        query = {name: request.query.getall(name) for name in heeded}
        try:
            document = await _posted(request) if route.method == "POST" else {}
            with self.world.lock:
                return route.answer(Question(self.world, self.addresses, session, found.groups(), query, document))
        except RefusedError as refusal:
            return refused(refusal.status, refusal.message)


async def _posted(request: web.BaseRequest) -> Json:
    try:
        document = await request.json()
    except ValueError as error:
        raise RefusedError(400, "The request is not JSON.") from error
    if request.content_type != "application/json" or not isinstance(document, dict):
        raise RefusedError(400, "The request is not a JSON object.")
    return document


def _document(sent: Sent, answer: Answer, fault: Fault | None, reader: int | None) -> web.Response:
    body = json.dumps(answer.content, separators=(",", ":")).encode()
    sent(answer.status, len(body))(len(body))
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if reader is not None:
        headers["X-Userid"] = str(reader)
    if fault is not None and fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return web.Response(body=body, status=answer.status, headers=headers)


GUARD = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def _page(sent: Sent, status: int, body: bytes = WEB_PAGE.whole) -> web.Response:
    sent(status, len(body))(len(body))
    return web.Response(body=body, status=status, headers={"Content-Type": "text/html; charset=utf-8"})


def _redirect(sent: Sent, location: str) -> web.Response:
    sent(302, 0)(0)
    return web.Response(status=302, headers={"Location": location})


def _page_of_people(sent: Sent, session: Session | None) -> web.Response:
    token = session.csrf_token if session is not None else NO_ONES_TOKEN
    data = html.escape(json.dumps({"token": token, "services": {}, "userData": None}))
    meta = f'<meta name="global-data" id="meta-global-data" content=\'{data}\'>'
    return _page(sent, 200, f"<!DOCTYPE html><html><head><title>pixiv</title>{meta}</head></html>".encode())


def _distorted(answer: Answer, fault: Fault) -> Answer:
    match fault.kind:
        case "missing_field":
            return Answer(_without(answer.content, fault.field), answer.status)
        case "replaced_field":
            return Answer(_replaced(answer.content, fault.field, fault.value), answer.status)
        case "replaced_rows":
            return Answer(_with_rows(answer.content, fault.field, fault.value), answer.status)
        case "empty":
            return Answer(_emptied(answer.content), answer.status)
        case "not_object":
            return Answer([], answer.status)
        case "login":
            return refused(401, "Sign in to go on.")
        case "unknown_json":
            return Answer({"hello": "world"}, answer.status)
    if STATUS_KIND.fullmatch(fault.kind):
        return refused(fault.status, fault.message)
    raise ValueError(f"no fault is called {fault.kind}")


def _without(content: Json, field: str) -> Json:
    copy, holders, name = _holders(content, field)
    for holder in holders:
        del holder[name]
    return copy


def _replaced(content: Json, field: str, value: Any) -> Json:
    copy, holders, name = _holders(content, field)
    for holder in holders:
        holder[name] = value
    return copy


def _with_rows(content: Json, field: str, rows: dict[int, Any]) -> Json:
    """Some rows of a list, or of an object of rows, have other values; beyond its end nothing changes."""
    copy, holders, name = _holders(content, field)
    for listed in (holder[name] for holder in holders):
        keys = list(listed) if isinstance(listed, dict) else list(range(len(listed)))
        for place, value in rows.items():
            for key in keys[place : place + 1]:
                listed[key] = listed[key] | value if isinstance(value, dict) else value
    return copy


def _holders(content: Json, field: str) -> tuple[Json, list[Json], str]:
    """A copy of an answer, every object in it that has the last key of the path `field`, and that key."""
    copy: Json = json.loads(json.dumps(content))
    *path, last = field.split(".") if field else ("body",)
    nodes: list[Any] = [copy.get("body", copy) if field else copy]
    for name in path:
        nodes = [node[name] for node in _objects(nodes) if name in node]
    return copy, [node for node in _objects(nodes) if last in node], last


def _objects(nodes: list[Any]) -> list[Json]:
    """The objects among the nodes, and in those that are lists."""
    inner = [each for node in nodes for each in (node if isinstance(node, list) else [node])]
    return [node for node in inner if isinstance(node, dict)]


def _emptied(node: Any, name: str = "") -> Any:
    """pixiv: a throttled search answers 200 with no rows and total 0."""
    if isinstance(node, list):
        return []
    if isinstance(node, dict):
        if node and all(key.isdecimal() for key in node):
            return []
        return {key: _emptied(value, key) for key, value in node.items()}
    return type(node)(0) if name in ("total", "rank_total") else node
