"""Reads pixiv's JSON strictly: anything that two readers could understand differently is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from typing import Any

from pixivcrawl.api.text import quoted

DEEPEST = 64
"""The deepest nesting that is read; pixiv's own bodies have about ten levels."""

_WHOLE_NUMBERS = range(-(2**63), 2**63)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair as a JSON escape; UTF-8 has none."""


class DocumentRefused(ValueError):
    """The text is not JSON, or is JSON that means different things to different readers; says why in one line."""


@lru_cache(maxsize=8)
def read_document(payload: bytes | str) -> Any:
    """The value of a JSON text. Do not change it: requests for the same text get the same value.

    An answer is judged, then its body is read: of those that travel at once each is taken apart once.

    Raises DocumentRefused for what is not UTF-8 or not JSON, a key that stands twice in an object, NaN and infinity,
    numbers beyond 64 bits and nesting deeper than `DEEPEST`. Half of a surrogate pair becomes U+FFFD, as in the ledger: a title that was
    cut in the middle of an emoji must not cost the whole list on which it stands.
    """
    try:
        text = payload.decode() if isinstance(payload, bytes) else payload
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole_number,
            parse_float=_fraction,
        )
        _check_nesting(document)
        if isinstance(payload, str) or _HALF.search(text):
            document = _without_halves(document)
    except DocumentRefused:
        raise
    except RecursionError:
        raise DocumentRefused("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DocumentRefused(f"is not JSON ({error.msg} at character {error.pos})") from None
    except UnicodeDecodeError as error:
        raise DocumentRefused(f"is not UTF-8 (at byte {error.start})") from None
    return document


def _without_halves(document: Any) -> Any:
    """Replace halves of surrogate pairs, which can be written neither to a file nor to the ledger."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return json.loads(whole, object_pairs_hook=_object)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise DocumentRefused(f"has the key {quoted(twice)} twice")
    return found


def _constant(name: str) -> Any:
    raise DocumentRefused(f"has {name}, which is not JSON")


def _whole_number(digits: str) -> int:
    # The length first: to read a million digits takes minutes.
    if len(digits) > 20 or (number := int(digits)) not in _WHOLE_NUMBERS:
        raise DocumentRefused("holds a number beyond 64 bits")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise DocumentRefused("holds a number too large to be one")
    return number


def _check_nesting(document: Any) -> None:
    level = [document]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise DocumentRefused("is nested too deeply")


def _inside(outer: Any) -> Any:
    if isinstance(outer, dict):
        return outer.values()
    return outer if isinstance(outer, list) else ()
