"""`export video`: each ugoira as a file that plays anywhere, every frame at its exact millisecond."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixivcrawl.animations.animation import Animation
from pixivcrawl.animations.conversion import alone_in, make, making_workers, require_encoder
from pixivcrawl.animations.sources import animations_of, fetched
from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.batched import batched
from pixivcrawl.console import ProgressPrinter
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.items import VideoForm

TOGETHER = 64
"""So many animations are taken up, and made, before the next are looked for."""


def export(selection: Selection, target: Path, options: argparse.Namespace) -> Result:
    """Make `{target}/{artist}/{work}_ugoira_{revision}.mp4` for the newest revision of each ugoira; existing files are kept."""
    form: VideoForm = options.format or "mp4"
    require_encoder(form)
    result, how_far = Result(), ProgressPrinter()
    there = made = 0
    animations = newest_animations(selection, result)

    def place_of(animation: Animation) -> Path:
        return target / str(animation.user_id) / f"{animation.name}.{form}"

    def make_one(animation: Animation) -> None:
        with fetched(selection.archive, animation) as here:
            make(here, form, place_of(animation), workers, selection.limits)

    with (
        alone_in(target),
        ThreadPoolExecutor(selection.workers) as threads,
        making_workers(selection.workers, selection.limits) as workers,
    ):
        for together in batched(animations, TOGETHER):
            lacking = [animation for animation in together if not place_of(animation).exists()]
            there += len(together) - len(lacking)
            tries = [(animation, threads.submit(make_one, animation)) for animation in lacking]
            for animation, done in tries:
                try:
                    done.result()
                    made += 1
                except Damaged as damage:
                    result.refuse(f"{animation.name}.{form}: {damage}")
                how_far(f"made {made:,}, work {animation.work_id}")
    result.lines.append(f"{target}: {plural(made, form)} made, {there:,} there already")
    return result


def newest_animations(selection: Selection, result: Result) -> Iterator[Animation]:
    """The newest revision of each ugoira in the archive."""
    for work in selection.works():
        try:
            animations = animations_of(selection.archive, work.files)
        except ValueError as error:
            result.refuse(f"work {work.id}: {error}")
            continue
        if animations:
            yield max(animations, key=lambda animation: animation.revision)
        elif work.facts["kind"] == "ugoira" and work.files:
            result.refuse(f"work {work.id}: the delays of its frames are not known; the next crawl asks for them")
