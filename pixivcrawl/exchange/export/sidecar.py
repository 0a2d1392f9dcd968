"""The contents of a sidecar; docs/sidecar.schema.json is made from these models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Row

from pixivcrawl.items import Artwork, Evidence, FileKind, User, columns_of
from pixivcrawl.ledger.queries.exported import ExportedWork

VERSION = 1
"""Goes up when what is there changes its meaning or goes away."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tag(_Told):
    """A tag as its artist wrote it, with its translations by language; `reader` is pixiv's choice for the reading account."""

    name: str
    translations: dict[str, str]
    locked: bool | None = Field(description="Only the artist may remove it.")
    user_id: int | None = Field(description="Who added it.")


class Series(_Told):
    """The series of the work, and its place in it, from 1."""

    id: int
    title: str | None
    position: int | None


class Frame(_Told):
    """A frame of an ugoira: its name in the zip, and how long it is shown, in milliseconds."""

    file: str
    delay: int


class File(_Told):
    """A file of the work that is in the archive, at `path` in its folder; `page` counts from 0, and is a frame's number for a frame."""

    page: int
    kind: FileKind
    state: Literal["stored", "adopted"] = Field(
        description="adopted: of which revision nothing shows; it came with an import."
    )
    revision: str = Field(
        description="The time in pixiv's address: another one for each time the artist replaced the images."
    )
    path: str
    sha256: str
    bytes: int | None
    format: str | None
    width: int | None
    height: int | None
    url: str | None
    uploaded: datetime
    frames: list[Frame] | None
    flaw: str | None = Field(description="What is odd about a file that was kept (docs/proof.md).")
    as_served: bool
    etag: str | None
    last_modified: str | None
    evidence: Evidence | None = Field(
        description="What shows of an imported file that it is this page at this revision."
    )
    imported: datetime | None


class Former(_Told):
    """A former value of a field of the work, and from when to when it was true, as far as the archive saw."""

    field: str
    value: Any
    true_from: datetime
    true_to: datetime


class Name(_Told):
    """A name that the artist bore, and when it was first seen."""

    name: str
    first_seen: datetime


class Bookmark(_Told):
    """A user's bookmark of the work; the number is known only for the reader's own."""

    user_id: int
    private: bool
    tags: list[str] | None
    bookmark_id: int | None


class Private(_Told):
    """What only the reader's own account sees."""

    withheld_from: int | None = Field(description="The account that pixiv did not show the work to.")
    location_mask: bool | None = Field(description="The work is not shown in the reader's region.")
    bookmarks: list[Bookmark]


_OF_READER = ("location_mask",)


def _fields(item: type, *without: str) -> dict[str, Any]:
    """The columns of an item as fields; only its id is required."""
    hints = get_type_hints(item)
    return {
        name: (hints[field.name] if name == "id" else hints[field.name] | None, ...)
        for name, field in columns_of(item).items()
        if name not in without
    }


Work = create_model(
    "Work",
    __base__=_Told,
    __doc__="The work as pixiv told it last; null is not known. `ai_type`: 2 is made by AI; `x_restrict`: 1 is R-18, 2 R-18G.",
    **_fields(Artwork, *_OF_READER),
    availability=(str, Field(description="unknown, available, withheld, gone or masked.")),
    unavailable_reason=(str | None, ...),
    unavailable_since=(datetime | None, ...),
    first_seen=(datetime, Field(description="When the archive first heard of it.")),
)

Artist = create_model(
    "Artist",
    __base__=_Told,
    __doc__="The artist, with every name that was seen, the oldest first.",
    **_fields(User),
    name=(str | None, ...),
    names=(list[Name], ...),
)


class Sidecar(_Told):
    """All that a pixivcrawl archive knows of one work."""

    version: Literal[1]
    work: Work
    artist: Artist | None
    tags: list[Tag] = Field(description="In the artist's order.")
    series: Series | None
    files: list[File]
    history: list[Former] = Field(description="The oldest first.")
    private: Private | None = Field(description="Null without --with-private.")


def schema() -> dict[str, Any]:
    """The JSON schema of a sidecar."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Sidecar.model_json_schema(mode="serialization")


def sidecar(
    work: ExportedWork, history: Sequence[Row[Any]], names: Sequence[Row[Any]], bookmarks: Sequence[Row[Any]] | None
) -> str:
    """A work's document; `bookmarks` are None if only public facts are exported."""
    facts = {name: work.facts[name] for name in Work.model_fields}
    if bookmarks is None:
        facts |= {"poll": public_poll(facts["poll"]), "request": public_request(facts["request"])}
    artist = None
    if work.artist is not None:
        of_artist = {name: work.artist[name] for name in Artist.model_fields if name != "names"}
        borne = [Name(name=each.name, first_seen=each.first_seen) for each in names]
        artist = Artist(**{"names": borne, **of_artist})
    told = Sidecar(
        version=VERSION,
        work=Work(**facts),
        artist=artist,
        tags=[Tag(**asdict(tag)) for tag in work.tags],
        series=Series(**asdict(work.series)) if work.series is not None else None,
        files=[_file(file) for file in work.files],
        history=[
            Former(field=each.field, value=each.value, true_from=each.true_from, true_to=each.true_to)
            for each in history
        ],
        private=_private(work, bookmarks) if bookmarks is not None else None,
    )
    return f"{told.model_dump_json(indent=1)}\n"


def _file(file: Any) -> File:
    told = {name: getattr(file, name) for name in File.model_fields}
    frames = [Frame(file=frame.file, delay=frame.delay) for frame in file.frames] if file.frames is not None else None
    return File(**told | {"frames": frames})


def _private(work: ExportedWork, bookmarks: Sequence[Row[Any]]) -> Private:
    return Private(
        withheld_from=work.facts["withheld_from"],
        location_mask=work.facts["location_mask"],
        bookmarks=[Bookmark(**{name: getattr(each, name) for name in Bookmark.model_fields}) for each in bookmarks],
    )


def public_poll(poll: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A poll without what the reader answered."""
    return None if poll is None else {name: value for name, value in poll.items() if name != "selectedValue"}


def public_request(request: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A request without the reader's part in it."""
    if request is None:
        return None
    told = {name: value for name, value in request.items() if name != "role"}
    if isinstance(status := told.get("collaborateStatus"), Mapping):
        of_reader = ("collaborating", "collaborateAnonymousFlg")
        told["collaborateStatus"] = {name: value for name, value in status.items() if name not in of_reader}
    return told
