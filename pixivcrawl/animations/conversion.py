"""Has worker processes make animations, and puts them in place once complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from pixivcrawl.animations.animation import Animation
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.syncing import sync
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.items import VideoForm

LOCK = ".pixivcrawl-video"
"""What a process holds while it makes animations in a folder."""

ENCODE = "pixivcrawl.animations.encoding:encode"

ENCODER_MEMORY = 512 << 20
"""Bytes that a worker may map beside what a proof may take: FFmpeg's libraries are 100 MB, and x264 has 400 for 4000 x 3000 pixels."""

LEAST_SECONDS, SECONDS_A_MEGAPIXEL = 300, 10
"""The time that an animation may take: the slowest form, APNG, takes half a second for a million pixels, and more where it gives way."""

WITHOUT_FFMPEG: frozenset[VideoForm] = frozenset({"webp"})


def require_encoder(form: VideoForm) -> None:
    """Raises ConfigurationError if the encoder for this form is not installed."""
    if form not in WITHOUT_FFMPEG and find_spec("av") is None:
        raise ConfigurationError(
            f"{form} is made by PyAV, which is not installed: pip install 'pixivcrawl[video]', or make webp"
        )


def making_workers(count: int, limits: Limits) -> Workers:
    """Workers that make animations, `count` at once."""
    return Workers(count, replace(limits, memory=limits.memory + ENCODER_MEMORY))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds a folder of animations, because two processes would take each other's parts for their own. Raises StorageFailed."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(folder / LOCK, blocking=False).acquire()
        except Timeout:
            raise StorageFailed(
                f"{folder}: another process makes videos there: wait for its end, then run the same command again"
            ) from None
    with lock:
        yield


def make(
    animation: Animation, form: VideoForm, target: Path, workers: Workers, limits: Limits, *, gives_way: bool = False
) -> None:
    """Make the animation at `target`, which is complete or absent. Raises `Damaged`, `StorageFailed` or `NoWorker`.

    `gives_way`: run only when nothing else on the machine needs the processor.
    """
    part = target.with_name(f"{target.name}.part")
    seconds = LEAST_SECONDS + SECONDS_A_MEGAPIXEL * animation.pixels * len(animation.frames) // 1_000_000
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            workers.run(ENCODE, part, animation, form, limits, gives_way, seconds=seconds).result()
            part.replace(target)
            sync(target.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
