"""The tools whose folders are read, one module each; the first that recognizes a folder reads it."""

from pathlib import Path

from pixivcrawl.exchange.source import Source
from pixivcrawl.exchange.sources import folder, gallery_dl, pbd, pixivutil2

SOURCES: tuple[Source, ...] = (gallery_dl.SOURCE, pixivutil2.SOURCE, pbd.SOURCE, folder.SOURCE)
"""`folder` is the last: it takes any folder for its own."""


def source_of(place: Path) -> Source:
    """The tool that made a folder."""
    return next(source for source in SOURCES if source.is_its_own(place))
