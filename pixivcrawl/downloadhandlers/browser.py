"""The headers of one browser, whole and consistent: pixiv's guard answers 403 to a User-Agent without what its browser sends beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

ORDER = (
    "Host", "sec-ch-ua-platform", "User-Agent", "sec-ch-ua", "sec-ch-ua-mobile", "Accept", "Accept-Language", "Accept-Encoding",
    "Referer", "Content-Type", "X-CSRF-Token", "Cookie", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site",
)  # fmt: skip
"""The headers that browsers send, roughly in their order; all others come last."""

_PLACE = {name.lower(): place for place, name in enumerate(ORDER)}
_CHROMIUM = re.compile(r"Chrome/(\d+)")
_PLATFORMS = {"Windows": "Windows", "Macintosh": "macOS", "Android": "Android", "Linux": "Linux"}

IMAGE = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"


@cache
def beside(user_agent: str, accept: str | None) -> Mapping[str, str]:
    """What the browser of that name sends with a request for data, for a page (`accept` says text/html), or for an image (None)."""
    if accept is None:
        sent = {"Accept": IMAGE, "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}
    elif "text/html" in accept:
        sent = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
    else:
        sent = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    if (version := _CHROMIUM.search(user_agent)) is None:
        return sent
    # Chromium, but not Firefox, repeats in these headers what its User-Agent says.
    platform = next((told for word, told in _PLATFORMS.items() if word in user_agent), "Unknown")
    brands = f'"Chromium";v="{version[1]}", "Google Chrome";v="{version[1]}", "Not?A_Brand";v="99"'
    mobile = "?1" if "Mobile" in user_agent else "?0"
    return sent | {"sec-ch-ua": brands, "sec-ch-ua-mobile": mobile, "sec-ch-ua-platform": f'"{platform}"'}


def in_order(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers in a browser's order."""
    return sorted(headers, key=lambda header: _PLACE.get(header[0].lower(), len(ORDER)))
