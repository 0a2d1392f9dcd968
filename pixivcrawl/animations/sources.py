"""What an animation is made from: the frames as uploaded, if the archive has all of them, otherwise pixiv's zip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from pixivcrawl.animations.animation import Animation, Source
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import on_this_machine
from pixivcrawl.ledger.queries.files import KeptFile


def animations_of(archive: Archive, files: Iterable[KeptFile]) -> list[Animation]:
    """The animations that can be made from the stored files of works, one for each revision."""
    of_revision: dict[tuple[int, str], list[KeptFile]] = {}
    for file in files:
        if file.state == "stored" and file.kind in ("ugoira", "frame"):
            of_revision.setdefault((file.work_id, file.revision), []).append(file)
    found = (_animation(archive, together) for together in of_revision.values())
    return [animation for animation in found if animation is not None]


@contextmanager
def fetched(archive: Archive, animation: Animation) -> Iterator[Animation]:
    """The animation with its files where worker processes can open them. Raises Damaged if one is not there."""
    with ExitStack() as held:
        try:
            files = [
                replace(each, path=held.enter_context(on_this_machine(archive, each.path))) for each in animation.files
            ]
        except FileNotFoundError as error:
            raise Damaged(f"{error.filename} is not there", "broken") from None
        yield replace(animation, files=tuple(files))


def _animation(archive: Archive, files: list[KeptFile]) -> Animation | None:
    """None if the frames' delays are unknown: they come with the zip."""
    zips = [file for file in files if file.kind == "ugoira" and file.frames]
    if not zips:
        return None
    kept, frames = zips[0], zips[0].frames or ()
    uploaded = sorted((file for file in files if file.kind == "frame"), key=lambda file: file.page)
    has_all = [file.page for file in uploaded] == list(range(len(frames)))
    chosen = uploaded if has_all else [kept]
    return Animation(
        user_id=kept.user_id or 0,
        work_id=kept.work_id,
        revision=kept.revision,
        frames=frames,
        files=tuple(Source(archive.resolve(file.path or ""), file.sha256 or "") for file in chosen),
        is_zip=not has_all,
        pixels=(chosen[0].width or 1) * (chosen[0].height or 1),
    )
