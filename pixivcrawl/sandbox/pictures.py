"""The bytes behind every image address: made when first asked for, the same every time, and held within a bound."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from PIL import Image

from pixivcrawl.sandbox.painting import Motif, comment_for, flat_png, frames_zip, paint
from pixivcrawl.sandbox.works import FRAME_BOX, Artist, Form, Page, Work, fitted, revision_of

AVATAR, BACKGROUND = (400, 400), (480, 240)
"""In which sizes artists upload them."""
HELD_BYTES = 192_000_000
SLICE_BYTES = 262_144
SMALL_PIXELS = 1_000_000
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "zip": "application/zip"}


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Content:
    """A whole body in parts, so that a large picture is never copied to be served."""

    parts: tuple[bytes | memoryview, ...]
    media_type: str

    @property
    def length(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def whole(self) -> bytes:
        return b"".join(self.parts)

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(part)
        return digest.hexdigest()

    def slices(self, start: int, stop: int) -> Iterator[memoryview]:
        """The bytes from `start` up to `stop`, in pieces that suit a socket."""
        place = 0
        for part in self.parts:
            view = memoryview(part)[max(0, start - place) : max(0, stop - place)]
            place += len(part)
            for offset in range(0, len(view), SLICE_BYTES):
                yield view[offset : offset + SLICE_BYTES]


class Pictures:
    """Every picture of a world; deterministic for (seed, work, page, revision).

    Pictures of one form and size share a few motifs; a comment of the format's own kind makes each file's bytes its
    own.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._motifs: _Held[Motif] = _Held(HELD_BYTES, lambda motif: len(motif.data))
        self._zips: _Held[bytes] = _Held(HELD_BYTES, len)
        self._digests: dict[tuple[int, int, str], str] = {}

    def original(self, work: Work, number: int) -> Content:
        """Page `number` (from 0) as its artist uploaded it."""
        page = work.pages[number]
        if page.source is not None:
            return Content((page.source.read_bytes(),), MEDIA_TYPES[page.extension])
        return self._picture(page.form, _stored_size(page), f"{work.id}_p{number}_{work.revision}")

    def zip(self, work: Work, box: tuple[int, int] = FRAME_BOX) -> Content:
        """The frames of an ugoira, scaled down to fit `box`."""
        size = fitted(work.first.width, work.first.height, box)
        name = f"{work.id}_ugoira_{work.revision}"
        made = self._zips.get(f"{name}_{size}", lambda: frames_zip(size, len(work.delays), f"{self._seed}:{name}"))
        return Content((made,), MEDIA_TYPES["zip"])

    def frame(self, work: Work, number: int) -> Content:
        """Frame `number` (from 0) of an ugoira as its artist uploaded it."""
        page = work.frame(number)
        return self._picture(page.form, _stored_size(page), f"{work.id}_ugoira{number}_{work.revision}")

    def reduced(self, work: Work, number: int, box: tuple[int, int]) -> Content:
        """A reduced JPEG of page `number`, as thumbnails and img-master are."""
        page = work.pages[number]
        size = fitted(page.width, page.height, box)
        return self._picture("jpg", size, f"{work.id}_p{number}_{work.revision}_{box[0]}x{box[1]}")

    def other_size(self, work: Work, number: int) -> Content:
        """A whole picture of the page's form in half its size."""
        page = _page_of(work, number)
        size = (max(1, page.width // 2), max(1, page.height // 2))
        return self._picture(page.form, size, f"{work.id}_p{number}_half")

    def other_format(self, work: Work, number: int) -> Content:
        """A whole picture of the page's size in another format: PNG where JPEG is due, JPEG elsewhere."""
        page = _page_of(work, number)
        form: Form = "png" if page.extension == "jpg" else "jpg"
        return self._picture(form, (page.width, page.height), f"{work.id}_p{number}_other")

    def portrait(self, artist: Artist, box: tuple[int, int]) -> Content:
        """A user's profile picture, reduced to fit `box` where it is larger."""
        return self._picture("jpg", fitted(*AVATAR, box), f"user_{artist.id}_{revision_of(artist.pictured)}")

    def background(self, artist: Artist, box: tuple[int, int]) -> Content:
        """The picture behind a user's profile, reduced to fit `box` where it is larger."""
        return self._picture("jpg", fitted(*BACKGROUND, box), f"background_{artist.id}_{revision_of(artist.backed)}")

    def placeholder(self) -> Content:
        """What pixiv shows for a picture that may not be seen."""
        return Content((flat_png((360, 360), (220, 220, 224)),), MEDIA_TYPES["png"])

    def sha256(self, work: Work, number: int) -> str:
        """Of page `number`, or of the zip of an ugoira."""
        return self._sha256(work, number, lambda: self.zip(work) if work.is_ugoira else self.original(work, number))

    def frame_sha256(self, work: Work, number: int) -> str:
        """Of a frame as uploaded."""
        return self._sha256(work, -1 - number, lambda: self.frame(work, number))

    def _sha256(self, work: Work, number: int, content: Callable[[], Content]) -> str:
        key = (work.id, number, work.revision)
        if key not in self._digests:
            self._digests[key] = content().sha256
        return self._digests[key]

    def _picture(self, form: Form, size: tuple[int, int], name: str) -> Content:
        choice = hashlib.sha256(f"{self._seed}:{name}".encode()).digest()[0] % (
            16 if size[0] * size[1] <= SMALL_PIXELS else 2
        )
        seed = f"{self._seed}:{form}:{size[0]}x{size[1]}:{choice}"
        motif = self._motifs.get(seed, lambda: paint(form, size, seed))
        view = memoryview(motif.data)
        parts = (view[: motif.seam], comment_for(motif.data, f"{self._seed}:{name}"), view[motif.seam :])
        return Content(parts, MEDIA_TYPES[form.partition("-")[0]])


def read_gallery(folder: Path) -> tuple[Page, ...]:
    """Every JPEG, PNG and GIF file under `folder`, by name, as pages of their real pixel size.

    Raises ValueError when there is none.
    """
    forms: dict[str, Form] = {"JPEG": "jpg", "PNG": "png", "GIF": "gif"}
    pages = []
    for path in sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".gif") and path.is_file()
    ):
        with Image.open(path) as picture:
            if picture.format in forms:
                pages.append(Page(forms[picture.format], picture.width, picture.height, path))
    if not pages:
        raise ValueError(f"no JPEG, PNG or GIF file under {folder}: name a folder that holds some")
    return tuple(pages)


def _page_of(work: Work, number: int) -> Page:
    return work.frame(number) if work.is_ugoira else work.pages[number]


def _stored_size(page: Page) -> tuple[int, int]:
    """The pixel size of the bytes: a picture that EXIF turns lies the other way in its file."""
    return (page.height, page.width) if page.form == "jpg-rotated" else (page.width, page.height)


class _Held(Generic[Value]):
    """The values used last, up to a number of bytes; each is made once, whoever asks."""

    def __init__(self, limit: int, weigh: Callable[[Value], int]) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = self._values[key] = make()
            self._bytes += self._weigh(value)
            while self._bytes > self._limit and len(self._values) > 1:
                self._bytes -= self._weigh(self._values.popitem(last=False)[1])
            return value
