"""How a wrong answer of the image host looks."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO

from pixivcrawl.sandbox.addresses import ImageRequest
from pixivcrawl.sandbox.delivery import WEB_PAGE, Delivery, whole
from pixivcrawl.sandbox.pictures import Content, Pictures
from pixivcrawl.sandbox.works import Work, frame_name
from tests.sandbox.faults import STATUS_KIND

BROKEN_OFF = ("cut_declared", "slow")
HOLE_BYTES = 4096
TRICKLE = 4.0
"""Bytes a second."""
END_MARKS = {"image/jpeg": 2, "image/png": 12, "image/gif": 1, "application/zip": 22}


def broken_off(kind: str, honest: Delivery) -> Delivery:
    """The right answer, also to a Range, but for its end."""
    if kind == "slow":
        return replace(honest, rate=TRICKLE)
    return replace(honest, sent=honest.sent // 2)


def damaged(kind: str, content: Content, pictures: Pictures, work: Work, wanted: ImageRequest) -> Delivery:
    """`content`, the right body, as the fault `kind` delivers it; redirect is the server's own."""
    half = content.length // 2
    match kind:
        case "cut_undeclared":
            return Delivery(content, None, half)
        case "cut_relabelled":
            return Delivery(content, half, half)
        case "no_length":
            return Delivery(content, None, content.length)
        case "zeroed_half":
            return whole(_zeroed(content, half, content.length - END_MARKS[content.media_type]))
        case "zeroed_hole":
            return whole(_zeroed(content, half - HOLE_BYTES // 2, half + HOLE_BYTES // 2))
        case "html":
            return whole(WEB_PAGE)
        case "placeholder":
            return whole(pictures.placeholder())
        case "wrong_size":
            return whole(pictures.other_size(work, wanted.page))
        case "wrong_format":
            return whole(pictures.other_format(work, wanted.page))
        case "bad_zip":
            return whole(_broken(content))
        case "missing_frame":
            return whole(_without_last_frame(content, len(work.delays)))
    found = STATUS_KIND.fullmatch(kind)
    if found is None:
        raise ValueError(f"no damage is called {kind}")
    return whole(WEB_PAGE, int(found[1]))


def _zeroed(content: Content, start: int, stop: int) -> Content:
    body = bytearray(content.whole)
    start = max(0, start)
    body[start:stop] = bytes(stop - start)
    return Content((bytes(body),), content.media_type)


def _broken(content: Content) -> Content:
    body = bytearray(content.whole)
    body[len(body) // 3] ^= 0xFF
    return Content((bytes(body),), content.media_type)


def _without_last_frame(content: Content, frames: int) -> Content:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(content.whole)) as source, zipfile.ZipFile(target, "w") as archive:
        for number in range(frames - 1):
            name = frame_name(number)
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name))
    return Content((target.getvalue(),), content.media_type)
