"""libjpeg-turbo's strict and lenient decoder, through simplejpeg."""

from __future__ import annotations

import simplejpeg


def complaint(data: bytes | memoryview, *, strict: bool) -> str | None:
    """The complaint about a JPEG that is decoded to an eighth of its size; with `strict`, warnings count too. Raises MemoryError."""
    try:
        simplejpeg.decode_jpeg(data, strict=strict, min_width=1, colorspace="GRAY")
    except ValueError as error:
        reason = " ".join(str(error).split())
        if "memory" in reason.lower():
            raise MemoryError(reason) from error
        return reason
    return None
