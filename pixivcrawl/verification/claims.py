"""Judges what a file claims to be, by its evidence.

Files come from other tools' folders (`pixivcrawl import`), from places in the archive that the ledger does not know (`verify --repair`)
and from an archive whose ledger is rebuilt (`rebuild`).

| evidence | what it means | result |
|---|---|---|
| recorded | a record names the address or the time of the file, or its own name in the archive does | stored at that revision |
| one revision | pixiv's row shows today that the work was never revised, and the file fits it | stored at that revision |
| fits | the work was revised, and it is unknown when the file was fetched | adopted |
| older | pixiv's row contradicts the present revision: another size, a page too many, an earlier time | adopted |
| gone | pixiv no longer shows the work, or not to this reader | adopted |
| rewritten | the frames of an ugoira in a zip that a tool made | adopted |

An adopted file is kept, and never taken for the original of a revision. What is not whole, reduced or converted is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import original_url, zip_url
from pixivcrawl.api.text import plural
from pixivcrawl.archive.layout import unknown_revision
from pixivcrawl.archive.verdict import Proof, fits
from pixivcrawl.items import Evidence, FileKind, Frame, Original
from pixivcrawl.ledger.queries import PagesOfWork
from pixivcrawl.origin import read_origin

REDUCED = 1200
"""pixiv: the longest side, in pixels, of the reduced pictures that tools save when an original is not available; they are JPEG."""

CLOCKS = timedelta(days=1)
"""By how much the time that an image host gives for a file may differ from the one in its address."""


class NotBelieved(Exception):
    """Why a file is not what it claims to be; the message says it in a few words."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record of the tool that fetched a file says about it; None for what it does not say.

    `by` names the record for a person, as `the sidecar 5000111_p0.jpg.json`. `revision` is the 14 digits of the time in the address
    that the file came from (Japan's time). `width` and `height` are what pixiv gave for this very page (for an ugoira, for its frames).
    """

    by: str
    user_id: int | None = None
    revision: str | None = None
    kind: FileKind | None = None
    page_count: int | None = None
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A file, and the page that its name or its record claims it to be: `page` counts from 0, is a frame's number, and 0 of a zip.

    `kind` is image, ugoira (a zip) or frame; an image of a work that turns out to be an ugoira is a frame of it. `served`: the time
    that the image host gave for the file, if the tool keeps that as the file's own time, else None. `rewritten`: the tool wrote
    the zip again, so that its frames are pixiv's but its bytes are not.
    """

    path: Path
    work_id: int
    page: int
    kind: FileKind
    recorded: Recorded | None = None
    served: datetime | None = None
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file is taken for: `revision` is None if it is unknown."""

    kind: FileKind
    revision: str | None
    evidence: Evidence


def judge(claim: Claim, work: PagesOfWork | None, found: Proof) -> Judged:
    """What a whole file is, judged by its claim, by what pixiv shows of its work today (None: nothing), and by its bytes.

    Raises NotBelieved.
    """
    kind = _kind(claim, work, found)
    if claim.rewritten:
        return Judged(kind, None, "rewritten")
    said = claim.recorded
    if said is not None and said.revision is not None and not _contradicts(claim.page, said, said.revision, work):
        _refuse_reduced(found, said.width, said.height)
        if work is None or work.revision != said.revision:
            return Judged(kind, said.revision, "recorded")
        if _fits_page(work, kind, claim.page, found):
            _refuse_what_may_be_reduced(claim, work, found)
            return Judged(kind, said.revision, "recorded")
    if work is None or work.revision is None:
        return Judged(kind, None, "gone")
    if work.has_one_revision:
        return _of_one_revision(claim, work, kind, found)
    if _fits_page(work, kind, claim.page, found) and not _is_earlier(claim.served, work.revision):
        _refuse_what_may_be_reduced(claim, work, found)
        return Judged(kind, None, "fits")
    _refuse_reduced(found, *size_told(work, kind, claim.page))
    return Judged(kind, None, "older")


def _contradicts(page: int, said: Recorded, revision: str, work: PagesOfWork | None) -> bool:
    """Whether a record describes another page, or pixiv's times show that the work never had the record's revision."""
    if said.page_count is not None and said.kind == "image" and page >= said.page_count:
        return True
    if work is None or work.created is None:
        return False
    return time_of(revision) < work.created or (work.has_one_revision and revision != work.revision)


def _of_one_revision(claim: Claim, work: PagesOfWork, kind: FileKind, found: Proof) -> Judged:
    refuse_misfit(work, kind, claim.page)
    width, height = size_told(work, kind, claim.page)
    if not fits(found, found.format, width, height):
        raise NotBelieved(
            f"has {found.width} x {found.height} pixels where pixiv says {width} x {height}, and never had another"
        )
    _refuse_what_may_be_reduced(claim, work, found)
    return Judged(kind, work.revision, "one revision")


def refuse_misfit(work: PagesOfWork, kind: FileKind, page: int) -> None:
    """Raises NotBelieved for a page that the work never had, and for a kind of file that it does not have."""
    if kind != "frame" and page >= work.page_count:
        raise NotBelieved(f"the work has {plural(work.page_count, 'page')}")
    if work.kind is not None and (work.kind == "ugoira") != (kind != "image"):
        raise NotBelieved(f"the work is of kind {work.kind}")


def size_told(work: PagesOfWork, kind: FileKind, page: int) -> tuple[int | None, int | None]:
    """The width and height that pixiv gives at the work's present revision: for the first page, and for every frame."""
    return (work.width, work.height) if page == 0 or kind == "frame" else (None, None)


def original_claimed(
    work: PagesOfWork | None, place: Claim, kind: FileKind, user_id: int, revision: str, extension: str
) -> Original:
    """The original that a file is, by pixiv's rules for addresses and times; the host is that of the work's other files."""
    is_present = work is not None and revision == work.revision
    width, height = size_told(work, kind, place.page) if work is not None and is_present else (None, None)
    return Original(
        work_id=place.work_id,
        user_id=user_id,
        page=place.page,
        revision=revision,
        url=_address(place, kind, revision, extension, work.url if work is not None else None),
        extension=extension,
        uploaded=time_of(revision),
        width=width,
        height=height,
        kind=kind,
    )


def original_adopted(
    place: Claim, kind: FileKind, user_id: int, sha256: str, extension: str, changed: datetime
) -> Original:
    """An original of unknown revision: without an address, and with the file's own time."""
    revision = unknown_revision(sha256)
    return Original(place.work_id, user_id, place.page, revision, "", extension, changed, kind=kind)


def time_of(revision: str) -> datetime:
    return datetime.fromisoformat(f"{revision[:8]}T{revision[8:]}").replace(tzinfo=JAPAN).astimezone(UTC)


def _address(place: Claim, kind: FileKind, revision: str, extension: str, of_another: str | None) -> str:
    origin = read_origin(of_another or "")
    host = str(origin) if origin is not None else "https://i.pximg.net"
    if kind == "ugoira":
        return zip_url(host, place.work_id, revision)
    address = original_url(host, place.work_id, place.page, revision, extension)
    head, _, _ = address.rpartition("/")
    return f"{head}/{place.work_id}_ugoira{place.page}.{extension}" if kind == "frame" else address


def _kind(claim: Claim, work: PagesOfWork | None, found: Proof) -> FileKind:
    of_work = work.kind if work is not None else None
    if found.format == "zip":
        if of_work not in (None, "ugoira"):
            raise NotBelieved(f"a zip, where the work is of kind {of_work}")
        if claim.page:
            raise NotBelieved("a zip that claims to be a page")
        return "ugoira"
    if claim.kind == "ugoira":
        raise NotBelieved(f"converted: a {found.format} where an ugoira's zip belongs")
    if claim.kind == "frame" or of_work == "ugoira":
        return _frame(claim, work, found)
    return "image"


def _frame(claim: Claim, work: PagesOfWork | None, found: Proof) -> FileKind:
    """A picture of an ugoira: one of its frames as uploaded, or what a tool made of all of them."""
    if work is not None and work.kind not in (None, "ugoira"):
        raise NotBelieved(f"a frame, where the work is of kind {work.kind}")
    is_told = claim.recorded is not None and claim.recorded.kind == "frame"
    if found.frames > 1 or (found.format == "gif" and not is_told):
        raise NotBelieved("converted: pixiv's ugoira is a zip, and its frames are single pictures")
    return "frame"


def _fits_page(work: PagesOfWork, kind: FileKind, page: int, found: Proof) -> bool:
    is_page = kind == "frame" or page < work.page_count_now
    return is_page and fits(found, found.format, *size_told(work, kind, page))


def _is_earlier(served: datetime | None, revision: str) -> bool:
    return served is not None and served < time_of(revision) - CLOCKS


def _refuse_reduced(found: Proof, width: int | None, height: int | None) -> None:
    """Raises NotBelieved for a picture smaller than pixiv says but in the same proportions: a reduced one, by pixiv or a person."""
    if width is None or height is None or fits(found, found.format, width, height):
        return
    across, down = sorted((found.width, found.height)), sorted((width, height))
    if across[1] < down[1] and abs(across[0] * down[1] - across[1] * down[0]) <= down[0] + down[1]:
        raise NotBelieved(f"reduced: it has {found.width} x {found.height} pixels where pixiv says {width} x {height}")


def _refuse_what_may_be_reduced(claim: Claim, work: PagesOfWork, found: Proof) -> None:
    """Raises NotBelieved for a later page that is as large as pixiv's reduced pictures are, in a work that is larger.

    Only the work's own page gives the size of pages other than the first; gallery-dl silently falls back on the reduced picture.
    """
    is_larger = max(work.width or 0, work.height or 0) > REDUCED
    if claim.page and found.format == "jpg" and max(found.width, found.height) == REDUCED and is_larger:
        raise NotBelieved(f"may be reduced: its longest side has {REDUCED} pixels, as that of pixiv's reduced pictures")
