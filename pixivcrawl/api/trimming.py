"""Reduces an answer about one work to what it says about that work."""

from __future__ import annotations

import json

from pixivcrawl.api.json_input import read_document

OTHER_WORKS = "userIllusts"
"""pixiv: every answer about a work names all works of its artist here, 82 KB compressed where there are 20,000, so that the answers
about all of them would grow with the square of their number."""


def without_other_works(payload: bytes) -> bytes:
    """An answer about a work without the bare ids of its artist's other works; the rows of a few neighbours stay.

    Raises DocumentRefused where it is no answer.
    """
    if OTHER_WORKS.encode() not in payload:
        return payload
    document = read_document(payload)
    body = document.get("body") if isinstance(document, dict) else None
    others = body.get(OTHER_WORKS) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(others, dict):
        return payload
    shown = {work_id: row for work_id, row in others.items() if row is not None}
    kept = {**document, "body": {**body, OTHER_WORKS: shown}}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
