"""`export wacz`: a web archive (WACZ 1.1.1) of originals, pixiv's answers, and a generated page for each work.

Written here because the package `wacz` takes whole WARC files, copies each into the zip, holds its index in memory and writes the time of
making everywhere: a kill would lose everything, and a second export would be a different file.
"""

from __future__ import annotations

import argparse
import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from pixivcrawl.api.text import plural
from pixivcrawl.archive.warc import digest, stream_record, write_record
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.exchange.export.answers import Place, answers_about, records_at
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.exchange.export.wacz_file import Page, WaczFile, opened
from pixivcrawl.exchange.export.writing import Differs, pieces, require_same
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile
from pixivcrawl.reporting.output import STANDARD_OUTPUT

OURS = "https://pixivcrawl.invalid/"
"""The address of generated pages: such a host can never exist (RFC 6761), so they are not mistaken for pixiv's."""

SPARE = 64 << 20
"""Bytes of a WARC file beside its originals and answers, at most: the page, and what stands before each record."""

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "zip": "application/zip"}


class Part(NamedTuple):
    """A record to be written: its entry in the index, and its bytes."""

    url: str
    at: datetime
    mime: str
    digest: str
    status: int
    bytes: Callable[[], Iterator[bytes]]


def export(selection: Selection, target: Path, _options: argparse.Namespace) -> Result:
    """Write the web archive; it replaces a former one once it is complete."""
    if str(target) == STANDARD_OUTPUT or target.suffix != ".wacz":
        raise ConfigurationError(f"{target}: give the file a name that ends with .wacz, as programs know it by that")
    result, answers = Result(), answers_about(selection)
    with opened(target) as file:
        for work in selection.works():
            write_work(file, selection, work, answers.get(work.id, []))
        for refused in file.refused():
            result.refuse(refused)
        file.finish()
    size = target.stat().st_size
    result.lines.append(
        f"{target}: {plural(len(selection.work_ids), 'work')}, {size:,} bytes; open it with ReplayWeb.page"
    )
    return result


def write_work(file: WaczFile, selection: Selection, work: ExportedWork, places: list[Place]) -> None:
    """Write a work's WARC file, unless a killed run already wrote the same one."""
    answers = records_at(selection, places)
    kept = [each for each in work.files if each.kind != "frames"]
    page = page_of(work, kept)
    looked_at = [(each.path, each.sha256, str(each.stored)) for each in kept]
    print_ = digest(json.dumps([looked_at, [digest(record) for _, record in answers]]).encode() + page)
    if file.has(work.id, print_):
        return
    refused, parts = [], []
    for each in kept:
        try:
            require_same(selection.archive, each)
        except Differs as why:
            refused.append(str(why))
        else:
            parts.append(original_of(selection, each))
    for answer, record in answers:
        parts.append(answer_part(answer.url, answer.read_at, answer.status, answer.payload, record))
    at = max((part.at for part in parts), default=work.facts["first_seen"])
    parts.append(page_part(work.id, at, page))
    title = work.facts["title"] or str(work.id)
    try:
        size = sum(each.bytes or 0 for each in kept) + sum(len(record) for _, record in answers) + SPARE
        with file.warc(work.id, print_, size, Page(address_of(work.id), at, title), refused) as write:
            for part in parts:
                told = {"url": part.url, "mime": part.mime, "status": part.status, "digest": part.digest}
                write(part.bytes(), told, surt(part.url), part.at)
    except Differs as why:
        raise StorageFailed(f"{why}; it was changed while it was exported: run the same command again") from why


def original_of(selection: Selection, file: KeptFile) -> Part:
    """A `resource` record, because the headers of the original's answer were not kept."""
    url = url_of(file)
    at, sha256 = file.stored or file.uploaded, file.sha256 or ""
    mime = MEDIA_TYPES[file.format or file.extension]
    fields = [("WARC-Target-URI", url), ("WARC-Payload-Digest", f"sha256:{sha256}"), ("Content-Type", mime)]
    record_id = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{url} {sha256}')}"
    return Part(
        url,
        at,
        mime,
        f"sha256:{sha256}",
        200,
        lambda: stream_record(
            "resource", record_id, at, fields, sha256, file.bytes or 0, pieces(selection.archive, file)
        ),
    )


def url_of(file: KeptFile) -> str:
    """Its address at pixiv, or a made-up one if unknown, as for an imported file."""
    return file.url or f"{OURS}{file.path}"


def answer_part(url: str, at: datetime, status: int, payload: bytes, record: bytes) -> Part:
    return Part(url, at, "application/json", digest(payload), status, lambda: iter([record]))


def page_part(work_id: int, at: datetime, page: bytes) -> Part:
    url = address_of(work_id)
    fields = [("WARC-Target-URI", url), ("WARC-Payload-Digest", digest(page)), ("Content-Type", "text/html")]
    record = write_record("resource", f"urn:uuid:{uuid5(NAMESPACE_URL, f'{url} {digest(page)}')}", at, fields, page)
    return Part(url, at, "text/html", digest(page), 200, lambda: iter([record]))


def address_of(work_id: int) -> str:
    return f"{OURS}works/{work_id:d}"


def page_of(work: ExportedWork, files: list[KeptFile]) -> bytes:
    """A page that shows a work's pictures with a few facts; text from pixiv never becomes markup."""
    facts, artist = work.facts, work.artist
    said = [
        ("Artist", f"{artist['name']} ({facts['user_id']})" if artist is not None else facts["user_id"]),
        ("Uploaded", facts["created"] and f"{facts['created'].astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        ("Tags", " ".join(tag.name for tag in work.tags)),
        ("Now", facts["availability"]),
        ("Caption", re.sub(r"<[^>]*>", " ", facts["caption"] or "")),
    ]
    rows = "".join(f"<dt>{name}<dd>{html.escape(str(value))}" for name, value in said if value)
    shown = "".join(f"<p>{_shown(file)}" for file in files)
    title = html.escape(facts["title"] or str(work.id))
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title><style>img{{max-width:100%}}</style></head>'
        f"<body><h1>{title}</h1><dl>{rows}</dl>{shown}</body></html>\n"
    ).encode(errors="replace")


def _shown(file: KeptFile) -> str:
    url = html.escape(url_of(file))
    named = f"revision {file.revision}, page {file.page + 1}"
    if file.kind == "ugoira":
        return f'<a href="{url}">the frames of revision {file.revision}, as a zip</a>'
    return f'<img src="{url}" alt="{named}" title="{named}">'


def surt(url: str) -> str:
    """An address as the index of a web archive sorts it: the host's parts backwards, the query's in order, all in lower case."""
    parts = urlsplit(re.sub(r"^(https?://)www\d*\.", r"\1", url).lower())
    host = ",".join(reversed((parts.hostname or "").split(".")))
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    query = f"?{'&'.join(sorted(parts.query.split('&')))}" if parts.query else ""
    return f"{host}{port}){parts.path or '/'}{query}"
