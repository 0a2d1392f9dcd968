"""Encodes an animation into one file; only worker processes import this.

Every frame is shown at its own millisecond. mp4 and webm end with the last picture once more, for 1 ms: players stop at the beginning of
the last frame, and its stay would be lost.
"""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops

from pixivcrawl.animations.animation import Animation
from pixivcrawl.animations.stills import Stills, delays, stills_of
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.pictures import TOTAL_SHARE
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.items import VideoForm

if TYPE_CHECKING:
    from av.video.stream import VideoStream

MILLISECOND = Fraction(1, 1000)

LONGEST_STAY: dict[VideoForm, int] = {"mp4": 1 << 26, "webm": 1 << 26, "webp": (1 << 24) - 2, "apng": (1 << 16) - 1}
"""Milliseconds of one frame: mp4 counts sixteenths of them in 32 bits, WebP has 24 bits for them, APNG 16."""

LONGEST = (1 << 31) - 1
"""Milliseconds of a whole animation: 24 days. Players count them in 32 bits."""

LONGEST_SIDE: dict[VideoForm, int] = {"mp4": 16_384, "webm": 16_384, "webp": 16_383, "apng": 65_535}

LOOKAHEAD_PIXELS = 48_000_000
"""Of the frames that x264 holds while it looks ahead: 40 of 1200 x 900, as it does by itself, and 4 of 4000 x 3000."""

_ANIMATED, _TRANSPARENT, _NOT_BLENDED = 0x02, 0x10, 0x02
"""Flags of a WebP file, and of one of its frames."""

BT709, SRGB = 1, 13
"""The primaries and the transfer of the colours as H.273 numbers them: those of pictures on the web."""

NICENESS = 10
"""The niceness of a worker that makes animations beside a crawl."""


def encode(part: Path, animation: Animation, form: VideoForm, limits: Limits, gives_way: bool) -> None:
    """Write the animation to `part` and sync it. Raises `Damaged` for unreadable frames, `StorageFailed` if the disk fails."""
    if gives_way and hasattr(os, "nice"):
        os.nice(NICENESS)
    stays = delays([frame.delay for frame in animation.frames], LONGEST_STAY[form])
    if sum(stay for _, stay in stays) > LONGEST:
        raise Damaged("its frames stay for more than 24 days", "bomb")
    stills = stills_of(animation, limits)
    if max(stills.size) > LONGEST_SIDE[form]:
        raise Damaged(f"{form} holds no more than {LONGEST_SIDE[form]:,} pixels a side", "too many pixels")
    if stills.size[0] * stills.size[1] * len(stays) > limits.max_pixels * TOTAL_SHARE:
        raise Damaged(f"all its frames have more than {TOTAL_SHARE} times the pixels of PIXIV_MAX_PIXELS", "bomb")
    with storage_errors(part):
        part.unlink(missing_ok=True)
        if form == "webp":
            _write_webp(part, stills, stays)
        else:
            _write_with_ffmpeg(part, stills, stays, form)
        with part.open("rb") as written:
            os.fsync(written.fileno())


def _write_webp(part: Path, stills: Stills, stays: list[tuple[int, int]]) -> None:
    """Write each frame as a picture of what changed, in the container's chunks (RFC 9649): Pillow's own animations lose transparency,
    make one of frames that are equal, and hold all frames at once.
    """
    has_alpha = stills.mode == "RGBA"
    shown: Image.Image | None = None
    with part.open("wb") as file:
        file.write(b"RIFF\0\0\0\0WEBP")
        file.write(_chunk(b"VP8X", bytes([_ANIMATED | has_alpha * _TRANSPARENT, 0, 0, 0]) + _sides(*stills.size)))
        # No background, and it loops forever.
        file.write(_chunk(b"ANIM", bytes(6)))
        for number, stay in stays:
            picture, still = stills.draw(number), io.BytesIO()
            left, top, right, bottom = _changed(shown, picture)
            picture.crop((left, top, right, bottom)).save(still, "WEBP", quality=90, method=4)
            place = _in_24_bits(left // 2) + _in_24_bits(top // 2) + _sides(right - left, bottom - top)
            told = place + _in_24_bits(stay) + bytes([_NOT_BLENDED])
            file.write(_chunk(b"ANMF", told + _pixels_of_webp(still.getvalue())))
            shown = picture
        length = file.tell()
        file.seek(4)
        file.write((length - 8).to_bytes(4, "little"))


def _changed(before: Image.Image | None, after: Image.Image) -> tuple[int, int, int, int]:
    """The area in which a frame differs from the one before; its left and top are even, and it has at least one pixel."""
    if before is None:
        return 0, 0, *after.size
    left, top, right, bottom = ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)
    return left - left % 2, top - top % 2, right, bottom


def _sides(width: int, height: int) -> bytes:
    return _in_24_bits(width - 1) + _in_24_bits(height - 1)


def _in_24_bits(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def _pixels_of_webp(still: bytes) -> bytes:
    """The chunks of a WebP picture that contain its pixels."""
    kept, at = b"", 12
    while at < len(still):
        end = at + 8 + int.from_bytes(still[at + 4 : at + 8], "little")
        end += end % 2
        if still[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            kept += still[at:end]
        at = end
    return kept


def _write_with_ffmpeg(part: Path, stills: Stills, stays: list[tuple[int, int]], form: VideoForm) -> None:
    import av

    # No random ids and no names of versions. x264 still makes other bytes of the same frames now and then (3 of 60 when tried).
    options = {"fflags": "+bitexact"}
    if form == "apng":
        options |= {"plays": "0", "final_delay": f"{stays[-1][1]}/1000"}
    else:
        stays = [*stays, (stays[-1][0], 1)]
    if form == "mp4":
        options |= {"movflags": "+faststart"}
    try:
        with av.open(part, "w", format=form, options=options) as container:
            stream = _stream(container, stills, form)
            at = 0
            for number, stay in stays:
                frame = _frame(stills, number, stream)
                frame.pts, frame.duration, frame.time_base = at, stay, MILLISECOND
                container.mux(stream.encode(frame))
                at += stay
            container.mux(stream.encode(None))
    except av.error.MemoryError as error:
        raise MemoryError from error
    except av.error.ExternalError as error:
        raise Damaged(f"the encoder refuses it: {error}", "decoder died") from error


def _stream(container: Any, stills: Stills, form: VideoForm) -> VideoStream:
    width, height = stills.size
    match form:
        case "mp4":
            # Its pixels are stored in squares of four. With frames that refer to later ones a file would end before its last frame.
            width, height = width + width % 2, height + height % 2
            ahead = max(1, min(40, LOOKAHEAD_PIXELS // (width * height)))
            codec, pixels = "libx264", "yuv420p"
            options = {"crf": "18", "preset": "fast", "x264-params": f"bframes=0:rc-lookahead={ahead}"}
        case "webm":
            codec, pixels = "libvpx-vp9", "yuv420p"
            ahead = min(25, LOOKAHEAD_PIXELS // (width * height))
            options = {"crf": "24", "b": "0", "cpu-used": "4", "lag-in-frames": str(ahead)}
        case _:
            codec, pixels, options = "apng", "rgba" if stills.mode == "RGBA" else "rgb24", {"pred": "mixed"}
    from av.video.reformatter import ColorRange, Colorspace

    stream: VideoStream = container.add_stream(codec, rate=1000, options=options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = width, height, pixels
    context.time_base = stream.time_base = MILLISECOND
    if pixels == "yuv420p":
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = BT709, SRGB
    # One core, however many there are: the others are the crawl's, and the memory of each thread counts.
    context.thread_count = 1
    return stream


def _frame(stills: Stills, number: int, stream: VideoStream) -> Any:
    from av import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace

    context = stream.codec_context
    picture = stills.draw(number)
    if context.pix_fmt != "yuv420p":
        # `from_image` would make the transparent opaque.
        return (
            VideoFrame.from_bytes(picture.tobytes(), picture.width, picture.height, "rgba")
            if picture.mode == "RGBA"
            else VideoFrame.from_image(picture)
        )
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white.convert("RGB")
    if picture.size != (context.width, context.height):
        padded = Image.new("RGB", (context.width, context.height))
        # Its last row and column once more, so that no dark line is seen at the edge.
        padded.paste(picture, (context.width - picture.width, context.height - picture.height))
        padded.paste(picture, (0, 0))
        picture = padded
    return VideoFrame.from_image(picture).reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
