"""A list of works, as a person would ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pixivcrawl.api.text import one_line

_DEFAULTS = {"files": True, "detail": "full"}
"""Those of the arguments of every spider that are more than nothing, no or all."""


def list_name(spider: str, arguments: Mapping[str, Any]) -> str:
    """A list in the words of the command line, without defaults: `user id=11 files=false`."""
    said = (f"{name}={_typed(value)}" for name, value in arguments.items() if not _is_default(name, value))
    return one_line(" ".join([spider, *said]))


def _is_default(name: str, value: Any) -> bool:
    return bool(value == _DEFAULTS[name]) if name in _DEFAULTS else value in (None, False, "", "all", [])


def _typed(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_typed, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
