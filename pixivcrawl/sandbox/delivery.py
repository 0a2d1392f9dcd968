"""A body on its way to the one who asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from pixivcrawl.sandbox.pictures import Content

WEB_PAGE = Content(
    (b"<!DOCTYPE html><html><head><title>pixiv</title></head><body>Please wait a moment.</body></html>",), "text/html"
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A body on its way. `declared` is the Content-Length, None for chunked; `sent` bytes leave, then the connection
    closes if more were declared. They leave at `rate` bytes a second, or as fast as they are taken."""

    content: Content
    declared: int | None
    sent: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    rate: float | None = None


def whole(content: Content, status: int = 200) -> Delivery:
    return Delivery(content, content.length, content.length, status)
