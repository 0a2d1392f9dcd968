"""Turns another tool's exclusions into a filter: PixivUtil2's blacklists and Powerful Pixiv Downloader's settings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.lists import text_lines
from pixivcrawl.filters import Filters

_BLACKLISTS = {"tags": "exclude_tags", "members": "exclude_artists", "titles": "exclude_words"}
"""PixivUtil2: the three files `blacklist_{...}.txt`."""

_OF_PBD = "downloadThread"
"""A setting that Powerful Pixiv Downloader itself knows its exported settings by."""

_NO_LIMIT = 9_999_999
"""Powerful Pixiv Downloader: the greatest number of bookmarks that can be set, which leaves nothing out."""

_ALL_DAYS = (1_230_739_200_000, 4_102_416_000_000)
"""Powerful Pixiv Downloader: the dates from 2009 to 2100 that stand there until someone sets others, in milliseconds."""

_MORE_THAN_SQUARE = 1.00001
"""Separates every picture that is wider than high from a square: pixiv accepts no side of 100,000 pixels."""


@dataclass(slots=True)
class Carried:
    """A filter made from another tool's settings, by the names of `Filters`, and the settings that it cannot express."""

    said: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, values: Iterable[Any]) -> None:
        """Add values to a list, each once."""
        if new := list(dict.fromkeys([*self.said.get(name, ()), *values])):
            self.said[name] = new

    def filters(self) -> Filters:
        """Raises ConfigurationError if the other tool's settings make an impossible filter."""
        try:
            return Filters.model_validate(self.said)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigurationError(f"{first['loc'][0]}: {one_line(first['msg'], 200)}") from None


def read_blacklists(paths: Iterable[Path]) -> Carried:
    """One filter from all these files together. Raises ConfigurationError for an unknown kind of file and for an invalid line."""
    carried = Carried()
    for path in paths:
        if path.suffix.lower() == ".json":
            _carry_settings(_settings(path), carried)
            continue
        kind = next((kind for kind in _BLACKLISTS if kind in path.stem.lower()), None)
        if kind is None:
            names = ", ".join(f"blacklist_{kind}.txt" for kind in _BLACKLISTS)
            raise ConfigurationError(
                f"{path}: nobody can tell what it lists: name it {names}, or give Powerful Pixiv Downloader's exported settings (.json)"
            )
        entries = _entries(path)
        if kind == "members" and (odd := next((each for each in entries.values() if not _is_id(each)), None)):
            line = next(line for line, each in entries.items() if each == odd)
            raise ConfigurationError(f"{path}:{line}: {quoted(odd)} is no artist's id: put # before it")
        carried.add(_BLACKLISTS[kind], map(int, entries.values()) if kind == "members" else entries.values())
        if kind == "titles" and entries:
            carried.left_out.append("titles are looked for in captions and tags too, as plain words in any case")
    return carried


def _entries(path: Path) -> dict[int, str]:
    """A file's meaningful lines, by line number."""
    lines = ((line, text.strip()) for line, text in enumerate(text_lines(path), 1) if not text.startswith("#"))
    return {line: text for line, text in lines if text}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 2**63


def _settings(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads("\n".join(text_lines(path)))
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f"{path}: is no JSON: export the settings of Powerful Pixiv Downloader again"
        ) from None
    if not isinstance(found, dict) or _OF_PBD not in found:
        raise ConfigurationError(
            f"{path}: holds no settings of Powerful Pixiv Downloader: give what its button Export settings saved"
        )
    return found


def _carry_settings(settings: Mapping[str, Any], carried: Carried) -> None:
    """Powerful Pixiv Downloader keeps settings that are switched off; they are ignored."""
    for name, value in _choices(settings):
        carried.said[name] = value
    for name, value in _numbers(settings):
        carried.said[name] = value
    needed, unwanted = _texts(settings, "needTag"), _texts(settings, "notNeedTag")
    if _on(settings, "needTagSwitch") and needed:
        if settings.get("needTagMode") == "one" and len(needed) > 1:
            carried.left_out.append("needTag: one of several tags")
        else:
            carried.add("tags", needed)
    if _on(settings, "notNeedTagSwitch") and unwanted:
        if settings.get("tagMatchMode") == "partial":
            carried.add("exclude_words", unwanted)
            carried.left_out.append("notNeedTag: parts of tags are looked for in titles and captions too")
        else:
            carried.add("exclude_tags", unwanted)
    if _on(settings, "userBlockList"):
        blocked = _texts(settings, "blockList")
        carried.add("exclude_artists", (int(each) for each in blocked if _is_id(each)))
        carried.left_out += [f"blockList: {quoted(each)} is no artist's id" for each in blocked if not _is_id(each)]
    if _on(settings, "titleExcludeSwitch") and (titles := _texts(settings, "titleExcludeList")):
        carried.add("exclude_words", titles)
        carried.left_out.append("titleExcludeList: titles are looked for in captions and tags too")
    carried.left_out += _without_equal(settings)


def _choices(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The ticked choices; by default all are ticked."""
    for name, ticks in (
        ("kinds", {"downType0": "illust", "downType1": "manga", "downType2": "ugoira"}),
        ("rating", {"downAllAges": "safe", "downR18": "r18", "downR18G": "r18g"}),
    ):
        chosen = [value for tick, value in ticks.items() if settings.get(tick, True)]
        if 0 < len(chosen) < len(ticks):
            yield name, chosen
    match [bool(settings.get(tick, True)) for tick in ("AIGenerated", "notAIGenerated", "UnknownAI")]:
        case [False, True, True]:
            yield "ai", "exclude"
        case [True, False, False]:
            yield "ai", "only"
    if not settings.get("downSingleImg", True):
        yield "min_pages", 2
    if not settings.get("downMultiImg", True):
        yield "max_pages", 1


def _numbers(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if _on(settings, "BMKNumSwitch") and not _on(settings, "BMKNumAverageSwitch") and _number(settings, "BMKNumMin"):
        yield "min_bookmarks", int(_number(settings, "BMKNumMin"))
    limit = _number(settings, "multiImageWorkImageLimit")
    if _on(settings, "multiImageWorkImageLimitSwitch") and limit >= 1 and settings.get("downMultiImg", True):
        yield "max_pages", int(limit)
    if _on(settings, "setWHSwitch") and _bounds_size(settings):
        for name, side in (("min_width", "setWidth"), ("min_height", "setHeight")):
            if _number(settings, side) >= 1:
                yield name, int(_number(settings, side))
    if _on(settings, "ratioSwitch"):
        yield from _ratio(settings)
    if _on(settings, "postDate"):
        for name, key, untouched in (
            ("since", "postDateStart", _ALL_DAYS[0]),
            ("until", "postDateEnd", _ALL_DAYS[1]),
        ):
            if (moment := _number(settings, key)) not in (0, untouched):
                yield name, _day(moment)


def _ratio(settings: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    given, limit = _number(settings, "userRatio"), settings.get("userRatioLimit", ">=")
    match settings.get("ratio"):
        case "square" | "0":
            yield from (("min_ratio", 1.0), ("max_ratio", 1.0))
        case "horizontal" | "1":
            yield "min_ratio", _MORE_THAN_SQUARE
        case "vertical" | "2":
            yield "max_ratio", round(1 / _MORE_THAN_SQUARE, 5)
        case "userSet" | "3" if given > 0:
            if limit in (">=", "="):
                yield "min_ratio", given
            if limit in ("<=", "="):
                yield "max_ratio", given


def _without_equal(settings: Mapping[str, Any]) -> Iterator[str]:
    """The settings that are switched on there and have no equivalent here, by name."""
    ai = [bool(settings.get(tick, True)) for tick in ("AIGenerated", "notAIGenerated", "UnknownAI")]
    if ai not in ([True] * 3, [False, True, True], [True, False, False]):
        yield "AIGenerated, notAIGenerated, UnknownAI: this choice of them"
    if _on(settings, "BMKNumSwitch"):
        if _on(settings, "BMKNumAverageSwitch"):
            yield "BMKNumMin, BMKNumAverage: bookmarks, or bookmarks a day"
        if 0 < _number(settings, "BMKNumMax") < _NO_LIMIT:
            yield "BMKNumMax: at most so many bookmarks"
    if _on(settings, "setWHSwitch") and not _bounds_size(settings):
        yield "setWidth, setHeight: other than both at least so large"
    if _on(settings, "titleIncludeSwitch") and _texts(settings, "titleIncludeList"):
        yield "titleIncludeList: one of several words in the title"
    if _on(settings, "blockTagsForSpecificUser") and settings.get("blockTagsForSpecificUserList"):
        yield "blockTagsForSpecificUserList: tags of single artists"
    for switch, what in (("idRangeSwitch", "ids in a range"), ("sizeSwitch", "the size of files")):
        if _on(settings, switch):
            yield f"{switch}: {what}"
    for keys, what in (
        (("downNotBookmarked", "downBookmarked"), "your own bookmarks"),
        (("downColorImg", "downBlackWhiteImg"), "the colours of pictures"),
        (("crawlOriginalWork", "crawlNonOriginalWork"), "what is marked as original"),
    ):
        if not all(settings.get(key, True) for key in keys):
            yield f"{', '.join(keys)}: {what}"


def _bounds_size(settings: Mapping[str, Any]) -> bool:
    """Whether both sides have a minimum, which a filter can express."""
    return (settings.get("widthHeightLimit", ">="), settings.get("setWidthAndOr", "&")) == (">=", "&")


def _on(settings: Mapping[str, Any], switch: str) -> bool:
    return bool(settings.get(switch, False))


def _texts(settings: Mapping[str, Any], key: str) -> list[str]:
    """A list; earlier versions stored it as one text with commas."""
    value = settings.get(key, [])
    values = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for each in values if isinstance(each, (str, int)) and (text := str(each).strip())]


def _number(settings: Mapping[str, Any], key: str) -> float:
    """A number, also if an earlier version stored it as text; 0 for anything else."""
    try:
        number = float(settings.get(key, 0))
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if math.isfinite(number) else 0


def _day(milliseconds: float) -> str:
    """The day of a moment in Japan."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(JAPAN).date().isoformat()
    except (OverflowError, ValueError, OSError):
        raise ConfigurationError(
            f"postDateStart, postDateEnd: {milliseconds:.0f} is not a time: set it again"
        ) from None
