"""What the workers of one machine share: their crawls have as many proof workers together as one crawl has alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from pixivcrawl.console import complain

MOST = 64
"""Workers of one machine that are counted."""


@contextmanager
def counted_on_machine() -> Iterator[Callable[[], int]]:
    """Count as one of the machine's workers, each of which holds a lock in the user's state folder; yields a function that counts them."""
    try:
        folder = user_state_path("pixivcrawl", appauthor=False) / "workers"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        places = [folder / f"{number}.lock" for number in range(MOST)]
        own = next((lock for place in places if (lock := _held(place))), None)
    except (OSError, RuntimeError) as error:
        complain(f"pixivcrawl: other workers of this machine are not seen: no state can be kept ({error})")
        yield lambda: 1
        return
    try:
        yield lambda: max(1, sum(_is_held(place) for place in places if place.exists()))
    finally:
        if own is not None:
            own.release()


def _held(place: Path) -> FileLock | None:
    # They are counted in another thread.
    lock = FileLock(place, thread_local=False)
    with suppress(Timeout):
        lock.acquire(timeout=0)
        return lock
    return None


def _is_held(place: Path) -> bool:
    lock = _held(place)
    if lock is not None:
        lock.release()
    return lock is None
