"""A file of a work with the keys of gallery-dl's `--write-metadata`, so that existing scripts keep working.

Left out is what only the reader's own account sees, and what pixiv tells its app alone (docs/export.md names these keys).
"""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pixivcrawl.exchange.export.tokens import in_japan
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile

_JUMP = re.compile(r'<a href="/jump\.php\?([^"]+)')
_RATINGS = ("General", "R-18", "R-18G")


def document(work: ExportedWork, file: KeptFile) -> str:
    """What gallery-dl would write beside the file, as far as the archive knows it."""
    facts, artist = work.facts, work.artist
    created = in_japan(facts["created"])
    rating, is_ugoira = facts["x_restrict"], file.kind == "ugoira"
    filename = PurePosixPath(urlsplit(file.url or "").path).stem or f"{work.id}_p{file.page}"
    told: dict[str, Any] = {
        "caption": _with_plain_links(facts["caption"]) if facts["caption"] is not None else None,
        "category": "pixiv",
        "count": 1 if is_ugoira else facts["page_count"],
        "create_date": created.isoformat() if created is not None else None,
        "date": _time(facts["created"]),
        "date_url": _time(file.uploaded),
        "extension": file.extension,
        "filename": filename,
        "frames": [{"delay": frame.delay, "file": frame.file} for frame in file.frames] if file.frames else None,
        "hash": filename.partition("-")[2].rpartition("_")[0],
        "height": facts["height"],
        "id": work.id,
        "illust_ai_type": facts["ai_type"],
        "illust_book_style": facts["book_style"],
        "num": file.page,
        "page_count": facts["page_count"],
        "rating": _RATINGS[rating] if rating in range(len(_RATINGS)) else None,
        "restrict": facts["restrict"],
        "sanity_level": facts["sanity_level"],
        "series": {"id": work.series.id, "title": work.series.title} if work.series is not None else None,
        "subcategory": "artworks",
        "suffix": f"_p{file.page:02}" if (facts["page_count"] or 1) > 1 else "",
        "tags": [tag.name for tag in work.tags],
        "title": facts["title"],
        "total_bookmarks": facts["bookmark_count"],
        "total_comments": facts["comment_count"],
        "total_view": facts["view_count"],
        "type": facts["kind"],
        "url": file.url,
        "user": {
            "account": artist["account"] if artist is not None else None,
            "id": facts["user_id"],
            "name": artist["name"] if artist is not None else None,
            "profile_image_urls": {"medium": artist["image"]} if artist is not None and artist["image"] else {},
        },
        "width": facts["width"],
        "x_restrict": rating,
    }
    if told["frames"] is None:
        del told["frames"]
    return json.dumps(told, ensure_ascii=False, indent=4) + "\n"


def _with_plain_links(caption: str) -> str:
    """A caption as pixiv tells it to its app, which gallery-dl asks: links lead to their addresses, not by way of pixiv's own."""
    return html.unescape(_JUMP.sub(lambda link: f'<a href="{unquote(link[1])}', caption))


def _time(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment is not None else None
