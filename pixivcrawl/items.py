"""The items that spiders yield and pipelines process.

A file changes its type as it moves on, so that each pipeline can only be given what the one before it has finished: `Original` ->
`StagedOriginal` -> `ProvenOriginal` -> `StoredOriginal`; it leaves as a flat `StoredFile`. All times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, Self, get_args, get_type_hints

Kind = Literal["illust", "manga", "ugoira"]
"""Pixiv's illustType 0, 1, 2."""

VideoForm = Literal["mp4", "webp", "webm", "apng"]
"""What an ugoira can be made into; each is also its file's extension."""

FileKind = Literal["image", "ugoira", "frame", "frames", "avatar", "background"]
"""A page's original; an ugoira's zip (pixiv's own copy: its frames encoded again as JPEG, within 1920x1080); one of its frames as uploaded;
the frames' names and delays that lie beside the zip as JSON; a user's picture and the picture behind their profile.
"""

OF_USERS: frozenset[FileKind] = frozenset({"avatar", "background"})
"""The kinds of file that belong to a user, not to a work."""


def part_name(kind: str, page: int) -> str:
    """Which part of its work a file is, in words."""
    return f"frame {page}" if kind == "frame" else f"page {page}"


def name_of_file(kind: str, owner: int, page: int) -> str:
    """A file in words; `owner` is its work, or the user whose picture it is."""
    return f"user {owner} {kind}" if kind in OF_USERS else f"work {owner} {part_name(kind, page)}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of an ugoira: the name of its file in the zip and how long it is shown, in milliseconds."""

    file: str
    delay: int


@dataclass(frozen=True, slots=True)
class Original:
    """One file as the API names it: page `page` (from 0) of a work at one revision; of an ugoira its zip (page 0), or frame `page`.

    A user's picture is page 0, and has the user's id for its work's.

    `revision` is the 14 digits of the time in the image URL's path (Japan's time): pixiv changes it when the artist replaces, adds or
    reorders images. `extension` is the URL's (jpg, png, gif or zip). `width` and `height` are in pixels, None where the API did not say.
    `frames` is what an ugoira's zip holds, None for anything else. `uploaded` becomes the file's time. `guessed`: nothing tells the
    extension (of a row's pages, and of an ugoira's frames); the image host knows it by another one where this one answers 404. `retried`:
    it was asked for before and could not be kept, so that what a cache on the way holds of it is not wanted.
    """

    work_id: int
    user_id: int
    page: int
    revision: str
    url: str
    extension: str
    uploaded: datetime
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None
    guessed: bool = False
    retried: bool = False
    kind: FileKind = "image"

    def __post_init__(self) -> None:
        # The journals of earlier versions tell a zip by its frames alone.
        if self.frames is not None and self.kind == "image":
            object.__setattr__(self, "kind", "ugoira")

    def __str__(self) -> str:
        return name_of_file(self.kind, self.work_id, self.page)

    def with_extension(self, extension: str) -> Original:
        """The same page or frame with another extension."""
        stem = self.url.removesuffix(f".{self.extension}")
        return replace(self, url=f"{stem}.{extension}", extension=extension)


@dataclass(frozen=True, slots=True)
class StagedOriginal:
    """An original whose whole body is in the staging folder, synced, at the path `staged`.

    `etag` and `last_modified` are the image host's own words; None where it said none, or an ended run had received the body.
    """

    original: Original
    staged: str
    sha256: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class ProvenOriginal:
    """A staged original that is proven to be the whole picture; format and pixel size are those of the bytes.

    `flaw` is what is odd beside its pixels, which are all proven. `as_served` marks the one exception: a body that makes the decoder warn
    of its pixels (`flaw` says of what) and came the same in three transfers over a day or more.
    """

    staged: StagedOriginal
    format: str
    width: int
    height: int
    as_served: bool = False
    flaw: str | None = None


Evidence = Literal["recorded", "one revision", "fits", "older", "gone", "rewritten"]
"""What shows which page an imported file is, at which revision (verification/claims.py)."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Where a file came from that was not downloaded: `source` names a tool and the file in its folder."""

    source: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """An original at its final path; paths are relative to the archive folder. `frames_path` and `frames_sha256` belong to an ugoira.

    `imported`: it was taken from a folder of another tool's.
    """

    proven: ProvenOriginal
    path: str
    frames_path: str | None = None
    frames_sha256: str | None = None
    imported: Imported | None = None


IN_ROWS = {"in_rows": True}
"""Marks a field that a list's row may change on a fully known work. The other fields follow the images' revision, or are cut short in rows.
"""

HISTORY = {"history": True}
"""Marks a field whose former values are kept."""

NO_COLUMN = {"no_column": True}
"""Marks a field that has no column in its item's own table."""


def column(name: str) -> dict[str, Any]:
    """Marks a field whose column has a different name."""
    return {"column": name}


@cache
def columns_of(item: Any, mark: str | None = None) -> dict[str, Field[Any]]:
    """{column: field} for a type of item: its fields by their columns, or only those with a mark.

    This is the one list of what is recorded of an item: what the ledger reads, writes and keeps former values of follows from it.
    """
    kept = (each for each in fields(item) if "no_column" not in each.metadata)
    return {each.metadata.get("column", each.name): each for each in kept if mark is None or mark in each.metadata}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the archive, as feeds show it; `path` is relative to the archive folder.

    `work_id` is None for a user's picture, `flaw` what is odd about the file where something is (docs/proof.md).
    """

    work_id: int | None
    user_id: int
    kind: FileKind
    page: int
    revision: str
    path: str
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    url: str
    flaw: str | None = None
    as_served: bool = False

    @classmethod
    def of(cls, stored: StoredOriginal) -> Self:
        """Make one from a stored original; the size in pixels is that of its bytes."""
        proven = stored.proven
        staged, original = proven.staged, proven.staged.original
        return cls(
            None if original.kind in OF_USERS else original.work_id,
            original.user_id,
            original.kind,
            original.page,
            original.revision,
            stored.path,
            staged.sha256,
            staged.bytes,
            proven.format,
            proven.width,
            proven.height,
            original.url,
            proven.flaw,
            proven.as_served,
        )


@dataclass(frozen=True, slots=True)
class Tag:
    """A work's tag as its artist wrote it, with pixiv's translation into the reader's language if there is one.

    `locked`: only the artist may remove it; `user_id` is who added it. Both are None where the source does not say, as in rows.
    """

    name: str
    translation: str | None = None
    locked: bool | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Artwork:
    """A work, from its own page (detail "full") or from a list's row (detail "listing").

    None means that the source did not say, and never replaces what is known. `revision` is page 0's; `originals` is empty when the
    reader may not see them (`availability` is then "withheld"; in journals of old "login needed"), and in rows. `image_host` (such as
    `https://i.pximg.net`) is where a row's thumbnail lies, and with it the originals at `revision`; None where the row does not show the
    work. `extension` is that of the first page's original, where a row tells it (of an ugoira, its first frame's). `series_order` is its
    place in its series, from 1; `book_style` how a manga's pages turn; `request` the request that it came from and `poll` what its
    readers are asked, both as pixiv tells them; `location_mask`: it is not shown in the reader's region.
    """

    work_id: int = field(metadata=column("id"))
    user_id: int
    user_name: str = field(metadata=NO_COLUMN)
    title: str = field(metadata=IN_ROWS | HISTORY)
    kind: Kind = field(metadata=HISTORY)
    page_count: int = field(metadata=HISTORY)
    detail: Literal["listing", "full"] = field(metadata=NO_COLUMN)
    caption: str | None = field(default=None, metadata=HISTORY)
    tags: tuple[Tag, ...] = field(default=(), metadata=NO_COLUMN)
    created: datetime | None = field(default=None, metadata=IN_ROWS)
    uploaded: datetime | None = None
    width: int | None = None
    height: int | None = None
    x_restrict: int | None = field(default=None, metadata=IN_ROWS | HISTORY)
    restrict: int | None = field(default=None, metadata=IN_ROWS | HISTORY)
    ai_type: int | None = field(default=None, metadata=IN_ROWS | HISTORY)
    sanity_level: int | None = field(default=None, metadata=IN_ROWS)
    bookmark_count: int | None = field(default=None, metadata=IN_ROWS)
    like_count: int | None = field(default=None, metadata=IN_ROWS)
    comment_count: int | None = field(default=None, metadata=IN_ROWS)
    view_count: int | None = field(default=None, metadata=IN_ROWS)
    series_id: int | None = field(default=None, metadata=HISTORY)
    revision: str | None = field(default=None, metadata=HISTORY)
    availability: Literal["available", "withheld", "login needed"] = field(default="available", metadata=NO_COLUMN)
    originals: tuple[Original, ...] = field(default=(), repr=False, metadata=NO_COLUMN)
    image_host: str | None = field(default=None, metadata=NO_COLUMN)
    extension: str | None = field(default=None, metadata=NO_COLUMN)
    series_order: int | None = None
    is_original: bool | None = None
    is_login_only: bool | None = None
    location_mask: bool | None = None
    reuploaded: datetime | None = None
    book_style: int | None = None
    translated_title: str | None = field(default=None, metadata=HISTORY)
    translated_caption: str | None = field(default=None, metadata=HISTORY)
    request: dict[str, Any] | None = field(default=None, hash=False)
    poll: dict[str, Any] | None = field(default=None, hash=False)
    user_account: str | None = field(default=None, metadata=NO_COLUMN)
    series_title: str | None = field(default=None, metadata=NO_COLUMN)


@dataclass(frozen=True, slots=True)
class User:
    """A pixiv user; with `detail` "listing" only the name is known, with "full" also the profile. None means not said.

    `background` is the address of the picture behind the profile. `social`, `workspace` and `pickup` (what stands first on the profile)
    are as pixiv tells them. `pictures` are the avatar and the background as they were uploaded, None where the source is not the user's
    own page.
    """

    user_id: int = field(metadata=column("id"))
    name: str | None = field(metadata=NO_COLUMN)
    detail: Literal["listing", "full"] = field(default="listing", metadata=NO_COLUMN)
    account: str | None = None
    comment: str | None = field(default=None, metadata=HISTORY)
    webpage: str | None = field(default=None, metadata=HISTORY)
    image: str | None = None
    background: str | None = None
    social: dict[str, Any] | None = field(default=None, hash=False, metadata=HISTORY)
    workspace: dict[str, Any] | None = field(default=None, hash=False, metadata=HISTORY)
    pickup: list[Any] | None = field(default=None, hash=False)
    pictures: tuple[Original, ...] | None = field(default=None, repr=False, metadata=NO_COLUMN)


@dataclass(frozen=True, slots=True)
class RankingEntry:
    """A work's place in one ranking on one day (`date` as yyyymmdd); `previous_rank` is 0 if it was not in the ranking before."""

    mode: str
    content: str
    date: str
    rank: int
    previous_rank: int
    work_id: int = field(metadata=column("artwork_id"))


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment or stamp on a work; `user_id` is None if its writer left pixiv, `written` is exact to the minute.

    `image` is the address of the writer's picture beside it.
    """

    comment_id: int = field(metadata=column("id"))
    work_id: int = field(metadata=column("artwork_id"))
    user_id: int | None
    user_name: str | None
    text: str
    stamp_id: int | None = None
    parent_id: int | None = None
    written: datetime | None = None
    image: str | None = None
    has_replies: bool | None = None


@dataclass(frozen=True, slots=True)
class CommissionRequest:
    """A request to an artist; `price` is in yen, `requester_id` None if pixiv does not show who asked.

    `kind` is illust, manga, ugoira or novel. `work_id` is the work that came of it, None while there is none, and for a novel, whose
    id belongs to another space.
    """

    request_id: int = field(metadata=column("id"))
    creator_id: int
    kind: str
    state: str
    requester_id: int | None = None
    price: int | None = None
    title: str | None = None
    text: str | None = None
    work_id: int | None = field(default=None, metadata=column("artwork_id"))


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A work that a user bookmarked, with the user's own tags (None if pixiv does not show them).

    `bookmark_id` is known of the reader's own bookmarks alone.
    """

    user_id: int
    work_id: int = field(metadata=column("artwork_id"))
    private: bool
    tags: tuple[str, ...] | None = None
    bookmark_id: int | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """`follower_id` follows `followed_id`; a list of followers does not say whether privately."""

    follower_id: int
    followed_id: int
    private: bool | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A manga series; `total` is the number of its works, `latest` the last one's id."""

    series_id: int = field(metadata=column("id"))
    user_id: int
    title: str
    caption: str | None = None
    total: int | None = None
    latest: int | None = None


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """A work's place in a series, from 1."""

    series_id: int
    work_id: int = field(metadata=column("artwork_id"))
    position: int


@dataclass(frozen=True, slots=True)
class MaskedWork:
    """A work that a list names but shows without content; `reason` is the placeholder's name."""

    work_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class TagTranslation:
    """A tag in another language, or in Latin letters (`language` is then "romaji")."""

    tag: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A dated copy of an answer, with its request; `body` is pixiv's JSON."""

    endpoint: str
    parameters: dict[str, Any]
    read_at: datetime
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one answer says, by type of item; it is recorded together."""

    users: tuple[User, ...] = ()
    artworks: tuple[Artwork, ...] = ()
    masked: tuple[MaskedWork, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()
    follows: tuple[Follow, ...] = ()
    rankings: tuple[RankingEntry, ...] = ()
    requests: tuple[CommissionRequest, ...] = ()
    comments: tuple[Comment, ...] = ()
    series: tuple[Series, ...] = ()
    places: tuple[SeriesPlace, ...] = ()
    translations: tuple[TagTranslation, ...] = ()

    @classmethod
    def of(cls, items: Sequence[Any]) -> Self:
        """Collect facts that come one by one."""
        return cls(**{name: tuple(item for item in items if type(item) is kind) for kind, name in fact_types().items()})

    def items(self) -> list[Any]:
        return [item for each in fields(self) for item in getattr(self, each.name)]


@cache
def fact_types() -> dict[type[Any], str]:
    """The item types that are facts, and the field of `Facts` for each."""
    return {get_args(hint)[0]: name for name, hint in get_type_hints(Facts).items()}


@cache
def feed_types() -> dict[str, type[Any]]:
    """The item types that feeds can hold, by name."""
    return dict(sorted((kind.__name__, kind) for kind in (*fact_types(), Snapshot, StoredFile)))
