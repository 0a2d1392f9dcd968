"""What goes wrong, on order: which requests are answered wrongly, and how.

Image kinds (originals and zips; thumbnails stay whole):

- cut_declared: a true Content-Length, the connection closed half way (of the rest, for a Range); cut_undeclared: chunked,
  ending half way; cut_relabelled: half the body under a Content-Length that agrees with it
- zeroed_half: the second half zeroed, but for the end marker; zeroed_hole: 4 KB zeroed in the middle
- html: a web page with status 200; placeholder: limit_unknown_360.png; wrong_size: a whole picture of half the size;
  wrong_format: a whole picture of another format under the same name (these two: images alone)
- bad_zip: a frame that fails its checksum; missing_frame: a sound zip that lacks the last frame (these two: zips alone)
- no_length: the whole body, chunked (not damage); slow: the right headers, then a byte now and then; redirect: to
  another host name, or to the option `location`
- status:N
- replaced: the option `body`, under the type and the length of a right answer's (never by chance)

API kinds: status:N (options retry_after, in seconds, and message); html (option status, 200 by default); guard (403 and a
page that says "Just a moment..."); missing_field (option
field: a path of keys in the body such as urls.original; without it, the body); empty (every list empty, every total
0, as a throttled search); not_object (the document is []); login (401); disconnect; unknown_json (JSON of no known
shape). Never by chance: guard; replaced_field (options field, as above, and value: that field, wherever it stands, has another
value; without a field, the body has); replaced_rows (options field: the path of a list; value: {place: an object
whose keys the row there takes over, or what stands there instead}); halved (options field: the path of a list, of which every second
row is left out); late (the right answer after the option `seconds`); redirect (302 to the option `location`).
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pixivcrawl.sandbox.addresses import ImageRequest

PICTURE_KINDS = ("wrong_size", "wrong_format")
ZIP_KINDS = ("bad_zip", "missing_frame")
IMAGE_KINDS = (
    "cut_declared",
    "cut_undeclared",
    "cut_relabelled",
    "zeroed_half",
    "zeroed_hole",
    "html",
    "placeholder",
    *PICTURE_KINDS,
    *ZIP_KINDS,
    "no_length",
    "slow",
    "redirect",
)
API_KINDS = ("html", "missing_field", "empty", "not_object", "login", "disconnect", "unknown_json")
IMAGE_ORDERS = (*IMAGE_KINDS, "replaced")
API_ORDERS = (*API_KINDS, "guard", "replaced_field", "replaced_rows", "halved", "late", "redirect")
"""What can be ordered: also what needs an option, and so cannot come by chance."""

SAID = "Something went wrong."

STATUS_KIND = re.compile(r"status:(\d{3})")


@dataclass(slots=True)
class Fault:
    """An order. `times` counts down to 0, None never; `served` counts the requests that were answered so."""

    kind: str
    times: int | None = None
    work_id: int | None = None
    page: int | None = None
    path: re.Pattern[str] | None = None
    field: str = ""
    value: Any = None
    body: bytes = b""
    location: str = ""
    message: str = SAID
    status: int = 200
    retry_after: int | None = None
    seconds: float = 0
    served: int = 0

    def __post_init__(self) -> None:
        if found := STATUS_KIND.fullmatch(self.kind):
            self.status = int(found[1])

    def takes(self) -> bool:
        """Whether it still holds, counting this request."""
        if self.times is not None and self.served >= self.times:
            return False
        self.served += 1
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """A share of all requests goes wrong, decided by (seed, address, how often it was asked for)."""

    seed: int
    share: float
    kinds: tuple[str, ...]

    def choice(self, address: str, nth: int, possible: Sequence[str]) -> str | None:
        kinds = [kind for kind in self.kinds if kind in possible or STATUS_KIND.fullmatch(kind)]
        digest = hashlib.sha256(f"{self.seed}:{address}:{nth}".encode()).digest()
        if not kinds or int.from_bytes(digest[:4]) >= self.share * 2**32:
            return None
        return kinds[digest[4] % len(kinds)]


class Faults:
    """Orders may come from any thread; the one given last is looked at first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._image: list[Fault] = []
        self._api: list[Fault] = []
        self._portraits: list[Fault] = []
        self._plan: Plan | None = None
        self._asked: Counter[str] = Counter()

    def image(
        self,
        work_id: int | None = None,
        page: int | None = None,
        *,
        kind: str,
        times: int | None = None,
        body: bytes = b"",
        location: str = "",
    ) -> Fault:
        """Answers requests for originals (of one work, of one page from 0) with this kind of damage."""
        _check(kind, IMAGE_ORDERS)
        fault = Fault(kind, times, work_id=work_id, page=page, body=body, location=location)
        return self._order(self._image, fault)

    def portrait(self, user_id: int, *, kind: str, times: int | None = None, body: bytes = b"") -> Fault:
        """Answers requests for a user's picture and background with other bytes (`replaced`) or with a status."""
        _check(kind, ("replaced",))
        return self._order(self._portraits, Fault(kind, times, work_id=user_id, body=body))

    def api(
        self,
        path: str,
        *,
        kind: str,
        times: int | None = None,
        field: str = "",
        value: Any = None,
        location: str = "",
        message: str = SAID,
        status: int = 200,
        retry_after: int | None = None,
        seconds: float = 0,
    ) -> Fault:
        """Answers API requests wrongly in whose path, or path?query (both decoded), the regular expression `path` is found.

        A `$` ends the path or the query.
        """
        _check(kind, API_ORDERS)
        fault = Fault(
            kind,
            times,
            path=re.compile(path),
            field=field,
            value=value,
            location=location,
            message=message,
            status=status,
            retry_after=retry_after,
            seconds=seconds,
        )
        return self._order(self._api, fault)

    def random(self, seed: int, share: float, kinds: Sequence[str]) -> None:
        """Besides the orders, a share (0 to 1) of all requests gets one of `kinds`, of those that fit it."""
        for kind in kinds:
            _check(kind, (*IMAGE_KINDS, *API_KINDS))
        with self._lock:
            self._plan = Plan(seed, share, tuple(kinds))

    def clear(self) -> None:
        """From now on everything is right."""
        with self._lock:
            self._image.clear()
            self._api.clear()
            self._portraits.clear()
            self._plan = None
            self._asked.clear()

    def for_image(self, path: str, wanted: ImageRequest) -> Fault | None:
        """What shall go wrong with this request, counting it."""
        impossible = PICTURE_KINDS if wanted.sort == "zip" else ZIP_KINDS
        possible = [kind for kind in IMAGE_KINDS if kind not in impossible]
        with self._lock:
            for fault in reversed(self._image):
                fits = fault.work_id in (None, wanted.id) and fault.page in (None, wanted.page)
                if fits and fault.kind not in impossible and fault.takes():
                    return fault
            return self._planned(path, possible)

    def for_portrait(self, wanted: ImageRequest) -> Fault | None:
        """As for_image."""
        with self._lock:
            orders = (fault for fault in reversed(self._portraits) if fault.work_id == wanted.id)
            return next((fault for fault in orders if fault.takes()), None)

    def for_api(self, path: str, query: str) -> Fault | None:
        """As for_image."""
        address = f"{path}?{query}"
        with self._lock:
            for fault in reversed(self._api):
                fits = fault.path is not None and (fault.path.search(path) or fault.path.search(address))
                if fits and fault.takes():
                    return fault
            return self._planned(address, API_KINDS)

    def _order(self, orders: list[Fault], fault: Fault) -> Fault:
        with self._lock:
            orders.append(fault)
        return fault

    def _planned(self, address: str, possible: Sequence[str]) -> Fault | None:
        if self._plan is None:
            return None
        self._asked[address] += 1
        kind = self._plan.choice(address, self._asked[address], possible)
        return Fault(kind) if kind is not None else None


def _check(kind: str, known: Sequence[str]) -> None:
    if kind not in known and not STATUS_KIND.fullmatch(kind):
        raise ValueError(f"no fault is called {kind}: use one of {', '.join(known)} or status:N")
