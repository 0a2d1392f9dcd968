"""libjpeg-turbo's strict and lenient decoder, through simplejpeg."""

from __future__ import annotations

import simplejpeg


def complaint(data: bytes | memoryview, *, strict: bool) -> str | None:
    """What it says against a JPEG that it decodes to an eighth of its size: of warnings too when `strict`. Raises MemoryError."""
    try:
        simplejpeg.decode_jpeg(data, strict=strict, min_width=1, colorspace="GRAY")
    except ValueError as error:
        reason = " ".join(str(error).split())
        if "memory" in reason.lower():
            raise MemoryError(reason) from error
        return reason
    return None
