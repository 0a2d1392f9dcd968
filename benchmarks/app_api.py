"""`python -m benchmarks.app_api`: the sandbox, which also answers what gallery-dl asks of the app's API."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from pixivcrawl import sandbox
from pixivcrawl.sandbox.__main__ import main
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.api import ApiHost
from pixivcrawl.sandbox.http import ApiResponse, Json
from pixivcrawl.sandbox.images import Sent
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.server import Answering
from pixivcrawl.sandbox.works import ILLUST, JAPAN, UGOIRA, Work, frames_of
from pixivcrawl.sandbox.world import World

APP_ROWS = 30
"""pixiv: so many works a page of the app's."""


@dataclass(frozen=True)
class AppApi(ApiHost):
    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("PixivIOSApp/"):
            return self.document(sent, app_answer(self.world, self.addresses, request.path, request.query), None)
        return await super().answer(request, sent)


class Sandbox(sandbox.Sandbox):
    def host(self, kind: HostKind, scheme: str) -> Answering:
        if kind == "api":
            return AppApi(self.world, Addresses(f"{scheme}://{self.image_host}")).answer
        return super().host(kind, scheme)


def app_answer(world: World, addresses: Addresses, path: str, query: Mapping[str, str]) -> ApiResponse:
    """What the app's API says, as far as gallery-dl asks it for an artist's works."""
    if path == "/auth/token":
        return ApiResponse({"response": {"access_token": "a", "refresh_token": "b", "user": {"id": "901"}}})
    if path == "/v1/user/illusts":
        artist, start = int(query["user_id"]), int(query.get("offset", 0))
        works = world.works_of(artist, world.readers[0])
        end = start + APP_ROWS
        following = f"https://app-api.pixiv.net{path}?user_id={artist}&offset={end}" if end < len(works) else None
        rows = [_app_row(world, addresses, work) for work in works[start:end]]
        return ApiResponse({"user": {"id": artist}, "illusts": rows, "next_url": following})
    if path == "/v1/ugoira/metadata" and (work := world.work(int(query["illust_id"]))) is not None:
        zips = {"medium": addresses.zip(work, "600x600")}
        return ApiResponse({"ugoira_metadata": {"zip_urls": zips, "frames": frames_of(work)}})
    return ApiResponse({"error": {"message": "There is no such endpoint."}}, 404)


def _app_row(world: World, addresses: Addresses, work: Work) -> Json:
    """pixiv: a work of several pages names them all, one of a single page its original apart; lists tell no caption to the app."""
    artist = world.artist(work.artist_id)
    series = {"id": work.series_id, "title": f"Series {work.series_id}"} if work.series_id is not None else None
    originals = [addresses.original(work, number) for number in range(len(work.pages))]
    is_single = len(originals) == 1
    return {
        "id": work.id,
        "title": work.title,
        "type": "ugoira" if work.kind == UGOIRA else "illust" if work.kind == ILLUST else "manga",
        "image_urls": {"large": addresses.master(work)},
        "caption": "",
        "restrict": work.restrict,
        "user": {
            "id": work.artist_id,
            "name": artist.name if artist is not None else "",
            "account": artist.account if artist is not None else "",
            "profile_image_urls": {"medium": addresses.portrait(artist, 170) if artist is not None else ""},
            "is_followed": False,
        },
        "tags": [{"name": tag, "translated_name": None} for tag in work.tags],
        "tools": [work.tool] if work.tool else [],
        "create_date": work.created.astimezone(JAPAN).isoformat(timespec="seconds"),
        "page_count": len(work.pages),
        "width": work.first.width,
        "height": work.first.height,
        "sanity_level": work.sanity_level,
        "x_restrict": work.x_restrict,
        "series": series,
        "meta_single_page": {"original_image_url": originals[0]} if is_single else {},
        "meta_pages": [] if is_single else [{"image_urls": {"original": url}} for url in originals],
        "total_view": work.view_count,
        "total_bookmarks": work.bookmark_count,
        "total_comments": work.comment_count,
        "is_bookmarked": False,
        "visible": True,
        "is_muted": False,
        "illust_ai_type": work.ai_type,
        "illust_book_style": 0,
        "comment_access_control": 0,
        "restriction_attributes": [],
    }


if __name__ == "__main__":
    sys.exit(main(Sandbox))
