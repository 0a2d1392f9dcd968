"""Recognises originals by their first bytes, without a decoder."""

from __future__ import annotations

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, Format, format_of, is_artist, is_link, parse_name

_SIGNATURES: dict[bytes, Format] = {
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"PK\x03\x04": "zip",
}
SNIFFED_BYTES = max(map(len, _SIGNATURES))


def format_of_bytes(head: bytes) -> Format | None:
    """The format that a file's first `SNIFFED_BYTES` bytes announce; None if it is not an original's."""
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    return None


def has_originals(archive: Archive) -> bool:
    """Whether a file lies in an artist's folder that is named as an original and begins like one."""
    with storage_errors(archive.originals):
        artists = [path for path in archive.originals.glob("*") if is_artist(path.name) and path.is_dir()]
        for path in (file for artist in artists for file in artist.iterdir()):
            name = parse_name(path.relative_to(archive.root).as_posix())
            if name is None or name.kind == "frames" or is_link(path) or not path.is_file():
                continue
            with path.open("rb") as file:
                if format_of_bytes(file.read(SNIFFED_BYTES)) == format_of(name.extension):
                    return True
    return False
