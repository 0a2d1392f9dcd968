"""The tools whose folders are read, one module each; the first that recognizes a folder reads it."""

from pixivcrawl.exchange.source import Contents, Source
from pixivcrawl.exchange.sources import folder, gallery_dl, pbd, pixivutil2

SOURCES: tuple[Source, ...] = (gallery_dl.SOURCE, pixivutil2.SOURCE, pbd.SOURCE, folder.SOURCE)
"""`folder` is the last: it takes any folder for its own."""

FOLDERS_LOOKED_AT = 50
"""Folders in which a sign of a tool is looked for."""


def source_of(contents: Contents) -> Source:
    """The tool that made a folder."""
    looked_at = contents.by_folder[:FOLDERS_LOOKED_AT]
    return next((source for source in SOURCES if any(map(source.shows_itself, looked_at))), folder.SOURCE)
