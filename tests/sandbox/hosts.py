"""The sandbox's hosts with what goes wrong on order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from pixivcrawl.sandbox.addresses import ImageRequest
from pixivcrawl.sandbox.api import ApiHost, page, redirect
from pixivcrawl.sandbox.delivery import WEB_PAGE, Delivery, whole
from pixivcrawl.sandbox.http import ApiResponse, Json, refused
from pixivcrawl.sandbox.images import ImageHost, Sent
from pixivcrawl.sandbox.pictures import Content
from pixivcrawl.sandbox.works import Session, Work
from tests.sandbox.damage import BROKEN_OFF, broken_off, damaged
from tests.sandbox.faults import STATUS_KIND, Fault, Faults

GUARD = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
FAULTY = ("original", "zip", "frame")
"""The sorts of image that faults are for."""


@dataclass(frozen=True)
class FaultyImageHost(ImageHost):
    """`other_origin` is where a redirect fault leads."""

    faults: Faults
    other_origin: str

    async def of_work(
        self, path: str, work: Work, wanted: ImageRequest, content: Content, honest: Delivery
    ) -> Delivery:
        fault = self.faults.for_image(path, wanted) if wanted.sort in FAULTY else None
        if fault is None:
            return honest
        if fault.kind in BROKEN_OFF:
            return broken_off(fault.kind, honest)
        if fault.kind == "redirect":
            location = fault.location or f"{self.other_origin}{path}"
            return Delivery(WEB_PAGE, WEB_PAGE.length, WEB_PAGE.length, 302, {"Location": location})
        if fault.kind == "replaced":
            return whole(Content((fault.body,), content.media_type))
        return await asyncio.to_thread(damaged, fault.kind, content, self.world.pictures, work, wanted)

    async def of_artist(self, wanted: ImageRequest, content: Content) -> Delivery:
        fault = self.faults.for_portrait(wanted)
        if fault is None:
            return whole(content)
        if fault.kind == "replaced":
            return whole(Content((fault.body,), content.media_type))
        return whole(WEB_PAGE, fault.status)


@dataclass(frozen=True)
class FaultyApiHost(ApiHost):
    faults: Faults

    async def answer_browser(self, request: web.BaseRequest, sent: Sent, session: Session | None) -> web.StreamResponse:
        fault = self.faults.for_api(request.path, request.rel_url.query_string)
        if fault is None:
            return await super().answer_browser(request, sent, session)
        match fault.kind:
            case "disconnect":
                sent(0, 0)(0)
                if request.transport:
                    request.transport.abort()
                return web.Response()
            case "html":
                return page(sent, fault.status)
            case "guard":
                return page(sent, 403, GUARD)
            case "redirect":
                return redirect(sent, fault.location)
            case "late":
                await asyncio.sleep(fault.seconds)
                return await super().answer_browser(request, sent, session)
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return self.document(sent, distorted(await self.judged(request, session), fault), session, headers)


def distorted(answer: ApiResponse, fault: Fault) -> ApiResponse:
    match fault.kind:
        case "missing_field":
            return ApiResponse(_without(answer.content, fault.field), answer.status)
        case "replaced_field":
            return ApiResponse(_replaced(answer.content, fault.field, fault.value), answer.status)
        case "replaced_rows":
            return ApiResponse(_with_rows(answer.content, fault.field, fault.value), answer.status)
        case "halved":
            return ApiResponse(_halved(answer.content, fault.field), answer.status)
        case "empty":
            return ApiResponse(_emptied(answer.content), answer.status)
        case "not_object":
            return ApiResponse([], answer.status)
        case "login":
            return refused(401, "Sign in to go on.")
        case "unknown_json":
            return ApiResponse({"hello": "world"}, answer.status)
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


def _halved(content: Json, field: str) -> Json:
    copy, holders, name = _holders(content, field)
    for holder in holders:
        holder[name] = holder[name][::2]
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
