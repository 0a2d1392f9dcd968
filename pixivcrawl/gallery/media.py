"""Serves files of the archive by SHA-256, in ranges, and lets browsers cache them forever."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, select

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import store_of
from pixivcrawl.errors import StorageFailed
from pixivcrawl.gallery.thumbnails import SIDES, Source, Thumbnails
from pixivcrawl.index.reading import Index
from pixivcrawl.ledger.models import FileRow, UserFileRow
from pixivcrawl.ledger.queries.browsing.works import Picture
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE

TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "zip": "application/zip"}
"""The kinds of file that there are, whatever their bytes would pass for elsewhere."""

FOR_EVER = "private, max-age=31536000, immutable"

PLACEHOLDER = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#808080" fill-opacity=".18"/>'
    b'<path d="M26 62l16-20 12 14 6-7 12 13zM60 38a5 5 0 1 1 .1 0zM22 24l52 52" fill="none" stroke="#808080" stroke-width="4"/></svg>'
)
"""In the place of a thumbnail that cannot be drawn: the file is damaged, too large, or not there."""

_OF = re.compile(r"(?:w([0-9]{1,18})p([0-9]{1,9})|u([0-9]{1,18}))")


def address_of(picture: Picture) -> str:
    """The query that says to which work or user a file belongs, so that it is found without the index."""
    if picture.kind in ("avatar", "background"):
        return f"of=u{picture.work_id:d}"
    return f"of=w{picture.work_id:d}p{picture.page:d}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored file as its row describes it."""

    path: str
    kind: str
    format: str
    frames: Any


def kept_file(connection: Connection, sha256: str, of: str, index: Index) -> Kept | None:
    """The stored file with these bytes: of the work or user that `of` names, otherwise of any work; None if there is none."""
    told = _OF.fullmatch(of)
    places = [(int(told[1]), int(told[2]))] if told and told[1] else [] if told else index.same_bytes(sha256)
    for work_id, page in places:
        row = connection.execute(
            select(FileRow.path, FileRow.kind, FileRow.format, FileRow.extension, FileRow.frames).where(
                FileRow.artwork_id == work_id,
                FileRow.page == page,
                FileRow.sha256 == sha256,
                FileRow.state.in_(IN_PLACE),
                FileRow.kind != "frames",
            )
        ).first()
        if row is not None:
            return Kept(row.path or "", row.kind, row.format or row.extension, row.frames)
    if told and told[3]:
        row = connection.execute(
            select(UserFileRow.path, UserFileRow.kind, UserFileRow.format, UserFileRow.extension).where(
                UserFileRow.user_id == int(told[3]), UserFileRow.sha256 == sha256, UserFileRow.state == "stored"
            )
        ).first()
        if row is not None:
            return Kept(row.path or "", row.kind, row.format or row.extension, None)
    return None


class Media:
    """Answers requests for files."""

    def __init__(self, archive: Archive, ledger: Ledger, index: Index, thumbnails: Thumbnails) -> None:
        self._archive = archive
        self._ledger = ledger
        self._index = index
        self._thumbnails = thumbnails

    def routes(self) -> list[web.RouteDef]:
        sha256 = "{sha256:[0-9a-f]{64}}"
        return [
            web.get(rf"/originals/{sha256}.{{extension:[a-z]+}}", self.original),
            web.get(rf"/ugoira/{sha256}.zip", self.original),
            web.get(rf"/ugoira/{sha256}.json", self.frames),
            web.get(rf"/thumbs/{sha256}.webp", self.thumbnail),
        ]

    async def original(self, request: web.Request) -> web.StreamResponse:
        kept = await self._kept(request)
        extension = request.match_info.get("extension", "zip")
        if kept is None or TYPES.get(extension) != TYPES.get(kept.format):
            raise web.HTTPNotFound
        path = self._path(kept)
        if path is None:
            raise web.HTTPNotFound
        if self._archive.bucket is None:
            return _sent(request, path, TYPES[extension])
        return await self._streamed(request, kept.path, TYPES[extension])

    async def frames(self, request: web.Request) -> web.StreamResponse:
        """An ugoira's frames as pixiv gave them: `[{"file": ..., "delay": ...}]`, null while its timing is unknown."""
        kept = await self._kept(request)
        if kept is None or kept.kind != "ugoira":
            raise web.HTTPNotFound
        return web.json_response(kept.frames)

    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        sha256 = request.match_info["sha256"]
        side = next((each for each in SIDES if str(each) == request.query.get("side", SIDES[0])), SIDES[0])
        made = self._thumbnails.made(sha256, side)
        if made is None:
            kept = await self._kept(request)
            if kept is None:
                raise web.HTTPNotFound
            path = self._path(kept)
            if path is not None:
                frame = str(kept.frames[0].get("file")) if kept.frames else None
                made = await self._thumbnails.make(Source(sha256, path, kept.kind, frame), side)
        if made is None:
            return web.Response(body=PLACEHOLDER, content_type="image/svg+xml", headers={"X-Placeholder": "1"})
        return _sent(request, made, "image/webp")

    async def _kept(self, request: web.Request) -> Kept | None:
        return await self._ledger.read(
            kept_file, request.match_info["sha256"], request.query.get("of", ""), self._index
        )

    def _path(self, kept: Kept) -> Path | None:
        """The path of a row's file; None if it is outside the archive or missing."""
        try:
            path = self._archive.resolve(kept.path)
        except ValueError:
            return None
        return path if self._archive.bucket is not None or path.is_file() else None

    async def _streamed(self, request: web.Request, path: str, kind: str) -> web.StreamResponse:
        """A file of an object store, or the part that was asked for; it is never here as a whole."""
        if (unchanged := _unchanged(request, kind)) is not None:
            return unchanged
        store = store_of(self._archive)
        try:
            held = await asyncio.to_thread(store.head, path)
            asked = request.http_range
        except (StorageFailed, ValueError) as error:
            raise (
                web.HTTPServiceUnavailable if isinstance(error, StorageFailed) else web.HTTPRequestRangeNotSatisfiable
            ) from None
        if held is None:
            raise web.HTTPNotFound
        start, end, _ = asked.indices(held.bytes)
        is_part = (asked.start, asked.stop) != (None, None)
        if is_part and start >= end:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{held.bytes}"})
        answer = web.StreamResponse(
            status=206 if is_part else 200, headers=_headers(request, kind) | {"Accept-Ranges": "bytes"}
        )
        answer.content_length = end - start
        if is_part:
            answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{held.bytes}"
        await answer.prepare(request)
        if request.method != "HEAD":
            pieces = store.read(path, start, end)
            while piece := await asyncio.to_thread(next, pieces, b""):
                await answer.write(piece)
        await answer.write_eof()
        return answer


def _sent(request: web.Request, path: Path, kind: str) -> web.StreamResponse:
    return _unchanged(request, kind) or web.FileResponse(path, headers=_headers(request, kind))


def _headers(request: web.Request, kind: str) -> dict[str, str]:
    return {"Cache-Control": FOR_EVER, "Content-Type": kind, "ETag": f'"{request.match_info["sha256"]}"'}


def _unchanged(request: web.Request, kind: str) -> web.Response | None:
    """The answer to a browser that has the file already."""
    asked = [each.value for each in request.if_none_match or ()]
    if "*" in asked or request.match_info["sha256"] in asked:
        return web.Response(status=304, headers=_headers(request, kind))
    return None


async def give_etag(request: web.Request, answer: web.StreamResponse) -> None:
    """Set a file's SHA-256 as its ETag, in place of the library's, which comes from the file's time."""
    if (
        isinstance(answer, web.FileResponse)
        and answer.status in (200, 206)
        and (sha256 := request.match_info.get("sha256"))
    ):
        answer.headers["ETag"] = f'"{sha256}"'
