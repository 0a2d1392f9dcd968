"""The API origin: who may ask what, and which body answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

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
from pixivcrawl.sandbox.delivery import WEB_PAGE
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, refused
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
    answer: Callable[[ApiRequest], ApiResponse]


def _route(path: str, answer: Callable[[ApiRequest], ApiResponse], gate: Gate = "anyone", method: str = "GET") -> Route:
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


@dataclass(frozen=True)
class ApiHost:
    """Answers requests; nothing here gives anything but what pixiv would."""

    world: World
    addresses: Addresses

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        if not request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return page(sent, 403)
        return await self.answer_browser(request, sent, self.world.reader(request.cookies.get("PHPSESSID", "")))

    async def answer_browser(self, request: web.BaseRequest, sent: Sent, session: Session | None) -> web.StreamResponse:
        """What anyone gets who looks like a browser."""
        if named := PIXIV_ME.fullmatch(request.path):
            found = self.world.artist_called(named[1])
            return page(sent, 404) if found is None else redirect(sent, f"https://www.pixiv.net/users/{found.id}")
        if PAGE_OF_PEOPLE.fullmatch(request.path):
            return _page_of_people(sent, None if self.world.habits.mixes_tokens else session)
        return self.document(sent, await self.judged(request, session), session)

    async def judged(self, request: web.BaseRequest, session: Session | None) -> ApiResponse:
        """The right answer, or pixiv's refusal of a session that it does not know."""
        is_unknown = session is None and request.cookies.get("PHPSESSID", "") != ""
        if is_unknown and self.world.habits.refuses_unknown:
            return refused(401, NOT_KNOWN)
        return await self._answer(request, session)

    def document(
        self,
        sent: Sent,
        answer: ApiResponse,
        session: Session | None,
        more_headers: Mapping[str, str] = MappingProxyType({}),
    ) -> web.Response:
        body = json.dumps(answer.content, separators=(",", ":")).encode()
        sent(answer.status, len(body))(len(body))
        headers = {"Content-Type": "application/json; charset=utf-8", **more_headers}
        if session is not None and self.world.habits.tells_reader:
            headers["X-Userid"] = str(session.user_id)
        return web.Response(body=body, status=answer.status, headers=headers)

    async def _answer(self, request: web.BaseRequest, session: Session | None) -> ApiResponse:
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
                return route.answer(ApiRequest(self.world, self.addresses, session, found.groups(), query, document))
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


def page(sent: Sent, status: int, body: bytes = WEB_PAGE.whole) -> web.Response:
    sent(status, len(body))(len(body))
    return web.Response(body=body, status=status, headers={"Content-Type": "text/html; charset=utf-8"})


def redirect(sent: Sent, location: str) -> web.Response:
    sent(302, 0)(0)
    return web.Response(status=302, headers={"Location": location})


def _page_of_people(sent: Sent, session: Session | None) -> web.Response:
    token = session.csrf_token if session is not None else NO_ONES_TOKEN
    data = html.escape(json.dumps({"token": token, "services": {}, "userData": None}))
    meta = f'<meta name="global-data" id="meta-global-data" content=\'{data}\'>'
    return page(sent, 200, f"<!DOCTYPE html><html><head><title>pixiv</title>{meta}</head></html>".encode())
