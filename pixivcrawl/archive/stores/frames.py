"""The list of an ugoira's frames, beside its zip."""

from __future__ import annotations

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import NewFile, store_of
from pixivcrawl.archive.stores.placing import NameTaken, discard, frames_listed, frames_text, sha256_of, stage_text
from pixivcrawl.items import Frame, Original


def place_frames(archive: Archive, original: Original) -> tuple[str, str]:
    """See to it that an ugoira's list of frames lies beside its zip, whose own path was resolved; gives its path and SHA-256.

    One that is there stays as it is if it says the same, whatever its white space. Raises `NameTaken` where another file lies there.
    """
    assert original.frames is not None
    store, path, staged = store_of(archive), archive.frames_path(original), archive.frames_staging_path(original)
    sha256 = stage_text(frames_text(original.frames), staged)
    (trouble,) = store.put_new([[NewFile(staged, path, sha256, original.uploaded)]])
    if trouble is None:
        return path, sha256
    discard(staged)
    if isinstance(trouble, NameTaken):
        with store.local(path) as there:
            if frames_listed(there) == original.frames:
                return path, sha256_of(there)
    raise trouble


def frames_stored(archive: Archive, path: str) -> tuple[Frame, ...] | None:
    """The frames that a stored list names; None where there is none, or it names none."""
    try:
        with store_of(archive).local(path) as here:
            return frames_listed(here)
    except FileNotFoundError:
        return None
