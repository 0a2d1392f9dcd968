"""search/*: works under a keyword."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.listings import AD_ROW
from pixivcrawl.sandbox.bodies.rows import novel_row, page_meta, tag_translation, work_row, zone
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found_without_message
from pixivcrawl.sandbox.lists import Search
from pixivcrawl.sandbox.works import Work

PAGE_ENTRIES = 60
TOP_ENTRIES = 24
AD_PLACE = 10
ORDERS = ("date_d", "date", *(f"popular{who}{turn}" for who in ("", "_male", "_female") for turn in ("_d", "")))
TAG_MODES = ("s_tag", "s_tag_full", "s_tc", "tc")


def artworks(question: ApiRequest) -> ApiResponse:
    """search/artworks/{keyword}: every kind, under `illustManga`."""
    return _page(question, "illustManga", ("all",))


def illustrations(question: ApiRequest) -> ApiResponse:
    """search/illustrations/{keyword}: illusts and ugoira, under `illust`."""
    return _page(question, "illust", ("illust_and_ugoira", "illust", "ugoira"))


def manga(question: ApiRequest) -> ApiResponse:
    """search/manga/{keyword}: manga, under `manga`."""
    return _page(question, "manga", ("manga",))


def top(question: ApiRequest) -> ApiResponse:
    """search/top/{keyword}: the newest of illusts, manga and novels."""
    body: Json = _surroundings(question, [])
    for name, work_type in (("illust", "illust_and_ugoira"), ("manga", "manga")):
        works = lists.search(question.world, question.session, _wanted(question, work_type))
        body[name] = {"data": [work_row(question, work) for work in works[:TOP_ENTRIES]], "total": len(works)}
    novels = [
        novel_row(question, novel_id, artist)
        for artist in question.world.artists()
        for novel_id in question.world.novels_of(artist.id)
    ]
    return found_without_message(body | {"novel": {"data": novels, "total": len(novels)}})


def _page(question: ApiRequest, name: str, types: tuple[str, ...]) -> ApiResponse:
    """60 rows and an advertisement. pixiv: past the wall and past the end, the last page repeats."""
    works = lists.search(question.world, question.session, _wanted(question, question.one_of("type", types, types[0])))
    limits = question.world.limits
    premium = question.session is not None and question.session.premium
    deepest = limits.search_with_premium if premium else limits.search
    last = max(1, min(deepest, -(-len(works) // PAGE_ENTRIES)))
    page = min(question.page(), last)
    shown = works[(page - 1) * PAGE_ENTRIES : page * PAGE_ENTRIES]
    rows: list[Json] = [work_row(question, work) for work in shown]
    if len(rows) > AD_PLACE:
        rows.insert(AD_PLACE, AD_ROW)
    ranges = [{"min": None, "max": None}, {"min": 10000, "max": None}, {"min": 5000, "max": 9999}]
    listing = {"data": rows, "total": len(works), "lastPage": last, "bookmarkRanges": ranges}
    return found_without_message({name: listing} | _surroundings(question, shown))


def _surroundings(question: ApiRequest, shown: Sequence[Work]) -> Json:
    word = question.places[0]
    popular = sorted(shown, key=lambda work: -work.bookmark_count)
    return {
        "popular": {
            "recent": [work_row(question, work) for work in popular[:3]],
            "permanent": [work_row(question, work) for work in popular[3:6]],
        },
        "relatedTags": sorted({tag for work in shown for tag in work.tags if tag != word}),
        "tagTranslation": tag_translation([word]),
        "zoneConfig": zone("header", "footer", "infeed"),
        "extraData": page_meta(word, "https://www.pixiv.net/"),
    }


def _wanted(question: ApiRequest, work_type: str) -> Search:
    mode = question.one_of("mode", ("all", "safe", "r18"), "all")
    if mode == "r18" and question.session is None:
        raise RefusedError(401, "Sign in to go on.")
    largest = (question.number("wgt", 0), question.number("hgt", 0))
    return Search(
        question.text("word", question.places[0]),
        lists.TYPES[work_type],
        question.one_of("order", ORDERS, "date_d"),
        mode,
        question.one_of("s_mode", TAG_MODES, "s_tag"),
        _day(question, "scd"),
        _day(question, "ecd"),
        smallest=(question.number("wlt", 0), question.number("hlt", 0)),
        largest=(largest[0] or 10**6, largest[1] or 10**6) if any(largest) else None,
        ratio=_ratio(question),
        tool=question.text("tool"),
        language=question.text("work_lang"),
        hides_ai=question.one_of("ai_type", ("0", "1"), "0") == "1",
        least_bookmarks=question.number("blt", 0),
        most_bookmarks=question.number("bgt", 0) or None,
    )


def _ratio(question: ApiRequest) -> float | None:
    raw = question.text("ratio")
    try:
        return float(raw) if raw else None
    except ValueError:
        raise RefusedError(400, "ratio must be a number") from None


def _day(question: ApiRequest, name: str) -> date | None:
    raw = question.text(name)
    try:
        return date.fromisoformat(raw) if raw else None
    except ValueError:
        raise RefusedError(400, f"{name} must be yyyy-mm-dd") from None
