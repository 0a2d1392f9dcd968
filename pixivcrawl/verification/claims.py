"""What a file claims to be, and by what evidence that is believed.

Files come from other tools' folders (`pixivcrawl import`), from places in the archive that the ledger does not know of (`verify --repair`)
and from an archive whose ledger is made anew (`rebuild`). All are judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pixivcrawl.items import FileKind, Frame


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record of the tool that fetched a file says of it; None where it does not say.

    `by` names the record for a person, as `the sidecar 5000111_p0.jpg.json`. `revision` is the 14 digits of the time in the address
    that the file came from (Japan's time). `width` and `height` are what pixiv told of this very page (of an ugoira, of its frames).
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
    that the image host gave for the file, where the tool keeps that as the file's own time, else None. `rewritten`: the tool wrote
    the zip anew, so that its frames are pixiv's and its bytes are not.
    """

    path: Path
    work_id: int
    page: int
    kind: FileKind
    recorded: Recorded | None = None
    served: datetime | None = None
    rewritten: bool = False
