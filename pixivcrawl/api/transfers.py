"""Requests for originals, and what the image host says about the body that it sends."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from scrapy import Request
from scrapy.http import Response

from pixivcrawl.api.text import one_line

LONGEST_VALIDATOR = 200
"""Characters of an ETag or a date; they come from outside."""

_PAST_CACHES = {"Cache-Control": "no-cache", "Pragma": "no-cache"}


def original_request(url: str, page: str, stage_to: Path, *, past_caches: bool) -> Request:
    """A request to the image host for an original, as from a `page` of pixiv such as artworks/1; its body goes to the file `stage_to`.

    `past_caches`: for what pixiv itself has now.
    """
    headers = {"Referer": f"https://www.pixiv.net/{page}", **(_PAST_CACHES if past_caches else {})}
    return Request(url, headers=headers, meta={"stage_to": str(stage_to)})


class Validators(NamedTuple):
    """What the image host calls a body; None where it gives no such name."""

    etag: str | None
    last_modified: str | None


def validators_of(response: Response) -> Validators:
    return Validators(_header(response, "ETag"), _header(response, "Last-Modified"))


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return one_line(value.decode("latin-1"), LONGEST_VALIDATOR) or None if value else None
